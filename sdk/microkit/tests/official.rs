//! The official tool, where its SDK is found: both accept the good, both reject the bad, and what
//! a protection domain can see is the same.
//!
//! A fixture that the official tool treats otherwise says so: `<!-- official: accepts -->`,
//! `panics`, or `hangs` (then it is not asked).

#![allow(clippy::unwrap_used, reason = "test code: a panic is a failed test")]

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};

use microkit::sdf;
use model_spec::{CapKind, Config, MemoryKind, Spec, map_rights, pd_flags, rights};
use serde_json::Value;
use support::{Elf, Workshop, fixtures, note, official_sdk, payload, program_with};

/// A folder with every file that a fixture names.
fn workshop() -> Workshop {
    let workshop = Workshop::new();
    let program = program_with(&["s", "t"]);
    workshop.add("pd.elf", &program.bytes());
    workshop.add("stripped.elf", &Elf { has_symbol_table: false, ..program }.bytes());
    workshop.add("prefill.bin", &[7; 5000]);
    workshop
}

fn official(sdk: &Path, workshop: &Workshop, system: &Path) -> Output {
    Command::new(sdk.join("bin/microkit"))
        .current_dir(workshop.folder.path())
        .env("MICROKIT_SDK", sdk)
        .arg(system)
        .args("--board qemu_virt_aarch64 --config release --capdl-json spec.json".split(' '))
        .output()
        .unwrap()
}

#[test]
fn both_reject_the_bad() {
    let Some(sdk) = official_sdk() else { return };
    let workshop = workshop();
    let mut wrong = Vec::new();
    for (name, path, text) in fixtures("reject") {
        let expected = note(&text, "official").unwrap_or("rejects");
        if expected == "hangs" {
            continue;
        }
        let output = official(&sdk, &workshop, &path);
        let outcome = match output.status.code() {
            Some(0) => "accepts",
            Some(101) => "panics",
            _ => "rejects",
        };
        if outcome != expected {
            let errors = String::from_utf8_lossy(&output.stderr).into_owned();
            wrong.push(format!("{name}: {outcome}, expected {expected}: {errors}"));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn ours_accepts_the_good() {
    let workshop = workshop();
    let fixtures = fixtures("accept");
    assert!(fixtures.len() >= 15);
    for (name, _, text) in fixtures {
        assert!(sdf::parse(&text, "f").is_ok(), "{name}");
        let output = workshop.run(&text, Config::Release);
        assert!(output.is_ok(), "{name}: {}", output.unwrap_err());
    }
}

#[test]
fn both_accept_the_good() {
    let Some(sdk) = official_sdk() else { return };
    let workshop = workshop();
    for (name, path, text) in fixtures("accept") {
        let output = official(&sdk, &workshop, &path);
        let errors = String::from_utf8_lossy(&output.stderr);
        let outcome = if output.status.success() { "accepts" } else { "rejects" };
        assert_eq!(outcome, note(&text, "official").unwrap_or("accepts"), "{name}: {errors}");
    }
}

/// What a domain holds and sees, in words, by what it is.
type Facts = BTreeMap<String, String>;

#[test]
fn both_build_the_same_domains() {
    let Some(sdk) = official_sdk() else { return };
    let workshop = workshop();
    for (name, path, text) in fixtures("accept") {
        assert!(official(&sdk, &workshop, &path).status.success(), "{name}");
        let json = std::fs::read(workshop.folder.path().join("spec.json")).unwrap();
        let theirs =
            Capdl { objects: serde_json::from_slice::<Value>(&json).unwrap()["objects"].take() };
        let output = workshop.run(&text, Config::Release).unwrap();
        let words = payload(&output);
        let ours = Spec::parse(zerocopy::IntoBytes::as_bytes(words.as_slice())).unwrap();
        let system = sdf::parse(&text, "f").unwrap();
        let names: Vec<&str> = system.domains.iter().map(|domain| domain.name.as_str()).collect();
        for (index, pd) in names.iter().enumerate() {
            let (ours, theirs) = (our_facts(&ours, index, &names), theirs.facts(pd));
            assert!(ours.len() >= 12, "{name}");
            let all: std::collections::BTreeSet<&String> =
                ours.keys().chain(theirs.keys()).collect();
            for fact in all {
                assert_eq!(ours.get(fact), theirs.get(fact), "{name}, {pd}: {fact}");
            }
        }
    }
}

fn our_facts(spec: &Spec<'_>, index: usize, names: &[&str]) -> Facts {
    let pd = &spec.pds()[index];
    let mut facts = Facts::new();
    let mut add = |key: String, value: String| assert!(facts.insert(key, value).is_none());
    for cap in spec.caps().iter().filter(|cap| usize::from(cap.pd) == index) {
        let space = if cap.space == model_spec::CAP_SPACE_ROOT { "root" } else { "slot" };
        let owner = names.get(usize::from(cap.object)).copied().unwrap_or("?");
        let message = |kind: &str, owner: &str| {
            let right = |bit| cap.rights & bit != 0;
            let (r, w, g) = (right(rights::READ), right(rights::WRITE), right(rights::GRANT));
            format!(
                "{kind} {owner} badge {:#x} {r} {w} {g} {}",
                cap.badge,
                right(rights::GRANT_REPLY)
            )
        };
        let text = match CapKind::from_raw(cap.kind).unwrap() {
            CapKind::Endpoint => message("ep", owner),
            CapKind::MonitorEndpoint => message("ep", "fault_monitor"),
            CapKind::Notification => message("ntfn", owner),
            CapKind::Reply => format!("reply {owner}"),
            CapKind::VSpace => format!("pud {owner}"),
            CapKind::Tcb => format!("tcb {owner}"),
            CapKind::SchedContext => format!("sched_context {owner}"),
            CapKind::IrqHandler => {
                let irq = spec.irqs()[usize::from(cap.object)];
                format!("irq {} trigger {} badge {:#x}", irq.intid, irq.trigger, irq.badge)
            }
        };
        add(format!("{space} {}", cap.slot), text);
    }
    add("priority".into(), pd.priority.to_string());
    add(
        "entry".into(),
        format!("{:#x} {:#x} {:#x}", pd.entry, pd.stack_pointer, pd.ipc_buffer_vaddr),
    );
    add("time".into(), format!("{} {}", pd.budget_us, pd.period_us));
    add("fpu".into(), (pd.flags & pd_flags::FPU != 0).to_string());
    for mapping in spec.mappings_of(pd) {
        let right = |bit| mapping.rights & bit != 0;
        let size = 1u64 << mapping.page_bits;
        for page in 0..mapping.bytes / size {
            let text = page_facts(
                size,
                [right(map_rights::READ), right(map_rights::WRITE), right(map_rights::EXECUTE)],
                mapping.memory == MemoryKind::Cached as u8,
            );
            add(format!("page {:#x}", mapping.vaddr + page * size), text);
        }
    }
    facts
}

fn page_facts(size: u64, [read, write, execute]: [bool; 3], cached: bool) -> String {
    format!("size {size:#x} read {read} write {write} execute {execute} cached {cached}")
}

/// The official tool's list of kernel objects.
struct Capdl {
    objects: Value,
}

impl Capdl {
    fn named(&self, name: &str) -> &Value {
        let objects = self.objects.as_array().unwrap();
        let object = objects.iter().find(|object| object["name"] == name);
        &object.unwrap_or_else(|| panic!("no object {name}"))["object"]
    }

    fn facts(&self, pd: &str) -> Facts {
        let mut facts = Facts::new();
        for (space, cnode) in
            [("slot", format!("cnode_{pd}")), ("root", format!("cnode_{pd}_root"))]
        {
            for slot in self.named(&cnode)["CNode"]["slots"].as_array().unwrap() {
                if slot["cap"]["CNode"].is_null() {
                    facts.insert(format!("{space} {}", slot["slot"]), self.cap(&slot["cap"]));
                }
            }
        }
        let tcb = &self.named(&format!("tcb_{pd}"))["Tcb"]["extra"];
        let number = |field: &str| tcb[field].as_u64().unwrap();
        assert_eq!(tcb["prio"], tcb["max_prio"]);
        facts.insert("priority".into(), tcb["prio"].to_string());
        let entry = [number("ip"), number("sp"), number("ipc_buffer_addr")];
        facts.insert("entry".into(), format!("{:#x} {:#x} {:#x}", entry[0], entry[1], entry[2]));
        facts.insert("fpu".into(), (tcb["fpu_disabled"] == false).to_string());
        let context = &self.named(&format!("sched_context_{pd}"))["SchedContext"]["extra"];
        facts.insert("time".into(), format!("{} {}", context["budget"], context["period"]));
        self.pages(self.named(&format!("pud_{pd}")), 0, 30, &mut facts);
        facts
    }

    fn cap(&self, cap: &Value) -> String {
        let (kind, fields) = cap.as_object().unwrap().iter().next().unwrap();
        let object = &self.objects[usize::try_from(fields["object"].as_u64().unwrap()).unwrap()];
        let name = object["name"].as_str().unwrap();
        let named =
            |kind: &str| format!("{kind} {}", name.strip_prefix(kind).unwrap().get(1..).unwrap());
        let message = |kind: &str| {
            let r = &fields["rights"];
            let badge = fields["badge"].as_u64().unwrap();
            let rights = [&r["read"], &r["write"], &r["grant"], &r["grant_reply"]];
            let [read, write, grant, reply] = rights;
            format!("{} badge {badge:#x} {read} {write} {grant} {reply}", named(kind))
        };
        match kind.as_str() {
            "Endpoint" => message("ep"),
            "Notification" => message("ntfn"),
            "Reply" => named("reply"),
            "PageTable" => named("pud"),
            "Tcb" => named("tcb"),
            "SchedContext" => named("sched_context"),
            "ArmIrqHandler" => {
                let irq = &object["object"]["ArmIrq"];
                let badge = irq["slots"][0]["cap"]["Notification"]["badge"].as_u64().unwrap();
                let trigger = &irq["extra"]["trigger"];
                let number = name.split('_').nth(1).unwrap();
                format!("irq {number} trigger {trigger} badge {badge:#x}")
            }
            other => panic!("unknown cap {other}"),
        }
    }

    fn pages(&self, table: &Value, base: u64, bits: u32, facts: &mut Facts) {
        for slot in table["PageTable"]["slots"].as_array().unwrap() {
            let vaddr = base + (slot["slot"].as_u64().unwrap() << bits);
            let (kind, cap) = slot["cap"].as_object().unwrap().iter().next().unwrap();
            let object = &self.objects[usize::try_from(cap["object"].as_u64().unwrap()).unwrap()];
            if kind == "PageTable" {
                self.pages(&object["object"], vaddr, bits - 9, facts);
                continue;
            }
            let (rights, is) = (&cap["rights"], |value: &Value| *value == true);
            let may = [is(&rights["read"]), is(&rights["write"]), is(&cap["executable"])];
            let text = page_facts(1 << bits, may, is(&cap["cached"]));
            facts.insert(format!("page {vaddr:#x}"), text);
        }
    }
}
