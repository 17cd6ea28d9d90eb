//! Foreign bytes: whatever they are, the parsers answer, and soon.

#![allow(clippy::unwrap_used, reason = "test code: a panic is a failed test")]

mod support;

use std::sync::OnceLock;

use microkit::elf::Program;
use microkit::kernel::Kernel;
use microkit::sdf;
use proptest::prelude::*;

/// Every fixture's text.
fn corpus() -> &'static [String] {
    static CORPUS: OnceLock<Vec<String>> = OnceLock::new();
    CORPUS.get_or_init(|| {
        let folders = ["accept", "reject"].into_iter().flat_map(support::fixtures);
        folders.map(|(_, _, text)| text).collect()
    })
}

/// Pieces that matter to the format, for replacing others.
const PIECES: [&str; 24] = [
    "0",
    "1",
    "61",
    "62",
    "255",
    "0x1000",
    "0x200000",
    "0xffffffffffffffff",
    "18446744073709551615",
    "-1",
    "true",
    "",
    "a",
    "b",
    "m",
    "<map",
    "<end",
    "</system>",
    "/>",
    "\"",
    "&amp;",
    "<!--",
    "é",
    "\n",
];

fn at_boundary(text: &str, at: usize) -> usize {
    (0..=at % (text.len() + 1)).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn any_text_is_answered(text in "\\PC{0,200}") {
        let _ = sdf::parse(&text, "f");
    }

    #[test]
    fn mutated_descriptions_are_answered(
        seed in any::<prop::sample::Index>(),
        edits in prop::collection::vec((any::<usize>(), 0usize..40, any::<prop::sample::Index>()), 1..6),
    ) {
        let mut text = seed.get(corpus()).clone();
        for (at, length, piece) in edits {
            let start = at_boundary(&text, at);
            let end = at_boundary(&text, (start + length).min(text.len())).max(start);
            text.replace_range(start..end, PIECES[piece.index(PIECES.len())]);
        }
        if let Err(error) = sdf::parse(&text, "f") {
            let lines = u32::try_from(text.lines().count().max(1)).unwrap();
            prop_assert!((1..=lines + 1).contains(&error.at.line), "{error}");
        }
    }

    #[test]
    fn spliced_descriptions_are_answered(
        first in any::<prop::sample::Index>(),
        second in any::<prop::sample::Index>(),
        cut in any::<usize>(),
    ) {
        // Lines of two descriptions, alternating at a cut: often still well-formed.
        let (first, second) = (first.get(corpus()), second.get(corpus()));
        let cut = cut % 12;
        let text: Vec<&str> = first.lines().take(cut).chain(second.lines().skip(cut)).collect();
        let _ = sdf::parse(&text.join("\n"), "f");
    }

    #[test]
    fn mutated_programs_are_answered(
        edits in prop::collection::vec((any::<usize>(), any::<u64>(), 1usize..9, any::<bool>()), 1..6),
        cut in any::<Option<u16>>(),
    ) {
        let good = support::program_with(&["s"]).bytes();
        let mut bytes = good.clone();
        for (at, value, width, header) in edits {
            // Half of the edits hit the headers at the beginning and the end.
            let at = match (header, at % 2) {
                (true, 0) => at % 232,
                (true, _) => bytes.len() - 1 - at % 192,
                (false, _) => at % bytes.len(),
            };
            let width = width.min(bytes.len() - at);
            bytes[at..at + width].copy_from_slice(&value.to_le_bytes()[..width]);
        }
        if let Some(cut) = cut {
            bytes.truncate(usize::from(cut));
        }
        for bytes in [&bytes, &good] {
            if let Ok(mut program) = Program::parse(bytes, Some(&bytes[..])) {
                let _ = program.set_word("s", u64::MAX);
                let contents: usize = program.segments.iter().map(|s| s.bytes.len()).sum();
                // A patched symbol may spell out zeros up to its end, in a segment's memory.
                let memory: u64 = program.segments.iter().map(|s| s.size).sum();
                prop_assert!(contents <= good.len() || contents as u64 <= memory);
            }
            let _ = Kernel::parse(bytes);
        }
    }

    #[test]
    fn mutated_kernels_are_answered(at in 0usize..400, value in any::<u64>()) {
        let mut bytes = support::kernel().bytes();
        let width = 8.min(bytes.len() - at);
        bytes[at..at + width].copy_from_slice(&value.to_le_bytes()[..width]);
        if let Ok(kernel) = Kernel::parse(&bytes) {
            prop_assert!(kernel.flat.len() as u64 <= kernel.range.end - kernel.range.start);
        }
    }
}
