//! The device as it is: running, or waiting for another try.

use virtio::{DeviceFault, Registers};
use virtio_blk::{BlkMemory, VirtioBlk};

/// Nanoseconds between two tries to start the device.
const RETRY_NS: u64 = 1_000_000_000;

#[allow(clippy::large_enum_variant, reason = "without a heap there is nowhere to box it")]
enum State<R> {
    Running(VirtioBlk<R>),
    Failed {
        registers: R,
        retry_at_ns: u64,
    },
    /// Only while a transition is under way.
    Changing,
}

/// The device and its memory.
pub(crate) struct Drive<R> {
    state: State<R>,
    memory: &'static BlkMemory,
    memory_address: u64,
}

impl<R: Registers> Drive<R> {
    /// A device that has not been started yet; the first [`Drive::try_start`] will.
    pub(crate) const fn new(registers: R, memory: &'static BlkMemory, memory_address: u64) -> Self {
        Self { state: State::Failed { registers, retry_at_ns: 0 }, memory, memory_address }
    }

    pub(crate) const fn running(&mut self) -> Option<&mut VirtioBlk<R>> {
        match &mut self.state {
            State::Running(blk) => Some(blk),
            State::Failed { .. } | State::Changing => None,
        }
    }

    /// Stops the device, if it runs: it writes no buffer any more. The next try is due at once.
    pub(crate) fn stop(&mut self) {
        self.state = match core::mem::replace(&mut self.state, State::Changing) {
            State::Running(blk) => State::Failed { registers: blk.stop(), retry_at_ns: 0 },
            other => other,
        };
    }

    /// Starts a device that does not run, if a try is due.
    pub(crate) fn try_start(&mut self, now_ns: u64) -> Result<(), DeviceFault> {
        let mut result = Ok(());
        self.state = match core::mem::replace(&mut self.state, State::Changing) {
            State::Failed { registers, retry_at_ns } if retry_at_ns <= now_ns => {
                match VirtioBlk::start(registers, self.memory, self.memory_address) {
                    Ok(blk) => State::Running(blk),
                    Err(failure) => {
                        result = Err(failure.fault);
                        let retry_at_ns = now_ns.saturating_add(RETRY_NS);
                        State::Failed { registers: failure.registers, retry_at_ns }
                    }
                }
            }
            other => other,
        };
        result
    }
}
