//! What the composition gives to `net`.
#![allow(unsafe_code, reason = "binds regions, each once")]

use core::ptr::NonNull;

use cairn_pd::{
    Client as Wired, client_link, clients, deferring_notifier, link_at, meter, placed, region,
};
use net::{Addressing, Buffers, CLIENTS_MAX, Chunks, Client, Frames, Memory, Parts, Program};
use protocols::{crypto, nic, timer};
use sel4_externally_shared::ExternallySharedRef;
use sel4_microkit::{Channel, memory_region_symbol, var};
use sel4_shared_ring_buffer::{DataRegion, Descriptor, RawLink};

type FrameLink = RawLink<Descriptor, Descriptor, { nic::RING_SLOTS }>;

/// Binds every region and channel of `net`.
///
/// # Panics
/// If the composition lacks one, or made it too small.
pub(crate) fn program() -> Program<'static, impl FnMut()> {
    wired(deferring_notifier)
}

fn wired<F: FnMut()>(wake: fn(Channel) -> F) -> Program<'static, F> {
    let info = memory_region_symbol!(nic_server_data_vaddr: *mut nic::Info);
    // SAFETY: `nic`'s data region, mapped read-only, holds `Info` at its start.
    let info = unsafe { ExternallySharedRef::new_read_only(info) };
    let parts = Parts {
        memory: placed!(memory_vaddr, memory_size: Memory = Memory::EMPTY),
        buffers: buffers(),
        device: frames(wake),
        clients: bound(wake),
        addressing: Addressing::Dhcp,
    };
    Program::new(
        parts,
        info,
        client_link!(
            with wake, crypto_link_vaddr, crypto_channel:
            crypto::Request, crypto::Completion, crypto::RING_SLOTS
        ),
        DataRegion::new(region!(read_only crypto_server_data_vaddr, crypto_server_data_size)),
        client_link!(with wake, timer_link_vaddr, timer_channel: timer::Request, timer::Completion, timer::RING_SLOTS),
    )
}

fn frames<F: FnMut()>(wake: fn(Channel) -> F) -> Frames<'static, F> {
    let links = memory_region_symbol!(nic_link_vaddr: *mut u8);
    let channel = Channel::new(*var!(nic_channel: usize = usize::MAX));
    // SAFETY: the link region of `nic` holds the receive link at its start.
    let receive = unsafe { frame_link(links, 0) };
    // SAFETY: and the transmit link here (protocols/src/nic.rs).
    let transmit = unsafe { frame_link(links, nic::TRANSMIT_LINK_OFFSET) };
    let rx = DataRegion::new(region!(read_only rx_buffers_vaddr, rx_buffers_size));
    let start = memory_region_symbol!(tx_buffers_vaddr: *mut u8);
    let len = *var!(tx_buffers_size: usize = 0);
    // SAFETY: the composition maps the region into `net` alone and for ever; the card only reads it,
    // and only buffers that are lent to it, which `Frames` does not touch meanwhile.
    let tx = unsafe { core::slice::from_raw_parts_mut(start.as_ptr(), len) };
    // What waits are frames; that empty buffers do is nothing to be known.
    let receive = receive.client(wake(channel)).metered(meter(channel));
    let transmit = transmit.client(wake(channel)).blaming(meter(channel));
    match Frames::new(receive, transmit, rx, tx) {
        Some(frames) => frames,
        None => panic!("a frame region holds no buffer"),
    }
}

fn buffers() -> &'static mut Buffers {
    let mut start = memory_region_symbol!(socket_buffers_vaddr: *mut Buffers);
    let len = *var!(socket_buffers_size: usize = 0);
    assert!(len >= size_of::<Buffers>(), "the region for socket buffers is too small");
    // SAFETY: the composition maps the region into `net` alone and for ever, it is large enough as
    // just checked, any bytes are `Buffers`, and this is called once in a life.
    unsafe { start.as_mut() }
}

/// # Safety
/// The region holds a link at `offset`, which is bound once.
unsafe fn frame_link(region: NonNull<u8>, offset: usize) -> &'static FrameLink {
    // SAFETY: within the region, by the contract.
    let link = unsafe { region.add(offset) }.cast::<FrameLink>();
    // SAFETY: passed on to the caller.
    unsafe { link_at(link) }
}

fn bound<F: FnMut()>(wake: fn(Channel) -> F) -> heapless::Vec<Client<'static, F>, CLIENTS_MAX> {
    let mut bound = heapless::Vec::new();
    for wired in clients() {
        let name = heapless::String::try_from(wired.name()).unwrap_or_default();
        if bound.push(client(wake, name, wired)).is_err() {
            panic!("net serves at most {CLIENTS_MAX} clients");
        }
    }
    bound
}

fn client<F: FnMut()>(
    wake: fn(Channel) -> F,
    name: heapless::String<{ protocols::system::NAME_BYTES }>,
    mut wired: Wired,
) -> Client<'static, F> {
    let link = wired.take_link(wake);
    let (Some(data), Some(received)) = (wired.take_client_data(), wired.take_server_data()) else {
        panic!("{name}: a client of net needs data regions both ways");
    };
    let received = DataRegion::new(received);
    match Chunks::new(received.len()) {
        Some(chunks) => {
            Client { name, link, data: DataRegion::new(data), received, chunks, is_cut_off: false }
        }
        None => panic!("{name}: its receive region holds no buffer"),
    }
}
