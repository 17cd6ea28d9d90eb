//! Measures hashes, signatures, transactions and blocks of the Nexus ledger. Nothing but computing goes on,
//! so a nanosecond of virtual time is an instruction.
#![no_std]
#![no_main]

use core::fmt::Write;
use core::hint::black_box;

use bench_pds::nexus_data::{BRAINPOOL, FALCON, TRANSACTIONS, first_pin};
use bench_pds::nexus_vectors::{
    BRAINPOOL_MESSAGE, BRAINPOOL_PUBLIC, BRAINPOOL_SIGNATURE, FALCON_MESSAGE, FALCON_PUBLIC,
    FALCON_SIGNATURE, HEADER,
};
use ledger_verify::nexus::block::{Evidence, Header};
use ledger_verify::nexus::chain::Chain;
use ledger_verify::nexus::hash::{sk512, sk1024};
use ledger_verify::nexus::register::Track;
use ledger_verify::nexus::signature::KeyType;
use sel4_microkit::{Never, protection_domain};
use test_harness::{Console, nanos_from_ticks, stack_used, ticks};

/// Each figure is the mean of so many.
const ROUNDS: u64 = 16;

#[protection_domain]
fn init() -> Never {
    let mut console = Console::new();
    measure(&mut console, "nexus_brainpool", || {
        let (public, signature) = black_box((&BRAINPOOL_PUBLIC, &BRAINPOOL_SIGNATURE));
        KeyType::Brainpool.verify(public, &BRAINPOOL_MESSAGE, signature).is_ok()
    });
    measure(&mut console, "nexus_falcon", || {
        let (public, signature) = black_box((&FALCON_PUBLIC, &FALCON_SIGNATURE));
        KeyType::Falcon.verify(public, FALCON_MESSAGE, signature).is_ok()
    });
    replay(&mut console, "nexus_brainpool_transaction", BRAINPOOL);
    replay(&mut console, "nexus_falcon_transaction", FALCON);
    measure(&mut console, "nexus_block_hash", || {
        black_box(sk1024(black_box(&HEADER)));
        true
    });
    measure(&mut console, "nexus_block_work", || has_work(&HEADER));
    let primes = prime_header();
    measure(&mut console, "nexus_block_primes", || has_work(&primes));
    measure(&mut console, "nexus_merkle_node", || {
        black_box(sk512(black_box(&[7; 128])));
        true
    });
    // The console does not fail.
    let _ = writeln!(console, "bench done");
    loop {
        sel4_microkit::ipc::recv();
    }
}

fn has_work(header: &[u8]) -> bool {
    let header = Header::parse(black_box(header));
    header.and_then(|header| header.evidence()) == Ok(Evidence::Work)
}

/// A header of the prime channel with three primes, the one that `ledger-verify`'s tests have.
fn prime_header() -> [u8; 231] {
    let mut header = [0; 231];
    let mut rest = &mut header[..];
    for field in [
        &8_u32.to_le_bytes()[..],
        &[1; 128],
        &[2; 64],
        [1_u32, 3_000_000, 30_000_000].map(u32::to_le_bytes).as_flattened(),
        &2_689_621_u64.to_le_bytes(),
        &6_u64.to_le_bytes(),
        &[6, 2, 4],
        &13_385_499_u32.to_le_bytes(),
    ] {
        let (place, after) = rest.split_at_mut(field.len());
        place.copy_from_slice(field);
        rest = after;
    }
    header
}

/// Measures a transaction of a chain that is replayed from its first one on.
fn replay(console: &mut Console, name: &str, transactions: &[u8]) {
    let mut chain: Chain<1> = Chain::unpinned(Track::Records);
    measure_each(console, name, TRANSACTIONS, || {
        let Some(pin) = first_pin(transactions) else { return false };
        chain.restart(pin);
        chain.replay(black_box(transactions)).is_ok() && chain.proven().is_ok()
    });
}

/// Prints instructions and bytes of stack of `run`, which has to succeed each time.
fn measure(console: &mut Console, name: &str, run: impl FnMut() -> bool) {
    measure_each(console, name, 1, run);
}

/// The same, with the instructions of one of `count` things that `run` does.
fn measure_each(console: &mut Console, name: &str, count: u64, mut run: impl FnMut() -> bool) {
    let stack_bytes = stack_used(|| assert!(run(), "{name} is refused"));
    let start = ticks();
    (0..ROUNDS).for_each(|_| _ = black_box(run()));
    let instructions = nanos_from_ticks(ticks() - start) / (ROUNDS * count);
    let _ = writeln!(console, "bench {name} {instructions} instructions");
    let _ = writeln!(console, "bench {name}_stack {stack_bytes} bytes");
}
