//! What a wake-up means: time passed, a child's state changed, somebody typed, or `gateway` wants fresh
//! figures.

use cairn_pd::{Alarm, Input};
use protocols::serial::{INPUT_SLOTS, LogLine};
use sel4::Fault;
use sel4_microkit::Channel;

use crate::command::Command;
use crate::heartbeat::PULSE_US;
use crate::supervisor::{Children, Supervisor};

/// What comes earlier says nothing about time.
const PULSE_US_MIN: u64 = PULSE_US / 2;
/// For so long `pulse` may be silent before `timer` takes its place.
const SILENCE_US: u64 = 2 * PULSE_US;

/// What `supervisor` is connected to beside its children.
pub struct Wiring<'a, F: FnMut()> {
    /// Who reads the status page; `None` in compositions without `gateway`.
    pub status_reader: Option<Channel>,
    /// Who says that time passes.
    pub pulse: Option<Channel>,
    /// Who says so while `pulse` does not.
    pub alarm: Alarm<'a, F>,
    /// Where lines arrive that somebody typed; `None` where nobody can type.
    pub console: Option<Console<'a>>,
}

/// What somebody typed.
pub struct Console<'a> {
    /// Who brings it: its place in the table.
    pub serial: usize,
    /// The channel that says so.
    pub channel: Channel,
    /// The lines.
    pub input: Input<'a>,
}

/// The supervisor and what it is connected to.
pub struct Service<'a, C: Children, F: FnMut()> {
    supervisor: Supervisor<'a, C>,
    wiring: Wiring<'a, F>,
    /// When `pulse` notified last.
    pulsed_us: u64,
    /// When everybody was judged last.
    judged_us: u64,
}

impl<'a, C: Children, F: FnMut()> Service<'a, C, F> {
    /// A service that begins with [`Service::watch_pulse`].
    pub const fn new(supervisor: Supervisor<'a, C>, wiring: Wiring<'a, F>) -> Self {
        Self { supervisor, wiring, pulsed_us: 0, judged_us: 0 }
    }

    /// These channels notified.
    pub fn notified(&mut self, has: impl Fn(Channel) -> bool, now_us: u64) {
        let by_id = |id: u8| id != 0xff && has(Channel::new(usize::from(id)));
        self.supervisor.notified(by_id, now_us);
        if self.wiring.pulse.is_some_and(&has) {
            self.pulsed_us = now_us;
            if now_us - self.judged_us >= PULSE_US_MIN {
                self.judge(now_us);
            }
        }
        let console = self.wiring.console.as_ref().filter(|console| has(console.channel));
        if let Some(serial) = console.map(|console| console.serial) {
            self.supervisor.notified_by(serial, now_us);
            self.read_console(now_us);
        }
        self.watch_pulse(now_us);
        if let Some(reader) = self.wiring.status_reader.filter(|reader| has(*reader)) {
            self.supervisor.refresh(now_us);
            reader.notify();
        }
    }

    /// See [`Supervisor::fault`].
    pub fn fault(&mut self, child: usize, fault: Fault, now_us: u64) {
        self.supervisor.fault(child, fault, now_us);
    }

    /// A timeout of `timer` takes the place of a pulse that does not come. So everybody is judged, `pulse`
    /// and `timer` included, as long as one of them lives.
    pub fn watch_pulse(&mut self, now_us: u64) {
        loop {
            // Only the counter says how much time has passed: `timer` may ring when it likes.
            if self.wiring.alarm.take() && now_us >= self.alarm_us() {
                self.judge(now_us);
            }
            self.wiring.alarm.set(self.alarm_us() * 1000);
            if self.wiring.alarm.arm() {
                return;
            }
        }
    }

    /// When everybody is to be judged without a pulse.
    fn alarm_us(&self) -> u64 {
        (self.pulsed_us + SILENCE_US).max(self.judged_us + PULSE_US)
    }

    fn judge(&mut self, now_us: u64) {
        self.judged_us = now_us;
        self.supervisor.pulse(now_us);
    }

    /// Lines that somebody typed, as many as their ring holds.
    fn read_console(&mut self, now_us: u64) {
        for _ in 0..INPUT_SLOTS {
            let Some(Console { input, .. }) = &mut self.wiring.console else { return };
            match input.dequeue() {
                Ok(Some(line)) => self.obey(&line, now_us),
                Ok(None) => return,
                Err(_) => {
                    log::error!("serial broke the ring of typed lines");
                    input.recover();
                    return;
                }
            }
        }
    }

    fn obey(&mut self, line: &LogLine, now_us: u64) {
        let line =
            line.text.get(..usize::from(line.len)).and_then(|text| str::from_utf8(text).ok());
        let Some(line) = line.filter(|line| !line.trim().is_empty()) else { return };
        #[cfg(feature = "sabotage")]
        if self.supervisor.sabotage(line) {
            return;
        }
        if line.trim() == "ps" {
            self.supervisor.refresh(now_us);
            self.supervisor.list();
            return;
        }
        let Some(command) = Command::parse(line) else {
            log::info!("commands: ps; pause, resume, stop, start or restart, and the name of a PD");
            return;
        };
        if let Err(refusal) = self.supervisor.command(command, now_us) {
            log::info!("{refusal}");
        }
    }
}
