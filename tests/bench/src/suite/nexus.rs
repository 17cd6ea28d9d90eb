//! Figures of the Nexus ledger.

use std::time::Instant;

use ledger_verify::nexus::Number;
use ledger_verify::nexus::address::Address;
use ledger_verify::nexus::chain::{Chain, Commitment, Pin};
use ledger_verify::nexus::register::{Kind, Track};
use ledger_verify::nexus::signature::KeyType;
use ledger_verify::nexus::transaction::Transaction;
use ledger_verify::write::nexus::Wallet;

use super::median_of;
use crate::row::{Goal, Row};

/// Names of the on-target benchmarks' lines: row, unit, goal.
pub(super) const ON_TARGET: [(&str, &str, &str, Goal); 12] = [
    ("nexus_brainpool", "Nexus signature, brainpoolP512t1", "instr", Goal::None),
    ("nexus_brainpool_stack", "stack of that", "bytes", Goal::None),
    ("nexus_falcon", "Nexus signature, Falcon-512", "instr", Goal::None),
    ("nexus_falcon_stack", "stack of that", "bytes", Goal::None),
    ("nexus_brainpool_transaction", "Nexus transaction, brainpoolP512t1", "instr", Goal::None),
    ("nexus_brainpool_transaction_stack", "stack of its replay", "bytes", Goal::None),
    ("nexus_falcon_transaction", "Nexus transaction, Falcon-512", "instr", Goal::None),
    ("nexus_falcon_transaction_stack", "stack of its replay", "bytes", Goal::None),
    ("nexus_block_work", "Nexus block, its proof of work", "instr", Goal::None),
    ("nexus_block_primes", "Nexus block, its three primes", "instr", Goal::None),
    ("nexus_block_primes_stack", "stack of that", "bytes", Goal::None),
    ("nexus_merkle_node", "Nexus Merkle node", "instr", Goal::None),
];

/// Transactions that this host replays in a second, by the type of their keys.
pub(crate) fn rates() -> [Row; 2] {
    [(KeyType::Brainpool, 200), (KeyType::Falcon, 500)].map(|(key_type, count)| {
        let name = format!("Nexus transactions replayed on the host, {key_type}");
        let rate = Replay::new(key_type, count).and_then(|replay| median_of(|| replay.rate()));
        Row::new(name, "tx/s", Goal::None, rate)
    })
}

/// A chain that appends to a register, and its pin.
struct Replay {
    pin: Pin,
    transactions: Vec<Vec<u8>>,
}

impl Replay {
    fn new(key_type: KeyType, count: usize) -> Result<Self, String> {
        let number = |top| {
            let mut number = Number([7; 32]);
            number.0[31] = top;
            number
        };
        let mut wallet = Wallet::new([7; 32], number(0xa1), 1_700_000_000);
        wallet.key_type = key_type;
        let mut transactions = vec![wallet.seal()];
        let at = Address(number(0xd2));
        wallet.create(at, Kind::Append, b"log");
        transactions.push(wallet.seal());
        while transactions.len() < count {
            wallet.append(at, b".");
            transactions.push(wallet.seal());
        }
        let first = Transaction::parse_raw(&transactions[0]).map_err(|(_, why)| why.to_string())?;
        let pin = Pin::new(first.genesis, 0, Commitment::Transaction(first.id));
        Ok(Self { pin: pin.map_err(|error| error.to_string())?, transactions })
    }

    /// Transactions a second.
    fn rate(&self) -> Result<f64, String> {
        let mut chain: Chain<1> = Chain::new(self.pin, Track::All);
        let start = Instant::now();
        for raw in &self.transactions {
            chain.apply(raw).map_err(|error| error.to_string())?;
        }
        let seconds = start.elapsed().as_secs_f64();
        chain.proven().map_err(|error| error.to_string())?;
        Ok(self.transactions.len() as f64 / seconds)
    }
}
