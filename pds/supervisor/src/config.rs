//! What the composition gives to `supervisor`.
#![allow(unsafe_code, reason = "binds regions, each once")]

use core::ptr::NonNull;

use protocols::lifecycle::Page;
use protocols::system::{BuildInfo, PdEntry, Status, text};
use sel4_externally_shared::access::ReadOnly;
use sel4_externally_shared::{ExternallySharedPtr, ExternallySharedRef};
use sel4_microkit::{Channel, memory_region_symbol, var};
use supervisor::{PDS_MAX, Pages, Supervisor};

type PagePtr = ExternallySharedPtr<'static, Page, ReadOnly>;

/// The lifecycle pages, in the order of the table of PDs.
pub(crate) struct LifecyclePages(heapless::Vec<Option<PagePtr>, PDS_MAX>);

impl Pages for LifecyclePages {
    fn page(&self, index: usize) -> Option<Page> {
        self.0.get(index).copied().flatten().map(ExternallySharedPtr::read)
    }
}

/// The PD that reads the status page.
const STATUS_READER: &str = "gateway";

/// Binds every region of `supervisor`, and says which image this is. Also answers the channel of
/// the PD that reads the status page.
///
/// # Panics
/// If the composition lacks one.
pub(crate) fn supervisor() -> (Supervisor<'static, LifecyclePages>, Option<Channel>) {
    log_build_info();
    let entries = table();
    let pages = entries.iter().map(|entry| lifecycle_page(entry.lifecycle_vaddr)).collect();
    let status = memory_region_symbol!(system_status_vaddr: *mut Status);
    // SAFETY: a region of its own, mapped read-write for ever and large enough.
    let status = unsafe { ExternallySharedRef::new(status) };
    let reader = entries.iter().find(|entry| text(&entry.name) == STATUS_READER);
    let reader = reader.map(|entry| Channel::new(usize::from(entry.channel)));
    (Supervisor::new(entries, LifecyclePages(pages), status), reader)
}

fn table() -> heapless::Vec<PdEntry, PDS_MAX> {
    let start = memory_region_symbol!(pd_table_vaddr: *mut PdEntry);
    let bytes = *var!(pd_table_size: usize = 0);
    let entries = NonNull::slice_from_raw_parts(start, bytes / size_of::<PdEntry>());
    // SAFETY: the composition writes a table of that size, mapped read-only for ever.
    let table: ExternallySharedRef<'_, _, _> =
        unsafe { ExternallySharedRef::new_read_only(entries) };
    table.into_ptr().iter().take(PDS_MAX).map(ExternallySharedPtr::read).collect()
}

fn lifecycle_page(vaddr: u64) -> Option<PagePtr> {
    let vaddr = usize::try_from(vaddr).ok()?;
    let page = NonNull::new(core::ptr::with_exposed_provenance_mut(vaddr))?;
    // SAFETY: the address comes from the composition's table, which maps a page there for ever.
    Some(unsafe { ExternallySharedRef::new_read_only(page) }.into_ptr())
}

fn log_build_info() {
    let info = memory_region_symbol!(build_info_vaddr: *mut BuildInfo);
    // SAFETY: the composition writes one there, mapped read-only for ever.
    let info: ExternallySharedRef<'_, _, _> = unsafe { ExternallySharedRef::new_read_only(info) };
    let info = info.as_ptr().read();
    log::info!(
        "Cairn {} ({}) on {} {}, {}",
        text(&info.version),
        text(&info.revision),
        text(&info.kernel),
        text(&info.config),
        text(&info.platform)
    );
}
