//! The state machine: requests in, device, completions out.

use cairn_pd::{Alarm, TimerLink};
use protocols::disk::{BLOCK_BYTES, Completion, RING_SLOTS, Request, Status};
use sel4_shared_ring_buffer::{LinkError, ServerEnd};
use virtio::{DeviceFault, Registers};
use virtio_blk::{BlkMemory, Outcome, REQUESTS_MAX, SECTOR_BYTES};

use crate::drive::Drive;
use crate::request::{BusyBlocks, Command, Read, parse};

/// The rings to `store`.
pub type Link<'a, F> = ServerEnd<'a, Request, Completion, RING_SLOTS, F>;

/// How long the device may take for a request: a spinning disk that starts up is well within it.
pub const TIMEOUT_NS: u64 = 5_000_000_000;

#[allow(clippy::cast_possible_truncation, reason = "4096")]
const BLOCK_LEN: u32 = BLOCK_BYTES as u32;
const SECTORS_PER_BLOCK: u64 = (BLOCK_LEN / SECTOR_BYTES) as u64;

/// Everything the service is connected to.
pub struct Wiring<'a, R, F: FnMut(), G: FnMut()> {
    /// The device's registers.
    pub registers: R,
    /// Memory for its queue.
    pub memory: &'static BlkMemory,
    /// The same, as the device sees it.
    pub memory_address: u64,
    /// The buffer region, as the device sees it.
    pub buffers_address: u64,
    /// Requests of `store`.
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
    /// Blocks read.
    pub blocks: u64,
    /// Times that the device broke a rule, did not start or did not answer.
    pub faults: u64,
    /// Times that `store` broke the link.
    pub violations: u64,
}

/// A request that the device has.
#[derive(Clone, Copy, Debug)]
struct Pending {
    cookie: u64,
    read: Read,
    deadline_ns: u64,
}

/// The disk.
pub struct Service<'a, R, F: FnMut(), G: FnMut()> {
    drive: Drive<R>,
    buffers_address: u64,
    link: Link<'a, F>,
    alarm: Alarm<'a, G>,
    /// What the device has, by its slot.
    pending: [Option<Pending>; REQUESTS_MAX],
    busy: BusyBlocks,
    counters: Counters,
}

impl<'a, R: Registers, F: FnMut(), G: FnMut()> Service<'a, R, F, G> {
    /// A service that the first [`Service::run`] starts.
    pub fn new(wiring: Wiring<'a, R, F, G>) -> Self {
        Self {
            drive: Drive::new(wiring.registers, wiring.memory, wiring.memory_address),
            buffers_address: wiring.buffers_address,
            link: wiring.link,
            alarm: Alarm::new(wiring.timer),
            pending: [None; REQUESTS_MAX],
            busy: BusyBlocks::default(),
            counters: Counters::default(),
        }
    }

    /// Withdraws the device's interrupt. To be called before [`Service::run`] when it woke us.
    pub fn acknowledge_interrupt(&mut self) {
        if let Some(blk) = self.drive.running() {
            blk.acknowledge_interrupt();
        }
    }

    /// Serves until there is nothing to do and everybody will wake us for more. To be called at the
    /// start and after every notification and interrupt.
    pub fn run(&mut self, now_ns: impl Fn() -> u64) {
        self.start(now_ns());
        loop {
            if let Err(fault) = self.take_completions() {
                self.give_up(Status::Device, fault);
            }
            if self.alarm.take() {
                self.check_deadlines(now_ns());
            }
            self.take_requests(&now_ns);
            if self.rest() {
                return;
            }
        }
    }

    /// Whether the device runs.
    pub fn is_up(&mut self) -> bool {
        self.drive.running().is_some()
    }

    /// What happened so far.
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    fn start(&mut self, now_ns: u64) {
        if let Err(fault) = self.drive.try_start(now_ns) {
            self.counters.faults += 1;
            log::error!("the disk does not start: {fault}");
        }
    }

    fn take_completions(&mut self) -> Result<(), DeviceFault> {
        while let Some(blk) = self.drive.running()
            && let Some(completion) = blk.take()?
        {
            let slot = self.pending.get_mut(completion.slot.index());
            let Some(pending) = slot.and_then(Option::take) else { continue };
            let status = match completion.outcome {
                Outcome::Done => Status::Ok,
                Outcome::Failed { status } => {
                    log::warn!("block {}: device status {status}", pending.read.block);
                    Status::Device
                }
            };
            self.finish(pending, status);
        }
        Ok(())
    }

    /// Takes requests while the device and the link have room: each request is owed a completion.
    fn take_requests(&mut self, now_ns: &impl Fn() -> u64) {
        while self.has_room() {
            match self.link.receive() {
                Ok(Some(request)) => {
                    self.counters.requests += 1;
                    self.serve(&request, now_ns());
                }
                Ok(None) => return,
                Err(LinkError::PeerRestarted) => self.forget(),
                Err(LinkError::PeerMisbehavior) => {
                    self.counters.violations += 1;
                    log::error!("store broke its link and is cut off");
                }
            }
        }
    }

    fn has_room(&mut self) -> bool {
        let outstanding = self.outstanding_count();
        !self.link.is_cut_off() && outstanding < REQUESTS_MAX && self.link.has_room(outstanding + 1)
    }

    fn outstanding_count(&self) -> usize {
        self.pending.iter().flatten().count()
    }

    fn serve(&mut self, request: &Request, now_ns: u64) {
        if let Err(status) = self.try_serve(request, now_ns) {
            self.complete(request.cookie, 0, status);
        }
    }

    fn try_serve(&mut self, request: &Request, now_ns: u64) -> Result<(), Status> {
        let command = parse(request)?;
        self.start(now_ns);
        let blk = self.drive.running().ok_or(Status::NoDevice)?;
        let capacity_blocks = blk.capacity_sectors() / SECTORS_PER_BLOCK;
        let read = match command {
            Command::Capacity => {
                self.complete(request.cookie, capacity_blocks, Status::Ok);
                return Ok(());
            }
            Command::Read(read) => read,
        };
        let end = read.block.checked_add(u64::from(read.count)).ok_or(Status::OutOfRange)?;
        if end > capacity_blocks {
            return Err(Status::OutOfRange);
        }
        if !self.busy.claim(&read) {
            return Err(Status::BadRequest);
        }
        let address = self.buffers_address + (read.buffer * BLOCK_BYTES) as u64;
        let sector = read.block * SECTORS_PER_BLOCK;
        let pending = Pending {
            cookie: request.cookie,
            read,
            deadline_ns: now_ns.saturating_add(TIMEOUT_NS),
        };
        // The queue has the slots that `pending` has, and `has_room` saw a free one.
        let slot = blk.read(sector, address, u32::from(read.count) * BLOCK_LEN).ok();
        match slot.and_then(|slot| self.pending.get_mut(slot.index())) {
            Some(place) => *place = Some(pending),
            None => self.finish(pending, Status::Device),
        }
        Ok(())
    }

    /// Gives up on a device that does not answer; otherwise looks again later.
    fn check_deadlines(&mut self, now_ns: u64) {
        if self.earliest_deadline().is_some_and(|deadline_ns| deadline_ns <= now_ns) {
            self.counters.faults += 1;
            log::error!("the disk does not answer and is reset");
            self.drive.stop();
            self.fail_all(Status::Timeout);
        }
    }

    fn earliest_deadline(&self) -> Option<u64> {
        self.pending.iter().flatten().map(|pending| pending.deadline_ns).min()
    }

    fn give_up(&mut self, status: Status, fault: DeviceFault) {
        self.counters.faults += 1;
        log::error!("the disk is reset: {fault}");
        self.drive.stop();
        self.fail_all(status);
    }

    /// Answers everything that the device had. It has been reset: it writes no buffer any more.
    fn fail_all(&mut self, status: Status) {
        for slot in 0..REQUESTS_MAX {
            if let Some(pending) = self.pending[slot].take() {
                self.finish(pending, status);
            }
        }
    }

    /// `store` started anew: what it asked for is void, and the device must write none of it.
    fn forget(&mut self) {
        if self.pending.iter().any(Option::is_some) {
            log::warn!("store started anew, the disk is reset");
            self.drive.stop();
            self.pending = [None; REQUESTS_MAX];
            self.busy = BusyBlocks::default();
        }
    }

    fn finish(&mut self, pending: Pending, status: Status) {
        self.busy.release(&pending.read);
        if status == Status::Ok {
            self.counters.blocks += u64::from(pending.read.count);
        }
        self.complete(pending.cookie, 0, status);
    }

    fn complete(&mut self, cookie: u64, capacity_blocks: u64, status: Status) {
        self.counters.errors += u64::from(status != Status::Ok);
        let status = status.code();
        // `has_room` kept a place for it, so only an end that is cut off refuses.
        let _ = self.link.send(Completion { cookie, capacity_blocks, status, reserved: [0; 6] });
    }

    /// Publishes everything and asks everybody for a wake-up; `false` if there is work already.
    fn rest(&mut self) -> bool {
        if let Some(deadline_ns) = self.earliest_deadline() {
            self.alarm.set(deadline_ns);
        }
        let mut idle = true;
        if let Some(blk) = self.drive.running() {
            blk.flush();
            idle &= blk.arm();
        }
        idle &= self.alarm.arm();
        // Requests that cannot be taken yet wait for the device, which wakes us.
        let waits_for_device = self.outstanding_count() > 0 && !self.has_room();
        self.link.flush();
        idle & (waits_for_device || self.link.arm())
    }
}

#[cfg(test)]
mod tests;
