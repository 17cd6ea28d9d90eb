//! The device as it is: running, or waiting for another try.

use virtio::{DeviceFault, Registers};
use virtio_net::{NetMemory, VirtioNet};

/// Nanoseconds between two tries to start the device.
const RETRY_NS: u64 = 100_000_000;

#[allow(clippy::large_enum_variant, reason = "without a heap there is nowhere to box it")]
enum State<R> {
    Running(VirtioNet<R>),
    Failed {
        registers: R,
        retry_at_ns: u64,
    },
    /// Only while a transition is under way.
    Changing,
}

/// The device and its memory.
pub(crate) struct Device<R> {
    state: State<R>,
    memory: &'static NetMemory,
    memory_address: u64,
}

impl<R: Registers> Device<R> {
    /// A device that has not been started yet; the first [`Device::try_start`] will.
    pub(crate) const fn new(registers: R, memory: &'static NetMemory, memory_address: u64) -> Self {
        Self { state: State::Failed { registers, retry_at_ns: 0 }, memory, memory_address }
    }

    /// When a device that does not run is to be tried again.
    pub(crate) const fn retry_at_ns(&self) -> Option<u64> {
        match &self.state {
            State::Failed { retry_at_ns, .. } => Some(*retry_at_ns),
            State::Running(_) | State::Changing => None,
        }
    }

    pub(crate) const fn running(&mut self) -> Option<&mut VirtioNet<R>> {
        match &mut self.state {
            State::Running(net) => Some(net),
            State::Failed { .. } | State::Changing => None,
        }
    }

    /// Stops the device, if it runs: it uses no memory of ours any more. The next try to start it
    /// is due at once, or only later if it is at fault.
    pub(crate) fn stop(&mut self, retry_at_ns: u64) {
        self.state = match core::mem::replace(&mut self.state, State::Changing) {
            State::Running(net) => State::Failed { registers: net.stop(), retry_at_ns },
            other => other,
        };
    }

    /// Stops a device that broke a rule.
    pub(crate) fn fail(&mut self, now_ns: u64) {
        self.stop(now_ns.saturating_add(RETRY_NS));
    }

    /// Starts a device that does not run, if a try is due; answers whether it did, or why not.
    pub(crate) fn try_start(&mut self, now_ns: u64) -> Option<Result<[u8; 6], DeviceFault>> {
        match core::mem::replace(&mut self.state, State::Changing) {
            State::Failed { registers, retry_at_ns } if retry_at_ns <= now_ns => {
                match VirtioNet::start(registers, self.memory, self.memory_address) {
                    Ok(net) => {
                        let mac = net.mac();
                        self.state = State::Running(net);
                        Some(Ok(mac))
                    }
                    Err(failure) => {
                        let retry_at_ns = now_ns.saturating_add(RETRY_NS);
                        self.state = State::Failed { registers: failure.registers, retry_at_ns };
                        Some(Err(failure.fault))
                    }
                }
            }
            other => {
                self.state = other;
                None
            }
        }
    }
}
