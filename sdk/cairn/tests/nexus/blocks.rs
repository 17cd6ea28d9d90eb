//! Which blocks transactions are in, and every way to be in none.

use std::fs;
use std::path::Path;

use ledger_verify::Digest;
use ledger_verify::nexus::Number;
use ledger_verify::nexus::hash::{sk512, sk1024};
use ledger_verify::nexus::register::Kind;
use ledger_verify::nexus::transaction::Transaction;
use ledger_verify::write::nexus::{bundle, inclusion};
use serde_json::json;

use crate::bench::Bench;
use crate::{chain, hex, pin};

/// A block's header of version 8; the channels are 0 stake, 1 prime, 2 hash, 3 private.
fn header(previous: &[u8], merkle_root: &[u8; 64], channel: u32, height: u32) -> Vec<u8> {
    let numbers = [channel, height, 0x7e7f_ffff].map(u32::to_le_bytes).concat();
    let time_s = (1_700_000_000 + u64::from(height)).to_le_bytes();
    [&8_u32.to_le_bytes(), previous, merkle_root, &numbers, &[0; 8], &time_s, &[0]].concat()
}

/// A header of the hash channel whose work is easy to do: one nonce in 2^17.
fn mined(previous: &[u8], merkle_root: &[u8; 64], height: u32) -> Vec<u8> {
    let mut header = header(previous, merkle_root, 2, height);
    for nonce in 0_u64.. {
        header[208..216].copy_from_slice(&nonce.to_le_bytes());
        let proof = sk1024(&header[..216]);
        if proof[126..] == [0; 2] && proof[125] < 0x80 {
            break;
        }
    }
    header
}

/// Three blocks above one with three transactions, of which the middle one is `id`; from the highest
/// down, and the branch of `id`.
fn blocks(id: &[u8; 64]) -> (Vec<Vec<u8>>, [[u8; 64]; 2]) {
    let (first, last) = ([3; 64], [4; 64]);
    let odd = sk512(&[last, last].concat());
    let root = sk512(&[sk512(&[first, *id].concat()), odd].concat());
    let lowest = header(&[1; 128], &root, 0, 100);
    let prime = header(&sk1024(&lowest), &[5; 64], 1, 101);
    // Primes before version 7 do not say where they are.
    let prime = [&6_u32.to_le_bytes(), &prime[4..220]].concat();
    let stake = header(&sk1024(&prime), &[6; 64], 0, 102);
    let hash = mined(&sk1024(&stake), &[7; 64], 103);
    (vec![hash, stake, prime, lowest], [first, odd])
}

fn block_hash(header: &[u8]) -> String {
    Number(sk1024(header)).to_string()
}

/// A chain whose second transaction stands in a block, as a node hands it out: with its branch.
struct Placed {
    bench: Bench,
    id: [u8; 64],
    headers: Vec<Vec<u8>>,
    branch: [[u8; 64]; 2],
    raws: Vec<Vec<u8>>,
    pin: String,
}

impl Placed {
    fn new() -> Self {
        let bench = Bench::new();
        let (wallet, raws) = chain(Digest([5; 32]), Kind::Raw);
        let id = Transaction::parse_raw(&raws[1]).unwrap().id.0;
        let (headers, branch) = blocks(&id);
        let block = sk1024(&headers[3]);
        let merkle = [&raws[1][1..], &block, &[2], branch.as_flattened(), &[1, 0, 0, 0]].concat();
        bench.write("tx0", &raws[0]);
        bench.write("tx1", &merkle);
        bench.write("tx2", &raws[2]);
        bench.write("headers", &headers.concat());
        Self { bench, id, headers, branch, raws, pin: pin(&wallet) }
    }

    fn trusted(&self) -> String {
        block_hash(&self.headers[0])
    }

    /// Writes a bundle with an inclusion that cannot be read, and tells why.
    fn refusal_of_form(&self, inclusion: &[u8]) -> String {
        self.bench.write("bad", &[bundle(&self.raws), inclusion.to_vec()].concat());
        self.bench.fails(&format!("nexus verify bad --pin {}", self.pin), 1)
    }

    /// Writes a bundle with another inclusion, and tells why it is refused.
    fn refusal(&self, inclusion: &[u8]) -> String {
        self.bench.write("bad", &[bundle(&self.raws), inclusion.to_vec()].concat());
        let Self { pin, .. } = self;
        self.bench.ok(&format!("nexus verify bad --pin {pin}"));
        let line = format!("nexus verify bad --pin {pin} --block {}", self.trusted());
        self.bench.fails(&line, 1)
    }
}

/// The files that docs/nexus.md takes to show the commands, and the commands. `BLESS=1` writes the files.
#[test]
fn the_commands_of_the_page_prove_what_it_says() {
    const FOLDER: &str = "docs/nexus-sample";
    let Placed { bench, pin, headers, .. } = &Placed::new();
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    fs::create_dir_all(bench.path(FOLDER)).unwrap();
    for name in ["tx0", "tx1", "tx2", "headers"] {
        let (made, kept) =
            (fs::read(bench.path(name)).unwrap(), docs.join("nexus-sample").join(name));
        if std::env::var_os("BLESS").is_some() {
            fs::create_dir_all(docs.join("nexus-sample")).unwrap();
            fs::write(&kept, &made).unwrap();
        }
        assert_eq!(fs::read(kept).unwrap(), made, "{name}");
        fs::rename(bench.path(name), bench.path(&format!("{FOLDER}/{name}"))).unwrap();
    }
    let page = fs::read_to_string(docs.join("nexus.md")).unwrap();
    let (_, text) = page.split_once("## Trying it").unwrap();
    let (text, _) = text.split_once("\n## ").unwrap();
    let block = block_hash(&headers[0]);
    assert!(text.contains(&format!("pin={pin}\n")), "pin={pin}");
    assert!(text.contains(&format!("block={block}\n")), "block={block}");
    let commands = text.lines().filter_map(|line| line.strip_prefix("cairn "));
    let commands: Vec<_> = commands.map(|line| line.split('#').next().unwrap()).collect();
    assert!(commands.len() > 4, "{commands:?}");
    let said = commands.iter().map(|command| {
        bench.ok(&command.replace("$pin", pin).replace("$block", &block).replace("$sample", FOLDER))
    });
    let said: String = said.collect();
    let shown = text.split("```console\n").nth(1).unwrap().split("```").next().unwrap();
    for line in shown.lines() {
        assert!(said.contains(line), "no `{line}` in:\n{said}");
    }
}

#[test]
fn a_block_that_is_trusted_proves_where_a_transaction_stands() {
    let placed = Placed::new();
    let Placed { bench, headers, pin, .. } = &placed;
    let trusted = placed.trusted();
    let made = bench.json("nexus bundle tx0 tx1 tx2 --headers headers -o bundle");
    assert_eq!((&made["transactions"], &made["inclusions"]), (&3.into(), &1.into()));
    let line = format!("nexus verify bundle --pin {pin} --block {trusted}");
    let verdict = bench.json(&line);
    let inclusion = &verdict["inclusions"][0];
    assert_eq!((&inclusion["sequence"], &inclusion["height"]), (&1.into(), &100.into()));
    assert_eq!(inclusion["id"], Number(placed.id).to_string());
    assert_eq!(inclusion["block"], block_hash(&headers[3]));
    assert_eq!(inclusion["trusted"], trusted);
    assert_eq!(inclusion["time_s"], 1_700_000_100);
    let (work, link) = ("proof of work", "linked only");
    let block = |height, channel, evidence| json!({ "height": height, "channel": channel, "evidence": evidence });
    let expected = [
        block(103, "hash", work),
        block(102, "stake", link),
        block(101, "prime", link),
        block(100, "stake", link),
    ];
    assert_eq!(inclusion["blocks"], json!(expected));
    assert_eq!(verdict["inclusions_not_judged"], 0);
    let text = bench.ok(&line);
    assert!(text.contains("transaction 1 is in block 100"), "{text}");
    for lines in ["1 of channel hash: proof of work", "2 of channel stake: linked only"] {
        assert!(text.contains(lines), "{text}");
    }
    // A second block that is trusted does not matter, and a lower one is enough for less.
    bench.ok(&format!("{line} --block {}", block_hash(&headers[1])));
    let late = [bundle(&placed.raws), inclusion_from(&placed, 1)].concat();
    bench.write("late", &late);
    let late = format!("nexus verify late --pin {pin} --block {}", block_hash(&headers[1]));
    let verdict = bench.json(&format!("{late} --block {trusted}"));
    assert_eq!(verdict["inclusions"][0]["trusted"], block_hash(&headers[1]));
    // Without one nothing is said of blocks.
    let alone = bench.json(&format!("nexus verify bundle --pin {pin}"));
    assert_eq!((&alone["inclusions"], &alone["inclusions_not_judged"]), (&json!([]), &1.into()));
    let alone = bench.ok(&format!("nexus verify bundle --pin {pin}"));
    assert!(alone.contains("inclusions: 1, not judged without --block"), "{alone}");
}

/// The inclusion with the first `skipped` headers left out.
fn inclusion_from(placed: &Placed, skipped: usize) -> Vec<u8> {
    let headers: Vec<_> = placed.headers[skipped..].iter().map(Vec::as_slice).collect();
    inclusion(1, 1, &placed.branch, &headers)
}

#[test]
fn a_transaction_with_its_branch_needs_the_headers_above() {
    let placed = Placed::new();
    let Placed { bench, raws, headers, .. } = &placed;
    let id = Number(placed.id);
    let genesis = Transaction::parse_raw(&raws[1]).unwrap().genesis;
    let trusted = placed.trusted();
    let line = format!("nexus verify tx1 --pin {genesis}:1:{id} --block {trusted}");
    assert_eq!(bench.json(&format!("{line} --headers headers"))["inclusions"][0]["height"], 100);
    bench.refused(&line, "inclusion of transaction 1: nexus header 0: missing");
    bench.write("above", &headers[..3].concat());
    bench.refused(&format!("{line} --headers above"), "is not among the first 128 headers");
    bench.refused(&format!("{line} --headers tx0"), "tx0: no block headers");
    bench.fails(&format!("{line} --headers missing"), 3);
    // More headers than are needed do no harm; without the branch bundles have no place.
    bench.write("more", &[headers.concat(), header(&[1; 128], &[9; 64], 0, 99)].concat());
    bench.ok(&format!("{line} --headers more"));
    let made = bench.json("nexus bundle tx0 tx1 tx2 -o bundle");
    assert_eq!(made["inclusions"], 0);
    let line = format!("nexus verify bundle --pin {} --block {trusted}", placed.pin);
    bench.refused(&line, "no transaction comes with its block");
}

#[test]
fn every_way_to_be_in_no_block_is_named() {
    let placed = Placed::new();
    let Placed { bench, headers, branch, .. } = &placed;
    let with = |sequence, index, branch: &[[u8; 64]], headers: &[Vec<u8>]| {
        let headers: Vec<_> = headers.iter().map(Vec::as_slice).collect();
        placed.refusal(&inclusion(sequence, index, branch, &headers))
    };
    let refused = |text: String, header: u32, reason: &str| {
        let line = format!("bad: inclusion of transaction 1: nexus header {header}: {reason}");
        assert!(text.contains(&line), "`{line}` is not in:\n{text}");
    };
    let changed = |place: usize, byte: usize| {
        let mut headers = headers.clone();
        headers[place][byte] ^= 1;
        headers
    };
    // Another block, no block between, another between, a header cut short.
    refused(with(1, 1, branch, &headers[1..]), 0, "not the pinned block");
    refused(with(1, 1, branch, &changed(0, 216)), 0, "not the pinned block");
    let gap = [headers[0].clone(), headers[2].clone(), headers[3].clone()];
    refused(with(1, 1, branch, &gap), 1, "not the block that the one above names");
    for place in 1..4 {
        let at = u32::try_from(place).unwrap();
        let text = with(1, 1, branch, &changed(place, 140));
        refused(text, at, "not the block that the one above names");
    }
    let mut cut = headers.clone();
    cut[2].pop();
    refused(with(1, 1, branch, &cut), 2, "wrong length");
    refused(with(1, 1, branch, &changed(3, 1)), 3, "unknown version 264");
    refused(with(1, 1, branch, &changed(3, 198)), 3, "unknown channel 65536");
    // Another place in the tree, another branch, a lower block, another transaction.
    let not_under = "transaction is not under the Merkle root";
    refused(with(1, 0, branch, headers), 3, not_under);
    refused(with(1, 4, branch, headers), 3, "Merkle branch and index do not fit");
    refused(with(1, 1, &branch[..1], headers), 3, not_under);
    refused(with(1, 1, &[branch[1], branch[0]], headers), 3, not_under);
    refused(with(1, 1, branch, &headers[..3]), 2, not_under);
    let other = with(2, 1, branch, headers);
    assert!(other.contains("inclusion of transaction 2: nexus header 3: transaction is not"));
    let none = with(3, 1, branch, headers);
    assert!(none.contains("inclusion of transaction 3: it is not here"), "{none}");
    // What is pinned may lie, too: of its height, or of its work.
    let lying = |above: Vec<u8>| {
        let headers = [above, headers[3].clone()];
        let line = inclusion(1, 1, branch, &[&headers[0], &headers[1]]);
        bench.write("bad", &[bundle(&placed.raws), line].concat());
        let trusted = block_hash(&headers[0]);
        bench.fails(&format!("nexus verify bad --pin {} --block {trusted}", placed.pin), 1)
    };
    let below = sk1024(&headers[3]);
    let height = lying(header(&below, &[9; 64], 0, 102));
    refused(height, 1, "not one below the height above");
    refused(lying(header(&below, &[9; 64], 2, 101)), 0, "proof of work does not meet the target");
    let mut easy = header(&below, &[9; 64], 2, 101);
    easy[204..208].copy_from_slice(&0x7f00_8000_u32.to_le_bytes());
    refused(lying(easy), 0, "target out of range");
}

#[test]
fn a_bundle_with_an_inclusion_stays_bounded() {
    let placed = Placed::new();
    let Placed { bench, headers, branch, .. } = &placed;
    let mut long = vec![headers[3].clone()];
    for height in 101..=228 {
        long.insert(0, header(&sk1024(&long[0]), &[9; 64], 0, height));
    }
    bench.write("headers", &long.concat());
    let line = "nexus bundle tx0 tx1 tx2 --headers headers -o bundle";
    bench.refused(line, "is not among the first 128 headers");
    bench.write("headers", &long[1..].concat());
    bench.ok(line);
    let trusted = block_hash(&long[1]);
    let verify = format!("nexus verify bundle --pin {} --block {trusted}", placed.pin);
    let verdict = bench.json(&verify);
    assert_eq!(verdict["inclusions"][0]["blocks"].as_array().unwrap().len(), 128);
    // The bundle of a bundle keeps what the first one has.
    bench.ok("nexus bundle bundle -o again");
    let again = fs::read(bench.path("again")).unwrap();
    assert_eq!(again, fs::read(bench.path("bundle")).unwrap());
    let slices: Vec<_> = long.iter().map(Vec::as_slice).collect();
    let text = placed.refusal_of_form(&inclusion(1, 1, branch, &slices));
    assert!(text.contains("bad: byte "), "{text}");
}

#[test]
fn headers_are_shown_and_lead_down_from_a_trusted_block() {
    let placed = Placed::new();
    let Placed { bench, headers, .. } = &placed;
    let shown = bench.json("nexus show headers");
    assert_eq!(shown["form"], "block headers");
    for (line, header) in shown["headers"].as_array().unwrap().iter().zip(headers) {
        assert_eq!(line["hash"], block_hash(header));
    }
    assert_eq!(shown["headers"][0]["evidence"], "proof of work");
    assert_eq!(shown["headers"][2]["version"], 6);
    assert_eq!(shown["headers"][3]["evidence"], "linked only");
    let text = bench.ok("nexus show headers");
    assert!(text.contains("block 102") && text.contains("channel stake"), "{text}");
    let trusted = placed.trusted();
    let verdict = bench.json(&format!("nexus verify headers --block {trusted}"));
    assert_eq!(
        (&verdict["height"], &verdict["block"]),
        (&100.into(), &shown["headers"][3]["hash"])
    );
    bench.write("headers", &headers[1..].concat());
    let line = format!("nexus verify headers --block {trusted}");
    bench.refused(&line, "headers: nexus header 0: not the pinned block");
    let pin = &placed.pin;
    for line in [
        "nexus verify headers",
        "nexus verify headers --block 77",
        &format!("nexus verify headers --pin {pin}"),
        &format!("nexus verify tx0 --block {trusted}"),
        &format!("nexus verify tx0 --pin {pin} --headers headers"),
    ] {
        bench.fails(line, 2);
    }
    bench.ok("nexus bundle tx0 tx1 tx2 --headers headers -o bundle");
    let shown = bench.json("nexus show bundle");
    assert_eq!(shown["inclusions"][0]["from"], block_hash(&headers[1]));
}

#[test]
fn a_real_transaction_stands_in_its_real_block() {
    let vectors = include_str!("../../../../ledger-verify/tests/vectors/nexus.json");
    let vectors: serde_json::Value = serde_json::from_str(vectors).unwrap();
    let block = &vectors["block_4555100"];
    let text = |name: &str| block[name].as_str().unwrap();
    let bench = Bench::new();
    let bytes = Number::<128>::from_hex(text("block_hash")).unwrap().0;
    // The only transaction of its block.
    let merkle = format!("{}{}0000000000", text("tx_hex"), hex(&bytes));
    bench.write("tx", merkle.as_bytes());
    bench.write("header", text("header_hex").as_bytes());
    let shown = bench.json("nexus show tx");
    let transaction = &shown["transactions"][0];
    let genesis = transaction["genesis"].as_str().unwrap();
    let pin = format!("{genesis}:{}:{}", transaction["sequence"], text("txid"));
    let trusted = text("block_hash");
    let line = format!("nexus verify tx --pin {pin} --block {trusted} --headers header");
    let inclusion = &bench.json(&line)["inclusions"][0];
    assert_eq!((&inclusion["height"], &inclusion["id"]), (&4_555_100.into(), &block["txid"]));
    assert_eq!(inclusion["blocks"][0]["channel"], "hash");
    assert_eq!(inclusion["blocks"][0]["evidence"], "proof of work");
}
