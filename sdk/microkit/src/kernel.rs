//! The model kernel's ELF file as the image needs it: one flat block of bytes.

use model_spec::Range;
use model_spec::layout::{KERNEL_BASE, LOADER_BASE};

use crate::elf::{ElfError, has_symbol, read_segments};
use crate::sdf::limits::PAGE;

/// A symbol that seL4 has and that its own tool needs.
const SEL4_SYMBOL: &str = "ki_boot_end";

/// Why an ELF file is not the model kernel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KernelError {
    /// Not an executable at all.
    #[error(transparent)]
    Elf(#[from] ElfError),
    /// The file is seL4, which needs an image of another kind.
    #[error("this is seL4, not the model kernel; use the microkit tool of its SDK")]
    Sel4,
    /// Not where the model kernel lies.
    #[error("occupies {start:#x}..{end:#x}, not a range from {KERNEL_BASE:#x} to {LOADER_BASE:#x}")]
    Place {
        /// First physical address.
        start: u64,
        /// Address after the last.
        end: u64,
    },
    /// Segments that overlap in physical memory.
    #[error("segments overlap at {0:#x}")]
    Overlap(u64),
    /// The loaded part does not end at a page boundary, where the payload must begin.
    #[error("the loaded part has {0:#x} bytes, not a multiple of a page")]
    Unpadded(usize),
}

/// A kernel ready to be put at the beginning of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kernel {
    /// Segments at their physical distances, zeros between them; a multiple of the page size.
    pub flat: Vec<u8>,
    /// Memory the kernel occupies, `.bss` included; whole pages.
    pub range: Range,
    /// BLAKE3 of the ELF file, in hexadecimal.
    pub digest: String,
}

impl Kernel {
    /// Reads the kernel's ELF file.
    ///
    /// # Errors
    /// If it is not an ELF file or not laid out as the model kernel is.
    pub fn parse(bytes: &[u8]) -> Result<Self, KernelError> {
        if has_symbol(bytes, SEL4_SYMBOL)? {
            return Err(KernelError::Sel4);
        }
        let mut segments = read_segments(bytes)?;
        segments.sort_by_key(|segment| segment.paddr);
        let mut flat = Vec::new();
        let mut end = KERNEL_BASE;
        let start = segments.first().map_or(0, |segment| segment.paddr);
        for segment in &segments {
            let place = KernelError::Place { start, end: segment.paddr };
            if start != KERNEL_BASE || segment.paddr >= LOADER_BASE {
                return Err(place);
            }
            if segment.paddr < end {
                return Err(KernelError::Overlap(segment.paddr));
            }
            end = segment.paddr.saturating_add(segment.size);
            if end > LOADER_BASE {
                return Err(KernelError::Place { start, end });
            }
            if !segment.bytes.is_empty() {
                let offset = usize::try_from(segment.paddr - KERNEL_BASE).map_err(|_| place)?;
                flat.resize(offset, 0);
                flat.extend_from_slice(&segment.bytes);
            }
        }
        if flat.is_empty() || !(flat.len() as u64).is_multiple_of(PAGE) {
            return Err(KernelError::Unpadded(flat.len()));
        }
        let range = Range { start, end: end.next_multiple_of(PAGE) };
        Ok(Self { flat, range, digest: blake3::hash(bytes).to_hex().to_string() })
    }
}
