//! Driver for the ARM generic timer: the physical counter (`CNTPCT`) and the physical timer
//! (`CNTP`, INTID 30), at EL0.
//!
//! The counter starts at reset and never stops, so its value, in nanoseconds, is the system's
//! clock: any PD reads it without asking anybody. The timer has one deadline; sharing it is the
//! business of `pds/timer`.
//!
//! The registers belong to the CPU, so there is no device to distrust; a frequency register that
//! firmware left at nonsense is refused at the start.
//!
//! Source: ARM DDI 0487, chapter D12.
#![cfg_attr(not(test), no_std)]
#![deny(unsafe_code)]

#[cfg(target_arch = "aarch64")]
#[allow(unsafe_code, reason = "the one module that touches system registers")]
mod mmio;

#[cfg(target_arch = "aarch64")]
pub use mmio::SystemRegisters;

const NANOS_PER_SECOND: u64 = 1_000_000_000;
/// `CNTP_CTL`: the timer runs and its interrupt is not masked.
const CONTROL_ENABLE: u64 = 1;
const CONTROL_OFF: u64 = 0;

/// Nanoseconds since the counter's zero, or between two such moments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Nanos(pub u64);

/// Access to the counter and the timer.
pub trait Registers {
    /// `CNTFRQ`: the counter's frequency in Hz.
    fn frequency_hz(&self) -> u64;
    /// `CNTPCT`: the counter.
    fn count(&self) -> u64;
    /// Writes `CNTP_CVAL`: the timer fires when the counter reaches it.
    fn set_compare(&mut self, count: u64);
    /// Writes `CNTP_CTL`.
    fn set_control(&mut self, control: u64);
}

/// The counter's frequency, checked, and the conversions it implies.
///
/// Reading the clock is one multiplication. Its error is below one part in 10^9, and zero for
/// frequencies that divide 10^9 Hz, such as QEMU's 62.5 MHz.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frequency {
    /// Nanoseconds per tick, with 32 fraction bits; never zero.
    nanos_per_tick: u64,
}

impl Frequency {
    /// `None` unless 1 MHz ≤ `hz` ≤ 1 GHz, the range that the architecture speaks of.
    pub const fn new(hz: u64) -> Option<Self> {
        if hz < 1_000_000 || hz > NANOS_PER_SECOND {
            return None;
        }
        Some(Self { nanos_per_tick: (NANOS_PER_SECOND << 32) / hz })
    }

    /// The moment at which the counter reads `ticks`, rounded down; at most about 584 years.
    #[inline]
    pub fn nanos(self, ticks: u64) -> Nanos {
        let product = u128::from(ticks) * u128::from(self.nanos_per_tick);
        Nanos(u64::try_from(product >> 32).unwrap_or(u64::MAX))
    }

    /// The first count that [`Frequency::nanos`] maps to `nanos` or later.
    pub fn ticks(self, nanos: Nanos) -> u64 {
        let ticks = (u128::from(nanos.0) << 32).div_ceil(u128::from(self.nanos_per_tick));
        u64::try_from(ticks).unwrap_or(u64::MAX)
    }
}

/// The counter's frequency register holds no usable value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadFrequency {
    /// What it holds.
    pub hz: u64,
}

/// The physical timer, with at most one deadline.
#[derive(Debug)]
pub struct GenericTimer<R> {
    registers: R,
    frequency: Frequency,
}

impl<R: Registers> GenericTimer<R> {
    /// Takes the timer over, with no deadline set.
    ///
    /// # Errors
    ///
    /// [`BadFrequency`].
    pub fn start(mut registers: R) -> Result<Self, BadFrequency> {
        registers.set_control(CONTROL_OFF);
        let hz = registers.frequency_hz();
        let frequency = Frequency::new(hz).ok_or(BadFrequency { hz })?;
        Ok(Self { registers, frequency })
    }

    /// The time.
    pub fn now(&self) -> Nanos {
        self.frequency.nanos(self.registers.count())
    }

    /// Interrupts once `deadline` has come, at once if it has already; `None` for never. This
    /// also withdraws the interrupt of an earlier deadline.
    pub fn set_deadline(&mut self, deadline: Option<Nanos>) {
        match deadline {
            Some(deadline) => {
                self.registers.set_compare(self.frequency.ticks(deadline));
                self.registers.set_control(CONTROL_ENABLE);
            }
            None => self.registers.set_control(CONTROL_OFF),
        }
    }
}

#[cfg(test)]
mod tests;
