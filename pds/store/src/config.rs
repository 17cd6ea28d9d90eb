//! What the composition gives to `store`.
#![allow(unsafe_code, reason = "binds regions, each once")]

use cairn_pd::{client_link, clients, notifier, placed, region};
use protocols::disk;
use sel4_shared_ring_buffer::DataRegion;
use store::{CLIENTS_MAX, Client, Leaves, Store};

/// Binds every region and channel of `store`.
///
/// # Panics
/// If the composition lacks one, or made it too small.
pub(crate) fn store() -> Store<'static, impl FnMut()> {
    let disk = client_link!(disk_link_vaddr, disk_channel: disk::Request, disk::Completion, disk::RING_SLOTS);
    let blocks = DataRegion::new(region!(read_only disk_buffers_vaddr, disk_buffers_size));
    let mut bound = heapless::Vec::<_, CLIENTS_MAX>::new();
    for mut wired in clients() {
        let client = Client::new(wired.take_link(notifier));
        assert!(bound.push(client).is_ok(), "store serves at most {CLIENTS_MAX} clients");
    }
    let leaves = placed!(leaves_vaddr, leaves_size: Leaves = Leaves::EMPTY);
    match Store::new(leaves, disk, blocks, bound) {
        Some(store) => store,
        None => panic!("the block region is too small"),
    }
}
