//! Whole images: the boot specification that a description becomes, and what does not fit.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code: a panic is a failed test")]

mod support;

use microkit::inject::Fault;
use microkit::sdf::limits::{LARGE_PAGE, PAGE};
use model_spec::layout::{IPC_BUFFER, RAM_START, STACK_TOP};
use model_spec::{
    CAP_SPACE_MICROKIT, CAP_SPACE_ROOT, Cap, CapKind, Config, MemoryKind, Spec, map_rights,
    pd_flags, rights, slots,
};
use support::{BSS, SYMBOLS, Workshop, kernel, payload, program, program_with};

const SYSTEM: &str = r#"<system>
    <memory_region name="uart" size="0x1000" phys_addr="0x9000000"/>
    <memory_region name="ring" size="0x3000"/>
    <memory_region name="dma" size="0x400000"/>
    <memory_region name="table" prefill_path="table.bin" size="0x2000"/>
    <protection_domain name="driver" priority="200" budget="300" period="5000">
        <program_image path="driver.elf"/>
        <map mr="uart" vaddr="0x2000000" cached="false" setvar_vaddr="uart"/>
        <map mr="ring" vaddr="0x3000000" setvar_vaddr="ring" setvar_size="ring_size"/>
        <map mr="dma" vaddr="0x4000000"/>
        <setvar symbol="dma_paddr" region_paddr="dma"/>
        <irq irq="79" id="7" trigger="edge" setvar_id="irq_id"/>
        <irq irq="33" id="8"/>
        <protection_domain name="client" id="5" priority="100" passive="true" fpu="false"
                           setvar_id="child">
            <program_image path="client.elf"/>
            <map mr="ring" vaddr="0x3000000" perms="r"/>
            <map mr="table" vaddr="0x5000000" perms="r" setvar_prefill_size="table_len"/>
        </protection_domain>
        <cspace><cap_sc slot="9" pd="client"/><cap_tcb slot="3" pd="driver"/></cspace>
    </protection_domain>
    <channel><end pd="client" id="1" pp="true"/><end pd="driver" id="2" notify="false"/></channel>
</system>"#;

fn workshop() -> Workshop {
    let workshop = Workshop::new();
    let driver = program_with(&["uart", "ring", "ring_size", "dma_paddr", "irq_id", "child"]);
    workshop.add("driver.elf", &driver.bytes());
    workshop.add("client.elf", &program_with(&["table_len"]).bytes());
    workshop.add("table.bin", &[0xab; 5000]);
    workshop
}

/// Memory as the kernel fills it: bytes at a physical address.
fn filled(spec: &Spec<'_>, paddr: u64, length: usize) -> Vec<u8> {
    let fill =
        spec.fills().iter().find(|fill| (fill.paddr..fill.paddr + fill.bytes).contains(&paddr));
    let fill = fill.expect("memory is filled");
    let mut memory = spec.data_of(fill).to_vec();
    memory.resize(usize::try_from(fill.bytes).unwrap(), 0);
    let start = usize::try_from(paddr - fill.paddr).unwrap();
    memory[start..start + length].to_vec()
}

/// A word of a domain's memory as its program sees it.
fn word_at(spec: &Spec<'_>, pd: usize, vaddr: u64) -> u64 {
    let mappings = spec.mappings_of(&spec.pds()[pd]);
    let mapping = mappings.iter().find(|m| (m.vaddr..m.vaddr + m.bytes).contains(&vaddr)).unwrap();
    let bytes = filled(spec, mapping.paddr + (vaddr - mapping.vaddr), 8);
    u64::from_le_bytes(bytes.try_into().unwrap())
}

#[test]
fn describes_domains_and_their_address_spaces() {
    let output = workshop().run(SYSTEM, Config::Release).unwrap();
    let payload = payload(&output);
    let spec = Spec::parse(zerocopy::IntoBytes::as_bytes(payload.as_slice())).unwrap();
    assert_eq!(spec.config(), Config::Release);
    assert_eq!((spec.header().kernel.start, spec.header().kernel.end), (RAM_START, 0x6000_8000));
    let [driver, client] = spec.pds() else { panic!("two domains") };
    assert_eq!((driver.name(), client.name()), ("driver", "client"));
    assert_eq!((driver.budget_us, driver.period_us, driver.priority), (300, 5000, 200));
    assert_eq!(driver.flags, pd_flags::FPU);
    assert_eq!(client.flags, pd_flags::PASSIVE);
    assert_eq!((driver.entry, driver.stack_pointer), (0x20_0040, STACK_TOP));
    let pieces: Vec<_> = spec
        .mappings_of(driver)
        .iter()
        .map(|m| (m.vaddr, m.bytes, m.rights, m.page_bits))
        .collect();
    let (r, rw, rx) = (
        map_rights::READ,
        map_rights::READ | map_rights::WRITE,
        map_rights::READ | map_rights::EXECUTE,
    );
    assert_eq!(
        pieces,
        [
            (0x20_0000, PAGE, rx, 12),
            (0x20_1000, PAGE, r, 12),
            (0x20_2000, 4 * PAGE, rw, 12),
            (0x200_0000, PAGE, rw, 12),
            (0x300_0000, 3 * PAGE, rw, 12),
            (0x400_0000, 2 * LARGE_PAGE, rw, 21),
            (STACK_TOP - 2 * PAGE, 2 * PAGE, rw, 12),
            (IPC_BUFFER, PAGE, rw, 12),
        ]
    );
    let uart = spec.mappings_of(driver)[3];
    assert_eq!((uart.paddr, uart.memory), (0x900_0000, MemoryKind::Device as u8));
    assert_eq!(spec.mappings_of(driver)[4].paddr, spec.mappings_of(client)[3].paddr);
    assert_eq!(driver.ipc_buffer_paddr, spec.mappings_of(driver)[7].paddr);
}

#[test]
fn patches_programs_and_fills_memory() {
    let output = workshop().run(SYSTEM, Config::Release).unwrap();
    let payload = payload(&output);
    let spec = Spec::parse(zerocopy::IntoBytes::as_bytes(payload.as_slice())).unwrap();
    let dma = spec.mappings_of(&spec.pds()[0])[5].paddr;
    assert_eq!(dma % LARGE_PAGE, 0);
    let words: Vec<u64> = (0..6).map(|i| word_at(&spec, 0, SYMBOLS + 0x80 + 8 * i)).collect();
    assert_eq!(words, [0x200_0000, 0x300_0000, 0x3000, dma, 7, 5]);
    assert_eq!(word_at(&spec, 1, SYMBOLS + 0x80), 5000);
    // name, passive, irqs, notifications, pps, ioports
    assert_eq!(word_at(&spec, 0, SYMBOLS).to_le_bytes(), *b"driver\x01\x01");
    let own = |pd, index: u64| word_at(&spec, pd, SYMBOLS + 72 + 8 * index);
    assert_eq!([own(0, 0), own(0, 1), own(0, 2), own(0, 3)], [1 << 7 | 1 << 8, 0, 0, 0]);
    assert_eq!([own(1, 0), own(1, 1), own(1, 2), own(1, 3)], [0, 1 << 1, 1 << 1, 0]);
    assert_eq!(word_at(&spec, 0, SYMBOLS + 64).to_le_bytes()[0], 0);
    assert_eq!(word_at(&spec, 1, SYMBOLS + 64).to_le_bytes()[0], 1);
    // Contents end where the zeros begin.
    assert_eq!(word_at(&spec, 0, BSS - 8), 0xdada_dada_dada_dada);
    assert_eq!(word_at(&spec, 0, BSS), 0);
    let table = spec.mappings_of(&spec.pds()[1])[4].paddr;
    assert_eq!(filled(&spec, table + 4992, 16), [[0xab; 8], [0; 8]].concat());
    assert_eq!(filled(&spec, table + 0x1ff8, 8), [0; 8]);
}

#[test]
fn lists_every_capability() {
    let output = workshop().run(SYSTEM, Config::Benchmark).unwrap();
    let payload = payload(&output);
    let spec = Spec::parse(zerocopy::IntoBytes::as_bytes(payload.as_slice())).unwrap();
    let cap = |pd, space, slot, kind, object, badge| {
        let rights = match kind {
            CapKind::Endpoint | CapKind::MonitorEndpoint => rights::ENDPOINT,
            CapKind::Notification => rights::NOTIFICATION,
            _ => 0,
        };
        let kind = kind as u8;
        Cap { badge, pd, slot, object, space, kind, rights, reserved: [0; 7] }
    };
    let (own, root) = (CAP_SPACE_MICROKIT, CAP_SPACE_ROOT);
    let expected = [
        cap(0, own, slots::INPUT, CapKind::Endpoint, 0, 0),
        cap(0, own, slots::FAULT_ENDPOINT, CapKind::MonitorEndpoint, 0, 1),
        cap(0, own, slots::VSPACE, CapKind::VSpace, 0, 0),
        cap(0, own, slots::REPLY, CapKind::Reply, 0, 0),
        cap(0, own, slots::TCB, CapKind::Tcb, 0, 0),
        // Interrupt 33 comes before 79 in the table.
        cap(0, own, slots::IRQ_BASE + 7, CapKind::IrqHandler, 1, 0),
        cap(0, own, slots::IRQ_BASE + 8, CapKind::IrqHandler, 0, 0),
        cap(0, own, slots::CHILD_TCB_BASE + 5, CapKind::Tcb, 1, 0),
        cap(0, root, 3, CapKind::Tcb, 0, 0),
        cap(0, root, 9, CapKind::SchedContext, 1, 0),
        cap(1, own, slots::INPUT, CapKind::Notification, 1, 0),
        cap(1, own, slots::FAULT_ENDPOINT, CapKind::Endpoint, 0, 1 << 62 | 5),
        cap(1, own, slots::VSPACE, CapKind::VSpace, 1, 0),
        cap(1, own, slots::REPLY, CapKind::Reply, 1, 0),
        cap(1, own, slots::MONITOR_ENDPOINT, CapKind::MonitorEndpoint, 0, 2),
        cap(1, own, slots::TCB, CapKind::Tcb, 1, 0),
        cap(1, own, slots::OUTPUT_NOTIFICATION_BASE + 1, CapKind::Notification, 0, 1 << 2),
        cap(1, own, slots::OUTPUT_ENDPOINT_BASE + 1, CapKind::Endpoint, 0, 1 << 63 | 2),
    ];
    assert_eq!(spec.caps(), expected);
    let irqs: Vec<_> =
        spec.irqs().iter().map(|irq| (irq.intid, irq.pd, irq.badge, irq.trigger)).collect();
    assert_eq!(irqs, [(33, 0, 1 << 8, 0), (79, 0, 1 << 7, 1)]);
}

#[test]
fn gives_no_memory_out_twice() {
    let output = workshop().run(SYSTEM, Config::Release).unwrap();
    let payload = payload(&output);
    let spec = Spec::parse(zerocopy::IntoBytes::as_bytes(payload.as_slice())).unwrap();
    let mut ranges: Vec<(u64, u64)> =
        spec.fills().iter().map(|fill| (fill.paddr, fill.paddr + fill.bytes)).collect();
    ranges.push((spec.header().kernel.start, spec.header().kernel.end));
    ranges.push((spec.header().tables.start, spec.header().tables.end));
    ranges.push((0x7000_0000, 0x7000_0000 + output.image.len() as u64));
    ranges.sort_unstable();
    assert!(ranges.windows(2).all(|pair| pair[0].1 <= pair[1].0), "{ranges:x?}");
    // Everything that is mapped, but for the device, is filled.
    let is_filled = |start: u64, bytes: u64| {
        spec.fills().iter().any(|f| f.paddr <= start && start + bytes <= f.paddr + f.bytes)
    };
    let ram = spec.mappings().iter().filter(|mapping| mapping.paddr >= RAM_START);
    assert!(ram.clone().count() > 10);
    assert!(ram.clone().all(|mapping| is_filled(mapping.paddr, mapping.bytes)));
    let occupied: u64 = ranges.iter().map(|range| range.1 - range.0).sum();
    assert_eq!(output.ram_bytes, occupied - output.image.len() as u64);
}

#[test]
fn injects_faults_by_name() {
    let faults = |texts: &[&str]| texts.iter().map(|text| text.parse::<Fault>()).collect();
    let faults: Result<Vec<Fault>, _> =
        faults(&["kill:client:7", "drop-irq:79:1", "delay-irq:33:2:500"]);
    let output = workshop().run_with(SYSTEM, Config::Debug, faults.unwrap()).unwrap();
    let payload = payload(&output);
    let spec = Spec::parse(zerocopy::IntoBytes::as_bytes(payload.as_slice())).unwrap();
    let got: Vec<_> =
        spec.injections().iter().map(|i| (i.kind, i.target, i.nth, i.delay_us)).collect();
    assert_eq!(got, [(1, 1, 7, 0), (2, 1, 1, 0), (3, 0, 2, 500)]);
    for text in [
        "",
        "kill",
        "kill:a",
        "kill:a:0",
        "kill:a:x",
        "kill:a:1:2",
        "drop-irq:33:-1",
        "delay-irq:33:1",
        "delay-irq:33:1:0",
        "delay-irq:33:1:3600000001",
        "stop:a:1",
    ] {
        let message = text.parse::<Fault>().unwrap_err().to_string();
        assert!(message.starts_with(&format!("'{text}' is not kill:PD:NTH")), "{message}");
    }
    let cases = [
        ("kill:nobody:1", "the system has no protection domain 'nobody'"),
        ("drop-irq:34:1", "the system has no interrupt '34'"),
        ("drop-irq:driver:1", "the system has no interrupt 'driver'"),
    ];
    for (text, reason) in cases {
        let faults = vec![text.parse().unwrap()];
        let error = workshop().run_with(SYSTEM, Config::Debug, faults).unwrap_err();
        assert_eq!(error.to_string(), format!("cannot inject '{text}': {reason}"));
    }
}

#[test]
fn reports_what_is_in_the_image() {
    let output = workshop().run(SYSTEM, Config::Release).unwrap();
    let has = |start: &str, rest: &[&str]| {
        let found = output.report.lines().any(|line| {
            let mut cells = line.split_whitespace();
            cells.next() == Some(start)
                && rest.iter().all(|cell| line.split_whitespace().any(|c| c == *cell))
        });
        assert!(found, "no {start} {rest:?} in\n{}", output.report);
    };
    has("kernel", &["model", "kernel"]);
    has("config", &["release"]);
    has("image-bytes", &[&output.image.len().to_string()]);
    has("ram-bytes", &[&output.ram_bytes.to_string()]);
    has(
        "0",
        &["driver", "-", "200", "300", "5000", "false", "true", "2304", "256", "12288", "8192"],
    );
    has("1", &["client", "driver:5", "100", "1000", "true", "0x200040", "client.elf"]);
    has("uart", &["0x9000000", "4096", "0x1000", "device", "driver"]);
    has("ring", &["12288", "ram", "driver,client"]);
    has("dma", &["4194304", "0x200000", "ram", "driver"]);
    has("table", &["8192", "ram", "table.bin", "client"]);
    has("client", &["1", "driver", "2", "notify", "11", "0x4"]);
    has("client", &["1", "driver", "2", "call", "75", "0x8000000000000002"]);
    has("79", &["driver", "7", "edge", "145", "0x80"]);
}

fn one_domain(inside: &str, outside: &str) -> String {
    format!(
        "<system>\n{outside}\n<protection_domain name=\"a\">\n<program_image path=\"pd.elf\"/>\n\
         {inside}\n</protection_domain>\n</system>\n"
    )
}

/// Runs the tool on each description and compares what it says.
fn check(workshop: &Workshop, cases: &[(String, &str)]) {
    for (system, expected) in cases {
        assert_eq!(&workshop.refusal(system), expected, "for {system}");
    }
}

#[test]
fn refuses_programs_that_do_not_fit() {
    let workshop = Workshop::new();
    workshop.add("pd.elf", &program_with(&["s"]).bytes());
    workshop.add("bad.elf", b"\x7fELF");
    std::fs::create_dir(workshop.folder.path().join("folder.elf")).unwrap();
    let map = |vaddr: &str| format!("<map mr=\"m\" vaddr=\"{vaddr}\"/>");
    let page = "<memory_region name=\"m\" size=\"0x1000\"/>";
    let with_program = |path: &str| one_domain("", "").replace("pd.elf", path);
    let cases = [
        (one_domain("", ""), "accepted"),
        (
            with_program("none.elf"),
            "x.system:4:1: program 'none.elf' of 'a' is not on the search path",
        ),
        (
            with_program("folder.elf"),
            "x.system:4:1: program 'folder.elf' of 'a' is not on the search path",
        ),
        (
            with_program("bad.elf"),
            "x.system:4:1: program 'bad.elf' of 'a': not a valid ELF file: \
             Invalid ELF header size or alignment",
        ),
        (
            one_domain(&map("0x201000"), page),
            "x.system:5:1: <map>: virtual range 0x201000..0x202000 overlaps 'the program' 0x201000..0x202000",
        ),
        (
            one_domain(&map("0x205000"), page),
            "x.system:5:1: <map>: virtual range 0x205000..0x206000 overlaps 'the program' 0x202000..0x206000",
        ),
        (one_domain(&map("0x206000"), page), "accepted"),
        (one_domain(&map("0xffffffb000"), page), "accepted"),
        (
            one_domain("<setvar symbol=\"t\" region_paddr=\"m\"/>", page),
            "x.system:5:9: program 'pd.elf' of 'a': no symbol 't'",
        ),
        (
            one_domain("<setvar symbol=\"microkit_name\" region_paddr=\"m\"/>", page),
            "x.system:5:9: program 'pd.elf' of 'a': symbol 'microkit_name' has 64 bytes, needs 8",
        ),
    ];
    check(&workshop, &cases);
}

#[test]
fn refuses_regions_that_do_not_fit() {
    let workshop = Workshop::new();
    workshop.add("pd.elf", &program().bytes());
    workshop.add("page.bin", &[1; 4096]);
    workshop.add("empty.bin", &[]);
    let with = |rest: &str| one_domain("", &format!("<memory_region name=\"m\" {rest}/>"));
    let fixed = |at: &str, size: &str| with(&format!("size=\"{size}\" phys_addr=\"{at}\""));
    let cases = [
        (
            fixed("0x60001000", "0x1000"),
            "x.system:2:1: <memory_region phys_addr>: physical range 0x60001000..0x60002000 \
             overlaps 'the kernel' 0x60000000..0x60008000",
        ),
        (
            fixed("0x8010000", "0x1000"),
            "x.system:2:1: <memory_region phys_addr>: physical range 0x8010000..0x8011000 \
             overlaps 'the interrupt controller' 0x8000000..0x8050000",
        ),
        (
            fixed("0x5ffff000", "0x2000"),
            "x.system:2:1: <memory_region phys_addr>: physical range 0x5ffff000..0x60001000 \
             overlaps 'the kernel' 0x60000000..0x60008000",
        ),
        (
            fixed("0xbffff000", "0x2000"),
            "x.system:2:1: <memory_region phys_addr>: physical range 0xbffff000..0xc0001000 \
             crosses 0xc0000000, where another kind of memory begins",
        ),
        (fixed("0x40000000", "0x1000"), "accepted"),
        (fixed("0x68000000", "0x1000"), "accepted"),
        (with("size=\"0x4fa00000\""), "accepted"),
        (
            with("prefill_path=\"none.bin\""),
            "x.system:2:25: <memory_region prefill_path>: prefill file 'none.bin': not found on the search path",
        ),
        (
            with("prefill_path=\"empty.bin\""),
            "x.system:2:25: <memory_region prefill_path>: prefill file 'empty.bin': the file is empty",
        ),
        (
            with("prefill_path=\"page.bin\" size=\"0x800\""),
            "x.system:2:49: <memory_region size>: 0x800 is not a multiple of 0x1000",
        ),
        (
            with("prefill_path=\"page.bin\" phys_addr=\"0x9000000\""),
            "x.system:2:1: <memory_region prefill_path>: 0x9000000 is device memory, which cannot be filled",
        ),
        (with("prefill_path=\"page.bin\" size=\"0x10000\""), "accepted"),
        (with("prefill_path=\"page.bin\" phys_addr=\"0x40000000\""), "accepted"),
    ];
    check(&workshop, &cases);
}

#[test]
fn refuses_more_memory_than_there_is() {
    let workshop = Workshop::new();
    workshop.add("pd.elf", &program().bytes());
    let refusal =
        workshop.refusal(&one_domain("", "<memory_region name=\"m\" size=\"0x60000000\"/>"));
    let start =
        "no room for memory region 'm': 0x60000000 bytes, but the largest free range has 0x4f";
    assert!(refusal.starts_with(start), "{refusal}");
}

#[test]
fn refuses_programs_without_microkits_symbols() {
    let workshop = Workshop::new();
    for name in ["name", "passive", "irqs", "notifications", "pps", "ioports"] {
        let name = format!("microkit_{name}");
        workshop.add("pd.elf", &program().without(&name).bytes());
        let expected = format!("x.system:4:1: program 'pd.elf' of 'a': no symbol '{name}'");
        assert_eq!(workshop.refusal(&one_domain("", "")), expected);
        workshop.add("pd.elf", &program().add(&name, SYMBOLS, 8).bytes());
        let expected =
            format!("x.system:4:1: program 'pd.elf' of 'a': 2 symbols are named '{name}'");
        assert_eq!(workshop.refusal(&one_domain("", "")), expected);
    }
}

#[test]
fn checks_overlaps_again_at_the_size_of_the_prefill() {
    let workshop = Workshop::new();
    workshop.add("pd.elf", &program().bytes());
    workshop.add("long.bin", &[1; 4097]);
    let regions = "<memory_region name=\"m\" prefill_path=\"long.bin\"/><memory_region name=\"n\" size=\"0x1000\"/>";
    let maps = "<map mr=\"m\" vaddr=\"0x4000000\"/>\n<map mr=\"n\" vaddr=\"0x4001000\"/>";
    assert_eq!(
        workshop.refusal(&one_domain(maps, regions)),
        "x.system:6:1: <map>: virtual range 0x4001000..0x4002000 overlaps 'm' 0x4000000..0x4002000"
    );
    let small = regions.replace("path=\"long.bin\"", "path=\"long.bin\" size=\"0x1000\"");
    assert_eq!(
        workshop.refusal(&one_domain("", &small)),
        "x.system:2:25: <memory_region prefill_path>: prefill file 'long.bin': \
         0x1001 bytes do not fit the region's 0x1000"
    );
}

#[test]
fn the_same_input_gives_the_same_image() {
    let workshop = workshop();
    let first = workshop.run(SYSTEM, Config::Debug).unwrap();
    let second = workshop.run(SYSTEM, Config::Debug).unwrap();
    assert!(first.image == second.image && first.report == second.report);
    assert_eq!(first.image[..0x100], kernel().loads[0].bytes[..0x100]);
}
