//! Where trust in a Nexus chain starts.

use core::fmt;

use crate::nexus::number::{Genesis, KeyHash, Number, TransactionId};

/// A position in a chain: what an image pins, and what a device remembers.
///
/// There is none of a genesis alone. A genesis is the hash of a user's name: anybody can make a chain
/// that begins with it, and nobody without a network sees which was first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pin {
    pub(super) genesis: Genesis,
    sequence: u32,
    pub(super) commitment: Commitment,
}

/// What a pin commits to at its sequence number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commitment {
    /// The transaction itself, and by it all before and the next key.
    Transaction(TransactionId),
    /// The hash of the key that signs the transaction after it. It is that one, once met, which
    /// commits to all before.
    NextKey(KeyHash),
}

/// Why there is no such pin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PinError {
    /// Nothing but a genesis.
    GenesisOnly,
    /// The genesis is none of a user of a main or test network.
    Genesis,
    /// A next key's pin at the last sequence number there is.
    Sequence,
    /// Not `<genesis>:<sequence>:<transaction id or next key hash>`, in hexadecimal digits but for the
    /// sequence.
    Text,
}

impl fmt::Display for PinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::GenesisOnly => "a genesis commits to no key",
            Self::Genesis => "not the genesis of a user",
            Self::Sequence => "sequence number out of range",
            Self::Text => "not <genesis>:<sequence>:<transaction id or next key hash>",
        })
    }
}

impl core::error::Error for PinError {}

/// Top bytes of users' genesis ids on main and test networks, public ones and hybrid.
const USERS: [u8; 8] = [0xa1, 0xa2, 0xa7, 0xab, 0xb1, 0xb2, 0xb7, 0xbb];
const HYBRID_MAIN: u8 = 0xa7;
const HYBRID_TEST: u8 = 0xb7;

/// Whether a genesis is of a private network, whose first transactions are free.
pub(super) fn is_hybrid(genesis: &Genesis) -> bool {
    matches!(genesis.top(), HYBRID_MAIN | HYBRID_TEST)
}

impl Pin {
    /// Nobody's: no transaction has the id 0.
    pub(super) const NONE: Self = Self {
        genesis: Number::ZERO,
        sequence: 0,
        commitment: Commitment::Transaction(Number::ZERO),
    };

    /// A pin at transaction `sequence` of user `genesis`.
    ///
    /// # Errors
    /// [`PinError::GenesisOnly`] if the commitment is zero, which commits to nothing;
    /// [`PinError::Genesis`], [`PinError::Sequence`].
    pub fn new(genesis: Genesis, sequence: u32, commitment: Commitment) -> Result<Self, PinError> {
        if !USERS.contains(&genesis.top()) {
            return Err(PinError::Genesis);
        }
        let (is_nothing, is_key) = match &commitment {
            Commitment::Transaction(id) => (id.is_zero(), false),
            Commitment::NextKey(hash) => (hash.is_zero(), true),
        };
        if is_nothing {
            return Err(PinError::GenesisOnly);
        }
        if is_key && sequence == u32::MAX {
            return Err(PinError::Sequence);
        }
        Ok(Self { genesis, sequence, commitment })
    }

    /// Reads `<genesis>:<sequence>:<transaction id or next key hash>`, as [`fmt::Display`] prints it.
    ///
    /// # Errors
    /// Every [`PinError`].
    pub fn from_text(text: &str) -> Result<Self, PinError> {
        // Of bytes, because the `split` of `str` links a panic.
        let bytes = text.as_bytes().split(|byte| *byte == b':');
        let mut parts = bytes.map(|part| core::str::from_utf8(part).unwrap_or_default());
        let genesis = parts.next().and_then(Number::from_hex).ok_or(PinError::Text)?;
        let sequence = parts.next().ok_or(PinError::GenesisOnly)?;
        // As it prints: `parse` takes a sign, too.
        let is_plain = sequence.bytes().all(|byte| byte.is_ascii_digit());
        let sequence = sequence.parse().ok().filter(|_| is_plain).ok_or(PinError::Text)?;
        let commitment = parts.next().ok_or(PinError::GenesisOnly)?;
        let transaction = || Number::from_hex(commitment).map(Commitment::Transaction);
        let next_key = || Number::from_hex(commitment).map(Commitment::NextKey);
        let commitment = transaction().or_else(next_key).ok_or(PinError::Text)?;
        match parts.next() {
            None => Self::new(genesis, sequence, commitment),
            Some(_) => Err(PinError::Text),
        }
    }

    /// The pin of the same user at transaction `sequence` with the id `id`, which is not zero.
    pub(super) const fn moved(&self, sequence: u32, id: TransactionId) -> Self {
        Self { genesis: self.genesis, sequence, commitment: Commitment::Transaction(id) }
    }

    /// Whose chain is pinned.
    #[must_use]
    pub const fn genesis(&self) -> Genesis {
        self.genesis
    }

    /// The pinned position.
    #[must_use]
    pub const fn sequence(&self) -> u32 {
        self.sequence
    }

    /// What is pinned there.
    #[must_use]
    pub const fn commitment(&self) -> Commitment {
        self.commitment
    }

    /// Sequence number of the transaction that the pin authenticates: with it, everything before is
    /// proven, and without it nothing.
    #[must_use]
    pub const fn authenticated(&self) -> u32 {
        match self.commitment {
            Commitment::Transaction(_) => self.sequence,
            // Below the maximum, see `new`.
            Commitment::NextKey(_) => self.sequence.saturating_add(1),
        }
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:", self.genesis, self.sequence)?;
        match self.commitment {
            Commitment::Transaction(id) => id.fmt(f),
            Commitment::NextKey(hash) => hash.fmt(f),
        }
    }
}
