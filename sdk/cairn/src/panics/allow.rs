//! The list of allowed panics.

use std::cell::Cell;

use super::source::{Place, is_ours};

#[derive(Debug)]
enum Line {
    /// A comment or nothing.
    Text(String),
    Entry(Entry),
}

#[derive(Debug)]
struct Entry {
    program: String,
    file: String,
    function: String,
    text: String,
    is_needed: Cell<bool>,
}

/// The list, line by line.
#[derive(Debug, Default)]
pub(super) struct AllowList(Vec<Line>);

impl AllowList {
    /// Reads a list.
    ///
    /// # Errors
    /// The line, and what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let lines = text.lines().enumerate().map(|(index, line)| {
            let code = line.split('#').next().unwrap_or_default();
            let (entry, reason) = code.split_once("--").unwrap_or((code, ""));
            let mut words = entry.split_whitespace();
            let Some(program) = words.next() else { return Ok(Line::Text(line.to_owned())) };
            let wrong = |what| Err(format!("line {}: {what}", index + 1));
            let (Some(file), Some(function), None) = (words.next(), words.next(), words.next())
            else {
                return wrong("not PROGRAM FILE FUNCTION [-- REASON]");
            };
            if is_ours(file) && reason.trim().is_empty() {
                return wrong("our own code needs a reason");
            }
            Ok(Line::Entry(Entry {
                program: program.to_owned(),
                file: file.to_owned(),
                function: function.to_owned(),
                text: line.to_owned(),
                is_needed: Cell::new(false),
            }))
        });
        lines.collect::<Result<_, _>>().map(Self)
    }

    fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.0.iter().filter_map(|line| match line {
            Line::Entry(entry) => Some(entry),
            Line::Text(_) => None,
        })
    }

    /// May this program panic there? The entry that says so is needed.
    pub(super) fn allows(&self, program: &str, place: &Place) -> bool {
        let entry = self.entries().find(|entry| {
            [program, "*"].contains(&entry.program.as_str())
                && entry.file == place.file
                && entry.function == place.function
        });
        entry.inspect(|entry| entry.is_needed.set(true)).is_some()
    }

    /// Entries that nothing has needed.
    pub(super) fn unneeded(&self) -> Vec<String> {
        let unneeded = self.entries().filter(|entry| !entry.is_needed.get());
        unneeded.map(|entry| entry.text.clone()).collect()
    }

    /// The list without them.
    pub(super) fn shrunk(&self) -> String {
        let kept = self.0.iter().filter_map(|line| match line {
            Line::Text(text) => Some(text),
            Line::Entry(entry) => entry.is_needed.get().then_some(&entry.text),
        });
        kept.map(|line| format!("{line}\n")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::sites::Site;
    use super::*;

    fn place(file: &str) -> Place {
        let location = Some((file.to_owned(), 1));
        Place::of(&Site { function: String::new(), calls: String::new(), location })
    }

    #[test]
    fn allows_what_it_names_and_shrinks_to_what_was_needed() {
        let list = "# head\n\na x/y.rs ?\n* z/y.rs ?   # note\nb pds/y.rs ? -- cannot happen\n";
        let list = AllowList::parse(list).unwrap();
        assert!(list.allows("a", &place("x/y.rs")) && !list.allows("b", &place("x/y.rs")));
        assert!(list.allows("any", &place("z/y.rs")));
        assert!(!list.allows("b", &place("pds/z.rs")));
        assert_eq!(list.unneeded(), ["b pds/y.rs ? -- cannot happen"]);
        assert_eq!(list.shrunk(), "# head\n\na x/y.rs ?\n* z/y.rs ?   # note\n");
    }

    #[test]
    fn says_what_is_wrong_with_a_line() {
        for (text, expected) in [
            ("a b", "line 1: not PROGRAM FILE FUNCTION [-- REASON]"),
            ("\na b c d", "line 2: not PROGRAM FILE FUNCTION [-- REASON]"),
            ("a pds/x.rs f", "line 1: our own code needs a reason"),
            ("a sdk/x.rs f --  ", "line 1: our own code needs a reason"),
        ] {
            assert_eq!(AllowList::parse(text).unwrap_err(), expected);
        }
    }
}
