//! Measures a verified read: opens a file of 1 MiB through `integrity`, reads it once, and hashes as
//! many bytes with the same hash. Stands in a composition of the whole system
//! (`tests/bench/reader.xml`), so it prints through `serial`.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use core::hint::black_box;

use cairn_pd::Pd;
use ledger_verify::digest::Domain;
use protocols::integrity::{Completion, Op, RING_SLOTS, Request, Status};
use sel4_microkit::{ChannelSet, Handler, Infallible, protection_domain};
use sel4_shared_ring_buffer::{ClientEnd, DataRegion};

#[allow(unsafe_code, reason = "binds the regions that the composition maps")]
mod wiring {
    use super::{Completion, Link, Paths, RING_SLOTS, Request};
    use cairn_pd::{client_link, region};

    pub(crate) fn paths() -> Paths {
        Paths::new(region!(integrity_client_data_vaddr, integrity_client_data_size))
    }

    pub(crate) fn link() -> Link<impl FnMut()> {
        client_link!(integrity_link_vaddr, integrity_channel: Request, Completion, RING_SLOTS)
    }
}

type Paths = DataRegion<'static>;
type Link<F> = ClientEnd<'static, Request, Completion, RING_SLOTS, F>;

const PATH: &[u8] = b"1m.bin";
const FILE_BYTES: u64 = 1 << 20;
/// Bytes of one request.
const PIECE_BYTES: u32 = 64 * 1024;
/// Requests under way: while one piece is used, the next is on its way.
const PIECES: u64 = 2;

struct Reader<F: FnMut()> {
    pd: Pd,
    link: Link<F>,
    object: u32,
    /// Bytes asked for and bytes received, once the file is open.
    asked: u64,
    received: u64,
    started_ns: u64,
}

#[protection_domain]
fn init() -> impl Handler {
    let pd = Pd::start();
    let (paths, link) = (wiring::paths(), wiring::link());
    let mut reader = Reader { pd, link, object: 0, asked: 0, received: 0, started_ns: 0 };
    reader.pd.ready();
    let len = u32::try_from(PATH.len()).unwrap_or(0);
    let copied = paths.span(0, len).and_then(|span| paths.copy_in(span, PATH));
    assert!(copied.is_ok(), "the region for paths is too small");
    reader.send(Request { len, ..request(Op::Open) });
    reader.listen();
    reader
}

impl<F: FnMut()> Reader<F> {
    fn send(&mut self, request: Request) {
        assert!(self.link.send(request).is_ok(), "integrity takes no request");
        self.link.flush();
    }

    fn listen(&mut self) {
        while !self.link.arm() {
            while let Ok(Some(completion)) = self.link.receive() {
                self.take(&completion);
            }
        }
    }

    fn take(&mut self, completion: &Completion) {
        if completion.status != Status::Ok.code() {
            log::error!("bench failed: {}", completion.reason);
            return;
        }
        if self.asked == 0 {
            assert_eq!(completion.size, FILE_BYTES);
            self.object = completion.object;
            self.measure_hash();
            self.started_ns = self.pd.clock().now().0;
            (0..PIECES).for_each(|_| self.ask());
            return;
        }
        self.received += u64::from(completion.len);
        if self.received < FILE_BYTES {
            self.ask();
        } else {
            let nanos = self.pd.clock().now().0 - self.started_ns;
            log::info!("bench verified_read_1m {nanos} ns");
        }
    }

    /// Asks for the next piece; the two halves of the region take turns.
    fn ask(&mut self) {
        if self.asked >= FILE_BYTES {
            return;
        }
        let piece = self.asked / u64::from(PIECE_BYTES);
        let offset = u32::try_from(piece % PIECES).unwrap_or(0) * PIECE_BYTES;
        let object = self.object;
        let position = self.asked;
        self.asked += u64::from(PIECE_BYTES);
        self.send(Request { position, object, offset, len: PIECE_BYTES, ..request(Op::Read) });
    }

    fn measure_hash(&self) {
        let bytes = black_box([0x5a; PIECE_BYTES as usize / 4]);
        let start = self.pd.clock().now().0;
        for _ in 0..FILE_BYTES / bytes.len() as u64 {
            black_box(Domain::MerkleLeaf.digest(black_box(&bytes)));
        }
        let nanos = self.pd.clock().now().0 - start;
        log::info!("bench hash_1m {nanos} ns");
    }
}

fn request(op: Op) -> Request {
    let op = op.code();
    Request { cookie: 0, position: 0, op, reserved: 0, object: 0, offset: 0, len: 0, reserved2: 0 }
}

impl<F: FnMut()> Handler for Reader<F> {
    type Error = Infallible;

    fn notified(&mut self, _: ChannelSet) -> Result<(), Self::Error> {
        self.pd.wake();
        self.listen();
        Ok(())
    }
}
