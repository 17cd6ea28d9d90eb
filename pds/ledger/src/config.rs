//! What the composition gives to `ledger`.
#![allow(unsafe_code, reason = "binds regions, each once")]

use cairn_pd::{client_link, clients, notifier, placed, region};
use ledger::{AnchorError, CLIENTS_MAX, Client, Ledger, Memory, Pinned, Replay};
use protocols::{ledger as wire, store};
use sel4_externally_shared::ExternallySharedRef;
use sel4_microkit::memory_region_symbol;
use sel4_shared_ring_buffer::DataRegion;

/// Binds every region and channel of `ledger`.
///
/// # Errors
/// The image carries no anchor that this version understands.
///
/// # Panics
/// If the composition lacks a region, or made it too small.
pub(crate) fn ledger() -> Result<Ledger<'static, impl FnMut()>, AnchorError> {
    let anchor = memory_region_symbol!(anchor_vaddr: *mut wire::AnchorBlob);
    // SAFETY: a whole page of the image, mapped read-only for ever.
    let anchor: ExternallySharedRef<'_, _, _> =
        unsafe { ExternallySharedRef::new_read_only(anchor) };
    let pinned = Pinned::try_from(&anchor.as_ptr().read())?;
    let store = client_link!(store_link_vaddr, store_channel: store::Request, store::Completion, store::RING_SLOTS);
    let blocks = DataRegion::new(region!(read_only disk_buffers_vaddr, disk_buffers_size));
    let memory = placed!(memory_vaddr, memory_size: Memory = Memory::EMPTY);
    let replay = Replay::new(&pinned, memory, store, blocks);
    let mut bound = heapless::Vec::<_, CLIENTS_MAX>::new();
    for mut wired in clients() {
        let client = Client { link: wired.take_link(notifier), is_cut_off: false };
        assert!(bound.push(client).is_ok(), "ledger serves at most {CLIENTS_MAX} clients");
    }
    Ok(Ledger::new(pinned, replay, bound))
}
