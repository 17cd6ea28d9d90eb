//! A system description after parsing: every reference resolved, every element with its place.

use super::error::{Position, Problem, SdfError};
use super::limits::{LARGE_PAGE, PAGE, map_end};

/// Index of a protection domain in [`System::domains`]; parents precede their children.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PdIndex(pub usize);

/// Index of a memory region in [`System::regions`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegionIndex(pub usize);

/// A whole system. Holding one proves that every rule of the format has been checked that needs
/// no other file; what needs prefill files is checked by [`super::load_prefills`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct System {
    /// The description's name, for messages.
    pub file: String,
    /// All protection domains, depth first, in the order of the file.
    pub domains: Vec<ProtectionDomain>,
    /// All memory regions in the order of the file.
    pub regions: Vec<MemoryRegion>,
    /// All channels in the order of the file.
    pub channels: Vec<Channel>,
}

/// One `<protection_domain>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProtectionDomain {
    /// Where the element begins.
    pub at: Position,
    /// Unique name.
    pub name: String,
    /// Parent and this domain's id there, for a nested domain.
    pub parent: Option<(PdIndex, u8)>,
    /// 0 (lowest) to 254.
    pub priority: u8,
    /// Run time per period, in microseconds; at most the period.
    pub budget_us: u64,
    /// Period in microseconds.
    pub period_us: u64,
    /// Runs only on borrowed time after `init`.
    pub passive: bool,
    /// Bytes; a multiple of the page size.
    pub stack_size: u64,
    /// May use floating point.
    pub fpu: bool,
    /// The program.
    pub program: ProgramImage,
    /// Memory regions mapped into the domain; they do not overlap.
    pub maps: Vec<Map>,
    /// Interrupts delivered to the domain.
    pub irqs: Vec<Irq>,
    /// Symbols to be patched; no symbol occurs twice.
    pub setvars: Vec<SetVar>,
    /// Extra capabilities; no slot occurs twice.
    pub caps: Vec<CapMap>,
}

/// `<program_image>`: paths are looked up on the search path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramImage {
    /// Where the element begins.
    pub at: Position,
    /// The ELF file with the segments.
    pub path: String,
    /// The ELF file with the symbols, when it is another one.
    pub path_for_symbols: Option<String>,
}

/// Rights of a mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Perms {
    /// May be read.
    pub read: bool,
    /// May be written.
    pub write: bool,
    /// May be executed.
    pub execute: bool,
}

/// One `<map>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Map {
    /// Where the element begins.
    pub at: Position,
    /// What is mapped.
    pub region: RegionIndex,
    /// First address; a multiple of the region's page size.
    pub vaddr: u64,
    /// Rights.
    pub perms: Perms,
    /// Normal memory if true, device memory if false.
    pub cached: bool,
}

/// How an interrupt line is sampled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// While the line is high.
    Level,
    /// When the line rises.
    Edge,
}

/// One `<irq>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Irq {
    /// Where the element begins.
    pub at: Position,
    /// GIC interrupt id; one domain per interrupt.
    pub irq: u16,
    /// Id in the domain, 0–61, shared with channel ids.
    pub id: u8,
    /// How the line is sampled.
    pub trigger: Trigger,
}

/// A symbol to be patched, and with what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetVar {
    /// Where the attribute that asks for it begins.
    pub at: Position,
    /// Symbol of exactly 8 bytes in the domain's program.
    pub symbol: String,
    /// The value.
    pub value: SetVarValue,
}

/// What a patched symbol receives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetVarValue {
    /// Address of a mapping in the domain.
    Vaddr(u64),
    /// Size of a region in bytes.
    RegionSize(RegionIndex),
    /// Length in bytes of the file that a region is filled from.
    PrefillSize(RegionIndex),
    /// Physical address of a region.
    RegionPaddr(RegionIndex),
    /// Id of a channel end, interrupt or child.
    Id(u8),
}

/// What an extra capability stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CapKind {
    /// The thread.
    Tcb,
    /// The scheduling context.
    SchedContext,
    /// The address space.
    VSpace,
}

/// One `<cap_*>` in `<cspace>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CapMap {
    /// Where the element begins.
    pub at: Position,
    /// Kind of capability.
    pub kind: CapKind,
    /// Whose object it is.
    pub pd: PdIndex,
    /// Root CNode slot, 1–63.
    pub slot: u8,
}

/// One `<memory_region>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryRegion {
    /// Where the element begins.
    pub at: Position,
    /// Unique name.
    pub name: String,
    /// Bytes; `None` until the prefill file that decides it has been read.
    pub size: Option<u64>,
    /// Bytes per page: 4 KiB or 2 MiB.
    pub page_size: u64,
    /// Whether the description names the page size; otherwise the tool chooses the largest fit.
    pub page_size_given: bool,
    /// Fixed physical address.
    pub phys_addr: Option<u64>,
    /// File that fills the region's beginning.
    pub prefill: Option<Prefill>,
}

/// The file that fills a region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefill {
    /// Where the attribute begins.
    pub at: Position,
    /// File on the search path.
    pub path: String,
    /// Its bytes, once [`super::load_prefills`] has read them.
    pub bytes: Vec<u8>,
}

/// One `<end>` of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelEnd {
    /// Where the element begins.
    pub at: Position,
    /// The domain at this end.
    pub pd: PdIndex,
    /// The channel's id in that domain, 0–61.
    pub id: u8,
    /// This end may call the other.
    pub pp: bool,
    /// This end may notify the other.
    pub notify: bool,
}

/// One `<channel>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Channel {
    /// Where the element begins.
    pub at: Position,
    /// Both ends in the order of the file.
    pub ends: [ChannelEnd; 2],
}

impl MemoryRegion {
    /// Bytes the region takes as far as is known: one page until a prefill file decides.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.size.unwrap_or(self.page_size)
    }
}

impl ProtectionDomain {
    /// First address above what the domain may map: the bottom of its stack.
    #[must_use]
    pub fn map_end(&self) -> u64 {
        map_end(self.stack_size)
    }

    /// Bit per interrupt id.
    #[must_use]
    pub fn irq_bits(&self) -> u64 {
        self.irqs.iter().fold(0, |bits, irq| bits | 1 << irq.id)
    }
}

impl System {
    /// The domain at `index`.
    ///
    /// # Panics
    /// If `index` belongs to another system.
    #[must_use]
    pub fn domain(&self, index: PdIndex) -> &ProtectionDomain {
        &self.domains[index.0]
    }

    /// The region at `index`.
    ///
    /// # Panics
    /// If `index` belongs to another system.
    #[must_use]
    pub fn region(&self, index: RegionIndex) -> &MemoryRegion {
        &self.regions[index.0]
    }

    /// Every (near end, far end) pair of a domain's channels; a channel to itself occurs twice.
    pub fn ends_of(&self, pd: PdIndex) -> impl Iterator<Item = (&ChannelEnd, &ChannelEnd)> {
        self.channels
            .iter()
            .flat_map(|channel| {
                let [a, b] = &channel.ends;
                [(a, b), (b, a)]
            })
            .filter(move |(near, _)| near.pd == pd)
    }

    /// The domains directly below `pd`, with their ids there.
    pub fn children_of(&self, pd: PdIndex) -> impl Iterator<Item = (PdIndex, u8)> {
        self.domains.iter().enumerate().filter_map(move |(index, domain)| match domain.parent {
            Some((parent, id)) if parent == pd => Some((PdIndex(index), id)),
            _ => None,
        })
    }

    /// Whether anything is received by `pd` over an endpoint: faults of children, or calls.
    #[must_use]
    pub fn needs_endpoint(&self, pd: PdIndex) -> bool {
        self.children_of(pd).next().is_some() || self.ends_of(pd).any(|(_, far)| far.pp)
    }

    /// Regions that no domain maps: accepted, but worth a warning.
    pub fn unused_regions(&self) -> impl Iterator<Item = &MemoryRegion> {
        let mut used = vec![false; self.regions.len()];
        for map in self.domains.iter().flat_map(|domain| &domain.maps) {
            used[map.region.0] = true;
        }
        self.regions.iter().zip(used).filter_map(|(region, used)| (!used).then_some(region))
    }

    /// An error about something that has been read before.
    pub(crate) fn error_at(
        &self,
        at: Position,
        element: &str,
        attribute: Option<&str>,
        problem: Problem,
    ) -> SdfError {
        SdfError {
            file: self.file.clone(),
            at,
            element: element.to_owned(),
            attribute: attribute.map(str::to_owned),
            problem: Box::new(problem),
        }
    }

    /// Gives every region whose page size the description leaves open the largest page size that
    /// its size, its physical address and all its mappings allow.
    pub(super) fn choose_page_sizes(&mut self) {
        let mut addresses = vec![0u64; self.regions.len()];
        for map in self.domains.iter().flat_map(|domain| &domain.maps) {
            // Or-ing keeps every low bit that any address has set.
            addresses[map.region.0] |= map.vaddr;
        }
        for (region, low_bits) in self.regions.iter_mut().zip(addresses) {
            let Some(size) = region.size.filter(|_| !region.page_size_given) else { continue };
            let bits = low_bits | size | region.phys_addr.unwrap_or(0);
            region.page_size = if bits.is_multiple_of(LARGE_PAGE) { LARGE_PAGE } else { PAGE };
        }
    }
}
