//! Every rule a boot specification must keep.

use core::fmt;

use crate::layout::{
    BUDGET_US_MIN, CAP_COUNT_MAX, EXCLUDED_START, GIC_END, GIC_START, INJECTION_COUNT_MAX,
    INTID_COUNT, KERNEL_TIMER_INTID, LARGE_PAGE_BITS, PAGE_BITS, PD_COUNT_MAX, PERIOD_US_MAX,
    PRIORITY_MAX, RAM_END, RAM_START, USER_END, table_pages,
};
use crate::read::Spec;
use crate::record::{
    CAP_SPACE_MICROKIT, CAP_SPACE_ROOT, Cap, CapKind, Fill, Injection, InjectionKind, Irq, Mapping,
    MemoryKind, Pd, Range, Trigger, map_rights, pd_flags, rights,
};
use crate::slots::{FAULT_ENDPOINT, MICROKIT_SLOTS, ROOT_SLOTS};

/// A broken rule and the record that breaks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpecError {
    /// The rule.
    pub rule: Rule,
    /// Index of the record in its table; 0 for the header.
    pub index: usize,
}

/// The rules, as what is wrong when one is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Fewer bytes than a header, or not 8-byte-aligned.
    HeaderTruncated,
    /// Does not start with the magic number.
    Magic,
    /// Written for another version.
    Version,
    /// Unknown configuration.
    Config,
    /// A table does not lie inside the payload or is misaligned.
    TableOutside,
    /// The data area does not lie inside the payload.
    DataOutside,
    /// Kernel range outside RAM, or not page-aligned.
    KernelRange,
    /// Page-table range outside RAM, misaligned, overlapping the kernel or too small.
    TableRange,
    /// No PD, or more than 63.
    PdCount,
    /// Priority above 254.
    PdPriority,
    /// Budget below 20 µs or above the period, or a period above one hour.
    PdBudget,
    /// Two PDs with one name.
    PdName,
    /// Unknown flag or nonzero padding.
    PdReserved,
    /// Mapping range outside the mappings table.
    PdMappings,
    /// The IPC buffer is not a mapped, writable, cached page.
    PdIpcBuffer,
    /// No endpoint cap in the fault endpoint slot.
    PdFaultEndpoint,
    /// Page size, alignment, length, rights or memory kind not allowed.
    MappingShape,
    /// Mappings unsorted, overlapping, or above user memory.
    MappingOrder,
    /// Mapping of kernel memory, page tables or the interrupt controller.
    MappingForbidden,
    /// Fill misaligned, outside RAM, or with data outside the data area.
    FillShape,
    /// Fill of kernel memory or page tables.
    FillForbidden,
    /// More caps than the kernel has room for.
    CapCount,
    /// Cap with unknown owner, slot, kind, rights or object.
    CapShape,
    /// Caps not strictly ascending by (PD, space, slot).
    CapOrder,
    /// IRQ with bad INTID, PD, badge or trigger.
    IrqShape,
    /// IRQs not strictly ascending by INTID.
    IrqOrder,
    /// More injections than the kernel has room for.
    InjectionCount,
    /// Injection of unknown kind, target or count.
    InjectionShape,
}

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "boot spec: {:?} (record {})", self.rule, self.index)
    }
}

impl core::error::Error for SpecError {}

/// Checks every record of `spec`.
pub(crate) fn all(spec: &Spec<'_>) -> Result<(), SpecError> {
    header(spec).map_err(|rule| SpecError { rule, index: 0 })?;
    each(spec.pds(), |index, pd| check_pd(spec, index, pd))?;
    each(spec.caps(), |index, cap| check_cap(spec, index, cap))?;
    each(spec.pds(), |index, _| check_fault_endpoint(spec, index))?;
    each(spec.fills(), |_, fill| check_fill(spec, fill))?;
    each(spec.irqs(), |index, irq| check_irq(spec, index, irq))?;
    each(spec.injections(), |_, injection| check_injection(spec, injection))
}

/// Applies `check` to all records and reports the first failure with its index.
fn each<T>(records: &[T], check: impl Fn(usize, &T) -> Result<(), Rule>) -> Result<(), SpecError> {
    records.iter().enumerate().try_for_each(|(index, record)| {
        check(index, record).map_err(|rule| SpecError { rule, index })
    })
}

fn ensure(condition: bool, rule: Rule) -> Result<(), Rule> {
    if condition { Ok(()) } else { Err(rule) }
}

fn aligned(value: u64, bits: u8) -> bool {
    value.trailing_zeros() >= u32::from(bits)
}

/// `start..start + bytes`, if it does not wrap.
fn range(start: u64, bytes: u64) -> Option<Range> {
    Some(Range { start, end: start.checked_add(bytes)? })
}

fn inside(inner: &Range, start: u64, end: u64) -> bool {
    start <= inner.start && inner.start <= inner.end && inner.end <= end
}

fn header(spec: &Spec<'_>) -> Result<(), Rule> {
    let Range { start, end } = spec.header().kernel;
    let kernel = Range { start, end };
    ensure(
        inside(&kernel, RAM_START, RAM_END) && aligned(start, PAGE_BITS) && aligned(end, PAGE_BITS),
        Rule::KernelRange,
    )?;
    ensure((1..=PD_COUNT_MAX).contains(&spec.pds().len()), Rule::PdCount)?;
    ensure(spec.caps().len() <= CAP_COUNT_MAX, Rule::CapCount)?;
    ensure(spec.injections().len() <= INJECTION_COUNT_MAX, Rule::InjectionCount)?;
    let tables = spec.header().tables;
    ensure(
        inside(&tables, RAM_START, RAM_END)
            && aligned(tables.start, PAGE_BITS + 1)
            && !tables.overlaps(&kernel),
        Rule::TableRange,
    )?;
    let mut pages = 0;
    for pd in spec.pds() {
        pages += table_pages(mappings_of(spec.mappings(), pd).ok_or(Rule::PdMappings)?);
    }
    ensure(tables.end - tables.start >= pages << PAGE_BITS, Rule::TableRange)
}

/// Mappings of one PD, if its range is good.
pub(crate) fn mappings_of<'a>(mappings: &'a [Mapping], pd: &Pd) -> Option<&'a [Mapping]> {
    let first = usize::try_from(pd.first_mapping).ok()?;
    let count = usize::try_from(pd.mapping_count).ok()?;
    mappings.get(first..first.checked_add(count)?)
}

fn check_pd(spec: &Spec<'_>, index: usize, pd: &Pd) -> Result<(), Rule> {
    ensure(spec.pds()[..index].iter().all(|other| other.name != pd.name), Rule::PdName)?;
    ensure(pd.priority <= PRIORITY_MAX, Rule::PdPriority)?;
    ensure(
        (BUDGET_US_MIN..=pd.period_us).contains(&pd.budget_us) && pd.period_us <= PERIOD_US_MAX,
        Rule::PdBudget,
    )?;
    ensure(pd.flags & !pd_flags::ALL == 0 && pd.reserved == [0; 6], Rule::PdReserved)?;
    let mappings = mappings_of(spec.mappings(), pd).ok_or(Rule::PdMappings)?;
    let mut lowest = 0;
    for mapping in mappings {
        check_mapping(spec, mapping)?;
        ensure(mapping.vaddr >= lowest, Rule::MappingOrder)?;
        lowest = mapping.vaddr + mapping.bytes;
    }
    let is_buffer = |mapping: &Mapping| {
        mapping.vaddr == pd.ipc_buffer_vaddr
            && mapping.paddr == pd.ipc_buffer_paddr
            && mapping.rights & map_rights::WRITE != 0
            && mapping.memory == MemoryKind::Cached as u8
            && (RAM_START..RAM_END).contains(&mapping.paddr)
    };
    ensure(mappings.iter().any(is_buffer), Rule::PdIpcBuffer)
}

fn check_mapping(spec: &Spec<'_>, mapping: &Mapping) -> Result<(), Rule> {
    let bits = mapping.page_bits;
    ensure(
        (bits == PAGE_BITS || bits == LARGE_PAGE_BITS)
            && aligned(mapping.vaddr | mapping.paddr | mapping.bytes, bits)
            && mapping.bytes > 0
            && mapping.rights & !map_rights::ALL == 0
            && mapping.rights & map_rights::READ != 0
            && MemoryKind::from_raw(mapping.memory).is_some()
            && mapping.reserved == [0; 5],
        Rule::MappingShape,
    )?;
    let virt = range(mapping.vaddr, mapping.bytes).ok_or(Rule::MappingOrder)?;
    ensure(virt.end <= USER_END, Rule::MappingOrder)?;
    let phys = range(mapping.paddr, mapping.bytes).ok_or(Rule::MappingShape)?;
    ensure(phys.end <= USER_END, Rule::MappingShape)?;
    let gic = Range { start: GIC_START, end: GIC_END };
    ensure(!phys.overlaps(&gic) && !is_kernels(spec, &phys), Rule::MappingForbidden)
}

/// True if the memory belongs to the kernel or holds page tables.
fn is_kernels(spec: &Spec<'_>, memory: &Range) -> bool {
    memory.overlaps(&spec.header().kernel) || memory.overlaps(&spec.header().tables)
}

fn check_fill(spec: &Spec<'_>, fill: &Fill) -> Result<(), Rule> {
    let memory = range(fill.paddr, fill.bytes).ok_or(Rule::FillShape)?;
    let data = range(fill.data_offset, fill.data_bytes).ok_or(Rule::FillShape)?;
    ensure(
        inside(&memory, EXCLUDED_START, RAM_END)
            && aligned(fill.paddr | fill.bytes, 3)
            && fill.data_bytes <= fill.bytes
            && data.end <= spec.data_bytes(),
        Rule::FillShape,
    )?;
    ensure(!is_kernels(spec, &memory), Rule::FillForbidden)
}

fn check_cap(spec: &Spec<'_>, index: usize, cap: &Cap) -> Result<(), Rule> {
    let kind = CapKind::from_raw(cap.kind).ok_or(Rule::CapShape)?;
    let objects = match kind {
        CapKind::IrqHandler => spec.irqs().len(),
        CapKind::MonitorEndpoint => 1,
        _ => spec.pds().len(),
    };
    let slot_good = match cap.space {
        CAP_SPACE_MICROKIT => (1..MICROKIT_SLOTS).contains(&cap.slot),
        CAP_SPACE_ROOT => (1..ROOT_SLOTS).contains(&cap.slot),
        _ => false,
    };
    let carries_rights =
        matches!(kind, CapKind::Endpoint | CapKind::Notification | CapKind::MonitorEndpoint);
    let allowed = if carries_rights { rights::ALL } else { 0 };
    ensure(
        slot_good
            && usize::from(cap.pd) < spec.pds().len()
            && usize::from(cap.object) < objects
            && cap.rights & !allowed == 0
            && (carries_rights || cap.badge == 0)
            && cap.reserved == [0; 7],
        Rule::CapShape,
    )?;
    let key = |cap: &Cap| (cap.pd, cap.space, cap.slot);
    let previous = index.checked_sub(1).and_then(|previous| spec.caps().get(previous));
    ensure(previous.is_none_or(|previous| key(previous) < key(cap)), Rule::CapOrder)
}

fn check_fault_endpoint(spec: &Spec<'_>, pd: usize) -> Result<(), Rule> {
    let needed = rights::WRITE | rights::GRANT;
    let is_handler = |cap: &Cap| {
        usize::from(cap.pd) == pd
            && cap.space == CAP_SPACE_MICROKIT
            && cap.slot == FAULT_ENDPOINT
            && (cap.kind == CapKind::Endpoint as u8 || cap.kind == CapKind::MonitorEndpoint as u8)
            && cap.rights & needed == needed
    };
    ensure(spec.caps().iter().any(is_handler), Rule::PdFaultEndpoint)
}

fn check_irq(spec: &Spec<'_>, index: usize, irq: &Irq) -> Result<(), Rule> {
    ensure(
        (16..INTID_COUNT).contains(&(irq.intid as usize))
            && irq.intid.abs_diff(KERNEL_TIMER_INTID) > 1
            && usize::from(irq.pd) < spec.pds().len()
            && irq.badge != 0
            && Trigger::from_raw(irq.trigger).is_some()
            && irq.reserved == 0,
        Rule::IrqShape,
    )?;
    let previous = index.checked_sub(1).and_then(|previous| spec.irqs().get(previous));
    ensure(previous.is_none_or(|previous| previous.intid < irq.intid), Rule::IrqOrder)
}

fn check_injection(spec: &Spec<'_>, injection: &Injection) -> Result<(), Rule> {
    let kind = InjectionKind::from_raw(injection.kind).ok_or(Rule::InjectionShape)?;
    let targets = match kind {
        InjectionKind::KillPd => spec.pds().len(),
        InjectionKind::DropIrq | InjectionKind::DelayIrq => spec.irqs().len(),
    };
    let delayed = kind == InjectionKind::DelayIrq;
    ensure(
        (injection.target as usize) < targets
            && injection.nth > 0
            && (injection.delay_us > 0) == delayed
            && injection.delay_us <= PERIOD_US_MAX,
        Rule::InjectionShape,
    )
}
