//! Chains of the Nexus ledger to be replayed, made by the test below from fixed keys.

use ledger_verify::nexus::chain::{Commitment, Pin};
use ledger_verify::nexus::transaction::Transaction;

/// Transactions in raw form back to back, from a user's first one on: their account, a pointer in a RAW
/// register, and two writes to it.
pub const BRAINPOOL: &[u8] = include_bytes!("../data/nexus_brainpool.bin");
/// The same, signed by keys of the other type.
pub const FALCON: &[u8] = include_bytes!("../data/nexus_falcon.bin");
/// How many transactions each has.
pub const TRANSACTIONS: u64 = 4;

/// The pin at the first of `transactions`; nothing if they are none.
#[must_use]
pub fn first_pin(transactions: &[u8]) -> Option<Pin> {
    let (first, _) = Transaction::split_raw(transactions).ok()?;
    Pin::new(first.genesis, first.sequence, Commitment::Transaction(first.id)).ok()
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use ledger_verify::Digest;
    use ledger_verify::nexus::Number;
    use ledger_verify::nexus::address::Address;
    use ledger_verify::nexus::record::Record;
    use ledger_verify::nexus::register::Kind;
    use ledger_verify::nexus::signature::KeyType;
    use ledger_verify::registers::{Name, Value};
    use ledger_verify::write::nexus::{Wallet, record_bytes};
    use std::fs;
    use std::vec::Vec;

    fn chain(key_type: KeyType) -> Vec<u8> {
        let number = |top| {
            let mut number = Number([7; 32]);
            number.0[31] = top;
            number
        };
        let data = |generation| {
            let value = Value::Pointer { root: Digest([9; 32]), generation };
            record_bytes(&Record { name: Name::new("volume/demo").unwrap(), value }, 128)
        };
        let mut wallet = Wallet::new([7; 32], number(0xa1), 1_700_000_000);
        wallet.key_type = key_type;
        let mut chain = wallet.seal();
        let at = Address(number(0xd3));
        wallet.create(at, Kind::Raw, &data(1));
        chain.extend(wallet.seal());
        for generation in 2..TRANSACTIONS {
            wallet.write(at, &data(generation));
            chain.extend(wallet.seal());
        }
        chain
    }

    /// `WRITE_DATA=1` writes the files anew, after a change of format.
    #[test]
    fn data_is_what_the_writing_side_makes() {
        for (name, committed, key_type) in
            [("brainpool", BRAINPOOL, KeyType::Brainpool), ("falcon", FALCON, KeyType::Falcon)]
        {
            let made = chain(key_type);
            let path = std::format!("{}/data/nexus_{name}.bin", env!("CARGO_MANIFEST_DIR"));
            if std::env::var_os("WRITE_DATA").is_some() {
                fs::write(&path, &made).unwrap();
            } else {
                assert!(committed == made, "{path}: run this test with WRITE_DATA=1");
            }
            assert!(first_pin(&made).is_some());
        }
    }
}
