//! Transactions: a real one of the main network, and hostile variants of it.

use ledger_verify::cbor::Problem;
use ledger_verify::nexus::chain::{Chain, Commitment, Pin, PinError};
use ledger_verify::nexus::operation::{Operation, Other};
use ledger_verify::nexus::register::Track;
use ledger_verify::nexus::signature::KeyType;
use ledger_verify::nexus::transaction::{
    CONTRACTS_MAX, MerkleTransaction, RAW_PREFIX, Transaction,
};
use ledger_verify::nexus::{Number, Reason, address::Address};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::flips;
use crate::support::{hex, ledger_vectors};

fn real() -> Vec<u8> {
    hex(&ledger_vectors()["block_4555100"]["tx_hex"])
}

fn raw(transaction: &[u8]) -> Vec<u8> {
    [&[RAW_PREFIX], transaction].concat()
}

fn reason(transaction: &[u8]) -> Option<Reason> {
    Transaction::parse(transaction).err().map(|(_, reason)| reason)
}

#[test]
fn a_real_transaction_verifies_byte_by_byte() {
    let vectors = ledger_vectors();
    let block = &vectors["block_4555100"];
    let bytes = real();
    // What the tests on target read.
    assert_eq!(bytes, include_bytes!("../vectors/nexus_4555100.bin"));
    let transaction = Transaction::parse(&bytes).unwrap();
    assert_eq!(transaction.id.to_string(), block["txid"].as_str().unwrap());
    assert_eq!(transaction.signed_bytes().to_vec(), hex(&block["sig_message"]));
    transaction.verify_signature().unwrap();
    assert_eq!((transaction.version, transaction.sequence), (4, 0x2c4c));
    assert_eq!(transaction.time_s, 0x62df_8bcf);
    assert_eq!(transaction.key_type, KeyType::Brainpool);
    assert_eq!(transaction.next_type, 2);
    assert_eq!(transaction.recovery, Number::ZERO);
    assert_eq!(transaction.genesis.top(), 0xa1);
    let mut contracts = transaction.contracts();
    assert_eq!(contracts.len(), 1);
    let contract = contracts.next().unwrap();
    assert_eq!(contract.operation(), Ok(Operation::Other(Other::Coinbase)));
    assert_eq!(contract.operations.len(), 49);
    assert!(contract.conditions.is_empty() && contract.registers.is_empty());
    assert!(contracts.next().is_none());

    let mut chain = real_chain();
    chain.apply(&raw(&bytes)).unwrap();
    assert_eq!(chain.proven().unwrap().head().id, transaction.id);
}

fn real_chain() -> Chain<1> {
    let bytes = real();
    let transaction = Transaction::parse(&bytes).unwrap();
    let commitment = Commitment::Transaction(transaction.id);
    let pin = Pin::new(transaction.genesis, transaction.sequence, commitment).unwrap();
    Chain::new(pin, Track::All)
}

#[test]
fn every_flipped_bit_of_a_real_transaction_is_refused_for_what_it_spoils() {
    let good = real();
    let transaction = Transaction::parse(&good).unwrap();
    let before = transaction.sequence - 1;
    let key = Commitment::NextKey(transaction.key_hash());
    let key = Chain::new(Pin::new(transaction.genesis, before, key).unwrap(), Track::All);
    for (chain, is_id_pinned) in [(real_chain(), true), (key, false)] {
        assert_eq!(chain.clone().apply(&raw(&good)), Ok(()));
        for place in 0..good.len() * 8 {
            let (byte, bit) = (place / 8, place % 8);
            let mut bad = good.clone();
            bad[byte] ^= 1 << bit;
            let refusal = chain.clone().apply(&raw(&bad)).unwrap_err().reason;
            let expected = flips::refusal(byte, bit, is_id_pinned);
            assert_eq!(refusal, expected, "byte {byte}, bit {bit}");
        }
    }
}

#[test]
fn every_cut_and_every_extension_of_a_transaction_is_refused() {
    let good = real();
    for end in 0..good.len() {
        assert_eq!(reason(&good[..end]), Some(Reason::Encoding(Problem::Truncated)), "{end}");
    }
    for byte in 0..=255 {
        let longer = [good.as_slice(), &[byte]].concat();
        assert_eq!(reason(&longer), Some(Reason::Encoding(Problem::Trailing)));
    }
    assert_eq!(Transaction::parse_raw(&good).unwrap_err(), (0, Reason::RawPrefix));
    assert_eq!(Transaction::parse_raw(&[]).unwrap_err(), (0, Reason::RawPrefix));
}

#[test]
fn a_length_has_one_form_only() {
    let good = real();
    // Contract count; operations, conditions, registers; key; signature.
    for (at, value) in [(0, 1), (1, 49), (51, 0), (52, 0), (231, 65), (297, 135)] {
        assert_eq!(good[at], value);
        for form in [
            vec![0xfd, value, 0],
            vec![0xfe, value, 0, 0, 0],
            vec![0xff, value, 0, 0, 0, 0, 0, 0, 0],
        ] {
            let longer = [&good[..at], &form, &good[at + 1..]].concat();
            let refused = Transaction::parse(&longer).unwrap_err();
            assert_eq!(refused, (at, Reason::Encoding(Problem::NotShortest)));
        }
    }
}

#[test]
fn a_transaction_has_at_most_100_contracts_and_32_kib() {
    let good = real();
    let contract = &good[1..53];
    let with = |count: u8, contract: &[u8]| {
        [&[count], contract.repeat(count.into()).as_slice(), &good[53..]].concat()
    };
    assert_eq!(reason(&with(u8::try_from(CONTRACTS_MAX).unwrap(), contract)), None);
    let range = Some(Reason::Encoding(Problem::OutOfRange));
    assert_eq!(reason(&with(101, contract)), range);
    assert_eq!(reason(&with(0, contract)), range);
    let long = [&[0xfd, 0xe8, 0x03], [0x10; 1000].as_slice(), &[0, 0]].concat();
    assert_eq!(reason(&with(32, &long)), None);
    assert_eq!(reason(&with(33, &long)), Some(Reason::TooLong));
}

#[test]
fn a_key_of_one_type_does_not_pass_for_another() {
    let good = real();
    let with_type = |number| {
        let mut bad = good.clone();
        bad[229] = number;
        bad
    };
    assert_eq!(reason(&with_type(1)), Some(Reason::KeyLength));
    // secp256k1 is declared and never accepted.
    for number in [0, 3, 4, 0xff] {
        assert_eq!(reason(&with_type(number)), Some(Reason::KeyType));
    }
    // A Falcon key and signature under the type of the other, and the other way round.
    let falcon = &ledger_vectors()["falcon512_ct"];
    let tail = |public: &[u8], signature: &[u8]| {
        let compact = |bytes: &[u8]| {
            let [low, high, ..] = bytes.len().to_le_bytes();
            if bytes.len() < 0xfd { vec![low] } else { vec![0xfd, low, high] }
        };
        [&compact(public), public, &compact(signature), signature].concat()
    };
    let falcon = tail(&hex(&falcon["pubkey"]), &hex(&falcon["sig"]));
    for (number, tail, expected) in [
        (2, falcon.as_slice(), Some(Reason::KeyLength)),
        (1, &good[231..], Some(Reason::KeyLength)),
        (1, &falcon, None),
    ] {
        let mixed = [&with_type(number)[..231], tail].concat();
        assert_eq!(reason(&mixed), expected);
        if let Ok(transaction) = Transaction::parse(&mixed) {
            let bad = transaction.verify_signature().unwrap_err();
            assert_eq!(bad.1, Reason::BadSignature);
        }
    }
}

#[test]
fn a_genesis_alone_is_no_pin() {
    let genesis = "a1".to_owned() + &"07".repeat(31);
    let (id, key) = ("01".to_owned() + &"5c".repeat(63), "99".repeat(32));
    for (text, expected) in [
        (genesis.clone(), Err(PinError::GenesisOnly)),
        (format!("{genesis}:7"), Err(PinError::GenesisOnly)),
        (format!("{genesis}:7:{}", "0".repeat(64)), Err(PinError::GenesisOnly)),
        (format!("{genesis}:7:{}", "0".repeat(128)), Err(PinError::GenesisOnly)),
        (format!("{genesis}:7:{id}"), Ok(7)),
        (format!("{genesis}:7:{key}"), Ok(8)),
        (format!("{genesis}:4294967295:{id}"), Ok(u32::MAX)),
        (format!("{genesis}:4294967295:{key}"), Err(PinError::Sequence)),
        (format!("{genesis}:4294967296:{id}"), Err(PinError::Text)),
        (format!("{genesis}:-1:{id}"), Err(PinError::Text)),
        (format!("{genesis}:+7:{id}"), Err(PinError::Text)),
        (format!("{genesis}:7:{id}:"), Err(PinError::Text)),
        (format!("{genesis}:7:{id}0"), Err(PinError::Text)),
        (String::new(), Err(PinError::Text)),
        (format!("{}:7:{id}", genesis.replace("a1", "c1")), Err(PinError::Genesis)),
    ] {
        let pin = Pin::from_text(&text);
        assert_eq!(pin.map(|pin| pin.authenticated()), expected, "{text}");
        if let Ok(pin) = pin {
            assert_eq!(pin.to_string(), text);
        }
    }
    assert_eq!(PinError::GenesisOnly.to_string(), "a genesis commits to no key");
}

#[test]
fn merkle_transactions_are_read_strictly() {
    let transaction = real();
    let good = [transaction.as_slice(), &[7; 128], &[2], &[8; 128], &[5, 0, 0, 0]].concat();
    let parsed = MerkleTransaction::parse(&good).unwrap();
    assert_eq!(parsed.block, Number([7; 128]));
    assert_eq!(parsed.branch, [[8; 64]; 2]);
    assert_eq!(parsed.index, 5);
    assert_eq!(parsed.transaction.id, Transaction::parse(&transaction).unwrap().id);
    for end in 0..good.len() {
        assert!(MerkleTransaction::parse(&good[..end]).is_err());
    }
    assert!(MerkleTransaction::parse(&[good.as_slice(), &[0]].concat()).is_err());
    let deep = [transaction.as_slice(), &[7; 128], &[25], &[8; 25 * 64], &[5, 0, 0, 0]].concat();
    let out_of_range = Reason::Encoding(Problem::OutOfRange);
    assert_eq!(MerkleTransaction::parse(&deep).unwrap_err().1, out_of_range);
}

#[test]
fn addresses_of_the_real_ledger_are_read_and_printed() {
    // Examples of the wallet's manual, LLL-TAO docs/API/COMMANDS.
    for text in [
        "87VmNhitFJv3WA3Yrovt9A3hts2MoXcfExyy9LiXyhK1sdThwYM",
        "87Wai2JoS4hNAEVXZVmejLS6pK21XQWKoLAkaep5aXFdrYnJJyk",
        "88NcYcKtMTRwtwDgfXFkZ4TbrHvkRGzsQkqVZco77Hqx1WRgCyi",
        "8Dnn5LUeffcRCqZLpboCHnzw5AkfwzkM5hjVScjSDHVKhFpVzCB",
        "8ESvYizqdApiuKEBjZMF1hnB8asDqECaDwAstcH3UtJ4Z6ceCn2",
    ] {
        let address = Address::from_text(text).unwrap_or_else(|| panic!("{text}"));
        assert!(address.kind().is_some());
        assert_eq!(address.to_string(), text);
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_no_transaction(bytes in vec(any::<u8>(), 0..600)) {
        let _ = Transaction::parse(&bytes);
        let _ = Transaction::parse_raw(&raw(&bytes));
        let _ = MerkleTransaction::parse(&bytes);
        prop_assert!(real_chain().apply(&raw(&bytes)).is_err());
    }

    #[test]
    fn a_spoiled_transaction_is_refused(
        place in any::<prop::sample::Index>(),
        patch in vec(any::<u8>(), 1..5),
        removed in 0..5_usize,
    ) {
        let good = real();
        let mut bad = good.clone();
        let start = place.index(good.len());
        let end = (start + removed).min(bad.len());
        bad.splice(start..end, patch);
        prop_assert_eq!(real_chain().apply(&raw(&bad)).is_ok(), bad == good);
    }

    #[test]
    fn arbitrary_pins_are_read_or_refused(text in ".{0,120}") {
        if let Ok(pin) = Pin::from_text(&text) {
            prop_assert_eq!(Pin::from_text(&pin.to_string()), Ok(pin));
        }
    }
}
