//! Measures hashes and signatures of the Nexus ledger, on real ones. Nothing but computing goes on, so a
//! nanosecond of virtual time is an instruction.
#![no_std]
#![no_main]

use core::fmt::Write;
use core::hint::black_box;

use bench_pds::nexus_vectors::{
    BRAINPOOL_MESSAGE, BRAINPOOL_PUBLIC, BRAINPOOL_SIGNATURE, FALCON_MESSAGE, FALCON_PUBLIC,
    FALCON_SIGNATURE, HEADER,
};
use ledger_verify::nexus::block::{Evidence, Header};
use ledger_verify::nexus::hash::{sk512, sk1024};
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
    measure(&mut console, "nexus_block_hash", || {
        black_box(sk1024(black_box(&HEADER)));
        true
    });
    measure(&mut console, "nexus_block_work", || {
        let header = Header::parse(black_box(&HEADER));
        header.and_then(|header| header.evidence()) == Ok(Evidence::Work)
    });
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

/// Prints instructions and bytes of stack of `run`, which has to succeed each time.
fn measure(console: &mut Console, name: &str, mut run: impl FnMut() -> bool) {
    let stack_bytes = stack_used(|| assert!(run(), "{name} is refused"));
    let start = ticks();
    (0..ROUNDS).for_each(|_| _ = black_box(run()));
    let instructions = nanos_from_ticks(ticks() - start) / ROUNDS;
    let _ = writeln!(console, "bench {name} {instructions} instructions");
    let _ = writeln!(console, "bench {name}_stack {stack_bytes} bytes");
}
