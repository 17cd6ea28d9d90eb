//! The state machine: device, receive lane, transmit lane.

use cairn_pd::{Alarm, TimerLink};
use protocols::nic::{FRAME_BYTES_MAX, Info};
use sel4_externally_shared::ExternallySharedRef;
use virtio::{DeviceFault, Registers};
use virtio_net::NetMemory;

use crate::device::Device;
use crate::lane::{Event, Lane, Link};

#[allow(clippy::cast_possible_truncation, reason = "1514")]
const FRAME_LEN_MAX: u32 = FRAME_BYTES_MAX as u32;
/// A frame has at least its two addresses and its type.
const FRAME_LEN_MIN: u32 = 14;
/// With fewer buffers than this, the device wants more before the next frame comes.
const RECEIVE_ROOM_LAZY: usize = virtio_net::FRAMES_MAX / 2;

/// Everything a card is connected to.
pub struct Wiring<'a, R, F: FnMut(), G: FnMut()> {
    /// The device's registers.
    pub registers: R,
    /// Memory for its queues.
    pub memory: &'static NetMemory,
    /// The same, as the device sees it.
    pub memory_address: u64,
    /// The region that frames are received into, as the device sees it.
    pub receive_address: u64,
    /// The region that frames are sent from, as the device sees it.
    pub transmit_address: u64,
    /// Empty buffers in, received frames out.
    pub receive: Link<'a, F>,
    /// Frames to send in, empty buffers out.
    pub transmit: Link<'a, F>,
    /// What `net` is told about the device.
    pub info: ExternallySharedRef<'a, Info>,
    /// Timeouts.
    pub timer: TimerLink<'a, G>,
}

/// What happened since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Frames received.
    pub received: u64,
    /// Bytes of them.
    pub received_bytes: u64,
    /// Frames given to the device for sending.
    pub transmitted: u64,
    /// Bytes of them.
    pub transmitted_bytes: u64,
    /// Frames not sent: no device, or an impossible length.
    pub dropped: u64,
    /// Times that the device broke a rule or did not start.
    pub faults: u64,
    /// Times that `net` broke the protocol.
    pub violations: u64,
}

/// The card.
pub struct Card<'a, R, F: FnMut(), G: FnMut()> {
    device: Device<R>,
    receive_address: u64,
    transmit_address: u64,
    receive: Lane<'a, F>,
    transmit: Lane<'a, F>,
    info: ExternallySharedRef<'a, Info>,
    /// For the next try to start a device that failed: a card that only receives is woken by nothing
    /// else.
    alarm: Alarm<'a, G>,
    /// Why the last try failed, which is said once.
    last_failure: Option<DeviceFault>,
    counters: Counters,
}

impl<'a, R: Registers, F: FnMut(), G: FnMut()> Card<'a, R, F, G> {
    /// A card that the first [`Card::run`] starts.
    pub fn new(wiring: Wiring<'a, R, F, G>) -> Self {
        Self {
            device: Device::new(wiring.registers, wiring.memory, wiring.memory_address),
            receive_address: wiring.receive_address,
            transmit_address: wiring.transmit_address,
            receive: Lane::new(wiring.receive),
            transmit: Lane::new(wiring.transmit),
            info: wiring.info,
            alarm: Alarm::new(wiring.timer),
            last_failure: None,
            counters: Counters::default(),
        }
    }

    /// Withdraws the device's interrupt. To be called before [`Card::run`] when it was what woke us.
    pub fn acknowledge_interrupt(&mut self) {
        if let Some(net) = self.device.running() {
            net.acknowledge_interrupt();
        }
    }

    /// Moves frames until there are none left and everybody will wake us for the next. To be called
    /// at the start and after every notification and interrupt.
    ///
    /// Under load this does not return, and must not: nobody would wake us. What bounds it is the
    /// number of buffers while `net` does not run, and this PD's budget otherwise.
    /// Each round asks for the time once.
    pub fn run(&mut self, mut now_ns: impl FnMut() -> u64) {
        loop {
            let now_ns = now_ns();
            if self.device.running().is_none() {
                self.alarm.take();
                self.start(now_ns);
            }
            if let Err(trouble) = self.exchange() {
                self.recover(trouble, now_ns);
                continue;
            }
            if self.rest() {
                return;
            }
        }
    }

    /// Whether the device runs.
    pub fn is_up(&mut self) -> bool {
        self.device.running().is_some()
    }

    /// What happened so far.
    pub const fn counters(&self) -> Counters {
        let violations = self.receive.violations() + self.transmit.violations();
        Counters { violations, ..self.counters }
    }

    fn start(&mut self, now_ns: u64) {
        match self.device.try_start(now_ns) {
            None => {}
            Some(Ok(mac)) => {
                self.last_failure = None;
                self.tell(Info { mac, link_up: 1, ready: 0 });
            }
            Some(Err(fault)) => {
                self.counters.faults += 1;
                self.tell(Info { mac: [0; 6], link_up: 0, ready: 0 });
                if self.last_failure.replace(fault) != Some(fault) {
                    log::error!("the card does not start: {fault}");
                }
            }
        }
    }

    fn tell(&mut self, info: Info) {
        self.info.as_mut_ptr().write(info);
        core::sync::atomic::fence(core::sync::atomic::Ordering::Release);
        self.info.as_mut_ptr().write(Info { ready: 1, ..info });
    }

    fn exchange(&mut self) -> Result<(), Trouble> {
        let Self { device, receive, transmit, counters, .. } = self;
        let Some(net) = device.running() else { return self.drop_transmissions() };
        while let Some(received) = net.take_received()? {
            let Some(frame) = receive.regain(received.slot) else { continue };
            counters.received += 1;
            counters.received_bytes += u64::from(received.len);
            receive.complete(frame, received.len);
        }
        receive
            .take(net.receive_room(), |receive, frame| {
                let address = self.receive_address + u64::from(frame.offset);
                if let Ok(slot) = net.give_receive_buffer(address, FRAME_LEN_MAX) {
                    receive.lend(slot, frame);
                }
            })
            .map_err(Trouble::Receive)?;
        while let Some(slot) = net.take_sent()? {
            if let Some(frame) = transmit.regain(slot) {
                transmit.complete(frame, 0);
            }
        }
        transmit
            .take(net.transmit_room(), |transmit, frame| {
                let address = self.transmit_address + u64::from(frame.offset);
                let is_frame = (FRAME_LEN_MIN..=FRAME_LEN_MAX).contains(&frame.len);
                match is_frame.then(|| net.send(address, frame.len)) {
                    Some(Ok(slot)) => {
                        counters.transmitted += 1;
                        counters.transmitted_bytes += u64::from(frame.len);
                        transmit.lend(slot, frame);
                    }
                    Some(Err(_)) | None => {
                        counters.dropped += 1;
                        transmit.complete(frame, 0);
                    }
                }
            })
            .map_err(Trouble::Transmit)
    }

    /// Without a device, what is to be sent comes straight back. Receive buffers stay in the link.
    fn drop_transmissions(&mut self) -> Result<(), Trouble> {
        let counters = &mut self.counters;
        let lane = &mut self.transmit;
        lane.take(usize::MAX, |transmit, frame| {
            counters.dropped += 1;
            transmit.complete(frame, 0);
        })
        .map_err(Trouble::Transmit)
    }

    fn recover(&mut self, trouble: Trouble, now_ns: u64) {
        match trouble {
            Trouble::Fault(fault) => {
                self.counters.faults += 1;
                log::error!("the card is reset: {fault}");
                self.device.fail(now_ns);
                self.return_all();
            }
            Trouble::Receive(Event::Restarted) => {
                self.stop_for(now_ns, |card| &mut card.receive);
            }
            Trouble::Transmit(Event::Restarted) => {
                self.stop_for(now_ns, |card| &mut card.transmit);
            }
            Trouble::Receive(Event::Broke) | Trouble::Transmit(Event::Broke) => {
                log::error!("net broke a link and is cut off");
            }
        }
    }

    /// `net` started the link of this lane anew: what it handed in before is void, and the device
    /// must have none of it. Nor of the other lane's: `net` has probably started that anew, too, and
    /// while the device has every buffer of a lane, nothing is taken from its link.
    fn stop_for(&mut self, now_ns: u64, lane: impl Fn(&mut Self) -> &mut Lane<'a, F>) {
        if self.receive.is_with_device() || self.transmit.is_with_device() {
            log::warn!("net started anew, the card is reset");
            self.device.stop(now_ns);
            lane(self).forget();
            self.return_all();
        }
        lane(self).forget();
    }

    /// Hands back, empty, every buffer that the device had: it has been reset.
    fn return_all(&mut self) {
        self.receive.return_all();
        self.transmit.return_all();
    }

    /// Publishes everything and asks everybody for a wake-up; `false` if there is work already.
    ///
    /// The device comes first: a notified `net` may run before us.
    fn rest(&mut self) -> bool {
        let Some(net) = self.device.running() else {
            self.receive.flush();
            if let Some(retry_at_ns) = self.device.retry_at_ns() {
                self.alarm.set(retry_at_ns);
            }
            let transmit_idle = self.transmit.arm();
            return self.alarm.arm() && transmit_idle;
        };
        net.flush();
        self.transmit.flush();
        self.receive.flush();
        let wants_buffers = net.receive_room() >= RECEIVE_ROOM_LAZY;
        let receive_idle = !(wants_buffers || self.receive.is_cut_off()) || self.receive.arm();
        let transmit_idle = net.transmit_room() == 0 || self.transmit.arm();
        net.arm() && receive_idle && transmit_idle
    }
}

/// Why frames cannot be moved.
enum Trouble {
    Fault(DeviceFault),
    Receive(Event),
    Transmit(Event),
}

impl From<DeviceFault> for Trouble {
    fn from(fault: DeviceFault) -> Self {
        Self::Fault(fault)
    }
}

#[cfg(test)]
mod tests;
