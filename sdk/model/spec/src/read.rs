//! Reading a payload in place.

use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::check::{self, Rule, SpecError};
use crate::record::{
    Cap, Config, Fill, Header, Injection, Irq, MAGIC, Mapping, Pd, Table, VERSION,
};

/// A checked boot specification: holding one proves that every rule of [`Rule`] is kept.
#[derive(Clone, Copy, Debug)]
pub struct Spec<'a> {
    header: &'a Header,
    config: Config,
    pds: &'a [Pd],
    mappings: &'a [Mapping],
    fills: &'a [Fill],
    caps: &'a [Cap],
    irqs: &'a [Irq],
    injections: &'a [Injection],
    data: &'a [u8],
}

impl<'a> Spec<'a> {
    /// Bytes that the payload starting with `header` takes, if that makes sense.
    ///
    /// For the kernel, which sees only the payload's first byte and must bound it before parsing.
    #[must_use]
    pub fn payload_bytes(header: &Header) -> Option<u64> {
        (header.magic == MAGIC && header.version == VERSION)
            .then(|| header.data_offset.checked_add(header.data_bytes))
            .flatten()
    }

    /// Checks `bytes`, an 8-byte-aligned payload that may be followed by anything.
    ///
    /// # Errors
    /// The first rule that the payload breaks, and the record that breaks it.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, SpecError> {
        let broken = |rule| SpecError { rule, index: 0 };
        let (header, _) =
            Header::ref_from_prefix(bytes).map_err(|_| broken(Rule::HeaderTruncated))?;
        if header.magic != MAGIC {
            return Err(broken(Rule::Magic));
        }
        if header.version != VERSION {
            return Err(broken(Rule::Version));
        }
        let spec = Self {
            header,
            config: Config::from_raw(header.config).ok_or(broken(Rule::Config))?,
            pds: table(bytes, header.pds)?,
            mappings: table(bytes, header.mappings)?,
            fills: table(bytes, header.fills)?,
            caps: table(bytes, header.caps)?,
            irqs: table(bytes, header.irqs)?,
            injections: table(bytes, header.injections)?,
            data: slice(bytes, header.data_offset, header.data_bytes)
                .ok_or(broken(Rule::DataOutside))?,
        };
        check::all(&spec)?;
        Ok(spec)
    }

    /// The header.
    #[must_use]
    pub fn header(&self) -> &'a Header {
        self.header
    }

    /// The configuration to imitate.
    #[must_use]
    pub fn config(&self) -> Config {
        self.config
    }

    /// Protection domains.
    #[must_use]
    pub fn pds(&self) -> &'a [Pd] {
        self.pds
    }

    /// All mappings.
    #[must_use]
    pub fn mappings(&self) -> &'a [Mapping] {
        self.mappings
    }

    /// Mappings of one PD; empty when the record's range is out of bounds.
    #[must_use]
    pub fn mappings_of(&self, pd: &Pd) -> &'a [Mapping] {
        check::mappings_of(self.mappings, pd).unwrap_or(&[])
    }

    /// Initial contents of memory.
    #[must_use]
    pub fn fills(&self) -> &'a [Fill] {
        self.fills
    }

    /// The bytes that a fill copies.
    #[must_use]
    pub fn data_of(&self, fill: &Fill) -> &'a [u8] {
        slice(self.data, fill.data_offset, fill.data_bytes).unwrap_or(&[])
    }

    /// Length of the data area in bytes.
    pub(crate) fn data_bytes(&self) -> u64 {
        self.data.len() as u64
    }

    /// Capabilities.
    #[must_use]
    pub fn caps(&self) -> &'a [Cap] {
        self.caps
    }

    /// Interrupts.
    #[must_use]
    pub fn irqs(&self) -> &'a [Irq] {
        self.irqs
    }

    /// Faults to cause.
    #[must_use]
    pub fn injections(&self) -> &'a [Injection] {
        self.injections
    }
}

/// `bytes[offset..][..length]` if it is there.
fn slice(bytes: &[u8], offset: u64, length: u64) -> Option<&[u8]> {
    let start = usize::try_from(offset).ok()?;
    let end = start.checked_add(usize::try_from(length).ok()?)?;
    bytes.get(start..end)
}

fn table<T: FromBytes + Immutable + KnownLayout>(
    bytes: &[u8],
    table: Table,
) -> Result<&[T], SpecError> {
    let broken = SpecError { rule: Rule::TableOutside, index: 0 };
    let length = u64::from(table.count) * size_of::<T>() as u64;
    let raw = slice(bytes, u64::from(table.offset), length).ok_or(broken)?;
    <[T]>::ref_from_bytes(raw).map_err(|_| broken)
}
