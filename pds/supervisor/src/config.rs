//! What the composition gives to `supervisor`.
#![allow(unsafe_code, reason = "binds regions, each once")]

use core::mem::offset_of;
use core::ptr::NonNull;

use cairn_pd::{Alarm, client_link};
use protocols::lifecycle::{PEERS_OFFSET, Page, Peer, REGION_BYTES};
use protocols::system::{BuildInfo, PdEntry, Status, text};
use protocols::timer;
use sel4::UserContext;
use sel4_externally_shared::access::ReadOnly;
use sel4_externally_shared::{ExternallySharedPtr, ExternallySharedRef};
use sel4_microkit::{Channel, Child, ENTRY_POINT, memory_region_symbol, sched_context, var};
use static_cell::ConstStaticCell;
use supervisor::{Children, Console, Memory, PDS_MAX, Service, Supervisor, Wiring};

static MEMORY: ConstStaticCell<Memory> = ConstStaticCell::new(Memory::EMPTY);

type Bytes = ExternallySharedPtr<'static, [u8], ReadOnly>;

/// The PD that reads the status page.
const STATUS_READER: &str = "gateway";
/// The PD that wakes `supervisor` regularly.
const PULSE: &str = "pulse";

/// The PD that brings what is typed.
const SERIAL: &str = "serial";

/// A PD, bound.
struct Bound {
    entry: PdEntry,
    page: Option<Bytes>,
    stack: Option<Bytes>,
}

/// The PDs, in the order of their table.
pub(crate) struct Family(heapless::Vec<Bound, PDS_MAX>);

impl Family {
    fn child(&self, index: usize) -> Option<Child> {
        let entry = &self.0.get(index)?.entry;
        // `supervisor` is nobody's child.
        (entry.channel != 0xff).then(|| Child::new(usize::from(entry.child)))
    }
}

impl Children for Family {
    fn page(&self, index: usize) -> Option<Page> {
        self.0.get(index)?.page?.read_at(0)
    }

    fn peer(&self, index: usize, channel: u8) -> Option<Peer> {
        // A channel that there cannot be is behind the end.
        self.0.get(index)?.page?.read_at(PEERS_OFFSET + usize::from(channel) * size_of::<Peer>())
    }

    fn generation(&self, index: usize) -> Option<u64> {
        self.0.get(index)?.page?.read_at(offset_of!(Page, generation))
    }

    fn heartbeat(&self, index: usize) -> u64 {
        let page = self.0.get(index).and_then(|bound| bound.page);
        page.and_then(|page| page.read_at(offset_of!(Page, heartbeat))).unwrap_or(0)
    }

    fn stack_word(&self, index: usize, offset: u64) -> Option<u64> {
        self.0.get(index)?.stack?.read_at(usize::try_from(offset).ok()?)
    }

    fn consumed_us(&mut self, index: usize) -> u64 {
        let slot = self.0.get(index).map_or(0, |bound| bound.entry.sched_context);
        match slot {
            0 => 0,
            slot => sched_context(slot).sched_context_consumed().unwrap_or(0),
        }
    }

    fn wake(&mut self, index: usize) {
        if let Some(bound) = self.0.get(index).filter(|bound| bound.entry.channel != 0xff) {
            Channel::new(usize::from(bound.entry.channel)).notify();
        }
    }

    fn stop(&mut self, index: usize) -> Option<UserContext> {
        let child = self.child(index)?;
        let registers = child.read_registers(true);
        registers
            .inspect_err(|error| log::error!("cannot stop child {}: {error}", child.index()))
            .ok()
    }

    fn resume(&mut self, index: usize) {
        let Some(child) = self.child(index) else { return };
        if let Err(error) = child.resume() {
            log::error!("cannot resume child {}: {error}", child.index());
        }
    }

    fn start(&mut self, index: usize) {
        let (Some(child), Some(bound)) = (self.child(index), self.0.get(index)) else { return };
        let entry = if bound.entry.entry == 0 { ENTRY_POINT } else { bound.entry.entry };
        if let Err(error) = child.restart(entry) {
            log::error!("cannot start child {}: {error}", child.index());
        }
    }
}

/// Binds every region of `supervisor`, and says which image this is.
///
/// # Panics
/// If the composition lacks one.
pub(crate) fn service() -> Service<'static, Family, impl FnMut()> {
    log_build_info();
    let entries = table();
    let index = |name: &str| entries.iter().position(|entry| text(&entry.name) == name);
    let channel = |name: &str| Some(Channel::new(usize::from(entries.get(index(name)?)?.channel)));
    let console = cairn_pd::console_input()
        .and_then(|(channel, input)| Some(Console { serial: index(SERIAL)?, channel, input }));
    let (status_reader, pulse) = (channel(STATUS_READER), channel(PULSE));
    let family = Family(entries.iter().map(bind).collect());
    let status = memory_region_symbol!(system_status_vaddr: *mut Status);
    // SAFETY: a region of its own, mapped read-write for ever and large enough.
    let status = unsafe { ExternallySharedRef::new(status) };
    let alarm = Alarm::new(client_link!(
        timer_link_vaddr,
        timer_channel: timer::Request, timer::Completion, timer::RING_SLOTS
    ));
    let wiring = Wiring { status_reader, pulse, alarm, console };
    Service::new(Supervisor::new(entries, family, MEMORY.take(), status), wiring)
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

fn bind(entry: &PdEntry) -> Bound {
    let stack_bytes = usize::try_from(entry.stack_bytes).unwrap_or(0);
    Bound {
        entry: *entry,
        page: view(entry.lifecycle_vaddr, REGION_BYTES),
        stack: view(entry.stack_view_vaddr, stack_bytes),
    }
}

fn view(vaddr: u64, len: usize) -> Option<Bytes> {
    let vaddr = usize::try_from(vaddr).ok()?;
    let start = NonNull::new(core::ptr::with_exposed_provenance_mut(vaddr))?;
    let bytes = NonNull::slice_from_raw_parts(start, len);
    // SAFETY: address and length come from the composition's table, which maps that much there for ever.
    Some(unsafe { ExternallySharedRef::new_read_only(bytes) }.into_ptr())
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
