//! `cairn symbolize` on a program whose functions and lines are known: this test itself.

#![forbid(unsafe_code)]
#![allow(missing_docs, clippy::unwrap_used, reason = "a test may panic and has no reader of docs")]

use std::fs;
use std::path::Path;

use cairn::symbolize::Symbolizer;
use object::{Object, ObjectSymbol};
use proptest::prelude::*;

const SYSTEM: &str = "<system><protection_domain name='net'><program_image path='net.elf'/>\
    </protection_domain></system>";

/// The function that is looked for.
#[inline(never)]
fn landmark(input: u32) -> u32 {
    std::hint::black_box(input) + 1
}

fn build(program: &[u8]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("system.xml"), SYSTEM).unwrap();
    fs::write(folder.path().join("net.elf"), program).unwrap();
    folder
}

fn this_program() -> (Vec<u8>, u64) {
    let bytes = fs::read(std::env::current_exe().unwrap()).unwrap();
    let elf = object::File::parse(bytes.as_slice()).unwrap();
    let symbol = elf.symbols().find(|s| s.name().is_ok_and(|n| n.contains("landmark"))).unwrap();
    let address = symbol.address();
    (bytes, address)
}

#[test]
fn names_function_file_and_line_of_the_crashed_pd() {
    assert_eq!(landmark(1), 2);
    let (bytes, address) = this_program();
    let folder = build(&bytes);
    let mut symbolizer = Symbolizer::new(folder.path()).unwrap();
    let registers = format!("[supervisor]   pc={:#x} lr={:#x} sp=0x1", address + 4, address + 8);
    assert_eq!(symbolizer.annotate(&registers), [""; 0], "no record has begun");
    assert_eq!(symbolizer.annotate("[supervisor] CRASH net generation 1: null read"), [""; 0]);
    let notes = symbolizer.annotate(&registers);
    assert_eq!(notes.len(), 2, "{notes:?}");
    assert!(notes[0].contains(&format!("pc {:#x}: ", address + 4)), "{notes:?}");
    assert!(notes.iter().all(|note| note.contains("landmark")), "{notes:?}");
    assert!(notes[0].contains("symbolize.rs:"), "{notes:?}");
    let backtrace = format!("[supervisor] error:   backtrace {:#x}", address + 8);
    let notes = symbolizer.annotate(&backtrace);
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(notes[0].contains("from ") && notes[0].contains("landmark"), "{notes:?}");
    symbolizer.annotate("CRASH stranger generation 1: null read");
    assert_eq!(symbolizer.annotate(&registers), [""; 0], "a PD that the system does not have");
}

#[test]
fn passes_on_what_it_cannot_resolve() {
    let folder = build(b"not an ELF file");
    let mut command = assert_cmd::Command::cargo_bin("cairn").unwrap();
    let input =
        b"CRASH net generation 1: x\n pc=0x200000 lr=0xzz pc=0x\n\xff\xfe pc=0x1\n".to_vec();
    command.arg("symbolize").arg(folder.path()).write_stdin(input.clone());
    command.assert().success().stdout(predicates::ord::eq(input));
    let error = Symbolizer::new(Path::new("/nonexistent")).unwrap_err();
    assert_eq!(error.exit_code(), 3);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// A damaged program gives other names or none, never a panic.
    #[test]
    fn damaged_programs_never_panic(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..64),
    ) {
        let (mut bytes, address) = this_program();
        bytes.truncate(1 << 20);
        for (at, value) in edits {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        let folder = build(&bytes);
        let mut symbolizer = Symbolizer::new(folder.path()).unwrap();
        symbolizer.annotate("CRASH net generation 1: x");
        symbolizer.annotate(&format!("pc={address:#x}"));
    }
}
