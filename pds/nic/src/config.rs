//! What the composition hands to this PD.

use core::ptr::NonNull;

use cairn_pd::{deferring_notifier, link_at, meter};
use nic::{Link, Wiring};
use protocols::nic::{Info, RING_SLOTS, TRANSMIT_LINK_OFFSET};
use protocols::timer;
use sel4_externally_shared::ExternallySharedRef;
use sel4_microkit::{Channel, memory_region_symbol, var};
use sel4_shared_ring_buffer::{Descriptor, RawLink};
use virtio::MmioRegisters;
use virtio_net::NetMemory;

type RawFrames = RawLink<Descriptor, Descriptor, RING_SLOTS>;

const _: () = assert!(size_of::<RawFrames>() <= TRANSMIT_LINK_OFFSET);

/// Everything the card is connected to. Called once.
pub(crate) fn wiring() -> Wiring<'static, MmioRegisters, impl FnMut(), impl FnMut()> {
    let queues_bytes = *var!(queues_size: usize = 0);
    assert!(queues_bytes >= size_of::<NetMemory>(), "queues_size is too small");
    let queues = memory_region_symbol!(queues_vaddr: *mut NetMemory);
    let frames = memory_region_symbol!(net_link_vaddr: *mut RawFrames);
    let info = memory_region_symbol!(net_server_data_vaddr: *mut Info);
    let registers = memory_region_symbol!(registers_vaddr: *mut u8);
    Wiring {
        // SAFETY: the composition maps the device there as device memory; bound once.
        registers: unsafe { MmioRegisters::new(registers) },
        // SAFETY: the composition maps `queues_size` bytes there, for ever and for nobody else;
        // they hold atomics only.
        memory: unsafe { queues.as_ref() },
        memory_address: physical(*var!(queues_paddr: u64 = 0)),
        receive_address: physical(*var!(rx_buffers_paddr: u64 = 0)),
        transmit_address: physical(*var!(tx_buffers_paddr: u64 = 0)),
        // What waits are frames; that empty buffers do is nothing to be known.
        receive: link(frames).blaming(meter(net())),
        transmit: link(transmit_part(frames)).metered(meter(net())),
        // SAFETY: the composition maps a page of our own there, for ever; bound once.
        info: unsafe { ExternallySharedRef::new(info) },
        timer: cairn_pd::client_link!(
            timer_link_vaddr, timer_channel: timer::Request, timer::Completion, timer::RING_SLOTS
        ),
    }
}

fn physical(address: u64) -> u64 {
    assert!(address != 0, "a region's physical address is not set");
    address
}

/// The second of the two links in the region.
fn transmit_part(receive: NonNull<RawFrames>) -> NonNull<RawFrames> {
    // SAFETY: the protocol's region holds both links, the second one at this offset.
    unsafe { receive.byte_add(TRANSMIT_LINK_OFFSET) }
}

fn net() -> Channel {
    Channel::new(*var!(net_channel: usize = usize::MAX))
}

fn link<'a>(link: NonNull<RawFrames>) -> Link<'a, impl FnMut()> {
    // SAFETY: the composition maps the region there, for ever; each link is bound once.
    unsafe { link_at(link) }.server(deferring_notifier(net()))
}
