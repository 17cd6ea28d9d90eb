//! `<protection_domain>` and what stands inside it.

use super::draft::Draft;
use super::error::{Position, Problem, SdfError};
use super::limits::{
    BUDGET_US_DEFAULT, BUDGET_US_MIN, CAP_SLOT_MAX, ID_MAX, IRQ_KERNEL, IRQ_MAX, IRQ_MIN, PAGE,
    PERIOD_US_MAX, PRIORITY_MAX, STACK_BYTES_DEFAULT, STACK_BYTES_MAX, STACK_BYTES_MIN,
};
use super::model::{
    CapKind, CapMap, Irq, Map, PdIndex, Perms, ProgramImage, ProtectionDomain, RegionIndex,
    SetVarValue, Trigger,
};
use super::names::Names;
use super::reader::{Element, shortened};

const ATTRIBUTES: [&str; 10] = [
    "name",
    "priority",
    "budget",
    "period",
    "passive",
    "stack_size",
    "cpu",
    "smc",
    "domain",
    "fpu",
];
const CHILD_ATTRIBUTES: [&str; 12] = [
    "name",
    "priority",
    "budget",
    "period",
    "passive",
    "stack_size",
    "cpu",
    "smc",
    "domain",
    "fpu",
    "id",
    "setvar_id",
];

/// What a domain may refer to, and what it may not share with other domains.
pub(super) struct Tables {
    /// All regions.
    pub(super) regions: Names<String, RegionIndex>,
    /// All domains.
    pub(super) pds: Names<String, PdIndex>,
    /// Interrupts that have an owner.
    pub(super) irqs: Names<u16, ()>,
}

/// Reads one domain; nested domains are read on their own.
pub(super) fn read(
    element: Element<'_, '_>,
    parent: Option<(PdIndex, u8)>,
    tables: &mut Tables,
) -> Result<Draft, SdfError> {
    element.allow(if parent.is_some() { &CHILD_ATTRIBUTES } else { &ATTRIBUTES })?;
    refuse_unsupported(element)?;
    let (budget_us, period_us) = read_budget(element)?;
    let stack_size =
        element.bounded("stack_size", STACK_BYTES_DEFAULT, STACK_BYTES_MIN, STACK_BYTES_MAX)?;
    element.check_aligned("stack_size", stack_size, PAGE)?;
    let mut draft = Draft::new(ProtectionDomain {
        at: element.at(),
        name: element.required("name")?.to_owned(),
        parent,
        priority: element.bounded("priority", 0, 0, PRIORITY_MAX)?,
        budget_us,
        period_us,
        passive: element.boolean("passive", false)?,
        stack_size,
        fpu: element.boolean("fpu", true)?,
        program: read_program(element)?,
        maps: Vec::new(),
        irqs: Vec::new(),
        setvars: Vec::new(),
        caps: Vec::new(),
    });
    let mut cspace = None;
    for child in element.children() {
        match child.name() {
            "program_image" | "protection_domain" => {}
            "map" => read_map(child, tables, &mut draft)?,
            "irq" => read_irq(child, tables, &mut draft)?,
            "setvar" => read_setvar(child, tables, &mut draft)?,
            "cspace" => {
                refuse_second(&mut cspace, child)?;
                draft.domain.caps = read_cspace(child, tables)?;
            }
            "virtual_machine" => return Err(child.error(Problem::Unsupported("virtual machines"))),
            "ioport" => return Err(child.error(Problem::Unsupported("x86 I/O ports"))),
            _ => return Err(child.unknown("protection_domain")),
        }
    }
    Ok(draft)
}

fn refuse_unsupported(element: Element<'_, '_>) -> Result<(), SdfError> {
    if element.boolean("smc", false)? {
        return Err(element.attribute_error("smc", Problem::Unsupported("secure monitor calls")));
    }
    if element.text("domain").is_some() {
        let problem = Problem::Unsupported("scheduling domains");
        return Err(element.attribute_error("domain", problem));
    }
    if element.number("cpu")?.is_some_and(|core| core > 0) {
        return Err(element.attribute_error("cpu", Problem::Unsupported("more than one core")));
    }
    Ok(())
}

fn refuse_second(first: &mut Option<Position>, element: Element<'_, '_>) -> Result<(), SdfError> {
    match first.replace(element.at()) {
        Some(first) => Err(element.error(Problem::Repeated { first })),
        None => Ok(()),
    }
}

fn read_budget(element: Element<'_, '_>) -> Result<(u64, u64), SdfError> {
    let budget = element.bounded("budget", BUDGET_US_DEFAULT, BUDGET_US_MIN, PERIOD_US_MAX)?;
    let period = element.bounded("period", budget, BUDGET_US_MIN, PERIOD_US_MAX)?;
    if budget > period {
        return Err(element.error(Problem::BudgetExceedsPeriod { budget, period }));
    }
    Ok((budget, period))
}

fn read_program(element: Element<'_, '_>) -> Result<ProgramImage, SdfError> {
    let mut first = None;
    let mut program = None;
    for child in element.children().filter(|child| child.name() == "program_image") {
        refuse_second(&mut first, child)?;
        child.allow(&["path", "path_for_symbols"])?;
        child.allow_no_children()?;
        program = Some(ProgramImage {
            at: child.at(),
            path: child.required("path")?.to_owned(),
            path_for_symbols: child.text("path_for_symbols").map(str::to_owned),
        });
    }
    program.ok_or_else(|| element.error(Problem::MissingElement("program_image")))
}

fn read_map(map: Element<'_, '_>, tables: &Tables, draft: &mut Draft) -> Result<(), SdfError> {
    map.allow(&[
        "mr",
        "vaddr",
        "perms",
        "cached",
        "setvar_vaddr",
        "setvar_size",
        "setvar_prefill_size",
    ])?;
    map.allow_no_children()?;
    let region = tables.regions.find(map, "mr")?;
    let vaddr = map.required_number("vaddr")?;
    let limit = draft.domain.map_end();
    if vaddr >= limit {
        return Err(map.attribute_error("vaddr", Problem::PastEnd { value: vaddr, limit }));
    }
    let perms = read_perms(map)?;
    let cached = map.boolean("cached", true)?;
    draft.set(map, "setvar_vaddr", SetVarValue::Vaddr(vaddr))?;
    draft.set(map, "setvar_size", SetVarValue::RegionSize(region))?;
    draft.set(map, "setvar_prefill_size", SetVarValue::PrefillSize(region))?;
    draft.domain.maps.push(Map { at: map.at(), region, vaddr, perms, cached });
    Ok(())
}

fn read_perms(map: Element<'_, '_>) -> Result<Perms, SdfError> {
    let text = map.text("perms").unwrap_or("rw");
    let mut perms = Perms { read: false, write: false, execute: false };
    for letter in text.chars() {
        match letter {
            'r' => perms.read = true,
            'w' => perms.write = true,
            'x' => perms.execute = true,
            _ => {
                let text = shortened(text);
                let problem = Problem::NotAChoice { text, choices: "made of 'r', 'w' and 'x'" };
                return Err(map.attribute_error("perms", problem));
            }
        }
    }
    if !perms.read {
        return Err(map.attribute_error("perms", Problem::NotReadable(shortened(text))));
    }
    Ok(perms)
}

fn read_irq(irq: Element<'_, '_>, tables: &mut Tables, draft: &mut Draft) -> Result<(), SdfError> {
    for x86 in ["pin", "pcidev"] {
        if irq.text(x86).is_some() {
            return Err(irq.attribute_error(x86, Problem::Unsupported("x86 interrupts")));
        }
    }
    irq.allow(&["irq", "id", "trigger", "setvar_id"])?;
    irq.allow_no_children()?;
    let id = irq.decimal("id", 0, ID_MAX)?;
    let number = irq.decimal("irq", IRQ_MIN, IRQ_MAX)?;
    if IRQ_KERNEL.contains(&number) {
        let problem = Problem::Reserved(format!("interrupt {number}"));
        return Err(irq.attribute_error("irq", problem));
    }
    let trigger = match irq.text("trigger") {
        None | Some("level") => Trigger::Level,
        Some("edge") => Trigger::Edge,
        Some(text) => {
            let problem =
                Problem::NotAChoice { text: shortened(text), choices: "'level' or 'edge'" };
            return Err(irq.attribute_error("trigger", problem));
        }
    };
    tables.irqs.take(number, (), irq, "irq")?;
    draft.take_id(id, irq)?;
    draft.set(irq, "setvar_id", SetVarValue::Id(id))?;
    draft.domain.irqs.push(Irq { at: irq.at(), irq: number, id, trigger });
    Ok(())
}

fn read_setvar(
    setvar: Element<'_, '_>,
    tables: &Tables,
    draft: &mut Draft,
) -> Result<(), SdfError> {
    setvar.allow(&["symbol", "region_paddr"])?;
    setvar.allow_no_children()?;
    setvar.required("symbol")?;
    let region = tables.regions.find(setvar, "region_paddr")?;
    draft.set(setvar, "symbol", SetVarValue::RegionPaddr(region))
}

fn read_cspace(cspace: Element<'_, '_>, tables: &Tables) -> Result<Vec<CapMap>, SdfError> {
    cspace.allow(&[])?;
    let mut slots = Names::new("slot");
    let mut caps = Vec::new();
    for cap in cspace.children() {
        let kind = match cap.name() {
            "cap_tcb" => CapKind::Tcb,
            "cap_sc" => CapKind::SchedContext,
            "cap_vspace" => CapKind::VSpace,
            _ => return Err(cap.unknown("cspace")),
        };
        cap.allow(&["slot", "pd"])?;
        cap.allow_no_children()?;
        cap.required("slot")?;
        let slot = cap.bounded("slot", 1, 1, CAP_SLOT_MAX)?;
        let pd = tables.pds.find(cap, "pd")?;
        slots.take(slot, (), cap, "slot")?;
        caps.push(CapMap { at: cap.at(), kind, pd, slot });
    }
    Ok(caps)
}
