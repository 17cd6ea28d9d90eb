//! Why a bundle was refused.

use core::fmt;

use crate::cbor::{Problem, Stop};
use crate::{chain, log};

/// Why a bundle was refused, and where. Displays as one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// Byte offset in the bundle of an item that is not as `docs/ledger.md` has it.
    Encoding(u64, Problem),
    /// The chain was refused. Offsets are from the bundle's first event on.
    Chain(chain::Error),
    /// The proof of logging was refused. The offset is in the bundle.
    Log(log::Error),
    /// The policy wants a proof of logging, and there is none.
    NotLogged,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encoding(offset, problem) => write!(f, "bundle, byte {offset}: {problem}"),
            Self::Chain(error) => error.fmt(f),
            Self::Log(error) => error.fmt(f),
            Self::NotLogged => f.write_str("bundle holds no log proof"),
        }
    }
}

impl core::error::Error for Error {}

/// Why a reader did not go on.
#[derive(Clone, Copy, Debug)]
pub(super) enum Halt {
    /// The input ends here.
    More,
    Refused(Error),
}

impl From<Stop> for Halt {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::More => Self::More,
            Stop::Refused(offset, problem) => Self::Refused(Error::Encoding(offset, problem)),
        }
    }
}

impl From<Error> for Halt {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}
