//! The state machine: one request at a time.

use cairn_pd::{Alarm, TimerLink};
use protocols::entropy::{BYTES_MAX, Completion, RING_SLOTS, Request, Status};
use sel4_shared_ring_buffer::{LinkError, ServerEnd};
use virtio::Registers;
use virtio_rng::{RngMemory, VirtioRng};

use crate::health::HealthCheck;

/// The rings to `crypto`.
pub type Link<'a, F> = ServerEnd<'a, Request, Completion, RING_SLOTS, F>;

/// How long the device may take for an answer. A host that is short of entropy may need seconds.
pub const TIMEOUT_NS: u64 = 10_000_000_000;

/// Everything the service is connected to.
pub struct Wiring<'a, R, F: FnMut(), G: FnMut()> {
    /// The device's registers.
    pub registers: R,
    /// Memory for its queue and its bytes.
    pub memory: &'static RngMemory,
    /// The same, as the device sees it.
    pub memory_address: u64,
    /// Requests of `crypto`.
    pub link: Link<'a, F>,
    /// Timeouts.
    pub timer: TimerLink<'a, G>,
}

/// What happened since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Requests received.
    pub requests: u64,
    /// Requests answered with anything but `Ok`.
    pub errors: u64,
    /// Times that `crypto` broke the link.
    pub violations: u64,
}

enum Device<R> {
    Running(VirtioRng<R>),
    Stopped(R),
    /// Only while a transition is under way.
    Changing,
}

/// The request that is being served, and the bytes gathered for it.
#[derive(Clone, Copy, Debug)]
struct Pending {
    cookie: u64,
    wanted: usize,
    bytes: [u8; BYTES_MAX],
    gathered: usize,
    deadline_ns: u64,
}

/// The entropy source.
pub struct Service<'a, R, F: FnMut(), G: FnMut()> {
    device: Device<R>,
    memory: &'static RngMemory,
    memory_address: u64,
    link: Link<'a, F>,
    alarm: Alarm<'a, G>,
    pending: Option<Pending>,
    health: HealthCheck,
    counters: Counters,
}

impl<'a, R: Registers, F: FnMut(), G: FnMut()> Service<'a, R, F, G> {
    /// A service, with its device started if that works.
    pub fn new(wiring: Wiring<'a, R, F, G>) -> Self {
        let mut service = Self {
            device: Device::Stopped(wiring.registers),
            memory: wiring.memory,
            memory_address: wiring.memory_address,
            link: wiring.link,
            alarm: Alarm::new(wiring.timer),
            pending: None,
            health: HealthCheck::default(),
            counters: Counters::default(),
        };
        service.start();
        service
    }

    /// Starts the device if it does not run.
    fn start(&mut self) {
        self.device = match core::mem::replace(&mut self.device, Device::Changing) {
            Device::Stopped(registers) => {
                match VirtioRng::start(registers, self.memory, self.memory_address) {
                    Ok(rng) => Device::Running(rng),
                    Err(failure) => {
                        log::error!("the entropy source does not start: {}", failure.fault);
                        Device::Stopped(failure.registers)
                    }
                }
            }
            other => other,
        };
    }

    /// Whether the device runs.
    pub const fn is_up(&self) -> bool {
        matches!(self.device, Device::Running(_))
    }

    /// Withdraws the device's interrupt. To be called before [`Service::run`] when it woke us.
    pub fn acknowledge_interrupt(&mut self) {
        if let Device::Running(rng) = &mut self.device {
            rng.acknowledge_interrupt();
        }
    }

    /// Serves until there is nothing to do and everybody will wake us for more. To be called at the
    /// start and after every notification and interrupt.
    pub fn run(&mut self, now_ns: impl Fn() -> u64) {
        loop {
            self.take_bytes();
            if self.alarm.take() {
                self.check_deadline(now_ns());
            }
            self.take_requests(&now_ns);
            if self.rest() {
                return;
            }
        }
    }

    /// What happened so far.
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// Takes a request if none is pending, as each is owed a completion.
    fn take_requests(&mut self, now_ns: &impl Fn() -> u64) {
        while self.pending.is_none() && !self.link.is_cut_off() && self.link.room() > 0 {
            match self.link.receive() {
                Ok(Some(request)) => {
                    self.counters.requests += 1;
                    self.serve(&request, now_ns());
                }
                Ok(None) => return,
                Err(LinkError::PeerRestarted) => {}
                Err(LinkError::PeerMisbehavior) => {
                    self.counters.violations += 1;
                    log::error!("crypto broke its link and is cut off");
                }
            }
        }
    }

    fn serve(&mut self, request: &Request, now_ns: u64) {
        let wanted = usize::try_from(request.len).unwrap_or(usize::MAX);
        let is_valid = (1..=BYTES_MAX).contains(&wanted) && request.reserved == 0;
        self.pending = Some(Pending {
            cookie: request.cookie,
            wanted,
            bytes: [0; BYTES_MAX],
            gathered: 0,
            deadline_ns: now_ns.saturating_add(TIMEOUT_NS),
        });
        if is_valid { self.ask_device() } else { self.finish(Status::BadRequest) }
    }

    fn ask_device(&mut self) {
        self.start();
        match &mut self.device {
            Device::Running(rng) => rng.request(),
            Device::Stopped(_) | Device::Changing => self.finish(Status::Device),
        }
    }

    fn take_bytes(&mut self) {
        let Device::Running(rng) = &mut self.device else { return };
        match rng.take() {
            Ok(None) => {}
            Ok(Some(random)) => {
                let bytes = random.bytes.get(..random.len).unwrap_or_default();
                self.use_bytes(bytes);
            }
            Err(fault) => {
                log::error!("the entropy source is reset: {fault}");
                self.stop();
                self.finish(Status::Device);
            }
        }
    }

    /// Gathers bytes for the pending request. What is left over is forgotten.
    fn use_bytes(&mut self, bytes: &[u8]) {
        let is_healthy = self.health.accept(bytes);
        let Some(pending) = &mut self.pending else { return };
        if !is_healthy {
            log::error!("the entropy source repeats itself");
            return self.finish(Status::Unhealthy);
        }
        let missing = pending.bytes.get_mut(pending.gathered..pending.wanted).unwrap_or_default();
        for (target, source) in missing.iter_mut().zip(bytes) {
            *target = *source;
            pending.gathered += 1;
        }
        if pending.gathered == pending.wanted {
            self.finish(Status::Ok);
        } else {
            self.ask_device();
        }
    }

    fn check_deadline(&mut self, now_ns: u64) {
        if self.pending.is_some_and(|pending| pending.deadline_ns <= now_ns) {
            log::error!("the entropy source does not answer and is reset");
            self.stop();
            self.finish(Status::Device);
        }
    }

    fn stop(&mut self) {
        self.device = match core::mem::replace(&mut self.device, Device::Changing) {
            Device::Running(rng) => Device::Stopped(rng.stop()),
            other => other,
        };
    }

    /// Answers the pending request; only with `Ok` are there bytes.
    fn finish(&mut self, status: Status) {
        let Some(pending) = self.pending.take() else { return };
        let is_ok = status == Status::Ok;
        self.counters.errors += u64::from(!is_ok);
        // `take_requests` saw room for it, so only an end that is cut off refuses.
        let _ = self.link.send(Completion {
            cookie: pending.cookie,
            status: status.code(),
            len: if is_ok { u16::try_from(pending.wanted).unwrap_or(0) } else { 0 },
            reserved: 0,
            bytes: if is_ok { pending.bytes } else { [0; BYTES_MAX] },
        });
    }

    /// Publishes everything and asks everybody for a wake-up; `false` if there is work already.
    fn rest(&mut self) -> bool {
        let mut idle = true;
        if let Device::Running(rng) = &mut self.device {
            idle &= rng.arm();
        }
        if let Some(pending) = &self.pending {
            // The device or the alarm wakes us; further requests wait.
            self.alarm.set(pending.deadline_ns);
            self.link.flush();
        } else {
            idle &= self.link.arm();
        }
        idle & self.alarm.arm()
    }
}

#[cfg(test)]
mod tests;
