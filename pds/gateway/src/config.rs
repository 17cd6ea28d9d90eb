//! What the composition gives to `gateway`.
#![allow(unsafe_code, reason = "binds regions, each once")]

use core::ptr::NonNull;

use cairn_pd::{client_link, notifier, placed, region, supervisor_channel};
use gateway::{Gateway, Memory, Parts, Sources};
use protocols::system::{BuildInfo, Status};
use protocols::{crypto, integrity, ledger, net, timer};
use sel4_externally_shared::ExternallySharedRef;
use sel4_externally_shared::access::ReadOnly;
use sel4_microkit::{Channel, memory_region_symbol};
use sel4_shared_ring_buffer::DataRegion;

/// The channel on which `supervisor` is asked for fresh figures, and says that they are there.
///
/// # Panics
/// If the composition gives none.
pub(crate) fn supervisor() -> Channel {
    match supervisor_channel() {
        Some(channel) => channel,
        None => panic!("there is no channel to supervisor"),
    }
}

/// Binds every region and channel of `gateway`.
///
/// # Panics
/// If the composition lacks one, or made it too small.
pub(crate) fn gateway() -> Gateway<'static, impl FnMut()> {
    Gateway::new(parts(notifier))
}

fn parts<F: FnMut()>(wake: fn(Channel) -> F) -> Parts<'static, F> {
    Parts {
        memory: placed!(memory_vaddr, memory_size: Memory = Memory::EMPTY),
        net: client_link!(
            with wake,
            net_link_vaddr,
            net_channel: net::Request, net::Event, net::RING_SLOTS,
        ),
        output: DataRegion::new(region!(net_client_data_vaddr, net_client_data_size)),
        input: DataRegion::new(region!(read_only net_server_data_vaddr, net_server_data_size)),
        integrity: client_link!(
            with wake,
            integrity_link_vaddr,
            integrity_channel: integrity::Request, integrity::Completion, integrity::RING_SLOTS,
        ),
        paths: DataRegion::new(region!(integrity_client_data_vaddr, integrity_client_data_size)),
        proven: DataRegion::new(
            region!(read_only integrity_server_data_vaddr, integrity_server_data_size),
        ),
        timer: client_link!(
            with wake,
            timer_link_vaddr,
            timer_channel: timer::Request, timer::Completion, timer::RING_SLOTS,
        ),
        sources: sources(wake),
    }
}

fn sources<F: FnMut()>(wake: fn(Channel) -> F) -> Sources<'static, F> {
    let build = memory_region_symbol!(build_info_vaddr: *mut BuildInfo);
    // SAFETY: a region of the image, mapped read-only for ever, holds `BuildInfo` at its start.
    let build: ExternallySharedRef<'_, _, ReadOnly> =
        unsafe { ExternallySharedRef::new_read_only(build) };
    let page = memory_region_symbol!(system_status_vaddr: *mut u8);
    let page = NonNull::slice_from_raw_parts(page, size_of::<Status>());
    // SAFETY: the status page, mapped read-only for ever, holds a `Status` at its start.
    let page = unsafe { ExternallySharedRef::new_read_only(page) };
    Sources {
        build: build.as_ptr().read(),
        page: DataRegion::new(page),
        refresh: wake(supervisor()),
        ledger: client_link!(
            with wake,
            ledger_link_vaddr,
            ledger_channel: ledger::Request, ledger::Completion, ledger::RING_SLOTS,
        ),
        crypto: client_link!(
            with wake,
            crypto_link_vaddr,
            crypto_channel: crypto::Request, crypto::Completion, crypto::RING_SLOTS,
        ),
        random: DataRegion::new(
            region!(read_only crypto_server_data_vaddr, crypto_server_data_size),
        ),
    }
}
