//! Measures what a device spends on proofs: events replayed, and of these the bare signature; bundles with
//! their binary. No other PD and no system call is involved, so a nanosecond of virtual time is an
//! instruction.
#![no_std]
#![no_main]

use core::fmt::Write;
use core::hint::black_box;

use bench_pds::data::{
    BUNDLE, BUNDLE_HEAD_BYTES, CHAIN, HYBRID, HYBRID_65, KnownKey, LOG, LOGGED, LOGGED_ML_DSA,
    MODULE_BYTE, MODULE_BYTES, Signed, WITNESS, WITNESS_ML_DSA, first_anchor, first_signature,
};
use ledger_verify::Digest;
use ledger_verify::bundle::Reader;
use ledger_verify::chain::{Anchor, Chain, Feed};
use ledger_verify::log::checkpoint::Policy;
use ledger_verify::log::note::Key;
use ledger_verify::registers::BinaryCheck;
use sel4_microkit::{Never, protection_domain};
use static_cell::{ConstStaticCell, StaticCell};
use test_harness::{Console, nanos_from_ticks, stack_used, ticks};

const ROUNDS: u64 = 20;
/// A device reads from its disk in blocks.
const PIECE_BYTES: usize = 4096;

static FEED: ConstStaticCell<Feed> = ConstStaticCell::new(Feed::new());
static READER: ConstStaticCell<Reader<'static>> = ConstStaticCell::new(Reader::new(None));
static START: ConstStaticCell<Chain> =
    ConstStaticCell::new(Chain::new(Anchor::first(Digest::ZERO)));
static CHECK: ConstStaticCell<Option<BinaryCheck>> = ConstStaticCell::new(None);
/// The only witness of a policy.
static WITNESSES: [StaticCell<[Key<'static>; 1]>; 2] = [const { StaticCell::new() }; 2];
/// A piece of the binary.
static PIECE: [u8; PIECE_BYTES] = [MODULE_BYTE; PIECE_BYTES];

#[protection_domain]
fn init() -> Never {
    let mut console = Console::new();
    let mut bench = Bench {
        feed: FEED.take(),
        reader: READER.take(),
        chain: START.take(),
        check: CHECK.take(),
    };
    for (name, events) in
        [("event_ed25519", CHAIN), ("event_hybrid", HYBRID), ("event_hybrid_65", HYBRID_65)]
    {
        let start = |bench: &mut Bench| bench.start(events.bytes, None);
        bench.report(&mut console, name, events.count, start, |bench| bench.replay(events.bytes));
    }
    for (name, events) in [("ed25519", CHAIN), ("hybrid", HYBRID), ("hybrid_65", HYBRID_65)] {
        let Some(signed) = first_signature(events) else { panic!("no signature") };
        bench.report(&mut console, name, 1, |_| {}, |_| verify(black_box(&signed)));
    }
    let [witness, witness_ml_dsa] = WITNESSES.each_ref();
    for (name, bundle, policy) in [
        ("bundle_64k", BUNDLE, None),
        ("logged_64k", LOGGED, Some(policy(witness, WITNESS))),
        ("logged_ml_dsa_64k", LOGGED_ML_DSA, Some(policy(witness_ml_dsa, WITNESS_ML_DSA))),
    ] {
        let events = bundle.get(BUNDLE_HEAD_BYTES..).unwrap_or_default();
        let start = |bench: &mut Bench| bench.start(events, policy);
        bench.report(&mut console, name, 1, start, |bench| bench.bundle(bundle));
    }
    // The console does not fail.
    let _ = writeln!(console, "bench done");
    loop {
        sel4_microkit::ipc::recv();
    }
}

/// A log and one witness of it.
fn policy(room: &'static StaticCell<[Key<'static>; 1]>, witness: KnownKey) -> Policy<'static> {
    let (Some(log), Some(witness)) = (LOG.key(), witness.key()) else { panic!("no keys") };
    Policy { log, witnesses: room.init([witness]), witnesses_wanted: 1 }
}

fn verify(signed: &Signed) {
    let Signed { algorithm, public, signature, message } = signed;
    assert!(algorithm.verify(public, message, signature));
}

/// What a device keeps in static memory.
struct Bench {
    feed: &'static mut Feed,
    reader: &'static mut Reader<'static>,
    chain: &'static mut Chain,
    check: &'static mut Option<BinaryCheck>,
}

impl Bench {
    /// Prints instructions for each of the `items` of a round, and the stack that it takes.
    fn report(
        &mut self,
        console: &mut Console,
        name: &str,
        items: u64,
        start: impl Fn(&mut Self),
        round: impl Fn(&mut Self),
    ) {
        start(self);
        let stack_bytes = stack_used(|| round(self));
        let mut spent = 0;
        for _ in 0..ROUNDS {
            start(self);
            let began = ticks();
            round(self);
            spent += ticks() - began;
        }
        let instructions = nanos_from_ticks(spent) / (ROUNDS * items);
        let _ = writeln!(console, "bench {name} {instructions} instructions");
        let _ = writeln!(console, "bench {name}_stack {stack_bytes} bytes");
    }

    /// A device that knows where a chain of `events` begins, and the log that it wants them to be in.
    fn start(&mut self, events: &[u8], policy: Option<Policy<'static>>) {
        let Some(anchor) = first_anchor(events) else { panic!("no chain") };
        self.chain.restart(anchor);
        self.feed.restart();
        *self.reader = Reader::new(policy);
    }

    fn replay(&mut self, events: &[u8]) {
        for piece in events.chunks(PIECE_BYTES) {
            assert!(self.feed.push(self.chain, piece).is_ok());
        }
        assert!(self.feed.end(self.chain).is_ok());
        assert!(black_box(&*self.chain).proven().is_ok());
    }

    /// A bundle, and the binary that it releases: two functions, whose stacks do not add up.
    fn bundle(&mut self, bundle: &[u8]) {
        self.prove(bundle);
        self.measure();
    }

    #[inline(never)]
    fn prove(&mut self, bundle: &[u8]) {
        for piece in bundle.chunks(PIECE_BYTES) {
            assert!(self.reader.push(self.chain, piece).is_ok());
        }
        assert!(self.reader.end().is_ok());
    }

    #[inline(never)]
    fn measure(&mut self) {
        let release =
            self.chain.proven().ok().and_then(|proven| proven.release("app", "bench").ok());
        let Some(release) = release else { panic!("nothing is released") };
        let check = self.check.insert(BinaryCheck::new(release));
        let piece = black_box(&PIECE);
        (0..MODULE_BYTES / PIECE_BYTES).for_each(|_| assert!(check.update(piece)));
        assert!(check.finish());
    }
}
