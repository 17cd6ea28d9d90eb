//! Commands that somebody types on the console.

use core::fmt;

use crate::life::Phase;

/// What to do with a PD.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Suspend it.
    Pause,
    /// Let it go on.
    Resume,
    /// Stop it for good.
    Stop,
    /// Start a new life of it.
    Start,
    /// Stop it where it is, and start it.
    Restart,
}

/// A command, and the PD it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Command<'a> {
    /// What to do.
    pub verb: Verb,
    /// The PD's name.
    pub pd: &'a str,
}

/// Why a command was not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal<'a> {
    /// There is no such PD.
    NoPd(&'a str),
    /// `supervisor` cannot do it to itself.
    Itself,
    /// Nobody could start it again: commands come through it, or time does.
    Needed,
    /// The PD's state does not allow it.
    Illegal(Verb, Phase),
}

impl<'a> Command<'a> {
    /// Reads a line such as `stop net`; `None` if it is no command of these.
    #[must_use]
    pub fn parse(line: &'a str) -> Option<Self> {
        let mut words = line.split_ascii_whitespace();
        let verb = match words.next()? {
            "pause" => Verb::Pause,
            "resume" => Verb::Resume,
            "stop" => Verb::Stop,
            "start" => Verb::Start,
            "restart" => Verb::Restart,
            _ => return None,
        };
        let pd = words.next()?;
        words.next().is_none().then_some(Self { verb, pd })
    }
}

impl fmt::Display for Refusal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPd(name) => write!(f, "there is no PD {name}"),
            Self::Itself => f.write_str("supervisor cannot do that to itself"),
            Self::Needed => f.write_str("without it nobody could start it again: restart it"),
            Self::Illegal(verb, phase) => {
                let verb = match verb {
                    Verb::Pause => "pause",
                    Verb::Resume => "resume",
                    Verb::Stop => "stop",
                    Verb::Start => "start",
                    Verb::Restart => "restart",
                };
                let state = protocols::system::state_name(phase.code());
                write!(f, "cannot {verb} a PD that is {state}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_verb_and_a_name() {
        assert_eq!(Command::parse("  stop   net "), Some(Command { verb: Verb::Stop, pd: "net" }));
        for line in ["", "stop", "stop net now", "kill net", "STOP net"] {
            assert_eq!(Command::parse(line), None, "{line}");
        }
    }
}
