//! The ends of links, as the composition wires them.

use core::ptr::NonNull;

use sel4_externally_shared::ExternallySharedRef;
use sel4_microkit::{Channel, DeferredAction};
use sel4_shared_ring_buffer::{ClientEnd, Message, RawLink, ServerEnd};

use crate::state;

/// What wakes the peer behind `channel`, and counts it. It has one type for all channels, which a function that
/// binds some of a PD's links can only name as a parameter: `fn part<F: FnMut()>(wake: fn(Channel) -> F)`.
pub fn notifier(channel: Channel) -> impl FnMut() {
    move || {
        state::count_notification();
        #[cfg(target_os = "none")]
        channel.notify();
        #[cfg(not(target_os = "none"))]
        let _ = channel;
    }
}

/// As [`notifier`], but the peer is woken in the kernel entry in which this PD goes to sleep: one entry
/// fewer, and an urgent peer does not come back to a PD that has nothing left to do but to sleep.
///
/// The PD's handler must return [`take_deferred_action`](crate::take_deferred_action) from its method of
/// that name, and sleep soon after it has flushed.
pub fn deferring_notifier(channel: Channel) -> impl FnMut() {
    move || {
        state::count_notification();
        state::defer(DeferredAction::new_notify(channel));
    }
}

/// The link at an address, for a PD that shares several with one peer.
///
/// # Safety
/// The composition maps a region that holds the link there, read-write, for ever, and this is the
/// only call for it in one life of the program.
pub unsafe fn link_at<Req: Message, Comp: Message, const N: usize>(
    vaddr: NonNull<RawLink<Req, Comp, N>>,
) -> &'static RawLink<Req, Comp, N> {
    #[cfg(feature = "sabotage")]
    crate::sabotage::note(vaddr);
    // SAFETY: passed on to the caller.
    RawLink::from_shared(unsafe { ExternallySharedRef::new(vaddr) })
}

/// The client end of a link at `vaddr`, which [`client_link!`](crate::client_link) calls.
///
/// # Safety
/// As [`link_at`].
#[doc(hidden)]
pub unsafe fn bind_client<Req: Message, Comp: Message, const N: usize, F: FnMut()>(
    vaddr: NonNull<RawLink<Req, Comp, N>>,
    channel: Channel,
    wake: impl FnOnce(Channel) -> F,
) -> ClientEnd<'static, Req, Comp, N, F> {
    // SAFETY: passed on to the caller.
    let link = unsafe { link_at(vaddr) };
    link.client(wake(channel)).metered(state::meter(channel))
}

/// The server end, which [`server_link!`](crate::server_link) calls.
///
/// # Safety
/// As [`link_at`].
#[doc(hidden)]
pub unsafe fn bind_server<Req: Message, Comp: Message, const N: usize, F: FnMut()>(
    vaddr: NonNull<RawLink<Req, Comp, N>>,
    channel: Channel,
    wake: impl FnOnce(Channel) -> F,
) -> ServerEnd<'static, Req, Comp, N, F> {
    // SAFETY: passed on to the caller.
    let link = unsafe { link_at(vaddr) };
    link.server(wake(channel)).metered(state::meter(channel))
}

/// The client end of a link: `client_link!(timer_link_vaddr, timer_channel: Request, Completion, SLOTS)`
/// with the two symbols of the composition and the protocol's messages. `with wake` in front gives the
/// function that makes the [`notifier`](crate::notifier).
///
/// Expands to an `unsafe` block, so it belongs into a PD's `config.rs`: the composition must give the
/// region of that name at least the link's size, and the link is bound once in a life.
///
/// # Panics
/// If a symbol is not set.
#[macro_export]
macro_rules! client_link {
    (with $wake:expr, $($rest:tt)*) => { $crate::link!(bind_client, $wake, $($rest)*) };
    ($($rest:tt)*) => { $crate::link!(bind_client, $crate::notifier, $($rest)*) };
}

/// As [`client_link!`](crate::client_link), the server end, for a server without a table of clients.
#[macro_export]
macro_rules! server_link {
    ($($rest:tt)*) => { $crate::link!(bind_server, $crate::notifier, $($rest)*) };
}

#[doc(hidden)]
#[macro_export]
macro_rules! link {
    (
        $bind:ident,
        $wake:expr,
        $vaddr:ident,
        $channel:ident: $request:ty, $completion:ty, $slots:expr $(,)?
    ) => {{
        let link = $crate::_private::memory_region_symbol!(
            $vaddr: *mut $crate::_private::RawLink<$request, $completion, { $slots }>
        );
        let channel = *$crate::_private::var!($channel: usize = usize::MAX);
        // SAFETY: the region of this link, from the composition; `config.rs` names it once.
        unsafe { $crate::_private::$bind(link, $crate::_private::Channel::new(channel), $wake) }
    }};
}

/// A value in a region of its own, which [`placed!`](crate::placed) calls.
///
/// # Safety
/// The composition maps a region of at least the value's size there, read-write, for ever and for
/// nobody else, and this is the only call for it in one life of the program.
#[doc(hidden)]
#[allow(clippy::mut_from_ref, reason = "what it answers lies in the region, not in the constant")]
pub unsafe fn place<T>(mut region: NonNull<T>, initial: &'static T) -> &'static mut T {
    // SAFETY: there is room by the contract. The original is a constant that nobody else uses, so
    // that its copy is the only value of its kind.
    unsafe { core::ptr::copy_nonoverlapping(initial, region.as_ptr(), 1) };
    // SAFETY: it holds a value now, and nobody else refers to it by the contract.
    unsafe { region.as_mut() }
}

/// A value in a region of its own: `placed!(memory_vaddr, memory_size: Memory = Memory::EMPTY)` is a
/// `&'static mut Memory`. For large state: the image holds every byte of a program's static variables,
/// those of `.data` twice, and none of a region. The constant should be zero, or it is in the program.
///
/// Expands to an `unsafe` block, so it belongs into a PD's `config.rs`: the region is this PD's alone and
/// is bound once in a life.
///
/// # Panics
/// If a symbol is not set, or the region is too small.
#[macro_export]
macro_rules! placed {
    ($vaddr:ident, $size:ident: $type:ty = $initial:expr $(,)?) => {{
        let start = $crate::_private::memory_region_symbol!($vaddr: *mut $type);
        let len = *$crate::_private::var!($size: usize = 0);
        assert!(len >= size_of::<$type>(), "{} is too small", stringify!($size));
        // SAFETY: the composition maps `len` bytes there, for this PD alone and for ever.
        unsafe { $crate::_private::place(start, const { &$initial }) }
    }};
}

/// A data region: `region!(name_vaddr, name_size)` is an `ExternallySharedRef<'static, [u8]>`.
///
/// Expands to an `unsafe` block, so it belongs into a PD's `config.rs`: each region is bound once in a
/// life, and with `read_only` where the composition maps it so.
///
/// # Panics
/// If a symbol is not set.
#[macro_export]
macro_rules! region {
    ($vaddr:ident, $size:ident) => {{
        let (start, len) = $crate::region!(@parts $vaddr, $size);
        let bytes = ::core::ptr::NonNull::slice_from_raw_parts(start, len);
        // SAFETY: the composition maps `len` bytes there, read-write, for ever.
        unsafe { $crate::_private::ExternallySharedRef::new(bytes) }
    }};
    (read_only $vaddr:ident, $size:ident) => {{
        let (start, len) = $crate::region!(@parts $vaddr, $size);
        let bytes = ::core::ptr::NonNull::slice_from_raw_parts(start, len);
        // SAFETY: the composition maps `len` bytes there, for reading, for ever.
        unsafe { $crate::_private::ExternallySharedRef::new_read_only(bytes) }
    }};
    (@parts $vaddr:ident, $size:ident) => {{
        let start = $crate::_private::memory_region_symbol!($vaddr: *mut u8);
        let len = *$crate::_private::var!($size: usize = 0);
        assert!(len > 0, "{} is not set", stringify!($size));
        (start, len)
    }};
}
