//! A real transaction verifies on the target as it does on the host, and no other does.
#![no_std]
#![no_main]
#![allow(clippy::unwrap_used, reason = "a test")]

use ledger_verify::nexus::chain::{Chain, Commitment, Pin};
use ledger_verify::nexus::operation::{Operation, Other};
use ledger_verify::nexus::register::Track;
use ledger_verify::nexus::transaction::{RAW_PREFIX, Transaction};
use ledger_verify::nexus::{Number, Reason};
use on_target_nexus::{REAL, REAL_ID};
use sel4_microkit::{Never, protection_domain};
use test_harness::tests;

#[protection_domain]
fn init() -> Never {
    test_harness::run(tests![
        a_real_transaction_verifies,
        a_real_transaction_proves_its_chain,
        flipped_bits_are_refused_for_what_they_spoil,
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

fn flipped_bits_are_refused_for_what_they_spoil() {
    for (at, reason) in [
        (0, Reason::RawPrefix),
        (10, Reason::NotPinned),
        (55, Reason::Version),
        (140, Reason::OtherGenesis),
        (200, Reason::NotPinned),
        (260, Reason::BadSignature),
        (433, Reason::BadSignature),
    ] {
        let mut bad = raw();
        bad[at] ^= 0x10;
        assert_eq!(real_chain().apply(&bad).map_err(|error| error.reason), Err(reason));
    }
}
