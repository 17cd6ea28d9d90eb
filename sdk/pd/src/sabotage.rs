//! Lets a PD do harm to itself on order: for tests, behind the feature `sabotage`, which no product image
//! has. The order stands in a region that only a test's overlay maps.

use core::arch::asm;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use protocols::lifecycle::REGION_BYTES;
use sel4_externally_shared::ExternallySharedRef;
use sel4_microkit::{pd_name, var};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::state;

/// What is ordered, and of whom.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Order {
    /// The PD, zero-padded.
    pub name: [u8; 16],
    /// In which of its lives; `u64::MAX` in every one.
    pub generation: u64,
    /// The first letters of what to do, zero-padded; see `HARMS`.
    pub harm: [u8; 8],
    /// An address or a time, where one is needed.
    pub argument: u64,
    /// Tells this order from the one before to the same PD; [`order`] chooses it.
    pub number: u64,
}

/// What the region holds: the last order to each PD.
type Orders = [Order; 16];

/// Address and size of every ring that this PD shares, in words that are zero behind the last one.
static SHARED: [[AtomicUsize; 2]; 32] = [const { [const { AtomicUsize::new(0) }; 2] }; 32];

/// The order that was obeyed last in this life.
static OBEYED: AtomicU64 = AtomicU64::new(0);

type Harm = fn(u64);

const HARMS: [(&[u8; 8], Harm); 12] = [
    (b"panic\0\0\0", |_| panic!("ordered to")),
    (b"null\0\0\0\0", |_| null_write()),
    (b"jump\0\0\0\0", |_| jump()),
    (b"undef\0\0\0", |_| undefined()),
    (b"overflow", |_| {
        overflow(1);
    }),
    (b"loop\0\0\0\0", |_| spin()),
    (b"busy\0\0\0\0", be_busy),
    (b"syscall\0", |_| bad_syscall()),
    (b"ring\0\0\0\0", spoil_ring),
    (b"forge\0\0\0", |_| forge()),
    (b"scribble", |_| scribble()),
    (b"flood\0\0\0", |_| flood()),
];

fn region() -> Option<NonNull<Orders>> {
    NonNull::new(core::ptr::with_exposed_provenance_mut(*var!(sabotage_vaddr: usize = 0)))
}

/// Remembers that this PD shares a ring there.
pub(crate) fn note<T>(ring: NonNull<T>) {
    let free = SHARED.iter().find(|place| place[0].load(Ordering::Relaxed) == 0);
    if let Some([address, bytes]) = free {
        address.store(ring.as_ptr().expose_provenance(), Ordering::Relaxed);
        bytes.store(size_of::<T>(), Ordering::Relaxed);
    }
}

/// Gives an order in place of the one before to the same PD, where the composition lets this PD do so.
pub fn order(order: Order) {
    let Some(region) = region() else { return };
    // SAFETY: the test's overlay maps a region of its own there, read-write in the PD that orders.
    let mut region = unsafe { ExternallySharedRef::new(region) };
    let mut orders = region.as_ptr().read();
    let is_place = |old: &&mut Order| old.name == order.name || old.number == 0;
    if let Some(place) = orders.iter_mut().find(is_place) {
        *place = Order { number: place.number + 1, ..order };
    }
    region.as_mut_ptr().write(orders);
}

/// Obeys, if there is an order for this life.
pub(crate) fn obey() {
    let Some(region) = region() else { return };
    // SAFETY: the test's overlay maps the region there.
    let orders: ExternallySharedRef<'_, _, _> =
        unsafe { ExternallySharedRef::new_read_only(region) };
    let name = pd_name().unwrap_or("?");
    let orders = orders.as_ptr().read();
    let mine = orders.iter().find(|order| protocols::system::text(&order.name) == name);
    let Some(order) = mine.filter(|order| order.is_due()) else { return };
    if let Some((_, harm)) = HARMS.iter().find(|(name, _)| **name == order.harm) {
        harm(order.argument);
    }
}

impl Order {
    /// Is it for this life? It is obeyed once, except where every life is meant.
    fn is_due(&self) -> bool {
        self.generation == u64::MAX
            || self.generation == state::lives()
                && OBEYED.swap(self.number, Ordering::Relaxed) != self.number
    }
}

fn null_write() {
    // SAFETY: faults.
    unsafe { asm!("str xzr, [{}]", in(reg) 0_u64) };
}

fn jump() {
    // SAFETY: faults.
    unsafe { asm!("br {}", in(reg) 0_u64) };
}

fn undefined() {
    // SAFETY: faults.
    unsafe { asm!("udf #0") };
}

fn bad_syscall() {
    // SAFETY: faults.
    unsafe { asm!("svc #0", in("x7") -1000_i64) };
}

fn spin() {
    loop {
        core::hint::spin_loop();
    }
}

/// Spins for so many milliseconds, and answers `supervisor` meanwhile.
fn be_busy(millis: u64) {
    let start = state::counter();
    let ticks = state::counter_frequency_hz() / 1000 * millis;
    while state::counter() - start < ticks {
        if let Some(page) = state::page() {
            page.set_heartbeat(state::counter());
        }
    }
}

#[expect(unconditional_recursion, reason = "it is to meet the end of the stack")]
#[inline(never)]
fn overflow(depth: u64) -> u64 {
    let mut frame = [depth; 64];
    frame[0] = overflow(core::hint::black_box(frame[63]) + 1);
    core::hint::black_box(frame)[0]
}

/// Both indices of the ring behind `address` become nonsense.
fn spoil_ring(address: u64) {
    let address = usize::try_from(address).unwrap_or(0);
    let Some(words) = NonNull::new(core::ptr::with_exposed_provenance_mut::<u64>(address)) else {
        return;
    };
    // SAFETY: the test names a ring that is mapped here; the peer is to survive anything.
    unsafe { words.write_volatile(0x5555_5555_5555_5555) };
}

/// Rewrites every ring that this PD shares, for as long as each peer needs to look at it; then the words of
/// both ends and the lifecycle page as well, signs of life included, until it is stopped.
fn scribble() {
    /// Epochs and sleep words of a link: a peer that finds nonsense there looks at no ring.
    const RINGS_OFFSET: usize = 128;
    const RINGS_ONLY_MS: u64 = 20;
    let start = state::counter();
    let rings_only = state::counter_frequency_hz() / 1000 * RINGS_ONLY_MS;
    let page = state::page_region().map_or(0, |page| page.as_ptr().expose_provenance());
    let mut random = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(state::lives() | 1);
    let mut rewrite = |address: usize, bytes: usize| {
        for address in (address..address + bytes).step_by(size_of::<u64>()) {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let word = core::ptr::with_exposed_provenance_mut::<u64>(address);
            // SAFETY: within what the composition maps read-write; the peers are to survive anything.
            unsafe { word.write_volatile(random) };
        }
    };
    loop {
        let skip = if state::counter() - start < rings_only { RINGS_OFFSET } else { 0 };
        for [address, bytes] in &SHARED {
            let (address, bytes) = (address.load(Ordering::Relaxed), bytes.load(Ordering::Relaxed));
            rewrite(address + skip.min(bytes), bytes - skip.min(bytes));
        }
        if skip == 0 && page != 0 {
            rewrite(page, REGION_BYTES);
        }
    }
}

/// Slot 2 is the fault endpoint; Microkit 2.3.0 lets its owner call it. Each life forges another fault, of
/// any kind and length, from whatever the message registers hold.
fn forge() {
    const FAULT_ENDPOINT: sel4::cap::Endpoint = sel4::Cap::from_bits(2);
    let length = usize::try_from(state::lives() * 7 % 121).unwrap_or(0);
    loop {
        FAULT_ENDPOINT.call(sel4::MessageInfo::new(state::lives() % 12, 0, 0, length));
    }
}

fn flood() {
    let Some(supervisor) = state::supervisor_channel() else { return };
    loop {
        supervisor.notify();
    }
}
