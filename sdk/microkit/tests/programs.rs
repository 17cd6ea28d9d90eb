//! Programs: what a bad ELF file is told, and what patching does.

mod support;

use microkit::elf::Program;
use microkit::kernel::Kernel;
use support::{BSS, Elf, R, SYMBOLS, W, X, kernel, program, program_with};

fn refusal(elf: &Elf) -> String {
    refusal_of(&elf.bytes())
}

fn refusal_of(bytes: &[u8]) -> String {
    Program::parse(bytes, None).map_or_else(|error| error.to_string(), |_| "accepted".to_owned())
}

/// `program()` with bytes overwritten at an offset of the file.
fn forged(offset: usize, bytes: &[u8]) -> String {
    let mut file = program().bytes();
    file[offset..offset + bytes.len()].copy_from_slice(bytes);
    refusal_of(&file)
}

#[test]
fn accepts_a_program_as_protection_domains_are_linked() {
    let program = Program::parse(&program().bytes(), None).unwrap();
    assert_eq!(program.entry, 0x20_0040);
    assert_eq!(program.segments.len(), 3);
    assert_eq!(program.segments[2].size, 0x3100);
    assert_eq!(
        (program.segments[2].first_page(), program.segments[2].pages_end()),
        (0x20_2000, 0x20_6000)
    );
    assert_eq!(program.find_symbol("microkit_passive"), Ok((SYMBOLS + 64, 1)));
}

#[test]
fn refuses_what_is_not_an_executable_for_this_machine() {
    let malformed = "not a valid ELF file: ";
    for bytes in [&b""[..], b"\x7fELF", b"#!/bin/sh\n", &program().bytes()[..63]] {
        assert!(refusal_of(bytes).starts_with(malformed), "{}", refusal_of(bytes));
    }
    // 32 bits; big-endian.
    assert!(forged(4, &[1]).starts_with(malformed));
    assert_eq!(forged(5, &[2]), "not a valid ELF file: not little-endian");
    assert_eq!(refusal(&Elf { machine: 62, ..program() }), "not for AArch64 (machine 62)");
    let message =
        |kind| format!("not a statically linked executable (ELF type {kind}); link without PIE");
    assert_eq!(refusal(&Elf { kind: 3, ..program() }), message(3));
    assert_eq!(refusal(&Elf { kind: 1, ..program() }), message(1));
}

#[test]
fn refuses_forged_tables() {
    let malformed = "not a valid ELF file: ";
    // Program headers outside the file; of a wrong size; section headers outside the file; the
    // string table's index beyond the sections.
    for (offset, bytes) in [
        (32, &u64::MAX.to_le_bytes()[..]),
        (54, &[55, 0]),
        (40, &0xffff_0000u64.to_le_bytes()[..]),
        (58, &[1, 0]),
    ] {
        let refusal = forged(offset, bytes);
        assert!(refusal.starts_with(malformed), "offset {offset}: {refusal}");
    }
    // The first segment's file offset.
    assert_eq!(
        forged(64 + 8, &u64::MAX.to_le_bytes()),
        "segment at 0x200000: its bytes lie outside the file"
    );
    // All segments read the same bytes of the file, more than it has in total.
    let mut elf = program();
    let pages = 1..64;
    elf.loads.extend(pages.map(|page| support::Load {
        vaddr: 0x100_0000 + page * 0x1000,
        paddr: 0,
        flags: R,
        bytes: Vec::new(),
        memory: 0x1000,
    }));
    let mut file = elf.bytes();
    for header in 3..66 {
        let at = 64 + 56 * header;
        file[at + 8..at + 16].copy_from_slice(&0u64.to_le_bytes());
        file[at + 32..at + 40].copy_from_slice(&0x1000u64.to_le_bytes());
    }
    assert_eq!(refusal_of(&file), "not a valid ELF file: segments overlap in the file");
}

#[test]
fn refuses_segments_that_cannot_be_mapped() {
    let cases = [
        (
            program().load(0, |load| load.memory = 0x80),
            "segment at 0x200000: 0x100 bytes in the file, 0x80 in memory",
        ),
        (
            program().load(2, |load| load.memory = u64::MAX),
            "segment at 0x202000+0xffffffffffffffff goes past 0xffffffd000",
        ),
        (
            program().load(2, |load| load.vaddr = 0xff_ffff_c000),
            "segment at 0xffffffc000+0x3100 goes past 0xffffffd000",
        ),
        (
            program().load(2, |load| load.memory = 0x1000_0000),
            "segments take 0x10000900 bytes of memory; the limit is 0x10000000",
        ),
        (
            program().load(0, |load| load.flags = R | W | X),
            "segment at 0x200000 is both writable and executable",
        ),
        (program().load(1, |load| load.flags = X), "segment at 0x201000 is not readable"),
        (
            program().load(0, |load| load.vaddr = 0x20_1800),
            "segments at 0x201000 and 0x201800 share the page at 0x201000; align them to 4 KiB",
        ),
        (
            program().load(1, |load| load.memory = 0x1001),
            "segments at 0x201000 and 0x202000 share the page at 0x202000; align them to 4 KiB",
        ),
        (
            Elf { entry: 0x20_0100, ..program() },
            "entry point 0x200100 is not in an executable segment",
        ),
        (
            Elf { entry: SYMBOLS, ..program() },
            "entry point 0x201000 is not in an executable segment",
        ),
        (Elf { loads: Vec::new(), ..program() }, "no PT_LOAD segment with memory"),
        (
            Elf { has_symbol_table: false, ..program() },
            "no symbol table; name an unstripped file in path_for_symbols",
        ),
    ];
    for (elf, message) in cases {
        assert_eq!(refusal(&elf), message);
    }
}

#[test]
fn refuses_symbols_that_cannot_be_patched() {
    let set = |elf: Elf, value: u64| {
        let mut program = Program::parse(&elf.bytes(), None).unwrap();
        program.set_word("s", value).map_err(|error| error.to_string())
    };
    assert_eq!(set(program_with(&["s"]), 1), Ok(()));
    let cases = [
        (program(), "no symbol 's'"),
        (program_with(&["s", "s"]), "2 symbols are named 's'"),
        (program().add("s", SYMBOLS, 4), "symbol 's' has 4 bytes, needs 8"),
        (program().add("s", SYMBOLS, 16), "symbol 's' has 16 bytes, needs 8"),
        (program().add("s", 0, 8), "symbol 's' at 0x0 lies in no PT_LOAD segment"),
        (program().add("s", 0x20_17fc, 8), "symbol 's' at 0x2017fc lies in no PT_LOAD segment"),
        (
            program().add("s", u64::MAX - 3, 8),
            "symbol 's' at 0xfffffffffffffffc lies in no PT_LOAD segment",
        ),
    ];
    for (elf, message) in cases {
        assert_eq!(set(elf, 1), Err(message.to_owned()));
    }
    let mut program = Program::parse(&program().bytes(), None).unwrap();
    assert_eq!(
        program.set_bytes("microkit_passive", &[1, 2]).unwrap_err().to_string(),
        "symbol 'microkit_passive' has 1 bytes, needs 2"
    );
}

#[test]
fn patches_contents_and_zeros() {
    let elf = program().add("in_data", 0x20_20f8, 8).add("in_bss", BSS + 0x10, 8);
    let mut program = Program::parse(&elf.bytes(), None).unwrap();
    program.set_word("in_data", 0x1122_3344_5566_7788).unwrap();
    assert_eq!(program.segments[2].bytes.len(), 0x100);
    program.set_word("in_bss", 7).unwrap();
    let bytes = &program.segments[2].bytes;
    assert_eq!(bytes[0xf8..0x100], 0x1122_3344_5566_7788u64.to_le_bytes());
    assert_eq!(bytes[0x100..0x110], [0; 16]);
    assert_eq!(bytes[0x110..], 7u64.to_le_bytes());
    assert_eq!(bytes[0xf7], 0xda);
}

#[test]
fn takes_symbols_from_another_file() {
    let stripped = Elf { has_symbol_table: false, ..program() }.bytes();
    let symbols = program_with(&["s"]).bytes();
    let mut program = Program::parse(&stripped, Some(&symbols)).unwrap();
    assert_eq!(program.set_word("s", 1), Ok(()));
    assert!(Program::parse(&symbols, Some(b"nothing")).is_err());
}

#[test]
fn flattens_the_kernel() {
    let kernel = Kernel::parse(&kernel().bytes()).unwrap();
    assert_eq!(kernel.flat.len(), 0x3000);
    assert_eq!((kernel.flat[0x17ff], kernel.flat[0x1800], kernel.flat[0x2000]), (0x4b, 0, 0x4c));
    assert_eq!((kernel.range.start, kernel.range.end), (0x6000_0000, 0x6000_8000));
    assert_eq!(kernel.digest.len(), 64);
}

#[test]
fn refuses_what_is_not_the_model_kernel() {
    let place = |load, paddr| kernel().load(load, |load| load.paddr = paddr);
    let cases = [
        (
            place(0, 0x6000_1000),
            "occupies 0x60001000..0x60001000, not a range from 0x60000000 to 0x70000000",
        ),
        (
            place(1, u64::MAX - 0xfff),
            "occupies 0x60000000..0xfffffffffffff000, not a range from 0x60000000 to 0x70000000",
        ),
        (
            kernel().load(1, |load| load.memory = 0x1000_0000),
            "occupies 0x60000000..0x70002000, not a range from 0x60000000 to 0x70000000",
        ),
        (place(1, 0x6000_1000), "segments overlap at 0x60001000"),
        (
            kernel().load(1, |load| load.bytes.truncate(0xfff)),
            "the loaded part has 0x2fff bytes, not a multiple of a page",
        ),
        (
            kernel().add("ki_boot_end", 0x6000_2000, 0),
            "this is seL4, not the model kernel; use the microkit tool of its SDK",
        ),
    ];
    for (elf, message) in cases {
        assert_eq!(Kernel::parse(&elf.bytes()).unwrap_err().to_string(), message);
    }
    assert!(Kernel::parse(b"").is_err());
}
