//! The sizes of one PD.

use std::ops::Add;

use object::{Object, ObjectSection, ObjectSymbol, SectionFlags};
use serde::{Deserialize, Serialize};

use crate::compose::files::Files;
use crate::compose::system::{Pd, System};

/// What is told about a PD, in this order.
pub(super) const COLUMNS: [&str; 7] = ["text", "data", "bss", "stack", "heap", "rings", "regions"];
/// The runtime's static that a program's heap is made of.
const HEAP: &str = "ARENA";

/// Bytes of a PD's parts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sizes {
    /// Code and constants.
    pub(super) text: u64,
    /// Statics with a value.
    pub(super) data: u64,
    /// Statics that start as zeros, without the heap.
    pub(super) bss: u64,
    pub(super) stack: u64,
    pub(super) heap: u64,
    /// Rings that it shares with peers.
    pub(super) rings: u64,
    /// Other memory that it maps: buffers and tables, no devices.
    pub(super) regions: u64,
}

impl Sizes {
    /// Measures a PD.
    ///
    /// # Errors
    /// If its program cannot be read.
    pub(super) fn of(pd: &Pd<'_>, system: &System<'_>, files: &Files) -> Result<Self, String> {
        let image = pd.element.named("program_image").next();
        let path = image.and_then(|image| image.get("path")).ok_or("names no program")?;
        let bytes = files.read(path).ok_or_else(|| format!("{path} is not on the search path"))?;
        let elf = object::File::parse(bytes.as_slice())
            .map_err(|error| format!("{path}: no ELF program: {error}"))?;
        let mut sizes = Self { stack: pd.stack_bytes, ..Self::default() };
        for section in elf.sections() {
            sizes.add_section(&section);
        }
        let is_heap = |name: &str| name.contains(HEAP);
        let heaps = elf.symbols().filter(|symbol| symbol.name().is_ok_and(is_heap));
        sizes.heap = heaps.map(|symbol| symbol.size()).fold(0, u64::saturating_add);
        sizes.bss = sizes.bss.saturating_sub(sizes.heap);
        let maps = pd.maps.iter().map(|map| (map, &system.regions[map.region]));
        for (map, region) in maps.filter(|(_, region)| region.phys_addr.is_none()) {
            // A stack is counted as such, and what others let this PD look at is theirs.
            match region.name {
                name if name.ends_with("_stack") => {}
                name if name.ends_with("_link") => sizes.rings += region.bytes,
                _ if map.is_writable() => sizes.regions += region.bytes,
                _ => {}
            }
        }
        Ok(sizes)
    }

    fn add_section(&mut self, section: &object::Section<'_, '_>) {
        let SectionFlags::Elf { sh_flags, .. } = section.flags() else { return };
        if !sh_flags.contains(object::elf::SHF_ALLOC) {
            return;
        }
        let is_writable = sh_flags.contains(object::elf::SHF_WRITE);
        let place = match section.kind() {
            object::SectionKind::UninitializedData => &mut self.bss,
            _ if is_writable => &mut self.data,
            _ => &mut self.text,
        };
        *place = place.saturating_add(section.size());
    }

    /// In the order of [`COLUMNS`].
    pub(super) fn columns(&self) -> [u64; COLUMNS.len()] {
        [self.text, self.data, self.bss, self.stack, self.heap, self.rings, self.regions]
    }
}

impl Add for Sizes {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            text: self.text.saturating_add(other.text),
            data: self.data.saturating_add(other.data),
            bss: self.bss.saturating_add(other.bss),
            stack: self.stack.saturating_add(other.stack),
            heap: self.heap.saturating_add(other.heap),
            rings: self.rings.saturating_add(other.rings),
            regions: self.regions.saturating_add(other.regions),
        }
    }
}
