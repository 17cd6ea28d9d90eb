//! What the composition hands to this PD.

use entropy::Wiring;
use protocols::entropy::{Completion, RING_SLOTS, Request};
use protocols::timer;
use sel4_microkit::{memory_region_symbol, var};
use virtio::MmioRegisters;
use virtio_rng::RngMemory;

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
        link: cairn_pd::server_link!(
            crypto_link_vaddr, crypto_channel: Request, Completion, RING_SLOTS
        ),
        timer: cairn_pd::client_link!(
            timer_link_vaddr, timer_channel: timer::Request, timer::Completion, timer::RING_SLOTS
        ),
    }
}
