//! What each flipped bit of the real transaction is refused for, on the host and on the target.

use ledger_verify::cbor::Problem;
use ledger_verify::nexus::Reason;

/// Refusal of the transaction of block 4,555,100 with bit `bit` of byte `byte` flipped, the lowest bit
/// being 0, by who pins its id, or by who pins the hash of its key.
pub(crate) fn refusal(byte: usize, bit: usize, is_id_pinned: bool) -> Reason {
    // What the signature covers, and the id.
    let covered = if is_id_pinned { Reason::NotPinned } else { Reason::BadSignature };
    let key = if is_id_pinned { Reason::BadSignature } else { Reason::NotPinned };
    match (byte, bit) {
        // No contract, or 129; or a second one in what follows.
        (0, 0 | 7) => Reason::Encoding(Problem::OutOfRange),
        (0, _) => Reason::Operation(0),
        // Lengths of operations, conditions and registers: the version is then read elsewhere.
        (1 | 51 | 52, _) => Reason::Version,
        // COINBASE becomes GENESIS or DEBIT, which are carried, or CREATE without a register.
        (2, 0 | 1) => covered,
        (2, 4) => Reason::Encoding(Problem::Truncated),
        (2, _) => Reason::Operation(0x12 ^ 1 << bit),
        (53..57, _) => Reason::Version,
        (57..61, _) => Reason::Start,
        (133..165, _) => Reason::OtherGenesis,
        (229, _) => Reason::KeyType,
        (231, _) => Reason::KeyLength,
        (232..297, _) => key,
        // Length of the signature.
        (297, 0..3 | 7) => Reason::Encoding(Problem::Trailing),
        (297, _) => Reason::Encoding(Problem::Truncated),
        (298.., _) => Reason::BadSignature,
        // The rest of the operation, time, keys to come, previous transaction, next type.
        _ => covered,
    }
}
