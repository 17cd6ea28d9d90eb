//! What the composition hands to this PD.

use entropy::{Link, Wiring};
use protocols::entropy::{Completion, RING_SLOTS, Request};
use protocols::timer;
use sel4_externally_shared::ExternallySharedRef;
use sel4_microkit::{Channel, memory_region_symbol, var};
use sel4_shared_ring_buffer::RawLink;
use virtio::MmioRegisters;
use virtio_rng::RngMemory;

type RawEntropy = RawLink<Request, Completion, RING_SLOTS>;

/// Everything the service is connected to. Called once.
pub(crate) fn wiring() -> Wiring<'static, MmioRegisters, impl FnMut(), impl FnMut()> {
    let queues_bytes = *var!(queues_size: usize = 0);
    assert!(queues_bytes >= size_of::<RngMemory>(), "queues_size is too small");
    let queues = memory_region_symbol!(queues_vaddr: *mut RngMemory);
    let queues_address = *var!(queues_paddr: u64 = 0);
    assert!(queues_address != 0, "queues_paddr is not set");
    let registers = memory_region_symbol!(registers_vaddr: *mut u8);
    Wiring {
        // SAFETY: the composition maps the device there as device memory; bound once.
        registers: unsafe { MmioRegisters::new(registers) },
        // SAFETY: the composition maps `queues_size` bytes there, for ever and for nobody else;
        // they hold atomics only.
        memory: unsafe { queues.as_ref() },
        memory_address: queues_address,
        link: link(),
        timer: cairn_pd::client_link!(
            timer_link_vaddr, timer_channel: timer::Request, timer::Completion, timer::RING_SLOTS
        ),
    }
}

fn link() -> Link<'static, impl FnMut()> {
    let link = memory_region_symbol!(crypto_link_vaddr: *mut RawEntropy);
    let channel = Channel::new(*var!(crypto_channel: usize = usize::MAX));
    // SAFETY: the composition maps the link to `crypto` there, for ever; bound once.
    let link = unsafe { ExternallySharedRef::new(link) };
    RawEntropy::from_shared(link).server(cairn_pd::notifier(channel))
}
