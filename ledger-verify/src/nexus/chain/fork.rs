//! Proof that a chain's owner, or a thief of a key, said two things at once.

use crate::nexus::number::{Genesis, KeyHash, TransactionId};
use crate::nexus::transaction::Transaction;

/// Two transactions at one place of a chain, both signed by one key: evidence that convinces
/// everybody who knows that the key is the chain's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fork {
    /// Whose chain.
    pub genesis: Genesis,
    /// Sequence number of both transactions.
    pub sequence: u32,
    /// Hash of the key that signed both.
    pub key: KeyHash,
    /// The transactions, in the order given.
    pub transactions: [TransactionId; 2],
}

/// Whether two transactions, each in raw form, prove a fork: the same user and sequence number, the
/// same key, and different. `None` when they do not.
///
/// That the key is the chain's is for the reader to know: the transaction before commits to it. The
/// transactions before need not be the same, because a key signs once.
#[must_use]
pub fn fork(first: &[u8], second: &[u8]) -> Option<Fork> {
    let parse = |raw| Transaction::parse_raw(raw).ok();
    let (first, second) = (parse(first)?, parse(second)?);
    let same_place = first.genesis == second.genesis
        && first.sequence == second.sequence
        && first.public_key == second.public_key;
    if !same_place || first.id == second.id {
        return None;
    }
    first.verify_signature().ok()?;
    second.verify_signature().ok()?;
    let (genesis, sequence, key) = (first.genesis, first.sequence, first.key_hash());
    Some(Fork { genesis, sequence, key, transactions: [first.id, second.id] })
}
