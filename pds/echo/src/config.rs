//! What the composition hands to this PD.

use cairn_pd::{client_link, region};
use echo::Echo;
use protocols::net::{Event, RING_SLOTS, Request};
use sel4_shared_ring_buffer::DataRegion;

/// The service, with its link to `net`. Called once.
///
/// # Panics
/// If the composition lacks it.
pub(crate) fn echo() -> Echo<'static, impl FnMut()> {
    Echo::new(
        client_link!(net_link_vaddr, net_channel: Request, Event, RING_SLOTS),
        DataRegion::new(region!(read_only net_server_data_vaddr, net_server_data_size)),
        DataRegion::new(region!(net_client_data_vaddr, net_client_data_size)),
    )
}
