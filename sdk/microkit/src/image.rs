//! The loader image: kernel, boot specification, contents.

use model_spec::{Config, Fill, Header, Injection, Mapping, Parts, Pd, Spec, SpecError, pd_flags};

use crate::caps;
use crate::elf::{Program, Segment};
use crate::kernel::Kernel;
use crate::layout::{Content, Layout};
use crate::sdf::limits::PAGE;
use crate::sdf::{PdIndex, System};

/// Why no image comes out although every input is good.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// The specification's tables do not fit its 32-bit offsets.
    #[error("the boot specification is too large")]
    TooLarge,
    /// The kernel would refuse the image: the tool itself is wrong.
    #[error("the tool made an image that the kernel would refuse: {0}")]
    Refused(SpecError),
}

/// How the kernel is to run the system.
#[derive(Debug, Clone)]
pub struct Options {
    /// The configuration that the kernel imitates.
    pub config: Config,
    /// Seed of the order among ready threads of equal priority; 0 means round robin.
    pub seed: u64,
    /// Faults to cause, for tests.
    pub injections: Vec<Injection>,
}

/// Bytes that the image will take at most, known before anything is laid out. The programs must
/// have been patched, with whatever addresses, so that their contents have their final lengths.
#[must_use]
pub fn size_bound(
    system: &System,
    programs: &[Program],
    kernel: &Kernel,
    options: &Options,
) -> u64 {
    let irqs = caps::irqs(system);
    let caps = caps::caps(system, &irqs, options.config);
    let segments = programs.iter().flat_map(|program| &program.segments);
    // Contents begin at a page.
    let contents: u64 = segments.clone().map(|segment| segment.bytes.len() as u64 + PAGE).sum();
    let prefills = system.regions.iter().filter_map(|region| region.prefill.as_ref());
    let prefills: u64 = prefills.map(|prefill| prefill.bytes.len() as u64).sum();
    let pieces = segments.count() + 2 * programs.len();
    let maps: usize = system.domains.iter().map(|domain| domain.maps.len()).sum();
    let records = size_of::<Header>()
        + size_of_val(caps.as_slice())
        + size_of_val(irqs.as_slice())
        + size_of_val(options.injections.as_slice())
        + programs.len() * size_of::<Pd>()
        + (pieces + maps) * size_of::<Mapping>()
        + (pieces + system.regions.len()) * size_of::<Fill>();
    kernel.flat.len() as u64 + records as u64 + contents + prefills
}

/// Makes the image. `programs` are patched and in the order of the system.
///
/// # Errors
/// See [`ImageError`].
pub fn build(
    system: &System,
    programs: &[Program],
    kernel: &Kernel,
    layout: &Layout,
    options: &Options,
) -> Result<Vec<u8>, ImageError> {
    let mappings: Vec<Mapping> =
        layout.domains.iter().flat_map(|domain| domain.mappings.iter().copied()).collect();
    let irqs = caps::irqs(system);
    let (fills, data) = contents(system, programs, layout);
    let parts = Parts {
        config: options.config,
        kernel: layout.kernel,
        tables: layout.tables,
        seed: options.seed,
        pds: &domains(system, programs, layout),
        mappings: &mappings,
        fills: &fills,
        caps: &caps::caps(system, &irqs, options.config),
        irqs: &irqs,
        injections: &options.injections,
    };
    let mut payload = Vec::new();
    parts
        .emit(data.len() as u64, |bytes| payload.extend_from_slice(bytes))
        .ok_or(ImageError::TooLarge)?;
    payload.extend_from_slice(&data);
    check(&payload)?;
    let mut image = kernel.flat.clone();
    image.extend_from_slice(&payload);
    Ok(image)
}

/// Reads the payload as the kernel will.
fn check(payload: &[u8]) -> Result<(), ImageError> {
    // Records are read in place, so they need the alignment that the kernel's page gives them.
    let mut aligned: Vec<u64> = Vec::with_capacity(payload.len().div_ceil(8));
    for chunk in payload.chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        aligned.push(u64::from_ne_bytes(word));
    }
    Spec::parse(zerocopy::IntoBytes::as_bytes(aligned.as_slice()))
        .map(|_| ())
        .map_err(ImageError::Refused)
}

fn domains(system: &System, programs: &[Program], layout: &Layout) -> Vec<Pd> {
    let mut first_mapping = 0;
    let together = system.domains.iter().zip(programs).zip(&layout.domains);
    let mut pds = Vec::with_capacity(programs.len());
    for ((domain, program), laid_out) in together {
        let mut name = [0; 64];
        let kept = (0..=name.len()).rev().find(|&at| domain.name.is_char_boundary(at));
        let kept = kept.unwrap_or_default();
        name[..kept].copy_from_slice(&domain.name.as_bytes()[..kept]);
        let flag = |given, bit| if given { bit } else { 0 };
        // The description's size limits the number of maps to far below 2^32.
        let mapping_count = u32::try_from(laid_out.mappings.len()).unwrap_or(u32::MAX);
        pds.push(Pd {
            name,
            entry: program.entry,
            ipc_buffer_paddr: laid_out.ipc_buffer,
            budget_us: domain.budget_us,
            period_us: domain.period_us,
            first_mapping,
            mapping_count,
            priority: domain.priority,
            flags: flag(domain.fpu, pd_flags::FPU) | flag(domain.passive, pd_flags::PASSIVE),
            ..Pd::default()
        });
        first_mapping += mapping_count;
    }
    pds
}

/// Every fill, ascending, and the data area they copy from.
fn contents(system: &System, programs: &[Program], layout: &Layout) -> (Vec<Fill>, Vec<u8>) {
    let mut frames = layout.frames.clone();
    frames.sort_by_key(|frames| frames.paddr);
    let mut fills: Vec<Fill> = Vec::with_capacity(frames.len());
    let mut data = Vec::new();
    for frames in frames {
        let data_offset = data.len() as u64;
        match frames.content {
            Content::Zero => {}
            Content::Segment(PdIndex(pd), index) => {
                add_segment(&mut data, &programs[pd].segments[index])
            }
            Content::Region(region) => {
                let prefill = system.region(region).prefill.as_ref();
                data.extend_from_slice(trimmed(prefill.map_or(&[], |prefill| &prefill.bytes)));
            }
        }
        let data_bytes = data.len() as u64 - data_offset;
        match fills.last_mut() {
            // Zeros that follow on the last fill become its own zeros.
            Some(last) if data_bytes == 0 && last.paddr + last.bytes == frames.paddr => {
                last.bytes += frames.bytes;
            }
            _ => fills.push(Fill {
                paddr: frames.paddr,
                bytes: frames.bytes,
                data_offset,
                data_bytes,
            }),
        }
    }
    (fills, data)
}

/// Appends a segment's pages without the zeros at their end.
fn add_segment(data: &mut Vec<u8>, segment: &Segment) {
    let bytes = trimmed(&segment.bytes);
    if !bytes.is_empty() {
        // Shorter than a page.
        let before = usize::try_from(segment.vaddr - segment.first_page()).unwrap_or_default();
        data.resize(data.len() + before, 0);
        data.extend_from_slice(bytes);
    }
}

fn trimmed(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    &bytes[..end]
}

/// Wraps a raw image into an ELF file with one segment at `address`.
#[must_use]
pub fn as_elf(image: &[u8], address: u64) -> Vec<u8> {
    const HEADER_BYTES: u16 = 64;
    const SEGMENT_HEADER_BYTES: u16 = 56;
    const DATA_OFFSET: u64 = PAGE;
    let mut elf = Vec::with_capacity(image.len() + 0x1000);
    // ELF64, little-endian, version 1, System V; ET_EXEC for AArch64.
    elf.extend_from_slice(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
    for half in [2u16, 183, 1, 0] {
        elf.extend_from_slice(&half.to_le_bytes());
    }
    for word in [address, HEADER_BYTES.into(), 0] {
        elf.extend_from_slice(&word.to_le_bytes());
    }
    for half in [0, 0, HEADER_BYTES, SEGMENT_HEADER_BYTES, 1, 64, 0, 0] {
        elf.extend_from_slice(&half.to_le_bytes());
    }
    // PT_LOAD, read + write + execute: the loader runs from it and moves itself.
    for half in [1u16, 0, 7, 0] {
        elf.extend_from_slice(&half.to_le_bytes());
    }
    let length = image.len() as u64;
    for word in [DATA_OFFSET, address, address, length, length, PAGE] {
        elf.extend_from_slice(&word.to_le_bytes());
    }
    elf.resize(0x1000, 0);
    elf.extend_from_slice(image);
    elf
}
