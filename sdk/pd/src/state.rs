//! Regions and channels by symbol, and what the panic hook and the logger must reach from anywhere.

use core::cell::{Cell, RefCell};
use core::panic::PanicInfo;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU64, Ordering};

use protocols::lifecycle::{Counter, PEERS, PEERS_OFFSET, Page, Peer, State};
use sel4_externally_shared::ExternallySharedRef;
use sel4_microkit::{Channel, DeferredAction, debug_println, pd_name, var};
use sel4_shared_ring_buffer::{InitializationStrategy, Meter};

use crate::console::{ConsoleLink, Input};
use crate::lifecycle::LifecyclePage;
use crate::logger::{LogRing, append, line_of};

struct Shared {
    page: Cell<Option<LifecyclePage<'static>>>,
    ring: RefCell<Option<LogRing<'static>>>,
    input: RefCell<Option<Input<'static>>>,
    dropped: Cell<u64>,
    notifications: Cell<u64>,
    deferred: Cell<Option<DeferredAction>>,
}

// SAFETY: a PD has one thread.
unsafe impl Sync for Shared {}

static SHARED: Shared = Shared {
    page: Cell::new(None),
    ring: RefCell::new(None),
    input: RefCell::new(None),
    dropped: Cell::new(0),
    notifications: Cell::new(0),
    deferred: Cell::new(None),
};

/// Lives so far. Not in the page: a PD that wrote nonsense there still counts its lives.
#[cfg_attr(target_os = "none", unsafe(link_section = ".persistent"))]
static LIVES: AtomicU64 = AtomicU64::new(0);

/// The memory that the tool mapped at the address in a symbol, if it set one.
fn region<T>(vaddr: usize) -> Option<NonNull<T>> {
    NonNull::new(core::ptr::with_exposed_provenance_mut(vaddr))
}

/// Binds page and log ring, and lets panics and log records use them.
pub(crate) fn bind() {
    SHARED.page.set(bind_page());
    let (ring, input) = bind_rings().unzip();
    SHARED.ring.replace(ring);
    SHARED.input.replace(input);
    sel4_microkit::panicking::set_hook(&panic_hook);
    LIVES.fetch_add(1, Ordering::Relaxed);
    if let Some(page) = page() {
        page.begin(lives());
    }
    // Fails when there is a logger already, which is then this one.
    if log::set_logger(&Logger).is_ok() {
        log::set_max_level(log::LevelFilter::Info);
    }
}

pub(crate) fn page_region() -> Option<NonNull<u8>> {
    region(*var!(lifecycle_vaddr: usize = 0))
}

fn bind_page() -> Option<LifecyclePage<'static>> {
    let bytes = NonNull::slice_from_raw_parts(page_region()?, size_of::<Page>());
    // SAFETY: the composition maps a page of its own there, read-write, for ever; it is bound once
    // per life of the program.
    Some(LifecyclePage::new(unsafe { ExternallySharedRef::new(bytes) }.into_ptr()))
}

fn bind_rings() -> Option<(LogRing<'static>, Input<'static>)> {
    let link = region::<ConsoleLink>(*var!(serial_link_vaddr: usize = 0))?;
    #[cfg(feature = "sabotage")]
    crate::sabotage::note(link);
    // SAFETY: the composition maps the link to `serial` there, read-write, for ever, in a region
    // that holds it; it is bound once per life of the program.
    let (log, input) = ConsoleLink::split(unsafe { ExternallySharedRef::new(link) });
    // Either end may restart: the indices in memory are where it goes on.
    let strategy = InitializationStrategy::ReadState;
    Some((LogRing::new(log, strategy), Input::new(input, strategy)))
}

/// Where `supervisor` looks for what this PD sees of its peer behind `channel`. Where nobody looks, a meter
/// that all share.
pub fn meter(channel: Channel) -> &'static Meter {
    static UNSEEN: Meter = Meter::new();
    const _: () = assert!(size_of::<Meter>() == size_of::<Peer>());
    let Some(page) = page_region().filter(|_| channel.index() < PEERS) else { return &UNSEEN };
    // SAFETY: the region of the page holds so many meters behind it.
    let place = unsafe { page.add(PEERS_OFFSET + channel.index() * size_of::<Meter>()) };
    // SAFETY: mapped read-write for ever, aligned, atomics, and apart from what `bind_page` binds.
    unsafe { place.cast().as_ref() }
}

pub(crate) fn page() -> Option<LifecyclePage<'static>> {
    SHARED.page.get()
}

/// Which life of the PD this is, from 1.
pub(crate) fn lives() -> u64 {
    LIVES.load(Ordering::Relaxed)
}

/// The channel to `supervisor`, for a PD that talks about more than its lifecycle page; `None` if the
/// composition gives it none.
pub fn supervisor_channel() -> Option<Channel> {
    let channel = *var!(supervisor_channel: usize = NO_CHANNEL);
    (channel != NO_CHANNEL).then(|| Channel::new(channel))
}

/// The channel to `serial`, and where the lines arrive that somebody types there, for the PD that owns the
/// console's input; `None` if the composition gives it none, and at the second call.
pub fn console_input() -> Option<(Channel, Input<'static>)> {
    let input = SHARED.input.try_borrow_mut().ok()?.take()?;
    Some((Channel::new(serial_channel()?), input))
}

fn serial_channel() -> Option<usize> {
    Some(*var!(serial_channel: usize = NO_CHANNEL)).filter(|channel| *channel != NO_CHANNEL)
}

pub(crate) fn notify_supervisor() {
    if let Some(channel) = supervisor_channel() {
        channel.notify();
    }
}

/// Channel symbols that the tool did not set.
const NO_CHANNEL: usize = usize::MAX;

fn notify_serial() {
    if let Some(channel) = serial_channel() {
        count_notification();
        Channel::new(channel).notify();
    }
}

/// Keeps the counter of notifications sent.
#[inline]
pub(crate) fn count_notification() {
    let count = SHARED.notifications.get() + 1;
    SHARED.notifications.set(count);
    if let Some(page) = page() {
        page.set_counter(Counter::Notifications, count);
    }
}

/// Does `action` with the event loop's next receive. One action can wait for that: an earlier one is
/// done now, unless it is the same.
pub(crate) fn defer(action: DeferredAction) {
    if let Some(earlier) = SHARED.deferred.replace(Some(action))
        && earlier != action
    {
        // The kernel refuses no interrupt that it has given to this PD.
        let _ = earlier.execute_now();
    }
}

/// What a [`deferring_notifier`](crate::deferring_notifier) or an [`Interrupt`](crate::Interrupt) has
/// left to be done; what a handler's method of this name returns.
pub fn take_deferred_action() -> Option<DeferredAction> {
    SHARED.deferred.take()
}

struct Logger;

impl log::Log for Logger {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let Ok(mut ring) = SHARED.ring.try_borrow_mut() else { return };
        let Some(ring) = ring.as_mut() else {
            debug_println!("[{}] {}", pd_name().unwrap_or("?"), record.args());
            return;
        };
        if append(ring, line_of(record)) {
            notify_serial();
            return;
        }
        SHARED.dropped.set(SHARED.dropped.get() + 1);
        if let Some(page) = page() {
            page.set_counter(Counter::LogDropped, SHARED.dropped.get());
        }
    }

    fn flush(&self) {}
}

/// Leaves the message where `supervisor` finds it when the fault arrives there.
fn panic_hook(info: &PanicInfo<'_>) {
    if let Some(page) = page() {
        match info.location() {
            Some(at) => page.set_state(
                State::Panicked,
                format_args!("{} ({}:{})", info.message(), at.file(), at.line()),
            ),
            None => page.set_state(State::Panicked, format_args!("{}", info.message())),
        }
    }
    debug_println!("{}: {info}", pd_name().unwrap_or("?"));
}

#[cfg(target_arch = "aarch64")]
pub(crate) fn counter_frequency_hz() -> u64 {
    use generic_timer::Registers;
    generic_timer::SystemRegisters.frequency_hz()
}

#[cfg(target_arch = "aarch64")]
#[inline]
pub(crate) fn counter() -> u64 {
    use generic_timer::Registers;
    generic_timer::SystemRegisters.count()
}

/// A machine of another kind runs tests only: its clock stands still.
#[cfg(not(target_arch = "aarch64"))]
pub(crate) fn counter_frequency_hz() -> u64 {
    1_000_000_000
}

#[cfg(not(target_arch = "aarch64"))]
pub(crate) fn counter() -> u64 {
    0
}

#[cfg(test)]
mod tests {
    use super::*;
    use zerocopy::FromZeros;

    #[test]
    fn a_meter_is_read_as_a_peer() {
        let mut page = [Peer::new_zeroed()];
        let place = NonNull::from(&mut page).cast::<Meter>();
        // SAFETY: of the same size, aligned as words are, and nobody looks meanwhile.
        let meter = unsafe { place.as_ref() };
        meter.begin(8);
        meter.saw(5);
        meter.saw(2);
        meter.blame();
        assert_eq!(page, [Peer { capacity: 8, waiting: 2, most: 5, violations: 1 }]);
    }

    #[test]
    fn an_action_is_deferred_once() {
        let notify = DeferredAction::new_notify(Channel::new(3));
        assert_eq!(take_deferred_action(), None);
        defer(notify);
        defer(notify);
        assert_eq!(take_deferred_action(), Some(notify));
        assert_eq!(take_deferred_action(), None);
    }
}
