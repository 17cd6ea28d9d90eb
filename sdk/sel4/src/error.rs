//! Error replies of invocations.

use core::fmt;

use crate::Word;

/// Why the kernel refused an invocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error {
    /// 1: an argument is not valid.
    InvalidArgument,
    /// 2: the capability is null or of the wrong type.
    InvalidCapability,
    /// 3: the object is in a state that forbids the operation.
    IllegalOperation,
    /// 4: an argument is out of range.
    RangeError,
    /// 5: an address is not aligned.
    AlignmentError,
    /// 6: a capability lookup failed.
    FailedLookup,
    /// 7: the message is too short.
    TruncatedMessage,
    /// 8: the destination slot is in use.
    DeleteFirst,
    /// 9: the object has derived capabilities.
    RevokeFirst,
    /// 10: the kernel lacks memory.
    NotEnoughMemory,
    /// Any other label; no kernel of this version sends it.
    Unknown(Word),
}

/// Result of an invocation.
pub type Result<T> = core::result::Result<T, Error>;

impl Error {
    /// Interprets the label of an invocation's reply.
    ///
    /// # Errors
    ///
    /// Every label but 0 is an error.
    #[inline]
    pub const fn from_label(label: Word) -> Result<()> {
        Err(match label {
            0 => return Ok(()),
            1 => Self::InvalidArgument,
            2 => Self::InvalidCapability,
            3 => Self::IllegalOperation,
            4 => Self::RangeError,
            5 => Self::AlignmentError,
            6 => Self::FailedLookup,
            7 => Self::TruncatedMessage,
            8 => Self::DeleteFirst,
            9 => Self::RevokeFirst,
            10 => Self::NotEnoughMemory,
            other => Self::Unknown(other),
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InvalidArgument => "invalid argument",
            Self::InvalidCapability => "invalid capability",
            Self::IllegalOperation => "illegal operation",
            Self::RangeError => "argument out of range",
            Self::AlignmentError => "misaligned address",
            Self::FailedLookup => "capability lookup failed",
            Self::TruncatedMessage => "truncated message",
            Self::DeleteFirst => "destination in use",
            Self::RevokeFirst => "derived capabilities exist",
            Self::NotEnoughMemory => "not enough memory",
            Self::Unknown(label) => return write!(f, "unknown kernel error {label}"),
        })
    }
}

impl core::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_zero_is_success_and_the_rest_are_distinct_errors() {
        assert_eq!(Error::from_label(0), Ok(()));
        let all: std::vec::Vec<_> = (1..=11).map(Error::from_label).collect();
        for (index, error) in all.iter().enumerate() {
            assert!(error.is_err());
            assert!(!all[..index].contains(error));
        }
        assert_eq!(Error::from_label(11), Err(Error::Unknown(11)));
    }
}
