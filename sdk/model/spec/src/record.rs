//! The records, exactly as they lie in the payload.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// First word of the payload: `"CAIRNSPC"` read as a little-endian integer.
pub const MAGIC: u64 = u64::from_le_bytes(*b"CAIRNSPC");
/// Layout version; the kernel refuses any other.
pub const VERSION: u32 = 1;

/// A half-open range of physical addresses.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Range {
    /// First byte.
    pub start: u64,
    /// One past the last byte.
    pub end: u64,
}

impl Range {
    /// True if the two ranges share a byte.
    #[must_use]
    pub fn overlaps(&self, other: &Range) -> bool {
        self.start < other.end && other.start < self.end
    }
}

/// Where a table of records lies: `count` records from byte `offset` of the payload.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Table {
    /// Byte offset from the start of the payload, a multiple of 8.
    pub offset: u32,
    /// Number of records.
    pub count: u32,
}

/// Start of the payload. 120 bytes.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Header {
    /// [`MAGIC`].
    pub magic: u64,
    /// [`VERSION`].
    pub version: u32,
    /// A [`Config`].
    pub config: u32,
    /// Memory that the kernel ELF occupies, `.bss` included; the kernel compares it with its own.
    pub kernel: Range,
    /// Memory for page tables, 8 KiB-aligned.
    pub tables: Range,
    /// Test ability: a nonzero seed makes the order among ready threads of equal priority a
    /// deterministic pseudo-random one. Zero: round robin.
    pub seed: u64,
    /// Byte offset of the data area from the start of the payload, a multiple of 8.
    pub data_offset: u64,
    /// Bytes in the data area, which ends the payload.
    pub data_bytes: u64,
    /// [`Pd`] records.
    pub pds: Table,
    /// [`Mapping`] records, grouped by PD.
    pub mappings: Table,
    /// [`Fill`] records.
    pub fills: Table,
    /// [`Cap`] records.
    pub caps: Table,
    /// [`Irq`] records.
    pub irqs: Table,
    /// [`Injection`] records.
    pub injections: Table,
}

/// Which of the SDK's configurations the kernel imitates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Config {
    /// Console output, debug system calls, shifted invocation labels, `brk` is a debug exception.
    Debug = 0,
    /// Silent but for the banner.
    Release = 1,
    /// Like release; PDs also hold their own TCB cap.
    Benchmark = 2,
}

/// A protection domain. 128 bytes.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Pd {
    /// UTF-8, filled up with zeros.
    pub name: [u8; 64],
    /// First instruction.
    pub entry: u64,
    /// Initial stack pointer, [`crate::layout::STACK_TOP`].
    pub stack_pointer: u64,
    /// Virtual address of the IPC buffer, [`crate::layout::IPC_BUFFER`].
    pub ipc_buffer_vaddr: u64,
    /// Physical address of the IPC buffer's page.
    pub ipc_buffer_paddr: u64,
    /// Budget in microseconds, at least 20 and at most the period.
    pub budget_us: u64,
    /// Period in microseconds.
    pub period_us: u64,
    /// Index of the PD's first record in the `mappings` table.
    pub first_mapping: u32,
    /// Number of its records; sorted by `vaddr`, not overlapping.
    pub mapping_count: u32,
    /// 0 to 254; also the maximum controlled priority.
    pub priority: u8,
    /// Bits of [`pd_flags`].
    pub flags: u8,
    /// Zero.
    pub reserved: [u8; 6],
}

/// Bits of [`Pd::flags`].
pub mod pd_flags {
    /// The PD may use floating-point and SIMD registers.
    pub const FPU: u8 = 1 << 0;
    /// The monitor binds the PD's scheduling context to its notification when it asks (slot 5).
    pub const PASSIVE: u8 = 1 << 1;
    /// All bits that mean something.
    pub const ALL: u8 = FPU | PASSIVE;
}

/// A piece of a PD's address space, physically contiguous. 32 bytes.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Mapping {
    /// Start, aligned to the page size.
    pub vaddr: u64,
    /// Start of the memory, aligned to the page size.
    pub paddr: u64,
    /// Length, a multiple of the page size, not zero.
    pub bytes: u64,
    /// 12 (4 KiB) or 21 (2 MiB).
    pub page_bits: u8,
    /// Bits of [`map_rights`]; read must be among them.
    pub rights: u8,
    /// A [`MemoryKind`].
    pub memory: u8,
    /// Zero.
    pub reserved: [u8; 5],
}

/// Bits of [`Mapping::rights`].
pub mod map_rights {
    /// Loads.
    pub const READ: u8 = 1 << 0;
    /// Stores.
    pub const WRITE: u8 = 1 << 1;
    /// Instruction fetch.
    pub const EXECUTE: u8 = 1 << 2;
    /// All bits that mean something.
    pub const ALL: u8 = READ | WRITE | EXECUTE;
}

/// How memory is accessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum MemoryKind {
    /// Normal, write-back cached (`cached="true"`).
    Cached = 0,
    /// Device-nGnRnE (`cached="false"`).
    Device = 1,
}

/// Initial contents of physical memory: copy, then zero the rest. 32 bytes.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Fill {
    /// Start, a multiple of 8, in RAM.
    pub paddr: u64,
    /// Length of the memory in bytes, a multiple of 8.
    pub bytes: u64,
    /// Offset into the data area, any alignment.
    pub data_offset: u64,
    /// Bytes to copy, at most `bytes`.
    pub data_bytes: u64,
}

/// One capability in one slot; the table ascends strictly by (`pd`, `space`, `slot`). 24 bytes.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Cap {
    /// Badge of endpoint and notification caps, else 0.
    pub badge: u64,
    /// PD whose CSpace this is.
    pub pd: u16,
    /// Slot number within the space.
    pub slot: u16,
    /// Number of the object: a PD, or an entry of the `irqs` table; 0 for the monitor endpoint.
    pub object: u16,
    /// [`CAP_SPACE_MICROKIT`] or [`CAP_SPACE_ROOT`].
    pub space: u8,
    /// A [`CapKind`].
    pub kind: u8,
    /// Bits of [`rights`] for endpoint and notification caps, else 0.
    pub rights: u8,
    /// Zero.
    pub reserved: [u8; 7],
}

/// Slots 0 to 511, addressed as the plain slot number.
pub const CAP_SPACE_MICROKIT: u8 = 0;
/// Slots 1 to 63, addressed as `slot << 58`.
pub const CAP_SPACE_ROOT: u8 = 1;

/// What a capability refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum CapKind {
    /// Endpoint of PD `object`.
    Endpoint = 1,
    /// Notification of PD `object`.
    Notification = 2,
    /// Reply object of PD `object`.
    Reply = 3,
    /// Address space of PD `object`.
    VSpace = 4,
    /// Thread of PD `object`.
    Tcb = 5,
    /// Scheduling context of PD `object`.
    SchedContext = 6,
    /// Interrupt: entry `object` of the `irqs` table.
    IrqHandler = 7,
    /// Endpoint of the built-in monitor.
    MonitorEndpoint = 8,
}

/// Bits of [`Cap::rights`].
pub mod rights {
    /// Receive or wait.
    pub const READ: u8 = 1 << 0;
    /// Send or signal.
    pub const WRITE: u8 = 1 << 1;
    /// Call, with caps.
    pub const GRANT: u8 = 1 << 2;
    /// Call.
    pub const GRANT_REPLY: u8 = 1 << 3;
    /// All bits that mean something.
    pub const ALL: u8 = READ | WRITE | GRANT | GRANT_REPLY;
    /// What Microkit 2.3.0 gives on endpoints.
    pub const ENDPOINT: u8 = READ | WRITE | GRANT;
    /// What Microkit 2.3.0 gives on notifications.
    pub const NOTIFICATION: u8 = READ | WRITE;
}

/// An interrupt and who gets it; the table ascends strictly by `intid`. 16 bytes.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Irq {
    /// Badge with which the PD's notification is signalled: `1 << id`.
    pub badge: u64,
    /// GIC INTID, 16 to 159, but not 25 to 27, which are the kernel's.
    pub intid: u32,
    /// PD whose notification is signalled.
    pub pd: u16,
    /// A [`Trigger`].
    pub trigger: u8,
    /// Zero.
    pub reserved: u8,
}

/// How an interrupt line is sampled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Trigger {
    /// Active while the line is high.
    Level = 0,
    /// Active on a rising edge.
    Edge = 1,
}

/// Test ability: a fault that the kernel causes on purpose, once. 24 bytes.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Injection {
    /// An [`InjectionKind`].
    pub kind: u32,
    /// PD number or entry of the `irqs` table.
    pub target: u32,
    /// Which system call or delivery is hit, counted from 1.
    pub nth: u64,
    /// Delay in microseconds for [`InjectionKind::DelayIrq`], else 0.
    pub delay_us: u64,
}

/// What an [`Injection`] does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum InjectionKind {
    /// The target PD's n-th system call becomes a null-pointer fault.
    KillPd = 1,
    /// The n-th delivery of the target IRQ is acknowledged and forgotten.
    DropIrq = 2,
    /// The n-th delivery of the target IRQ arrives `delay_us` later.
    DelayIrq = 3,
}

const _: () = {
    assert!(size_of::<Header>() == 120);
    assert!(size_of::<Pd>() == 128);
    assert!(size_of::<Mapping>() == 32);
    assert!(size_of::<Fill>() == 32);
    assert!(size_of::<Cap>() == 24);
    assert!(size_of::<Irq>() == 16);
    assert!(size_of::<Injection>() == 24);
};

impl Pd {
    /// The name without its zero padding; invalid UTF-8 reads as `"?"`.
    #[must_use]
    pub fn name(&self) -> &str {
        let length = self.name.iter().position(|byte| *byte == 0).unwrap_or(self.name.len());
        core::str::from_utf8(&self.name[..length]).unwrap_or("?")
    }
}

impl Default for Pd {
    fn default() -> Self {
        Self {
            name: [0; 64],
            entry: 0,
            stack_pointer: crate::layout::STACK_TOP,
            ipc_buffer_vaddr: crate::layout::IPC_BUFFER,
            ipc_buffer_paddr: 0,
            budget_us: 1000,
            period_us: 1000,
            first_mapping: 0,
            mapping_count: 0,
            priority: 0,
            flags: pd_flags::FPU,
            reserved: [0; 6],
        }
    }
}

/// Gives each enumerated value its decoder.
macro_rules! decode {
    ($type:ident: $raw:ty { $($variant:ident),* }) => {
        impl $type {
            /// The value's meaning, if it has one.
            #[must_use]
            pub fn from_raw(raw: $raw) -> Option<Self> {
                match raw {
                    $(raw if raw == Self::$variant as $raw => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

decode!(Config: u32 { Debug, Release, Benchmark });
decode!(MemoryKind: u8 { Cached, Device });
decode!(Trigger: u8 { Level, Edge });
decode!(InjectionKind: u32 { KillPd, DropIrq, DelayIrq });
decode!(CapKind: u8 {
    Endpoint, Notification, Reply, VSpace, Tcb, SchedContext, IrqHandler, MonitorEndpoint
});
