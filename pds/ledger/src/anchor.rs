//! The anchor that the image pins.

use core::fmt;

use ledger_verify::Digest;
use ledger_verify::chain::Anchor;
use protocols::ledger::{ANCHOR_MAGIC, ANCHOR_VERSION, AnchorBlob};

/// What the image pins: a position in a chain, and the volume generation that was current there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pinned {
    /// Position in the chain.
    pub anchor: Anchor,
    /// The lowest volume generation that may be believed.
    pub minimum_generation: u64,
    /// Name of that volume, zero-padded.
    pub volume: [u8; 32],
}

/// Why an image has no usable anchor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnchorError {
    /// It does not start with the magic.
    Magic,
    /// It has another version.
    Version(u32),
    /// Reserved bytes are not zero.
    Reserved,
}

impl fmt::Display for AnchorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Magic => f.write_str("the image carries no anchor"),
            Self::Version(version) => write!(f, "the image's anchor has version {version}"),
            Self::Reserved => f.write_str("the image's anchor has reserved bytes set"),
        }
    }
}

impl TryFrom<&AnchorBlob> for Pinned {
    type Error = AnchorError;

    fn try_from(blob: &AnchorBlob) -> Result<Self, Self::Error> {
        if blob.magic != ANCHOR_MAGIC {
            return Err(AnchorError::Magic);
        }
        if blob.version != ANCHOR_VERSION {
            return Err(AnchorError::Version(blob.version));
        }
        if blob.reserved != 0 {
            return Err(AnchorError::Reserved);
        }
        let anchor = Anchor {
            chain: Digest(blob.chain),
            sequence: blob.sequence,
            digest: Digest(blob.digest),
        };
        Ok(Self { anchor, minimum_generation: blob.minimum_generation, volume: blob.volume })
    }
}
