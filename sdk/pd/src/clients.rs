//! A server's table of clients.

use core::ptr::NonNull;
use core::sync::atomic::{AtomicBool, Ordering};

use protocols::system::{ClientEntry, text};
use sel4_externally_shared::access::ReadOnly;
use sel4_externally_shared::{ExternallySharedPtr, ExternallySharedRef};
use sel4_microkit::{Channel, var};
use sel4_shared_ring_buffer::{Message, Meter, RawLink, ServerEnd};

use crate::state;

/// One client of this server, with the regions shared with it. Each region is handed out once.
#[derive(Debug)]
pub struct Client {
    entry: ClientEntry,
}

impl Client {
    /// The client's name in the composition; empty if the tool wrote none.
    pub fn name(&self) -> &str {
        text(&self.entry.name)
    }

    /// The channel to the client.
    pub fn channel(&self) -> Channel {
        Channel::new(usize::from(self.entry.channel))
    }

    /// The link, as memory of some type.
    ///
    /// # Panics
    ///
    /// If the composition made the link's region too small, or at the second call.
    pub fn take_link_as<T>(&mut self) -> ExternallySharedRef<'static, T> {
        let vaddr = core::mem::take(&mut self.entry.link_vaddr);
        let bytes = self.entry.link_bytes as usize;
        assert!(bytes >= size_of::<T>(), "link of {} is too small", self.name());
        #[cfg(feature = "sabotage")]
        crate::sabotage::note::<T>(pointer(vaddr));
        // SAFETY: the composition maps a region of `link_bytes`, page-aligned, read-write, for
        // ever; the address was taken out of the entry, and entries are handed out once.
        unsafe { ExternallySharedRef::new(pointer(vaddr)) }
    }

    /// Our end of the link, of the protocol's message types; `wake` makes what wakes the client.
    ///
    /// # Panics
    ///
    /// As [`Client::take_link_as`].
    pub fn take_link<Req: Message, Comp: Message, const N: usize, F: FnMut()>(
        &mut self,
        wake: impl FnOnce(Channel) -> F,
    ) -> ServerEnd<'static, Req, Comp, N, F> {
        let link = RawLink::<Req, Comp, N>::from_shared(self.take_link_as());
        link.server(wake(self.channel())).metered(self.meter())
    }

    /// What `supervisor` is shown of the client.
    pub fn meter(&self) -> &'static Meter {
        state::meter(self.channel())
    }

    /// What the client writes and this server reads; `None` if the link has no such region.
    pub fn take_client_data(&mut self) -> Option<ExternallySharedRef<'static, [u8], ReadOnly>> {
        let vaddr = core::mem::take(&mut self.entry.client_data_vaddr);
        let bytes = self.entry.client_data_bytes as usize;
        // SAFETY: the composition maps `client_data_bytes` there, for ever, for reading.
        (vaddr != 0).then(|| unsafe { ExternallySharedRef::new_read_only(slice(vaddr, bytes)) })
    }

    /// What this server writes and the client reads; `None` if the link has no such region.
    pub fn take_server_data(&mut self) -> Option<ExternallySharedRef<'static, [u8]>> {
        let vaddr = core::mem::take(&mut self.entry.server_data_vaddr);
        let bytes = self.entry.server_data_bytes as usize;
        // SAFETY: the composition maps `server_data_bytes` there, for ever, read-write; the
        // address was taken out of the entry, and entries are handed out once.
        (vaddr != 0).then(|| unsafe { ExternallySharedRef::new(slice(vaddr, bytes)) })
    }
}

fn pointer<T>(vaddr: u64) -> NonNull<T> {
    let vaddr = usize::try_from(vaddr).unwrap_or(0);
    match NonNull::new(core::ptr::with_exposed_provenance_mut(vaddr)) {
        Some(pointer) => pointer,
        None => panic!("region missing, or taken before"),
    }
}

fn slice(vaddr: u64, bytes: usize) -> NonNull<[u8]> {
    NonNull::slice_from_raw_parts(pointer(vaddr), bytes)
}

/// This server's clients, in the order of the composed file; none if it asks for no table.
///
/// # Panics
///
/// At the second call in one life of the program: the regions in it have one owner.
pub fn clients() -> impl Iterator<Item = Client> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    let was_taken = TAKEN.load(Ordering::Relaxed);
    TAKEN.store(true, Ordering::Relaxed);
    assert!(!was_taken, "the table of clients was taken before");
    let vaddr = *var!(clients_vaddr: u64 = 0);
    let bytes = usize::try_from(*var!(clients_size: u64 = 0)).unwrap_or(0);
    let table = (vaddr != 0).then(|| {
        // SAFETY: the composition maps a table of `clients_size` bytes there, for ever, for
        // reading.
        unsafe { ExternallySharedRef::new_read_only(slice(vaddr, bytes)) }.into_ptr()
    });
    (0..bytes / size_of::<ClientEntry>())
        .map_while(move |index| entry(table?, index))
        .map(|entry| Client { entry })
}

fn entry(table: ExternallySharedPtr<'static, [u8], ReadOnly>, index: usize) -> Option<ClientEntry> {
    table.read_at(index * size_of::<ClientEntry>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notifier;
    use zerocopy::FromZeros;

    fn client() -> Client {
        let mut entry = ClientEntry::new_zeroed();
        entry.name[..3].copy_from_slice(b"net");
        entry.channel = 7;
        Client { entry }
    }

    #[test]
    fn a_region_that_the_link_lacks_is_none() {
        let mut client = client();
        assert_eq!((client.name(), client.channel().index()), ("net", 7));
        assert!(client.take_client_data().is_none());
        assert!(client.take_server_data().is_none());
    }

    #[test]
    fn a_region_is_handed_out_once() {
        let memory = Box::leak(Box::new([0u64; 8]));
        let mut client = client();
        client.entry.server_data_vaddr = memory.as_mut_ptr().expose_provenance() as u64;
        client.entry.server_data_bytes = 64;
        assert_eq!(client.take_server_data().map(|data| data.into_ptr().len()), Some(64));
        assert!(client.take_server_data().is_none());
    }

    #[test]
    #[should_panic(expected = "link of net is too small")]
    fn a_link_that_does_not_fit_is_refused() {
        client().take_link::<u64, u64, 16, _>(notifier);
    }

    #[test]
    #[should_panic(expected = "region missing, or taken before")]
    fn a_missing_link_is_refused() {
        let mut client = client();
        client.entry.link_bytes = 4096;
        client.take_link::<u64, u64, 16, _>(notifier);
    }
}
