//! What can be wrong with a volume, in words that name the part that failed.

use core::fmt;

use ledger_verify::Digest;

use crate::path::PathFault;

/// Why a superblock slot is not a superblock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SuperblockFault {
    /// It could not be read.
    Unreadable,
    /// It does not start with the magic.
    Magic,
    /// It has another format version.
    Version(u32),
    /// Its bytes do not have the digest that stands at their end: damaged or half-written.
    Digest,
    /// It requires features, as bits, that this reader does not know.
    Features(u64),
    /// Some other field breaks the rule named here.
    Field(&'static str),
}

impl fmt::Display for SuperblockFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable => f.write_str("cannot be read"),
            Self::Magic => f.write_str("no magic"),
            Self::Version(version) => write!(f, "format version {version} is not supported"),
            Self::Digest => f.write_str("hash mismatch"),
            Self::Features(bits) => write!(f, "unknown required features {bits:#x}"),
            Self::Field(rule) => f.write_str(rule),
        }
    }
}

/// Why a block is not the expected node of the table of contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeFault {
    /// Its digest is not the one its parent holds.
    Hash,
    /// It breaks the rule named here.
    Field(&'static str),
    /// The path of a record is none.
    Path(PathFault),
}

impl fmt::Display for NodeFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hash => f.write_str("hash mismatch"),
            Self::Field(rule) => f.write_str(rule),
            Self::Path(fault) => fault.fmt(f),
        }
    }
}

/// Why something read from a volume is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error {
    /// Neither superblock slot holds a superblock; the fault is that of slot 0.
    Superblock(SuperblockFault),
    /// The volume belongs to another chain than the one this reader trusts.
    OtherChain {
        /// The chain that the superblock names.
        found: Digest,
    },
    /// The volume has another name than the one asked for.
    OtherName,
    /// The volume is older than the chain position that this reader is anchored at.
    TooOld {
        /// Generation of the superblock.
        found: u64,
        /// Lowest generation that the anchor admits.
        anchored: u64,
    },
    /// The ledger's register does not hold this superblock's root and generation.
    NotVouched {
        /// Generation of the superblock.
        found: u64,
        /// Generation in the register, if it has a value at all.
        vouched: Option<u64>,
    },
    /// A node of the table of contents.
    TocNode {
        /// Its index.
        index: u64,
        /// What is wrong with it.
        fault: NodeFault,
    },
    /// A node of a file's tree has not the digest its parent holds.
    TreeNode {
        /// Its level, 0 next to the data.
        level: usize,
        /// Its index within the level.
        index: u64,
    },
    /// A data block has not the digest its parent holds.
    Block {
        /// Its index within the file.
        index: u64,
    },
    /// The file has no such block.
    NoSuchBlock {
        /// The index asked for.
        index: u64,
    },
}

impl Error {
    /// This error with the file it happened in: `block 17 of /a/b: hash mismatch`.
    #[must_use]
    pub fn of<'p>(&self, path: &'p str) -> ErrorOf<'p> {
        ErrorOf { error: *self, path }
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, of: Of<'_>) -> fmt::Result {
        match self {
            Self::Superblock(fault) => write!(f, "superblock: {fault}"),
            Self::OtherChain { found } => write!(f, "volume belongs to another chain, {found}"),
            Self::OtherName => f.write_str("volume has another name"),
            Self::TooOld { found, anchored } => {
                write!(f, "volume generation {found} is older than the anchored {anchored}")
            }
            Self::NotVouched { found, vouched } => {
                f.write_str("volume root not vouched for by the ledger")?;
                match vouched {
                    Some(vouched) if vouched != found => {
                        write!(f, " (volume generation {found}, ledger {vouched})")
                    }
                    _ => Ok(()),
                }
            }
            Self::TocNode { index, fault } => write!(f, "toc node {index}: {fault}"),
            Self::TreeNode { level, index } => {
                write!(f, "tree node {level}/{index}{of}: hash mismatch")
            }
            Self::Block { index } => write!(f, "block {index}{of}: hash mismatch"),
            Self::NoSuchBlock { index } => write!(f, "block {index}{of}: beyond the end"),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, Of(None))
    }
}

impl core::error::Error for Error {}

/// An [`Error`] that names its file when printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorOf<'p> {
    error: Error,
    path: &'p str,
}

impl fmt::Display for ErrorOf<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.write(f, Of(Some(self.path)))
    }
}

/// ` of /path`, or nothing.
struct Of<'p>(Option<&'p str>);

impl fmt::Display for Of<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(path) => write!(f, " of /{path}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn errors_name_what_failed() {
        let says = |error: Error| error.of("a/b").to_string();
        assert_eq!(says(Error::Block { index: 17 }), "block 17 of /a/b: hash mismatch");
        assert_eq!(
            says(Error::TreeNode { level: 1, index: 2 }),
            "tree node 1/2 of /a/b: hash mismatch"
        );
        assert_eq!(
            says(Error::TocNode { index: 4, fault: NodeFault::Hash }),
            "toc node 4: hash mismatch"
        );
        assert_eq!(
            says(Error::TooOld { found: 3, anchored: 5 }),
            "volume generation 3 is older than the anchored 5"
        );
        let vouched = |vouched| says(Error::NotVouched { found: 3, vouched });
        assert_eq!(vouched(None), "volume root not vouched for by the ledger");
        assert_eq!(vouched(Some(3)), vouched(None));
        assert!(vouched(Some(4)).ends_with(" (volume generation 3, ledger 4)"));
        assert_eq!(Error::Block { index: 0 }.to_string(), "block 0: hash mismatch");
        assert_eq!(
            Error::Superblock(SuperblockFault::Features(4)).to_string(),
            "superblock: unknown required features 0x4"
        );
    }
}
