//! The boot specification: what the image tool tells the model kernel about a system.
//!
//! The crate is `no_std`, allocates nothing and trusts nobody: [`Spec::parse`] checks every offset,
//! index, range and enumerated value before the kernel sees it, and names the rule that was broken.
//!
//! # `loader.img`
//!
//! A raw binary for `-device loader,file=loader.img,addr=0x70000000`. Entry point: its first byte.
//!
//! ```text
//! +0                 kernel: the PT_LOAD segments of the kernel ELF, flattened in p_paddr order from
//!                    the lowest p_paddr, gaps filled with zeros, up to the end of the last p_filesz
//! +K                 payload: Header, then the tables it points to, then the data area
//! ```
//!
//! `K` is a multiple of 4096 (the kernel's link script pads its last segment; the tool should check
//! it), so the payload is page-aligned and the kernel finds it without being told.
//! The kernel is linked at [`layout::KERNEL_BASE`] and copies itself there first, then performs the
//! [`Fill`]s out of the payload; after that the whole loaded image is dead memory.
//! One kernel ELF (crate `model`, binary `model`; in the model SDK `board/<board>/<config>/elf/sel4.elf`,
//! the official SDK's name) serves all configurations: [`Config`] is a field of the header.
//!
//! # Who decides what
//!
//! **The tool assigns every physical address.** Usable memory is `kernel.end..RAM_END` where
//! `kernel.end` is the highest `p_paddr + p_memsz` of the kernel ELF rounded up to a page. The
//! loaded image occupies `LOADER_BASE..LOADER_BASE + file size`; no fill may touch it, so allocate
//! from `kernel.end..LOADER_BASE` first and beyond the image only when that is full.
//! `EXCLUDED_START..RAM_START` is only for memory regions with an explicit `phys_addr` (not zeroed:
//! give them no fill). Each mapping is physically contiguous: one [`Mapping`] per ELF segment,
//! stack, IPC buffer and `<map>`.
//!
//! **Page tables** live in the range `tables` of the header, aligned to 8 KiB; its size is the sum
//! of [`layout::table_pages`] over the PDs, times 4096.
//!
//! **Contents.** Memory is whatever QEMU left there until a [`Fill`] copies `data_bytes` bytes from
//! the data area and zeroes the rest up to `bytes`. Every allocated frame needs a fill (zeroed
//! frames: `data_bytes = 0`); trailing zero bytes of segments should not be stored.
//!
//! **Objects.** PD number `i` (its position in the `pds` table) owns exactly one TCB, scheduling
//! context, VSpace, CSpace, reply object, notification (bound to the TCB) and endpoint, each also
//! numbered `i`. The monitor is built into the kernel and has an endpoint of its own.
//!
//! **Capabilities** are listed one by one, nothing is implied: the tool writes slots 1, 2, 3, 4,
//! 5 for passive PDs, 6 in `benchmark`, and the channel, IRQ, child and `<cspace>` windows
//! (constants in [`slots`]). The cap in slot [`slots::FAULT_ENDPOINT`] is also the fault handler
//! of the TCB. IRQ `i` is entry `i` of the `irqs` table.
//!
//! **Entry state** follows from the `Pd` record; everything else is zero. All PDs are started;
//! among equal priorities the last by name runs first, as in an official image. Names are unique.
//!
//! All integers are little-endian; all padding is zero.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

#[cfg(target_endian = "big")]
compile_error!("records are read in place and are little-endian");

mod check;
pub mod layout;
mod read;
mod record;
pub mod slots;
#[cfg(test)]
mod tests;
mod write;

pub use check::{Rule, SpecError};
pub use read::Spec;
pub use record::{
    CAP_SPACE_MICROKIT, CAP_SPACE_ROOT, Cap, CapKind, Config, Fill, Header, Injection,
    InjectionKind, Irq, MAGIC, Mapping, MemoryKind, Pd, Range, Table, Trigger, VERSION, map_rights,
    pd_flags, rights,
};
pub use write::Parts;
