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
use ledger_verify::algorithm::Algorithm;
use ledger_verify::bundle::Reader;
use ledger_verify::chain::{Chain, Feed};
use ledger_verify::registers::BinaryCheck;
use sel4_microkit::{Never, protection_domain};
use static_cell::ConstStaticCell;
use test_harness::{Console, nanos_from_ticks, stack_used, ticks};

const ROUNDS: u64 = 20;
/// A device reads from its disk in blocks.
const PIECE_BYTES: usize = 4096;

static FEED: ConstStaticCell<Feed> = ConstStaticCell::new(Feed::new());
static READER: ConstStaticCell<Reader<'static>> = ConstStaticCell::new(Reader::new(None));
static START: ConstStaticCell<Option<Chain>> = ConstStaticCell::new(None);

#[protection_domain]
fn init() -> Never {
    let mut console = Console::new();
    let mut bench = Bench { feed: FEED.take(), reader: READER.take(), chain: START.take() };
    bench.report(&mut console, "event_ed25519", CHAIN.count, |bench| bench.replay(CHAIN.bytes));
    bench.report(&mut console, "event_hybrid", HYBRID.count, |bench| bench.replay(HYBRID.bytes));
    let Some((signature, public)) = first_signature(CHAIN.bytes) else { panic!("no signature") };
    bench.report(&mut console, "ed25519", 1, |_| {
        // Of another message, which is found out at the very end and costs as much.
        let message = black_box(b"as long as what is signed, 53 bytes in all, no less..");
        assert!(!Algorithm::Ed25519.verify(public, message, signature));
    });
    bench.report(&mut console, "bundle_64k", 1, Bench::bundle);
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
    chain: &'static mut Option<Chain>,
}

impl Bench {
    /// Prints instructions for each of the `items` of a round, and the stack that it takes.
    fn report(
        &mut self,
        console: &mut Console,
        name: &str,
        items: u64,
        mut round: impl FnMut(&mut Self),
    ) {
        let stack_bytes = stack_used(|| round(self));
        let start = ticks();
        (0..ROUNDS).for_each(|_| round(self));
        let instructions = nanos_from_ticks(ticks() - start) / (ROUNDS * items);
        let _ = writeln!(console, "bench {name} {instructions} instructions");
        let _ = writeln!(console, "bench {name}_stack {stack_bytes} bytes");
    }

    fn replay(&mut self, events: &'static [u8]) {
        *self.feed = Feed::new();
        let Some(anchor) = first_anchor(events) else { panic!("no chain") };
        let chain = self.chain.insert(Chain::new(anchor));
        for piece in events.chunks(PIECE_BYTES) {
            assert_eq!(self.feed.push(chain, piece), Ok(()));
        }
        assert_eq!(self.feed.end(chain), Ok(()));
        assert!(black_box(&*chain).proven().is_ok());
    }

    /// A bundle, and the binary that it releases.
    fn bundle(&mut self) {
        *self.reader = Reader::new(None);
        let events = BUNDLE.get(BUNDLE_HEAD_BYTES..).unwrap_or_default();
        let Some(anchor) = first_anchor(events) else { panic!("no bundle") };
        let chain = self.chain.insert(Chain::new(anchor));
        for piece in BUNDLE.chunks(PIECE_BYTES) {
            assert_eq!(self.reader.push(chain, piece), Ok(()));
        }
        assert_eq!(self.reader.end(), Ok(None));
        let release = chain.proven().ok().and_then(|proven| proven.release("app", "bench").ok());
        let Some(release) = release else { panic!("nothing is released") };
        let mut check = BinaryCheck::new(release);
        let piece = black_box([MODULE_BYTE; PIECE_BYTES]);
        (0..MODULE_BYTES / PIECE_BYTES).for_each(|_| assert!(check.update(&piece)));
        assert!(check.finish());
    }
}
