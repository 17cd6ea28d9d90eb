//! What the composition gives to `integrity`.
#![allow(unsafe_code, reason = "binds regions, each once")]

use cairn_pd::{client_link, clients, notifier, placed, region};
use integrity::{BlockRoom, CLIENTS_MAX, Client, Fetcher, Integrity, Memory, ProvenBlocks};
use protocols::{ledger, store};
use sel4_microkit::{memory_region_symbol, var};
use sel4_shared_ring_buffer::DataRegion;

/// Binds every region and channel of `integrity`.
///
/// # Panics
/// If the composition lacks one, or made it too small.
pub(crate) fn integrity() -> Integrity<'static, impl FnMut()> {
    let store = client_link!(store_link_vaddr, store_channel: store::Request, store::Completion, store::RING_SLOTS);
    let ledger = client_link!(
        ledger_link_vaddr, ledger_channel: ledger::Request, ledger::Completion, ledger::RING_SLOTS
    );
    let blocks = DataRegion::new(region!(read_only disk_buffers_vaddr, disk_buffers_size));
    let mut bound = heapless::Vec::<_, CLIENTS_MAX>::new();
    for mut wired in clients() {
        let link = wired.take_link(notifier);
        let (Some(paths), Some(output)) = (wired.take_client_data(), wired.take_server_data())
        else {
            panic!("{}: a client of integrity needs data regions both ways", wired.name());
        };
        let client = Client::new(link, DataRegion::new(paths), DataRegion::new(output));
        assert!(bound.push(client).is_ok(), "integrity serves at most {CLIENTS_MAX} clients");
    }
    let memory = placed!(memory_vaddr, memory_size: Memory = Memory::EMPTY);
    Integrity::new(memory, proven_blocks(), ledger, Fetcher::new(store, blocks), bound)
}

fn proven_blocks() -> ProvenBlocks<'static> {
    let mut start = memory_region_symbol!(proven_blocks_vaddr: *mut BlockRoom);
    let len = *var!(proven_blocks_size: usize = 0);
    assert!(len >= size_of::<BlockRoom>(), "the region for proven blocks is too small");
    // SAFETY: the composition maps the region into `integrity` alone and for ever, it is large
    // enough as just checked, any bytes are blocks, and this is called once in a life.
    ProvenBlocks::new(unsafe { start.as_mut() })
}
