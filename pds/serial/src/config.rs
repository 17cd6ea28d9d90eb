//! What the composition hands to this PD.

use cairn_pd::{Client, ConsoleLink};
use pl011::MmioRegisters;
use sel4_microkit::memory_region_symbol;
use sel4_shared_ring_buffer::InitializationStrategy;
use serial::{InputRing, LogRing, Rings};

/// The UART's registers. Called once.
pub(crate) fn registers() -> MmioRegisters {
    // SAFETY: the composition maps the UART there as device memory, and this is the only binding.
    unsafe { MmioRegisters::new(memory_region_symbol!(registers_vaddr: *mut u8)) }
}

/// What is shared with a client.
pub(crate) fn rings(client: &mut Client) -> Rings<'static> {
    let (log, input) = ConsoleLink::split(client.take_link_as());
    // Either end may restart: the indices in memory are where it goes on.
    let strategy = InitializationStrategy::ReadState;
    let (log, input) = (LogRing::new(log, strategy), InputRing::new(input, strategy));
    Rings { log, input, meter: client.meter() }
}
