//! Why a note, checkpoint or proof was refused.

use core::fmt;

/// Why a text was refused, and where. Displays as one line, for example
/// `log proof, byte 210: bad signature`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error {
    /// Byte offset in the text.
    pub offset: usize,
    /// The rule that was broken.
    pub reason: Reason,
}

/// The rule that was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Longer than this verifier takes.
    TooLong,
    /// Not UTF-8, or a control character other than newline.
    NotText,
    /// No signatures after an empty line, or a line that is none.
    NoteFormat,
    /// A name that is empty or has a space or a plus sign.
    KeyName,
    /// A verifier key that is not of the form `name+id+key`, or whose id is not its hash.
    VerifierKey,
    /// Not base64, or not the only base64 of its bytes.
    Base64,
    /// A number that is not decimal, has a leading zero or does not fit.
    Number,
    /// Not the first line that the format prescribes.
    Version,
    /// The checkpoint's origin is not the log's name.
    Origin,
    /// A signature by a known key is of the wrong length or does not verify.
    BadSignature,
    /// The log did not sign.
    NoLogSignature,
    /// Fewer witnesses than the policy wants.
    TooFewWitnesses {
        /// Number of witnesses that signed.
        found: usize,
        /// Number wanted.
        wanted: usize,
    },
    /// An inclusion or consistency proof of the wrong length, or for an entry that is not there.
    ProofShape,
    /// An inclusion or consistency proof that leads to another root.
    RootMismatch,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "log proof, byte {}: {}", self.offset, self.reason)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Self::TooFewWitnesses { found, wanted } = self {
            return write!(f, "{found} witnesses, {wanted} wanted");
        }
        f.write_str(match self {
            Self::TooLong => "too long",
            Self::NotText => "not text",
            Self::NoteFormat => "not a signed note",
            Self::KeyName => "bad key name",
            Self::VerifierKey => "bad verifier key",
            Self::Base64 => "bad base64",
            Self::Number => "bad number",
            Self::Version => "unknown format",
            Self::Origin => "of another log",
            Self::BadSignature => "bad signature",
            Self::NoLogSignature => "not signed by the log",
            Self::ProofShape => "proof does not fit the tree",
            Self::RootMismatch => "proof leads to another root",
            Self::TooFewWitnesses { .. } => "too few witnesses",
        })
    }
}

impl core::error::Error for Error {}
