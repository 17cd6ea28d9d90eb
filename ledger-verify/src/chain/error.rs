//! Why a chain was refused.

use core::fmt;

use crate::algorithm::Algorithm;
use crate::cbor::Problem;
use crate::registers::Rule;

/// Why a chain was refused, and where.
///
/// Displays as one line, for example `chain event 4: bad signature`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error {
    /// Sequence number that the refused event had to have.
    pub event: u64,
    /// Offset of the refused item, in bytes from where the replay began.
    pub offset: u64,
    /// The rule that was broken.
    pub reason: Reason,
}

/// The rule that was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Not the encoding that `docs/ledger.md` prescribes.
    Encoding(Problem),
    /// The body, with its longest signature, is longer than [`super::BUFFER_BYTES`].
    TooLong,
    /// A format version that this verifier does not know.
    Version,
    /// No such kind of event, or fields that its kind must not have.
    Kind,
    /// The event names another chain.
    OtherChain,
    /// The sequence number is not the next one.
    Sequence,
    /// The digest of the event before is another one.
    Previous,
    /// Older than the event before.
    Time,
    /// The chain was revoked by the event before.
    Revoked,
    /// The key set is not the one that the event before committed to.
    KeysNotCommitted,
    /// A recovery, but the event before commits to no recovery keys.
    NoRecovery,
    /// The recovery commitment changed without a recovery.
    RecoveryChanged,
    /// The next or the recovery key set is one that is in use already.
    KeysReused,
    /// The keys of a set do not ascend, or the threshold is not 1 to the number of keys.
    KeySet,
    /// No such algorithm.
    AlgorithmUnknown,
    /// An algorithm that this build does not verify.
    AlgorithmUnsupported(Algorithm),
    /// A key's algorithm is weaker than that of the event before, or than the policy wants.
    AlgorithmWeaker,
    /// Fewer signatures than the threshold.
    TooFewSignatures,
    /// Signatures not in ascending order of keys, or of a key that is not there.
    SignatureOrder,
    /// A public key is not the one whose id is in the key set.
    KeyUnknown,
    /// A signature does not verify.
    BadSignature,
    /// A register write breaks a rule.
    Register(Rule),
    /// The registers are not those that the event's signers saw.
    State,
    /// The snapshot of the registers is not one.
    Snapshot,
    /// Registers came behind events or in a replay that ends at the anchor, or the chain was begun again
    /// inside an event.
    Resumed,
    /// Another event than the anchored one stands at the anchor's sequence number.
    NotAnchored,
    /// An event behind the anchored one, in a replay that ends there.
    AfterAnchor,
    /// The chain ends before the anchored event.
    BeforeAnchor {
        /// Sequence number of the anchored event.
        anchored: u64,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Reason::BeforeAnchor { anchored } = self.reason {
            return write!(f, "chain ends before event {}, anchored is {anchored}", self.event);
        }
        write!(f, "chain event {}: {}", self.event, self.reason)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Encoding(problem) => return problem.fmt(f),
            Self::Register(rule) => return rule.fmt(f),
            Self::AlgorithmUnsupported(algorithm) => {
                return write!(f, "{algorithm} not supported");
            }
            Self::BeforeAnchor { anchored } => return write!(f, "before the anchored {anchored}"),
            Self::TooLong => "too long",
            Self::Version => "unknown version",
            Self::Kind => "bad kind of event",
            Self::OtherChain => "of another chain",
            Self::Sequence => "wrong sequence number",
            Self::Previous => "does not follow the event before",
            Self::Time => "older than the event before",
            Self::Revoked => "chain is revoked",
            Self::KeysNotCommitted => "keys not committed to",
            Self::NoRecovery => "no recovery keys",
            Self::RecoveryChanged => "recovery keys changed",
            Self::KeysReused => "keys used twice",
            Self::KeySet => "bad key set",
            Self::AlgorithmUnknown => "unknown algorithm",
            Self::AlgorithmWeaker => "weaker algorithm",
            Self::TooFewSignatures => "too few signatures",
            Self::SignatureOrder => "signatures out of order",
            Self::KeyUnknown => "key not in the key set",
            Self::BadSignature => "bad signature",
            Self::State => "registers differ from those signed",
            Self::Snapshot => "bad register snapshot",
            Self::Resumed => "resumed at the wrong place",
            Self::AfterAnchor => "after the anchored event",
            Self::NotAnchored => "not the anchored event",
        })
    }
}

impl core::error::Error for Error {}
