//! What the code alone does not tell: whom a call through a pointer reaches, and how deep recursion
//! goes.

use std::cell::Cell;

/// What a line says.
#[derive(Debug)]
enum Says {
    /// Calls through pointers reach functions of these names only.
    Calls(Vec<String>),
    /// So many frames of the functions at most, of all of them together.
    Nests(u32),
}

#[derive(Debug)]
struct Line {
    program: String,
    function: String,
    says: Says,
    text: String,
    is_needed: Cell<bool>,
}

/// The list, line by line: `PROGRAM FUNCTION calls NAME... -- REASON` or
/// `PROGRAM FUNCTION nests N -- REASON`. `*` in names stands for anything, `_` for a space.
#[derive(Debug, Default)]
pub(super) struct Rules(Vec<Line>);

impl Rules {
    /// Reads a list.
    ///
    /// # Errors
    /// The line, and what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let lines = text.lines().enumerate().filter_map(|(index, line)| {
            let code = line.split('#').next().unwrap_or_default().trim();
            let wrong = |what| format!("line {}: {what}", index + 1);
            (!code.is_empty()).then(|| Line::parse(code).map_err(wrong))
        });
        lines.collect::<Result<_, _>>().map(Self)
    }

    fn of<'r, 'p>(&'r self, program: &'p str) -> impl Iterator<Item = &'r Line> + use<'r, 'p> {
        self.0.iter().filter(move |line| matches(&line.program, program))
    }

    /// Patterns of the functions that calls through pointers in `function` reach: those of the first
    /// line that names it.
    pub(super) fn calls(&self, program: &str, function: &str) -> Option<&[String]> {
        self.of(program).find_map(|line| match &line.says {
            Says::Calls(names) if matches(&line.function, function) => {
                line.is_needed.set(true);
                Some(names.as_slice())
            }
            _ => None,
        })
    }

    /// May some call through a pointer reach `function`?
    pub(super) fn reaches(&self, program: &str, function: &str) -> bool {
        self.of(program).any(|line| match &line.says {
            Says::Calls(names) => {
                let is_named = names.iter().any(|name| matches(name, function));
                line.is_needed.set(is_named || line.is_needed.get());
                is_named
            }
            Says::Nests(_) => false,
        })
    }

    /// Which of the [bounds](Self::bounds) counts frames of `function`, if one does.
    pub(super) fn bound_of(&self, program: &str, function: &str) -> Option<usize> {
        let mut bounds = self.of(program).filter(|line| matches!(line.says, Says::Nests(_)));
        bounds.position(|line| {
            let is_named = matches(&line.function, function);
            line.is_needed.set(is_named || line.is_needed.get());
            is_named
        })
    }

    /// How many frames there are at most of the functions that each line names.
    pub(super) fn bounds(&self, program: &str) -> Vec<u32> {
        let bounds = self.of(program).filter_map(|line| match line.says {
            Says::Nests(bound) => Some(bound),
            Says::Calls(_) => None,
        });
        bounds.collect()
    }

    /// Lines that nothing has needed.
    pub(super) fn unneeded(&self) -> Vec<String> {
        let unneeded = self.0.iter().filter(|line| !line.is_needed.get());
        unneeded.map(|line| line.text.clone()).collect()
    }
}

impl Line {
    fn parse(text: &str) -> Result<Self, &'static str> {
        /// More would make the search long, and no program of ours nests so deep.
        const NESTING_MAX: u32 = 16;
        let (rule, reason) = text.split_once("--").ok_or("needs -- REASON")?;
        if reason.trim().is_empty() {
            return Err("needs -- REASON");
        }
        let mut words = rule.split_whitespace().map(str::to_owned);
        let (Some(program), Some(function), Some(verb)) =
            (words.next(), words.next(), words.next())
        else {
            return Err("not PROGRAM FUNCTION calls NAME... or PROGRAM FUNCTION nests N");
        };
        let objects: Vec<_> = words.collect();
        let says = match (verb.as_str(), objects.as_slice()) {
            ("calls", [_, ..]) => Says::Calls(objects),
            ("nests", [bound]) => match bound.parse() {
                Ok(bound) if bound <= NESTING_MAX => Says::Nests(bound),
                _ => return Err("nests at most 16 deep"),
            },
            _ => return Err("not PROGRAM FUNCTION calls NAME... or PROGRAM FUNCTION nests N"),
        };
        Ok(Self { program, function, says, text: text.to_owned(), is_needed: Cell::new(false) })
    }
}

/// Does the whole name match, with `*` for anything and `_` for a space?
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    let name = name.replace(' ', "_");
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else {
        return false;
    };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_names() {
        for (pattern, name, expected) in [
            ("core::fmt::write", "core::fmt::write", true),
            ("core::fmt::write", "core::fmt::write_str", false),
            ("core::fmt::*", "core::fmt::write", true),
            ("<*_as_core::fmt::*>::fmt", "<&T as core::fmt::Debug>::fmt", true),
            ("<*_as_core::fmt::*>::fmt", "<&T as core::fmt::Debug>::other", false),
            ("*", "", true),
            ("a*a", "a", false),
            ("a*b*c", "aXbXbXc", true),
            ("a*b*c", "aXcXb", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn the_first_line_that_names_a_function_counts() {
        let list = "# head\nnet a::* calls x y* -- why\n* * calls z -- else\n* w nests 3 -- deep\n";
        let rules = Rules::parse(list).unwrap();
        assert_eq!(rules.calls("net", "a::b"), Some(&["x".to_owned(), "y*".to_owned()][..]));
        assert_eq!(rules.calls("disk", "a::b"), Some(&["z".to_owned()][..]));
        assert!(rules.reaches("net", "yes") && !rules.reaches("disk", "yes"));
        assert_eq!((rules.bound_of("net", "w"), rules.bound_of("net", "v")), (Some(0), None));
        assert_eq!(rules.bounds("any"), [3]);
        assert!(rules.unneeded().is_empty());
        let unused = Rules::parse("x y nests 2 -- never\n").unwrap();
        assert_eq!(unused.unneeded(), ["x y nests 2 -- never"]);
    }

    #[test]
    fn says_what_is_wrong_with_a_line() {
        for (text, expected) in [
            ("a b calls c", "line 1: needs -- REASON"),
            ("\na b calls c --", "line 2: needs -- REASON"),
            ("a b -- c", "line 1: not PROGRAM FUNCTION calls NAME... or PROGRAM FUNCTION nests N"),
            (
                "a b calls -- c",
                "line 1: not PROGRAM FUNCTION calls NAME... or PROGRAM FUNCTION nests N",
            ),
            ("a b nests many -- c", "line 1: nests at most 16 deep"),
            ("a b nests 17 -- c", "line 1: nests at most 16 deep"),
        ] {
            assert_eq!(Rules::parse(text).unwrap_err(), expected);
        }
    }
}
