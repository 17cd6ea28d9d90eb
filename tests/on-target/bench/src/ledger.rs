//! Measures what a device spends on proofs: events replayed, a bundle with its binary, and of these the
//! bare signature. No other PD and no system call is involved, so a nanosecond of virtual time is an
//! instruction.
#![no_std]
#![no_main]

use core::fmt::Write;
use core::hint::black_box;

use bench_pds::data::{
    BUNDLE, BUNDLE_HEAD_BYTES, CHAIN, HYBRID, MODULE_BYTE, MODULE_BYTES, first_anchor,
    first_signature,
};
use ledger_verify::Digest;
use ledger_verify::algorithm::Algorithm;
use ledger_verify::bundle::Reader;
use ledger_verify::chain::{Anchor, Chain, Feed};
use ledger_verify::registers::BinaryCheck;
use sel4_microkit::{Never, protection_domain};
use static_cell::ConstStaticCell;
use test_harness::{Console, nanos_from_ticks, stack_used, ticks};

const ROUNDS: u64 = 20;
/// A device reads from its disk in blocks.
const PIECE_BYTES: usize = 4096;

static FEED: ConstStaticCell<Feed> = ConstStaticCell::new(Feed::new());
static READER: ConstStaticCell<Reader<'static>> = ConstStaticCell::new(Reader::new(None));
static START: ConstStaticCell<Chain> =
    ConstStaticCell::new(Chain::new(Anchor::first(Digest::ZERO)));
static CHECK: ConstStaticCell<Option<BinaryCheck>> = ConstStaticCell::new(None);
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
    for (name, events) in [("event_ed25519", &CHAIN), ("event_hybrid", &HYBRID)] {
        let start = |bench: &mut Bench| bench.start(events.bytes);
        bench.report(&mut console, name, events.count, start, |bench| bench.replay(events.bytes));
    }
    let Some((signature, public)) = first_signature(CHAIN.bytes) else { panic!("no signature") };
    bench.report(
        &mut console,
        "ed25519",
        1,
        |_| {},
        |_| {
            // Of another message, which is found out at the very end and costs as much.
            let message = black_box(b"as long as what is signed, 53 bytes in all, no less..");
            assert!(!Algorithm::Ed25519.verify(public, message, signature));
        },
    );
    let events = BUNDLE.get(BUNDLE_HEAD_BYTES..).unwrap_or_default();
    bench.report(&mut console, "bundle_64k", 1, |bench| bench.start(events), Bench::bundle);
    // The console does not fail.
    let _ = writeln!(console, "bench done");
    loop {
        sel4_microkit::ipc::recv();
    }
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

    /// A device that knows nothing but where a chain of `events` begins.
    fn start(&mut self, events: &[u8]) {
        let Some(anchor) = first_anchor(events) else { panic!("no chain") };
        self.chain.restart(anchor);
        self.feed.restart();
        *self.reader = Reader::new(None);
    }

    fn replay(&mut self, events: &[u8]) {
        for piece in events.chunks(PIECE_BYTES) {
            assert!(self.feed.push(self.chain, piece).is_ok());
        }
        assert!(self.feed.end(self.chain).is_ok());
        assert!(black_box(&*self.chain).proven().is_ok());
    }

    /// A bundle, and the binary that it releases: two functions, whose stacks do not add up.
    fn bundle(&mut self) {
        self.prove();
        self.measure();
    }

    #[inline(never)]
    fn prove(&mut self) {
        for piece in BUNDLE.chunks(PIECE_BYTES) {
            assert!(self.reader.push(self.chain, piece).is_ok());
        }
        assert_eq!(self.reader.end(), Ok(None));
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
