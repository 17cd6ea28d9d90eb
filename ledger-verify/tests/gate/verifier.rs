//! Everything that a device calls, in one program that is linked but never run: what the panic gate
//! looks at. Input comes from a symbol that the optimiser cannot see through.
#![no_std]
#![no_main]

mod bare;
mod nexus;

use core::fmt::Write;
use core::hint::black_box;

use bare::Sink;
use ledger_verify::bundle::Reader;
use ledger_verify::chain::{Anchor, Chain, Feed, fork};
use ledger_verify::log::checkpoint::{Checkpoint, Policy};
use ledger_verify::log::note::{Key, KeyType, Note};
use ledger_verify::log::proof::Proof;
use ledger_verify::log::tree::verify_consistency;
use ledger_verify::merkle::{BLOCK_BYTES, Builder, Tree, node_above};
use ledger_verify::registers::BinaryCheck;
use ledger_verify::{Digest, digest, log};

static INPUT: [u8; 8192] = [0; 8192];
static CHAIN: Chain = Chain::new(Anchor::first(Digest::ZERO));
static FEED: Feed = Feed::new();
static BUILDER: Builder = Builder::new();

#[unsafe(no_mangle)]
extern "C" fn _start() -> ! {
    let input: &[u8] = black_box(&INPUT);
    let mut sink = Sink;
    chain(input, &mut sink);
    log(input, &mut sink);
    merkle(input, &mut sink);
    nexus::all(input, &mut sink);
    canary(input);
    loop {}
}

/// Panics on purpose if it is ever run, for the gate to find.
#[inline(never)]
fn canary(input: &[u8]) {
    black_box(input[black_box(input.len())]);
}

fn chain(input: &[u8], sink: &mut Sink) {
    let (mut chain, mut feed) = (black_box(CHAIN.clone()), black_box(FEED.clone()));
    if let Err(error) = feed.push(&mut chain, input).and_then(|()| feed.end(&chain)) {
        let _ = write!(sink, "{error}");
    }
    if let Ok(proven) = chain.proven() {
        black_box((proven.pointer("volume").is_ok(), proven.fresh(black_box(1)).is_ok()));
        black_box(proven.registers().iter().count());
        if let Ok(release) = proven.release("binary", "qemu") {
            let mut check = BinaryCheck::new(release);
            black_box(check.update(input) && check.finish());
        }
    }
    black_box(fork(input));
}

fn log(input: &[u8], sink: &mut Sink) {
    let mut chain = black_box(CHAIN.clone());
    let mut buffer = [0; 1313];
    let text = core::str::from_utf8(input).unwrap_or("");
    let Ok(log) = Key::parse(text, &mut buffer) else { return };
    let Ok(witness) = Key::new(text, KeyType::CosignatureEd25519, input) else { return };
    let witnesses = [witness; 3];
    let policy = Policy { log, witnesses: &witnesses, witnesses_wanted: black_box(2) };
    let mut reader = Reader::new(Some(policy));
    let read = reader.push(&mut chain, input).and_then(|()| reader.end());
    if let Err(error) = read {
        let _ = write!(sink, "{error}");
    }
    if let Err(error) = offline(text, input, &policy) {
        let _ = write!(sink, "{error}");
    }
    let root = digest::keyed_hash(&[0; 32], input);
    let hashes = input.as_chunks().0.iter().map(|hash| Digest(*hash));
    let (old, new) = black_box((1, 2));
    let _ = black_box(verify_consistency(old, new, &root, &root, hashes));
}

/// What a device is told in texts, instead of in a bundle.
fn offline(text: &str, input: &[u8], policy: &Policy<'_>) -> Result<(), log::Error> {
    black_box(Checkpoint::parse(text)?);
    black_box(policy.verify(&Note::parse(input)?)?);
    let leaf = digest::keyed_hash(&[0; 32], input);
    black_box(Proof::parse(input)?.verify(&leaf, policy)?);
    Ok(())
}

fn merkle(input: &[u8], sink: &mut Sink) {
    let (blocks, _) = input.as_chunks::<BLOCK_BYTES>();
    let length = black_box(1);
    let mut builder = black_box(BUILDER.clone());
    for block in blocks {
        let _ = builder.push(block, |level, index, node| {
            black_box((level, index, node));
            Ok::<(), ()>(())
        });
    }
    let root = builder.finish(length, |_, _, node| {
        black_box(node);
        Ok::<(), ()>(())
    });
    let Ok(Some(root)) = root else { return };
    let Ok(tree) = Tree::new(length, root) else { return };
    for block in blocks {
        let verified = tree
            .verify_node(black_box(0), node_above(length, 0), block, blocks.first())
            .and_then(|()| tree.verify_block(length, block, blocks.first()));
        if let Err(error) = verified {
            let _ = write!(sink, "{error}");
        }
    }
}
