//! `cairn nexus` and volumes that a Nexus chain vouches for, as a user runs them.

#![forbid(unsafe_code)]
#![allow(missing_docs, clippy::unwrap_used, reason = "a test may panic and has no reader of docs")]

#[path = "../bench/mod.rs"]
mod bench;
mod blocks;

use std::fs;

use bench::Bench;
use ledger_verify::Digest;
use ledger_verify::nexus::address::Address;
use ledger_verify::nexus::chain::{Commitment, Pin};
use ledger_verify::nexus::record::Record;
use ledger_verify::nexus::register::Kind;
use ledger_verify::nexus::{Genesis, Number};
use ledger_verify::registers::{Name, Value};
use ledger_verify::write::nexus::{Wallet, asset, bundle, record_object, record_text};

fn number(top: u8) -> Genesis {
    let mut number = Number([7; 32]);
    number.0[31] = top;
    number
}

fn wallet() -> Wallet {
    Wallet::new([1; 32], number(0xa1), 1_700_000_000)
}

fn pin(wallet: &Wallet) -> String {
    let commitment = Commitment::Transaction(wallet.previous);
    Pin::new(wallet.genesis, wallet.sequence - 1, commitment).unwrap().to_string()
}

/// A chain of three whose second transaction vouches for volume `demo`, in an asset or an object.
fn chain(root: Digest, kind: Kind) -> (Wallet, Vec<Vec<u8>>) {
    let mut wallet = wallet();
    let mut raws = vec![wallet.seal()];
    let value = Value::Pointer { root, generation: 3 };
    let record = Record { name: Name::new("volume/demo").unwrap(), value };
    let data = match kind {
        Kind::Object => record_object(&record),
        _ => asset(&record_text(&record), 256),
    };
    wallet.create(Address(number(0xd0 + kind as u8)), kind, &data);
    raws.push(wallet.seal());
    wallet.create(Address(number(0xd2)), Kind::Append, b"x");
    raws.push(wallet.seal());
    (wallet, raws)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn transactions_are_shown_in_every_form() {
    let bench = Bench::new();
    let (_, raws) = chain(Digest([5; 32]), Kind::Object);
    let merkle = [&raws[1][1..], &[9; 128], &[1], &[8; 64], &[3, 0, 0, 0]].concat();
    bench.write("raw", &raws[1]);
    bench.write("hex", format!("{}\n", hex(&raws[1])).as_bytes());
    bench.write("bare", &raws[1][1..]);
    bench.write("chain", &raws.concat());
    bench.write("bundle", &bundle(&raws));
    bench.write("merkle", &merkle);
    for (name, count, form) in [
        ("raw", 1, "raw transaction"),
        ("hex", 1, "raw transaction"),
        ("bare", 1, "transaction"),
        ("chain", 3, "raw transactions"),
        ("bundle", 3, "bundle"),
        ("merkle", 1, "transaction with branch"),
    ] {
        let shown = bench.json(&format!("nexus show {name}"));
        assert_eq!(shown["form"], form);
        let transactions = shown["transactions"].as_array().unwrap();
        assert_eq!(transactions.len(), count, "{name}");
        let object = &transactions[count / 2];
        assert_eq!((&object["sequence"], &object["signed"]), (&1.into(), &true.into()));
        let contract = &object["contracts"][0];
        assert_eq!(contract["operation"], "CREATE");
        assert_eq!(contract["record"]["name"], "volume/demo");
        assert_eq!(contract["fields"][2]["name"], "root");
        assert_eq!(contract["fields"][2]["value"], "05".repeat(32));
        let text = bench.ok(&format!("nexus show {name}"));
        assert!(text.contains("claimed, not proven") && text.contains("root (mutable): 0505"));
    }
    let mut unsigned = raws[1].clone();
    *unsigned.last_mut().unwrap() ^= 1;
    bench.write("unsigned", &unsigned);
    assert!(bench.ok("nexus show unsigned").contains("NOT signed by"));
    for end in [0, 1, 40, raws[1].len() - 1] {
        bench.write("cut", &raws[1][..end]);
        assert!(bench.fails("nexus show cut", 1).contains("cut: byte "));
    }
    bench.fails("nexus show missing", 3);
}

#[test]
fn a_real_transaction_is_shown_and_verified() {
    let vectors = include_str!("../../../../ledger-verify/tests/vectors/nexus.json");
    let vectors: serde_json::Value = serde_json::from_str(vectors).unwrap();
    let block = &vectors["block_4555100"];
    let bench = Bench::new();
    bench.write("tx", block["tx_hex"].as_str().unwrap().as_bytes());
    let shown = bench.json("nexus show tx");
    let shown = &shown["transactions"][0];
    assert_eq!((&shown["id"], &shown["signed"]), (&block["txid"], &true.into()));
    assert_eq!(shown["contracts"][0]["operation"], "COINBASE");
    let genesis = shown["genesis"].as_str().unwrap();
    let pin = format!("{genesis}:{}:{}", shown["sequence"], shown["id"].as_str().unwrap());
    let verdict = bench.json(&format!("nexus verify tx --pin {pin}"));
    assert_eq!(verdict["pin"], pin);
    let alone = bench.fails(&format!("nexus verify tx --pin {genesis}"), 2);
    assert!(alone.contains("a genesis commits to no key"), "{alone}");
}

#[test]
fn a_bundle_proves_what_its_pin_authenticates() {
    let bench = Bench::new();
    let (wallet, raws) = chain(Digest([5; 32]), Kind::Raw);
    for (index, raw) in raws.iter().enumerate() {
        bench.write(&format!("tx{index}"), raw);
    }
    let made = bench.json("nexus bundle tx0 tx1 tx2 --output bundle");
    assert_eq!(made["pin"], pin(&wallet));
    assert_eq!(fs::read(bench.path("bundle")).unwrap(), bundle(&raws));
    let verify = format!("nexus verify bundle --pin {}", pin(&wallet));
    let verdict = bench.json(&verify);
    assert_eq!(verdict["transactions"], 3);
    assert_eq!(verdict["registers"][0]["record"]["version"], "3");
    assert_eq!(verdict["registers"][0]["record"]["digest"], "05".repeat(32));
    assert!(bench.ok(&verify).contains("pointer volume/demo  3  0505"));

    // One byte, and the error names the transaction.
    let mut bad = bundle(&raws);
    *bad.last_mut().unwrap() ^= 1;
    bench.write("bundle", &bad);
    assert!(bench.fails(&verify, 1).contains("bundle: nexus transaction 2: bad signature"));
    bench.ok("nexus bundle tx0 tx1 --output bundle");
    assert!(bench.fails(&verify, 1).contains("transaction 2: pinned, but missing"));
    bench.ok("nexus bundle tx1 tx2 --output bundle");
    assert!(bench.fails(&verify, 1).contains("neither the first nor the pinned"));
    assert!(bench.fails("nexus bundle missing -o bundle", 3).contains("missing"));
    bench.fails("nexus verify bundle --pin 7", 2);
    bench.fails("nexus verify bundle", 2);
}

#[test]
fn a_nexus_chain_vouches_for_a_volume() {
    for kind in [Kind::Raw, Kind::Object] {
        let bench = Bench::new();
        let genesis = number(0xa1);
        let build = format!("volume build demo image --genesis {genesis} --generation 3");
        let waiting = bench.json(&build);
        let root = Digest::from_hex(waiting["root"].as_str().unwrap()).unwrap();
        let (wallet, raws) = chain(root, kind);
        // What is printed for the wallet is what vouches.
        let value = Value::Pointer { root, generation: 3 };
        let record = Record { name: Name::new("volume/demo").unwrap(), value };
        assert_eq!(waiting["asset"], record_text(&record));
        assert_eq!(waiting["fields"][2]["name"], "root");
        assert_eq!(waiting["fields"][2]["value"], waiting["root"]);
        bench.write("bundle", &bundle(&raws));
        let trust = format!("--nexus bundle --pin {}", pin(&wallet));
        assert!(bench.fails(&format!("volume verify image {trust}"), 1).contains("chain area"));
        let built = bench.json(&format!("volume embed image {trust}"));
        assert_eq!((&built["sequence"], &built["generation"]), (&2.into(), &3.into()));
        assert_eq!(bench.json(&format!("volume verify image {trust}"))["ok"], true);
        assert!(bench.ok(&format!("volume ls image {trust}")).contains("a.txt"));
        let anchor = format!("nexus anchor bundle --volume demo -o anchor --pin {}", pin(&wallet));
        bench.ok(&anchor);
        let blob = fs::read(bench.path("anchor")).unwrap();
        assert_eq!((blob.len(), &blob[..8], blob[12]), (160, &b"CAIRNANC"[..], 2));
        assert_eq!(blob[16..48], genesis.0);
        assert_eq!(blob[48..56], 2_u64.to_le_bytes());
        assert_eq!([&blob[56..88], &blob[128..]].concat(), wallet.previous.0);
        assert_eq!(blob[88..96], 3_u64.to_le_bytes());
        assert_eq!(&blob[96..101], b"demo\0");
        let other = anchor.replace("--volume demo", "--volume other");
        assert!(bench.fails(&other, 1).contains("vouches for no volume other"));

        // Another root, another chain.
        let (wallet, raws) = chain(Digest([5; 32]), kind);
        bench.write("bundle", &bundle(&raws));
        let other = format!("volume embed image --nexus bundle --pin {}", pin(&wallet));
        assert!(bench.fails(&other, 1).contains("not vouched for"));
        bench.ok("chain init chain");
        assert!(bench.fails("volume ls image --chain chain", 1).contains("another chain"));
        bench.fails("volume ls image --chain chain --nexus bundle --pin x", 2);
        bench.fails("volume ls image --nexus bundle", 2);
        bench.fails("volume ls image", 2);
        bench.fails("volume build demo image --genesis 7 --generation 3", 2);
        bench.fails("volume build demo image", 2);
    }
}
