//! Why a proof of inclusion was refused.

use core::fmt;

/// Why a proof of inclusion was refused, and where.
///
/// Displays as one line, for example `nexus header 4: not the block that the one above names`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockError {
    /// Number of the refused header: 0 is the pinned block's, the transaction's is the last.
    pub header: u64,
    /// The rule that was broken.
    pub reason: Reason,
}

/// The rule that was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Too short, too long, or the offsets do not end where the header does.
    Length,
    /// A version of which nothing is known.
    Version(u32),
    /// A channel of which nothing is known.
    Channel(u32),
    /// There is no header.
    Empty,
    /// Its hash is not the pinned one.
    NotPinned,
    /// Its hash is not the one that the header above names.
    NotLinked,
    /// Not one below the height above.
    Height,
    /// The target is zero, negative or easier than the ledger allows.
    Target,
    /// The proof of work is not what the bits ask for.
    Work,
    /// The Merkle branch has more levels than a block can have, or no leaf with that index.
    Branch,
    /// The Merkle branch leads to another root.
    Root,
}

impl fmt::Display for BlockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "nexus header {}: {}", self.header, self.reason)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Version(version) => return write!(f, "unknown version {version}"),
            Self::Channel(channel) => return write!(f, "unknown channel {channel}"),
            Self::Length => "wrong length",
            Self::Empty => "missing",
            Self::NotPinned => "not the pinned block",
            Self::NotLinked => "not the block that the one above names",
            Self::Height => "not one below the height above",
            Self::Target => "target out of range",
            Self::Work => "proof of work does not meet the target",
            Self::Branch => "Merkle branch and index do not fit",
            Self::Root => "transaction is not under the Merkle root",
        })
    }
}

impl core::error::Error for BlockError {}
