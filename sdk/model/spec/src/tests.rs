//! One valid system, and one test per rule that breaks it in the smallest way.

use std::vec::Vec;

use zerocopy::IntoBytes;

use crate::layout::{IPC_BUFFER, KERNEL_BASE, LARGE_PAGE_BITS, PAGE_BITS};
use crate::record::{
    CAP_SPACE_MICROKIT, Cap, CapKind, Config, Fill, Injection, InjectionKind, Irq, Mapping, Pd,
    Range, map_rights, rights,
};
use crate::{Parts, Rule, Spec, SpecError, slots};

/// A system of one PD, owned so that tests can break it.
#[derive(Clone)]
struct System {
    kernel: Range,
    tables: Range,
    pds: Vec<Pd>,
    mappings: Vec<Mapping>,
    fills: Vec<Fill>,
    caps: Vec<Cap>,
    irqs: Vec<Irq>,
    injections: Vec<Injection>,
}

fn system() -> System {
    let rw = map_rights::READ | map_rights::WRITE;
    let page = |vaddr, paddr, rights| Mapping {
        vaddr,
        paddr,
        bytes: 0x1000,
        page_bits: PAGE_BITS,
        rights,
        ..Mapping::default()
    };
    let cap = |slot, kind: CapKind, rights| Cap {
        slot,
        kind: kind as u8,
        rights,
        space: CAP_SPACE_MICROKIT,
        ..Cap::default()
    };
    System {
        kernel: Range { start: KERNEL_BASE, end: KERNEL_BASE + 0x10_0000 },
        tables: Range { start: KERNEL_BASE + 0x10_0000, end: KERNEL_BASE + 0x20_0000 },
        pds: std::vec![Pd { ipc_buffer_paddr: 0x6100_1000, mapping_count: 2, ..Pd::default() }],
        mappings: std::vec![
            page(0x20_0000, 0x6100_0000, map_rights::READ | map_rights::EXECUTE),
            page(IPC_BUFFER, 0x6100_1000, rw),
        ],
        fills: std::vec![Fill { paddr: 0x6100_0000, bytes: 0x2000, data_offset: 1, data_bytes: 3 }],
        caps: std::vec![
            cap(slots::FAULT_ENDPOINT, CapKind::MonitorEndpoint, rights::ENDPOINT),
            cap(slots::REPLY, CapKind::Reply, 0),
            cap(slots::IRQ_BASE, CapKind::IrqHandler, 0),
        ],
        irqs: std::vec![
            Irq { badge: 1, intid: 30, ..Irq::default() },
            Irq { badge: 2, intid: 33, ..Irq::default() },
        ],
        injections: std::vec![Injection {
            kind: InjectionKind::DelayIrq as u32,
            target: 1,
            nth: 1,
            delay_us: 5,
        }],
    }
}

impl System {
    fn payload(&self) -> Vec<u8> {
        let parts = Parts {
            config: Config::Benchmark,
            kernel: self.kernel,
            tables: self.tables,
            seed: 7,
            pds: &self.pds,
            mappings: &self.mappings,
            fills: &self.fills,
            caps: &self.caps,
            irqs: &self.irqs,
            injections: &self.injections,
        };
        let mut bytes = Vec::new();
        parts.emit(4, |part| bytes.extend_from_slice(part)).unwrap();
        bytes.extend_from_slice(b"data");
        bytes
    }
}

/// Parses from 8-byte-aligned memory, as the kernel does.
fn parse_error(payload: &[u8]) -> Option<SpecError> {
    let mut words: Vec<u64> = std::vec![0; payload.len().div_ceil(8)];
    words.as_mut_bytes()[..payload.len()].copy_from_slice(payload);
    Spec::parse(&words.as_bytes()[..payload.len()]).err()
}

fn broken_by(change: impl FnOnce(&mut System)) -> Option<Rule> {
    let mut system = system();
    change(&mut system);
    parse_error(&system.payload()).map(|error| error.rule)
}

fn patched(offset: usize, value: u64) -> Option<Rule> {
    let mut payload = system().payload();
    payload[offset..offset + 8].copy_from_slice(&value.to_le_bytes());
    parse_error(&payload).map(|error| error.rule)
}

#[test]
fn reads_back_what_was_written() {
    let written = system();
    let payload = written.payload();
    let mut words: Vec<u64> = std::vec![0; payload.len().div_ceil(8)];
    words.as_mut_bytes()[..payload.len()].copy_from_slice(&payload);
    let spec = Spec::parse(&words.as_bytes()[..payload.len()]).unwrap();
    assert_eq!(spec.config(), Config::Benchmark);
    assert_eq!(spec.header().seed, 7);
    assert_eq!(spec.mappings_of(&spec.pds()[0]), written.mappings);
    assert_eq!(spec.caps(), written.caps);
    assert_eq!(spec.irqs(), written.irqs);
    assert_eq!(spec.injections(), written.injections);
    assert_eq!(spec.data_of(&spec.fills()[0]), b"ata");
    assert_eq!(Spec::payload_bytes(spec.header()), Some(payload.len() as u64));
}

#[test]
fn rejects_bad_headers() {
    assert_eq!(patched(0, 1), Some(Rule::Magic));
    assert_eq!(patched(8, 2), Some(Rule::Version));
    assert_eq!(patched(8, 1 | 9 << 32), Some(Rule::Config));
    assert_eq!(patched(56, u64::MAX), Some(Rule::DataOutside));
    assert_eq!(patched(72, u64::MAX), Some(Rule::TableOutside));
    assert_eq!(patched(72, 121 | 1 << 32), Some(Rule::TableOutside));
    assert_eq!(parse_error(&system().payload()[..64]).unwrap().rule, Rule::HeaderTruncated);
}

#[test]
fn rejects_bad_ranges() {
    assert_eq!(broken_by(|system| system.kernel.start = 1 << 20), Some(Rule::KernelRange));
    assert_eq!(broken_by(|system| system.tables.end = system.tables.start), Some(Rule::TableRange));
    assert_eq!(broken_by(|system| system.tables = system.kernel), Some(Rule::TableRange));
}

#[test]
fn rejects_bad_pds() {
    assert_eq!(broken_by(|system| system.pds.clear()), Some(Rule::PdCount));
    assert_eq!(broken_by(|system| system.pds.push(system.pds[0])), Some(Rule::PdName));
    assert_eq!(broken_by(|system| system.pds[0].priority = 255), Some(Rule::PdPriority));
    assert_eq!(broken_by(|system| system.pds[0].budget_us = 19), Some(Rule::PdBudget));
    assert_eq!(broken_by(|system| system.pds[0].period_us = 999), Some(Rule::PdBudget));
    assert_eq!(broken_by(|system| system.pds[0].period_us = u64::MAX), Some(Rule::PdBudget));
    assert_eq!(broken_by(|system| system.pds[0].flags = 0x80), Some(Rule::PdReserved));
    assert_eq!(broken_by(|system| system.pds[0].mapping_count = 3), Some(Rule::PdMappings));
    assert_eq!(broken_by(|system| system.pds[0].mapping_count = 1), Some(Rule::PdIpcBuffer));
    assert_eq!(broken_by(|system| system.caps.clear()), Some(Rule::PdFaultEndpoint));
    assert_eq!(broken_by(|system| system.caps[0].rights = 1), Some(Rule::PdFaultEndpoint));
}

#[test]
fn rejects_bad_mappings() {
    assert_eq!(broken_by(|system| system.mappings[0].page_bits = 13), Some(Rule::MappingShape));
    let large = LARGE_PAGE_BITS;
    assert_eq!(broken_by(|system| system.mappings[0].page_bits = large), Some(Rule::MappingShape));
    assert_eq!(broken_by(|system| system.mappings[0].bytes = 0), Some(Rule::MappingShape));
    assert_eq!(broken_by(|system| system.mappings[0].rights = 2), Some(Rule::MappingShape));
    assert_eq!(broken_by(|system| system.mappings[0].memory = 2), Some(Rule::MappingShape));
    assert_eq!(broken_by(|system| system.mappings.swap(0, 1)), Some(Rule::MappingOrder));
    assert_eq!(broken_by(|system| system.mappings[1].bytes = 0x2000), Some(Rule::MappingOrder));
    for forbidden in [KERNEL_BASE, KERNEL_BASE + 0x10_0000, 0x0801_0000] {
        let rule = broken_by(|system| system.mappings[0].paddr = forbidden);
        assert_eq!(rule, Some(Rule::MappingForbidden));
    }
}

#[test]
fn rejects_bad_fills() {
    assert_eq!(broken_by(|system| system.fills[0].paddr += 4), Some(Rule::FillShape));
    assert_eq!(broken_by(|system| system.fills[0].paddr = 0x0900_0000), Some(Rule::FillShape));
    assert_eq!(broken_by(|system| system.fills[0].data_offset = 2), Some(Rule::FillShape));
    assert_eq!(broken_by(|system| system.fills[0].bytes = u64::MAX - 7), Some(Rule::FillShape));
    assert_eq!(broken_by(|system| system.fills[0].paddr = KERNEL_BASE), Some(Rule::FillForbidden));
}

#[test]
fn rejects_bad_caps() {
    assert_eq!(broken_by(|system| system.caps[1].kind = 99), Some(Rule::CapShape));
    assert_eq!(broken_by(|system| system.caps[1].slot = 512), Some(Rule::CapShape));
    assert_eq!(broken_by(|system| system.caps[1].object = 1), Some(Rule::CapShape));
    assert_eq!(broken_by(|system| system.caps[1].rights = 1), Some(Rule::CapShape));
    assert_eq!(broken_by(|system| system.caps[1].badge = 1), Some(Rule::CapShape));
    assert_eq!(broken_by(|system| system.caps[2].object = 2), Some(Rule::CapShape));
    let cap = system().caps[0];
    assert_eq!(broken_by(|system| system.caps = std::vec![cap; 4097]), Some(Rule::CapCount));
    let doubled = broken_by(|system| system.caps[1].slot = slots::FAULT_ENDPOINT);
    assert_eq!(doubled, Some(Rule::CapOrder));
}

#[test]
fn rejects_bad_irqs_and_injections() {
    for reserved in [15, 25, 26, 27, 160] {
        assert_eq!(broken_by(|system| system.irqs[0].intid = reserved), Some(Rule::IrqShape));
    }
    let injection = system().injections[0];
    let rule = broken_by(|system| system.injections = std::vec![injection; 17]);
    assert_eq!(rule, Some(Rule::InjectionCount));
    assert_eq!(broken_by(|system| system.irqs[0].trigger = 2), Some(Rule::IrqShape));
    assert_eq!(broken_by(|system| system.irqs[0].pd = 1), Some(Rule::IrqShape));
    assert_eq!(broken_by(|system| system.irqs[1].intid = 30), Some(Rule::IrqOrder));
    assert_eq!(broken_by(|system| system.injections[0].kind = 0), Some(Rule::InjectionShape));
    assert_eq!(broken_by(|system| system.injections[0].target = 2), Some(Rule::InjectionShape));
    assert_eq!(broken_by(|system| system.injections[0].delay_us = 0), Some(Rule::InjectionShape));
}
