//! What a good description becomes. Bad ones are in `tests/rejects.rs`.

use super::limits::{LARGE_PAGE, PAGE};
use super::*;

const PING_PONG: &str = r#"<?xml version="1.0"?>
<system>
    <!-- two domains and a device -->
    <memory_region name="uart" size="0x1000" phys_addr="0x9_000_000"/>
    <memory_region name="shared" size="0x400000"/>
    <protection_domain name="parent" priority="10">
        <program_image path="parent.elf"/>
        <map mr="uart" vaddr="0x2000000" cached="false" setvar_vaddr="uart_base"/>
        <irq irq="33" id="5" trigger="edge" setvar_id="uart_irq"/>
        <protection_domain name="child" id="3" priority="9" passive="true" setvar_id="child_id"
                           stack_size="0x4000" budget="100" period="2000" fpu="false">
            <program_image path="child.elf" path_for_symbols="child.debug"/>
            <map mr="shared" vaddr="0x4000000" perms="r" setvar_size="shared_size"/>
            <setvar symbol="shared_paddr" region_paddr="shared"/>
        </protection_domain>
        <cspace><cap_tcb slot="0x3f" pd="child"/></cspace>
    </protection_domain>
    <channel>
        <end pd="child" id="0" pp="true" notify="false"/>
        <end pd="parent" id="61" setvar_id="child_channel"/>
    </channel>
</system>"#;

fn good() -> System {
    parse(PING_PONG, "ping.system").unwrap()
}

#[test]
fn reads_domains_depth_first() {
    let system = good();
    let names: Vec<_> = system.domains.iter().map(|domain| domain.name.as_str()).collect();
    assert_eq!(names, ["parent", "child"]);
    let child = &system.domains[1];
    assert_eq!(child.parent, Some((PdIndex(0), 3)));
    assert_eq!((child.budget_us, child.period_us, child.stack_size), (100, 2000, 0x4000));
    assert!(child.passive && !child.fpu);
    assert_eq!(child.program.path_for_symbols.as_deref(), Some("child.debug"));
    let parent = &system.domains[0];
    assert_eq!((parent.budget_us, parent.period_us, parent.stack_size), (1000, 1000, 0x2000));
    assert!(!parent.passive && parent.fpu);
    assert_eq!(parent.irq_bits(), 1 << 5);
    assert_eq!(parent.irqs[0].trigger, Trigger::Edge);
}

#[test]
fn resolves_references_and_places() {
    let system = good();
    let child = &system.domains[1];
    assert_eq!(child.at, Position { line: 10, column: 9 });
    assert_eq!(child.maps[0].region, RegionIndex(1));
    assert_eq!(child.maps[0].at.line, 13);
    let symbols: Vec<_> =
        child.setvars.iter().map(|var| (var.symbol.as_str(), var.value)).collect();
    assert_eq!(
        symbols,
        [
            ("shared_size", SetVarValue::RegionSize(RegionIndex(1))),
            ("shared_paddr", SetVarValue::RegionPaddr(RegionIndex(1))),
        ]
    );
    let parent = &system.domains[0];
    assert_eq!(parent.caps[0].slot, 63);
    assert_eq!(parent.caps[0].pd, PdIndex(1));
    let symbols: Vec<_> = parent.setvars.iter().map(|var| var.symbol.as_str()).collect();
    assert_eq!(symbols, ["uart_base", "uart_irq", "child_id", "child_channel"]);
    assert_eq!(system.channels[0].ends[1].at, Position { line: 20, column: 9 });
}

#[test]
fn tells_who_needs_an_endpoint() {
    let system = good();
    assert!(system.needs_endpoint(PdIndex(0)));
    assert!(!system.needs_endpoint(PdIndex(1)));
    assert_eq!(system.children_of(PdIndex(0)).collect::<Vec<_>>(), [(PdIndex(1), 3)]);
    let far: Vec<_> = system.ends_of(PdIndex(1)).map(|(near, far)| (near.id, far.id)).collect();
    assert_eq!(far, [(0, 61)]);
}

#[test]
fn chooses_the_largest_page_that_fits() {
    let system = good();
    assert_eq!(system.regions[0].page_size, PAGE);
    assert_eq!(system.regions[1].page_size, LARGE_PAGE);
    // A mapping that a large page cannot serve, and a page size that is given, keep small pages.
    for (from, to) in [("0x4000000", "0x4001000"), ("0x400000\"", "0x400000\" page_size=\"4096\"")]
    {
        let system = parse(&PING_PONG.replacen(from, to, 1), "x").unwrap();
        assert_eq!(system.regions[1].page_size, PAGE);
    }
}

#[test]
fn lists_unused_regions() {
    let text = PING_PONG.replace(r#"<map mr="shared""#, r#"<map mr="uart""#);
    let system = parse(&text, "x").unwrap();
    let names: Vec<_> = system.unused_regions().map(|region| region.name.as_str()).collect();
    assert_eq!(names, ["shared"]);
}

#[test]
fn deep_and_broad_texts_end_quickly() {
    let deep = format!("<system>{}", "<protection_domain>".repeat(50_000));
    assert!(parse(&deep, "x").is_err());
    let pairs = format!("{}{}", "<a>".repeat(20_000), "</a>".repeat(20_000));
    assert!(parse(&format!("<system>{pairs}</system>"), "x").is_err());
    let broad = format!("<system>{}</system>", "<memory_region/>".repeat(60_000));
    assert!(parse(&broad, "x").is_err());
    let regions: String = (0..12_000)
        .map(|i| format!("<memory_region name='r{i}' size='0x1000' phys_addr='{:#x}'/>", i * 4096))
        .collect();
    let start = std::time::Instant::now();
    assert!(parse(&format!("<system>{regions}</system>"), "x").is_err());
    assert!(start.elapsed().as_secs() < 5);
}
