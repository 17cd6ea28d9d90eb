//! Values that the tool writes into a program before it runs.

use crate::elf::{ElfError, Program};
use crate::sdf::{PdIndex, Position, SetVarValue, System};

/// Bytes of a name that `microkit_name` keeps.
const NAME_BYTES_MAX: usize = 64;

/// Why a program cannot receive a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SymbolError {
    /// Where the description asks for the value: the setvar, or the program image for the symbols
    /// that every program must have.
    pub at: Position,
    /// What is wrong with the program's symbol.
    pub error: ElfError,
}

/// Writes all values that the description gives to domain `pd` into its program.
///
/// `region_paddr` is the physical address of every region.
///
/// # Errors
/// The symbol that cannot be written, and why.
pub fn patch(
    program: &mut Program,
    system: &System,
    pd: PdIndex,
    region_paddr: &[u64],
) -> Result<(), SymbolError> {
    let domain = system.domain(pd);
    let (mut notifications, mut calls) = (0u64, 0u64);
    for (near, _) in system.ends_of(pd) {
        notifications |= u64::from(near.notify) << near.id;
        calls |= u64::from(near.pp) << near.id;
    }
    let own = |error| SymbolError { at: domain.program.at, error };
    let name = domain.name.as_bytes();
    program.set_bytes("microkit_name", &name[..name.len().min(NAME_BYTES_MAX)]).map_err(own)?;
    program.set_bytes("microkit_passive", &[domain.passive.into()]).map_err(own)?;
    let bitmaps = [
        ("microkit_irqs", domain.irq_bits()),
        ("microkit_notifications", notifications),
        ("microkit_pps", calls),
        ("microkit_ioports", 0),
    ];
    for (symbol, bits) in bitmaps {
        program.set_bytes(symbol, &bits.to_le_bytes()).map_err(own)?;
    }
    for setvar in &domain.setvars {
        let value = match setvar.value {
            SetVarValue::Vaddr(vaddr) => vaddr,
            SetVarValue::Id(id) => id.into(),
            SetVarValue::RegionSize(index) => system.region(index).bytes(),
            SetVarValue::RegionPaddr(index) => region_paddr[index.0],
            SetVarValue::PrefillSize(index) => system
                .region(index)
                .prefill
                .as_ref()
                .map_or(0, |prefill| prefill.bytes.len() as u64),
        };
        program
            .set_word(&setvar.symbol, value)
            .map_err(|error| SymbolError { at: setvar.at, error })?;
    }
    Ok(())
}
