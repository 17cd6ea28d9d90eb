//! The anchor that the image pins.

use core::fmt;

use ledger_verify::Digest;
use ledger_verify::chain::Anchor;
use ledger_verify::nexus::Number;
use ledger_verify::nexus::chain::{Commitment, Pin, PinError};
use protocols::ledger::{ANCHOR_MAGIC, ANCHOR_VERSION, AnchorBlob, AnchorKind};

/// What the image pins: a position in a chain, and the volume generation that was current there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pinned {
    /// Position in the chain.
    pub position: Position,
    /// The lowest volume generation that may be believed.
    pub minimum_generation: u64,
    /// Name of that volume, zero-padded.
    pub volume: [u8; 32],
}

/// A position in a chain of one of two kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)] // zero for a first event of no chain: see `Chains::EMPTY`
pub enum Position {
    /// In a chain of ours.
    Event(Anchor),
    /// In a chain of the Nexus ledger.
    Nexus(Pin),
}

impl Position {
    /// The chain's identity.
    #[must_use]
    pub fn chain(&self) -> [u8; 32] {
        match self {
            Self::Event(anchor) => anchor.chain.0,
            Self::Nexus(pin) => pin.genesis().0,
        }
    }
}

/// Why an image has no usable anchor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnchorError {
    /// It does not start with the magic.
    Magic,
    /// It has another version.
    Version(u32),
    /// It is of another kind.
    Kind(u16),
    /// Reserved bytes are not zero.
    Reserved,
    /// It pins nothing.
    Nexus(PinError),
}

impl fmt::Display for AnchorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Magic => f.write_str("the image carries no anchor"),
            Self::Version(version) => write!(f, "the image's anchor has version {version}"),
            Self::Kind(kind) => write!(f, "the image's anchor is of kind {kind}"),
            Self::Reserved => f.write_str("the image's anchor has reserved bytes set"),
            Self::Nexus(error) => write!(f, "the image's nexus pin: {error}"),
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
        let kind = AnchorKind::from_code(blob.kind).ok_or(AnchorError::Kind(blob.kind))?;
        let is_short = kind != AnchorKind::NexusTransaction;
        if blob.reserved != 0 || (is_short && blob.digest_rest != [0; 32]) {
            return Err(AnchorError::Reserved);
        }
        let position = match kind {
            AnchorKind::Event => Position::Event(Anchor {
                chain: Digest(blob.chain),
                sequence: blob.sequence,
                digest: Digest(blob.digest),
            }),
            AnchorKind::NexusTransaction => {
                let mut id = [0; 64];
                let halves = blob.digest.iter().chain(&blob.digest_rest);
                id.iter_mut().zip(halves).for_each(|(place, byte)| *place = *byte);
                nexus(blob, Commitment::Transaction(Number(id)))?
            }
            AnchorKind::NexusKey => nexus(blob, Commitment::NextKey(Number(blob.digest)))?,
        };
        Ok(Self { position, minimum_generation: blob.minimum_generation, volume: blob.volume })
    }
}

fn nexus(blob: &AnchorBlob, commitment: Commitment) -> Result<Position, AnchorError> {
    let sequence = u32::try_from(blob.sequence);
    let sequence = sequence.map_err(|_| AnchorError::Nexus(PinError::Sequence))?;
    let pin = Pin::new(Number(blob.chain), sequence, commitment);
    pin.map(Position::Nexus).map_err(AnchorError::Nexus)
}
