//! A real transaction verifies on the target as it does on the host, and no other does.
#![no_std]
#![no_main]
#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "../../../../ledger-verify/tests/nexus/flips.rs"]
mod flips;

use ledger_verify::nexus::Number;
use ledger_verify::nexus::chain::{Chain, Commitment, Pin};
use ledger_verify::nexus::operation::{Operation, Other};
use ledger_verify::nexus::register::Track;
use ledger_verify::nexus::transaction::{RAW_PREFIX, Transaction};
use on_target_nexus::{REAL, REAL_ID};
use sel4_microkit::{Never, protection_domain};
use test_harness::tests;

#[protection_domain]
fn init() -> Never {
    test_harness::run(tests![
        a_real_transaction_verifies,
        a_real_transaction_proves_its_chain,
        every_flipped_bit_is_refused_for_what_it_spoils,
    ])
}

/// The real transaction in raw form.
fn raw() -> [u8; 434] {
    let mut raw = [RAW_PREFIX; 434];
    raw[1..].copy_from_slice(REAL);
    raw
}

fn real_chain() -> Chain<1> {
    let transaction = Transaction::parse(REAL).unwrap();
    let commitment = Commitment::Transaction(transaction.id);
    let pin = Pin::new(transaction.genesis, transaction.sequence, commitment).unwrap();
    Chain::new(pin, Track::All)
}

fn a_real_transaction_verifies() {
    let transaction = Transaction::parse(REAL).unwrap();
    assert_eq!(Some(transaction.id), Number::from_hex(REAL_ID));
    assert_eq!((transaction.version, transaction.sequence), (4, 11_340));
    assert_eq!(transaction.verify_signature(), Ok(()));
    let operation = transaction.contracts().next().unwrap().operation();
    assert_eq!(operation, Ok(Operation::Other(Other::Coinbase)));
}

fn a_real_transaction_proves_its_chain() {
    let mut chain = real_chain();
    chain.apply(&raw()).unwrap();
    assert_eq!(Some(chain.proven().unwrap().head().id), Number::from_hex(REAL_ID));
}

fn every_flipped_bit_is_refused_for_what_it_spoils() {
    let good = raw();
    for place in 0..REAL.len() * 8 {
        let (byte, bit) = (place / 8, place % 8);
        let mut bad = good;
        bad[1 + byte] ^= 1 << bit;
        let refusal = real_chain().apply(&bad).unwrap_err().reason;
        assert_eq!(refusal, flips::refusal(byte, bit, true), "byte {byte}, bit {bit}");
    }
}
