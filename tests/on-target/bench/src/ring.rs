//! Measures rings, bulk copies and signs of life: no other PD and no system call is involved, so a nanosecond of
//! virtual time is an instruction.
#![no_std]
#![no_main]

use core::fmt::Write;
use core::hint::black_box;

use bench_pds::{ROUNDS, WARM_UP_ROUNDS, nanos_per_round};
use cairn_pd::Pd;
use sel4_externally_shared::ExternallySharedRef;
use sel4_microkit::{Never, memory_region_symbol, protection_domain};
use sel4_shared_ring_buffer::roles::{Read, Write as WriteRole};
use sel4_shared_ring_buffer::{
    ClientEnd, DataRegion, Descriptor, InitialState, InitializationStrategy, Meter, RawLink,
    RawRingBuffer, RingBuffer, ServerEnd,
};
use test_harness::{Console, ticks, ticks_per_second};

const BATCH: usize = 16;
const SLOTS: usize = 512;
const COPY_BYTES: u32 = 0x1000;

#[protection_domain]
fn init() -> Never {
    let mut console = Console::new();
    let (mut writer, mut reader) = ring_ends();
    let single = measure(1, || single(&mut writer, &mut reader));
    let batch = measure(BATCH as u64, || batch(&mut writer, &mut reader));
    let mut messages = [Descriptor::new(0x800, 64, 7); BATCH];
    let slices = measure(BATCH as u64, || slices(&mut writer, &mut reader, &mut messages));
    let (mut client, mut server) = link_ends();
    let link_single = measure(1, || link_single(&mut client, &mut server));
    let link_batch = measure(BATCH as u64, || link_batch(&mut client, &mut server));
    let (copy_out, copy_in) = measure_copies();
    let mut pd = Pd::start();
    let wake = measure(1, || pd.wake());
    for (name, instructions) in [
        ("ring_single", single),
        ("ring_batch16", batch),
        ("ring_slice16", slices),
        ("link_single", link_single),
        ("link_batch16", link_batch),
        ("copy_out_4096", copy_out),
        ("copy_in_4096", copy_in),
        ("wake", wake),
    ] {
        // The console does not fail.
        let _ = writeln!(console, "bench {name} {instructions} instructions");
    }
    let _ = writeln!(console, "bench done");
    loop {
        sel4_microkit::ipc::recv();
    }
}

/// Instructions for each of the `messages` that a round carries.
fn measure(messages: u64, mut round: impl FnMut()) -> u64 {
    (0..WARM_UP_ROUNDS).for_each(|_| round());
    let start = ticks();
    (0..ROUNDS).for_each(|_| round());
    nanos_per_round((ticks() - start) / messages, ticks_per_second())
}

type Ends = (
    RingBuffer<'static, WriteRole, Descriptor, SLOTS>,
    RingBuffer<'static, Read, Descriptor, SLOTS>,
);

fn ring_ends() -> Ends {
    let end = || {
        let pointer = memory_region_symbol!(ring: *mut RawRingBuffer);
        // SAFETY: the system description maps it, for this PD alone; both ends are ours.
        unsafe { ExternallySharedRef::new(pointer) }
    };
    let strategy = InitializationStrategy::UseAndWriteState(InitialState::default());
    (RingBuffer::new(end(), strategy), RingBuffer::new(end(), strategy))
}

/// One message through, one by one.
fn single(
    writer: &mut RingBuffer<'_, WriteRole, Descriptor, SLOTS>,
    reader: &mut RingBuffer<'_, Read, Descriptor, SLOTS>,
) {
    let sent = writer.enqueue_and_commit(black_box(Descriptor::new(0x800, 64, 7)));
    assert!(matches!(sent, Ok(Ok(()))));
    let Ok(Some(descriptor)) = reader.dequeue() else { panic!("nothing came") };
    black_box(descriptor);
}

/// A batch through, published at once.
fn batch(
    writer: &mut RingBuffer<'_, WriteRole, Descriptor, SLOTS>,
    reader: &mut RingBuffer<'_, Read, Descriptor, SLOTS>,
) {
    for _ in 0..BATCH {
        let sent = writer.enqueue_without_committing(black_box(Descriptor::new(0x800, 64, 7)));
        assert!(matches!(sent, Ok(Ok(()))));
    }
    writer.commit();
    for _ in 0..BATCH {
        let Ok(Some(descriptor)) = reader.dequeue() else { panic!("nothing came") };
        black_box(descriptor);
    }
}

/// A batch through, as slices.
fn slices(
    writer: &mut RingBuffer<'_, WriteRole, Descriptor, SLOTS>,
    reader: &mut RingBuffer<'_, Read, Descriptor, SLOTS>,
    messages: &mut [Descriptor; BATCH],
) {
    assert_eq!(writer.enqueue_batch(black_box(messages)), Ok(BATCH));
    assert_eq!(reader.dequeue_batch(black_box(messages)), Ok(BATCH));
}

type Client = ClientEnd<'static, Descriptor, Descriptor, SLOTS>;
type Server = ServerEnd<'static, Descriptor, Descriptor, SLOTS>;

fn link_ends() -> (Client, Server) {
    let pointer = memory_region_symbol!(link: *mut RawLink<Descriptor, Descriptor, SLOTS>);
    // SAFETY: the system description maps it.
    let link = RawLink::from_shared(unsafe { ExternallySharedRef::new(pointer) });
    // As in PDs, where people may watch.
    static METERS: [Meter; 2] = [const { Meter::new() }; 2];
    let nobody: fn() = || ();
    let client = link.client(nobody).metered(&METERS[0]);
    let mut server = link.server(nobody).metered(&METERS[1]);
    assert_eq!(server.receive(), Ok(None));
    (client, server)
}

fn link_single(client: &mut Client, server: &mut Server) {
    assert!(client.send(black_box(Descriptor::new(0x800, 64, 7))).is_ok());
    client.flush();
    let Ok(Some(descriptor)) = server.receive() else { panic!("nothing came") };
    black_box(descriptor);
}

fn link_batch(client: &mut Client, server: &mut Server) {
    for _ in 0..BATCH {
        assert!(client.send(black_box(Descriptor::new(0x800, 64, 7))).is_ok());
    }
    client.flush();
    let mut received = [Descriptor::new(0, 0, 0); BATCH];
    assert_eq!(server.receive_batch(&mut received), Ok(BATCH));
    black_box(&received);
}

fn measure_copies() -> (u64, u64) {
    let pointer = memory_region_symbol!(data: *mut [u8], n = 0x2000);
    // SAFETY: the system description maps as much.
    let region = DataRegion::new(unsafe { ExternallySharedRef::new(pointer) });
    let Ok(span) = region.span(64, COPY_BYTES) else { panic!("span") };
    let mut private = [0; COPY_BYTES as usize];
    let out = measure(1, || {
        black_box(region.copy_out(span, &mut private).is_ok());
    });
    let back = measure(1, || {
        black_box(region.copy_in(span, &private).is_ok());
    });
    (out, back)
}
