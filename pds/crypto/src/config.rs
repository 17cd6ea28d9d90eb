//! What the composition gives to `crypto`.
#![allow(unsafe_code, reason = "binds regions, each once")]

use cairn_pd::{client_link, clients, notifier};
use crypto::{CLIENTS_MAX, Client, Crypto, Policy, Seeding};
use protocols::entropy;
use sel4_externally_shared::ExternallySharedRef;
use sel4_shared_ring_buffer::DataRegion;

/// Binds every client of `crypto`.
///
/// # Panics
/// If the composition made a link too small.
pub(crate) fn crypto() -> Crypto<'static, impl FnMut()> {
    let mut bound = heapless::Vec::<_, CLIENTS_MAX>::new();
    for mut wired in clients() {
        let link = wired.take_link(notifier);
        // A region that a link lacks holds nothing, so requests that need it are refused.
        let input = wired.take_client_data().unwrap_or(ExternallySharedRef::from_ref(&[]));
        let output = wired.take_server_data().unwrap_or(ExternallySharedRef::from_mut_ref(&mut []));
        let (input, output) = (DataRegion::new(input), DataRegion::new(output));
        let policy = Policy::of(wired.name());
        let client = Client::new(wired.name(), policy, link, input, output);
        assert!(bound.push(client).is_ok(), "crypto serves at most {CLIENTS_MAX} clients");
    }
    Crypto::new(bound)
}

/// Binds the link to `entropy`, and asks it for a seed.
///
/// # Panics
/// If the composition lacks it.
pub(crate) fn seeding() -> Seeding<'static, impl FnMut()> {
    Seeding::new(client_link!(
        entropy_link_vaddr,
        entropy_channel: entropy::Request, entropy::Completion, entropy::RING_SLOTS
    ))
}
