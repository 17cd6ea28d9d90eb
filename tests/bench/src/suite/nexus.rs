//! Figures of the Nexus ledger.

use bench_pds::nexus_data::{BRAINPOOL, FALCON, TRANSACTIONS, first_pin};
use ledger_verify::nexus::chain::Chain;
use ledger_verify::nexus::register::Track;

use super::ledger::rate;
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
    [("brainpoolP512t1", BRAINPOOL), ("Falcon-512", FALCON)].map(|(key_type, transactions)| {
        let name = format!("Nexus transactions replayed on the host, {key_type}");
        Row::new(name, "tx/s", Goal::None, replays(transactions))
    })
}

fn replays(transactions: &[u8]) -> Result<f64, String> {
    let pin = first_pin(transactions).ok_or("no chain")?;
    rate(TRANSACTIONS as f64, || {
        let mut chain: Chain<1> = Chain::new(pin, Track::Records);
        let replayed = chain.replay(transactions).and_then(|()| chain.proven().map(|_| ()));
        replayed.map_err(|error| error.to_string())
    })
}
