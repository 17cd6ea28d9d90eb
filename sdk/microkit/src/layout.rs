//! Where everything lies: virtual pieces of every domain, and physical memory under them.
//!
//! Physical memory is given out lowest first, below the loaded image as long as there is room, so
//! that small systems stay compact. Every piece is physically contiguous.

use model_spec::layout::{
    EXCLUDED_START, GIC_END, GIC_START, LARGE_PAGE_BITS, LOADER_BASE, PAGE_BITS, RAM_END,
    RAM_START, table_pages,
};
use model_spec::{Mapping, MemoryKind, Range, map_rights};

use crate::elf::Program;
use crate::memory::FreeMemory;
use crate::sdf::limits::{IPC_BUFFER, LARGE_PAGE, PAGE, STACK_TOP};
use crate::sdf::{MemoryRegion, PdIndex, Perms, Position, Problem, RegionIndex, SdfError, System};

/// Why a system does not fit the machine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// The description asks for something that cannot be.
    #[error(transparent)]
    Sdf(#[from] SdfError),
    /// No contiguous range is left that is large enough.
    #[error("no room for {what}: {bytes:#x} bytes, but the largest free range has {largest:#x}")]
    OutOfMemory {
        /// What was to be placed.
        what: String,
        /// Its size.
        bytes: u64,
        /// Largest free range.
        largest: u64,
    },
}

/// What a range of physical memory holds when the system starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// Zeros: a stack or an IPC buffer.
    Zero,
    /// The pages of a program segment.
    Segment(PdIndex, usize),
    /// A memory region: its prefill, then zeros.
    Region(RegionIndex),
}

/// A range of physical memory that is filled before the system starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frames {
    /// First address, page-aligned.
    pub paddr: u64,
    /// Length in bytes.
    pub bytes: u64,
    /// What it holds.
    pub content: Content,
}

/// One domain's memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainLayout {
    /// Its address space in ascending order.
    pub mappings: Vec<Mapping>,
    /// Physical address of the IPC buffer.
    pub ipc_buffer: u64,
}

/// Addresses for a whole system. Holding one proves that no mappings overlap, and that no two
/// things share physical memory unless the description says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// The kernel.
    pub kernel: Range,
    /// Room for page tables.
    pub tables: Range,
    /// Per domain, in the order of the system.
    pub domains: Vec<DomainLayout>,
    /// Physical address per region.
    pub regions: Vec<u64>,
    /// Everything that is filled before the start.
    pub frames: Vec<Frames>,
}

impl Layout {
    /// Lays out `system`, whose programs are given in the same order; the kernel lies at `kernel`
    /// and the image takes at most `image_bytes` bytes.
    ///
    /// # Errors
    /// A mapping that overlaps a program or its stack, a physical address that is taken, or too
    /// little memory.
    pub fn new(
        system: &System,
        programs: &[Program],
        kernel: Range,
        image_bytes: u64,
    ) -> Result<Self, LayoutError> {
        let mut spaces = Vec::with_capacity(programs.len());
        for (index, program) in programs.iter().enumerate() {
            spaces.push(address_space(system, PdIndex(index), program)?);
        }
        let image_end = LOADER_BASE.saturating_add(image_bytes.next_multiple_of(PAGE));
        let image = Range { start: LOADER_BASE, end: image_end };
        let mut free = FreeMemory::new(Range { start: kernel.end, end: RAM_END });
        free.remove(image);
        let mut placer = Placer { free, frames: Vec::new() };
        let mut regions = vec![0; system.regions.len()];
        for (index, region) in system.regions.iter().enumerate() {
            if let Some(paddr) = region.phys_addr {
                check_fixed(system, region, paddr, kernel, image)?;
                placer.fix(region, RegionIndex(index), paddr);
                regions[index] = paddr;
            }
        }
        let tables = placer.tables(&spaces)?;
        let mut domains = Vec::with_capacity(spaces.len());
        for (index, space) in spaces.iter().enumerate() {
            domains.push(placer.domain(system, PdIndex(index), space)?);
        }
        for (index, region) in system.regions.iter().enumerate() {
            if region.phys_addr.is_none() {
                let content = Content::Region(RegionIndex(index));
                let what = || format!("memory region '{}'", region.name);
                regions[index] = placer.place(region.bytes(), region.page_size, content, what)?;
            }
        }
        // Regions have their addresses only now.
        for (domain, space) in domains.iter_mut().zip(&spaces) {
            for (mapping, piece) in domain.mappings.iter_mut().zip(space) {
                if let What::Region(region) = piece.what {
                    mapping.paddr = regions[region.0];
                }
            }
        }
        Ok(Self { kernel, tables, domains, regions, frames: placer.frames })
    }

    /// Bytes of RAM that the running system occupies: kernel, page tables, and all frames.
    #[must_use]
    pub fn ram_bytes(&self) -> u64 {
        let ram = |frames: &&Frames| frames.paddr >= RAM_START;
        let frames: u64 = self.frames.iter().filter(ram).map(|frames| frames.bytes).sum();
        frames + (self.kernel.end - self.kernel.start) + (self.tables.end - self.tables.start)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Segment(usize),
    Stack,
    IpcBuffer,
    Region(RegionIndex),
}

/// A part of an address space whose physical address is still open.
struct Piece<'a> {
    what: What,
    name: &'a str,
    at: Position,
    mapping: Mapping,
}

impl Piece<'_> {
    fn end(&self) -> u64 {
        self.mapping.vaddr + self.mapping.bytes
    }
}

/// A domain's pieces, ascending and disjoint.
fn address_space<'a>(
    system: &'a System,
    pd: PdIndex,
    program: &Program,
) -> Result<Vec<Piece<'a>>, SdfError> {
    const DATA: Perms = Perms { read: true, write: true, execute: false };
    let domain = system.domain(pd);
    let at = domain.program.at;
    let own = |what, name, start, end, perms| {
        let mapping = mapping(start, end - start, PAGE, perms, true);
        Piece { what, name, at, mapping }
    };
    let mut pieces = vec![
        own(What::Stack, "the stack", domain.map_end(), STACK_TOP, DATA),
        own(What::IpcBuffer, "the IPC buffer", IPC_BUFFER, IPC_BUFFER + PAGE, DATA),
    ];
    for (index, segment) in program.segments.iter().enumerate() {
        let (start, end) = (segment.first_page(), segment.pages_end());
        pieces.push(own(What::Segment(index), "the program", start, end, segment.perms));
    }
    for map in &domain.maps {
        let region = system.region(map.region);
        let mapping = mapping(map.vaddr, region.bytes(), region.page_size, map.perms, map.cached);
        pieces.push(Piece {
            what: What::Region(map.region),
            name: &region.name,
            at: map.at,
            mapping,
        });
    }
    pieces.sort_by_key(|piece| piece.mapping.vaddr);
    for pair in pieces.windows(2) {
        if let [low, high] = pair
            && high.mapping.vaddr < low.end()
        {
            return Err(overlap(system, low, high));
        }
    }
    Ok(pieces)
}

/// The error for two pieces of one address space, told at the mapping if one of them is one.
fn overlap(system: &System, low: &Piece<'_>, high: &Piece<'_>) -> SdfError {
    let is_map = |piece: &Piece<'_>| matches!(piece.what, What::Region(_));
    let (piece, other) = if is_map(low) { (low, high) } else { (high, low) };
    let element = if is_map(piece) { "map" } else { "program_image" };
    let problem = Problem::Overlap {
        what: "virtual range",
        start: piece.mapping.vaddr,
        end: piece.end(),
        other: other.name.to_owned(),
        other_start: other.mapping.vaddr,
        other_end: other.end(),
    };
    system.error_at(piece.at, element, None, problem)
}

fn mapping(vaddr: u64, bytes: u64, page_size: u64, perms: Perms, cached: bool) -> Mapping {
    let right = |given, bit| if given { bit } else { 0 };
    Mapping {
        vaddr,
        paddr: 0,
        bytes,
        page_bits: if page_size == LARGE_PAGE { LARGE_PAGE_BITS } else { PAGE_BITS },
        rights: right(perms.read, map_rights::READ)
            | right(perms.write, map_rights::WRITE)
            | right(perms.execute, map_rights::EXECUTE),
        memory: if cached { MemoryKind::Cached } else { MemoryKind::Device } as u8,
        reserved: [0; 5],
    }
}

/// Refuses a fixed physical range that the kernel keeps, that the image passes through on its way
/// into memory, or that is half RAM.
fn check_fixed(
    system: &System,
    region: &MemoryRegion,
    start: u64,
    kernel: Range,
    image: Range,
) -> Result<(), SdfError> {
    let range = Range { start, end: start.saturating_add(region.bytes()) };
    let taken = [
        (kernel, "the kernel"),
        (image, "the loader image"),
        (Range { start: GIC_START, end: GIC_END }, "the interrupt controller"),
    ];
    let complain = |attribute, problem| {
        Err(system.error_at(region.at, "memory_region", Some(attribute), problem))
    };
    if let Some((owner, name)) = taken.into_iter().find(|(owner, _)| owner.overlaps(&range)) {
        let problem = Problem::Overlap {
            what: "physical range",
            start,
            end: range.end,
            other: name.to_owned(),
            other_start: owner.start,
            other_end: owner.end,
        };
        return complain("phys_addr", problem);
    }
    for border in [EXCLUDED_START, RAM_START, RAM_END] {
        if start < border && border < range.end {
            return complain("phys_addr", Problem::Straddles { start, end: range.end, border });
        }
    }
    if region.prefill.is_some() && !(EXCLUDED_START..RAM_END).contains(&start) {
        return complain("prefill_path", Problem::PrefilledDevice(start));
    }
    Ok(())
}

/// Gives out physical memory and notes what goes there.
struct Placer {
    free: FreeMemory,
    frames: Vec<Frames>,
}

impl Placer {
    fn take(
        &mut self,
        bytes: u64,
        align: u64,
        what: impl Fn() -> String,
    ) -> Result<u64, LayoutError> {
        self.free.take(bytes, align).ok_or_else(|| LayoutError::OutOfMemory {
            what: what(),
            bytes,
            largest: self.free.largest(),
        })
    }

    fn place(
        &mut self,
        bytes: u64,
        align: u64,
        content: Content,
        what: impl Fn() -> String,
    ) -> Result<u64, LayoutError> {
        let paddr = self.take(bytes, align, what)?;
        self.frames.push(Frames { paddr, bytes, content });
        Ok(paddr)
    }

    /// Notes a region with a fixed address. Devices are left alone; memory that the kernel does
    /// not manage is filled only as far as the prefill goes, as Microkit does.
    fn fix(&mut self, region: &MemoryRegion, index: RegionIndex, paddr: u64) {
        let content = Content::Region(index);
        if (RAM_START..RAM_END).contains(&paddr) {
            self.free.remove(Range { start: paddr, end: paddr + region.bytes() });
            self.frames.push(Frames { paddr, bytes: region.bytes(), content });
        } else if let Some(prefill) = &region.prefill {
            let bytes = (prefill.bytes.len() as u64).next_multiple_of(8);
            self.frames.push(Frames { paddr, bytes, content });
        }
    }

    fn tables(&mut self, spaces: &[Vec<Piece<'_>>]) -> Result<Range, LayoutError> {
        let pages = spaces.iter().map(|space| {
            let mappings: Vec<Mapping> = space.iter().map(|piece| piece.mapping).collect();
            table_pages(&mappings)
        });
        let bytes = pages.sum::<u64>() * PAGE;
        let start = self.take(bytes, 2 * PAGE, || "page tables".to_owned())?;
        Ok(Range { start, end: start + bytes })
    }

    fn domain(
        &mut self,
        system: &System,
        pd: PdIndex,
        space: &[Piece<'_>],
    ) -> Result<DomainLayout, LayoutError> {
        let mut mappings = Vec::with_capacity(space.len());
        let mut ipc_buffer = 0;
        for piece in space {
            let mut mapping = piece.mapping;
            let content = match piece.what {
                What::Segment(index) => Some(Content::Segment(pd, index)),
                What::Stack | What::IpcBuffer => Some(Content::Zero),
                What::Region(_) => None,
            };
            if let Some(content) = content {
                let what = || format!("{} of '{}'", piece.name, system.domain(pd).name);
                mapping.paddr = self.place(mapping.bytes, PAGE, content, what)?;
            }
            if piece.what == What::IpcBuffer {
                ipc_buffer = mapping.paddr;
            }
            mappings.push(mapping);
        }
        Ok(DomainLayout { mappings, ipc_buffer })
    }
}
