//! Writing a payload, for the image tool and for tests.

use zerocopy::{Immutable, IntoBytes};

use crate::record::{
    Cap, Config, Fill, Header, Injection, Irq, MAGIC, Mapping, Pd, Range, Table, VERSION,
};

/// Everything a payload is made of, except the bytes of the data area.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'a> {
    /// Configuration.
    pub config: Config,
    /// Memory of the kernel ELF.
    pub kernel: Range,
    /// Memory for page tables.
    pub tables: Range,
    /// See [`Header::seed`].
    pub seed: u64,
    /// Protection domains.
    pub pds: &'a [Pd],
    /// Mappings, grouped by PD.
    pub mappings: &'a [Mapping],
    /// Initial contents.
    pub fills: &'a [Fill],
    /// Capabilities.
    pub caps: &'a [Cap],
    /// Interrupts.
    pub irqs: &'a [Irq],
    /// Faults to cause.
    pub injections: &'a [Injection],
}

impl Parts<'_> {
    /// Hands the header and all tables to `sink`, in order; `data_bytes` bytes of data must follow.
    ///
    /// Returns the number of bytes handed over, which is the offset of the data area, or `None`
    /// if the tables do not fit 32-bit offsets.
    pub fn emit(&self, data_bytes: u64, mut sink: impl FnMut(&[u8])) -> Option<u64> {
        let mut offset = u32::try_from(size_of::<Header>()).ok()?;
        let header = Header {
            magic: MAGIC,
            version: VERSION,
            config: self.config as u32,
            kernel: self.kernel,
            tables: self.tables,
            seed: self.seed,
            pds: place(&mut offset, self.pds)?,
            mappings: place(&mut offset, self.mappings)?,
            fills: place(&mut offset, self.fills)?,
            caps: place(&mut offset, self.caps)?,
            irqs: place(&mut offset, self.irqs)?,
            injections: place(&mut offset, self.injections)?,
            data_offset: u64::from(offset),
            data_bytes,
        };
        sink(header.as_bytes());
        sink(self.pds.as_bytes());
        sink(self.mappings.as_bytes());
        sink(self.fills.as_bytes());
        sink(self.caps.as_bytes());
        sink(self.irqs.as_bytes());
        sink(self.injections.as_bytes());
        Some(u64::from(offset))
    }
}

/// Reserves room for `records` at `offset`. Every record's size is a multiple of 8.
fn place<T: IntoBytes + Immutable>(offset: &mut u32, records: &[T]) -> Option<Table> {
    let table = Table { offset: *offset, count: u32::try_from(records.len()).ok()? };
    *offset = offset.checked_add(u32::try_from(size_of_val(records)).ok()?)?;
    Some(table)
}
