//! Registers: named values that a chain's events write.
//!
//! | kind | number | may be written again |
//! |---|---|---|
//! | release | 1 | with a higher version for the same platform; a version once written never changes |
//! | pointer | 2 | with a higher generation |
//! | list | 3 | each write adds one item |
//! | policy | 4 | with an algorithm that is not weaker; only under the name `policy` |
//!
//! A register never changes its kind and is never removed. A chain has at most [`REGISTERS_MAX`] of
//! them, so that a verifier holds all of them in fixed memory; a chain that needs more names another
//! chain in a pointer.

mod binary;
mod table;
pub(crate) mod wire;

pub use binary::BinaryCheck;
pub use table::Table;
pub use wire::{Write, WriteValue, Writes};

use core::fmt;

use crate::algorithm::Algorithm;
use crate::bytes::copy;
use crate::digest::Digest;

/// Most registers in a chain.
pub const REGISTERS_MAX: usize = 32;
/// Most writes in one event.
pub const WRITES_MAX: usize = 16;
/// Longest register name, in bytes.
pub const NAME_BYTES_MAX: usize = 48;
/// Longest platform name of a release, in bytes.
pub const PLATFORM_BYTES_MAX: usize = 32;

/// Longest register as a snapshot has it, in bytes: a release with the longest names takes 155.
pub const REGISTER_BYTES_MAX: usize = 192;

/// Name of the one policy register.
pub const POLICY: &str = "policy";

/// A short text without a heap: printable ASCII without spaces, 1 to `N` bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
// Aligned, as `Digest` is.
#[repr(align(8))]
pub struct Text<const N: usize> {
    // Zero behind the text, so that the derived order is that of the text.
    bytes: [u8; N],
    length: u8,
}

/// Name of a register.
pub type Name = Text<NAME_BYTES_MAX>;
/// Name of a platform.
pub type Platform = Text<PLATFORM_BYTES_MAX>;

impl<const N: usize> Text<N> {
    pub(crate) const EMPTY: Self = Self { bytes: [0; N], length: 0 };

    /// The text, if it is one: 1 to `N` bytes from `!` to `~`.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        Self::from_bytes(text.as_bytes())
    }

    /// The same of bytes.
    pub(crate) fn from_bytes(text: &[u8]) -> Option<Self> {
        let mut new = Self::EMPTY;
        new.length = fill(&mut new.bytes, text)?;
        Some(new)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(self.as_bytes()).unwrap_or("")
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or(&[])
    }
}

/// Puts a text into its place; its length.
#[inline(never)]
fn fill(place: &mut [u8], text: &[u8]) -> Option<u8> {
    let printable = text.iter().all(u8::is_ascii_graphic);
    if text.is_empty() || !printable || text.len() > place.len() {
        return None;
    }
    copy(place, text);
    u8::try_from(text.len()).ok()
}

impl<const N: usize> fmt::Display for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl<const N: usize> fmt::Debug for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// Version of a release, compared from left to right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub [u32; 3]);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self([major, minor, patch]) = self;
        write!(f, "{major}.{minor}.{patch}")
    }
}

/// A hash function, by number. Numbers are never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashKind {
    /// BLAKE3 in plain mode, 32 bytes.
    Blake3,
    /// SHA-256.
    Sha256,
}

impl HashKind {
    /// The hash function of this number.
    #[must_use]
    pub const fn from_number(number: u64) -> Option<Self> {
        match number {
            1 => Some(Self::Blake3),
            2 => Some(Self::Sha256),
            _ => None,
        }
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Blake3 => 1,
            Self::Sha256 => 2,
        }
    }
}

/// What a release register says of its latest version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Release {
    /// Version; only ever rises.
    pub version: Version,
    /// Where it may run; never changes.
    pub platform: Platform,
    /// The hash function of `digest`.
    pub hash: HashKind,
    /// Digest of the binary.
    pub digest: Digest,
    /// Size of the binary, in bytes.
    pub size_bytes: u64,
    /// What the binary needs, one bit each; the platform says which bit is what.
    pub capabilities: u64,
}

/// What a chain demands of itself and of its readers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The weakest algorithm that a later event's key may have, but a recovery's; only ever rises.
    pub weakest: Algorithm,
    /// How old the last event may be for a reader with a clock, in seconds; 0 for any age.
    pub age_max_s: u64,
}

/// Proven value of a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// An immutable release.
    Release(Release),
    /// A mutable pointer, for example to a volume's root.
    Pointer {
        /// What it points to.
        root: Digest,
        /// Counts the values; only ever rises.
        generation: u64,
    },
    /// An append-only list, known by the digest over all its items.
    List {
        /// Number of items.
        count: u64,
        /// `BLAKE3-keyed("cairn chain list v1", digest before || item)`, from zeros.
        digest: Digest,
    },
    /// The chain's policy.
    Policy(Policy),
}

/// A rule that a write broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The name is not 1 to 48 printable ASCII characters, or `policy` and the register is none.
    Name,
    /// The writes of one event are not in ascending order of names, each once.
    Order,
    /// No such kind of register, hash function or algorithm.
    Kind,
    /// The register is of another kind.
    KindChanged,
    /// The pointer's generation is not above the one it has.
    GenerationNotHigher,
    /// The release's version is not above the one it has.
    VersionNotHigher,
    /// The platform is not text, or not the one the release has.
    Platform,
    /// The policy's algorithm is weaker than the one it has.
    PolicyWeaker,
    /// The chain has [`REGISTERS_MAX`] registers already.
    TableFull,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "bad register name",
            Self::Order => "register writes out of order",
            Self::Kind => "unknown kind of register",
            Self::KindChanged => "register kind changed",
            Self::GenerationNotHigher => "pointer generation not higher",
            Self::VersionNotHigher => "release version not higher",
            Self::Platform => "bad release platform",
            Self::PolicyWeaker => "policy weaker than before",
            Self::TableFull => "too many registers",
        })
    }
}
