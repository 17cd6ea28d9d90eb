//! What a wake-up means: time passed, a child's state changed, somebody typed, or `gateway` wants fresh
//! figures.

use cairn_pd::{Alarm, Input};
use protocols::serial::{INPUT_SLOTS, LogLine};
use sel4::Fault;
use sel4_microkit::Channel;

use crate::command::Command;
use crate::supervisor::{Children, Supervisor};

/// Half the time between two pulses. What comes earlier says nothing about time.
const PULSE_US_MIN: u64 = 5_000;
/// Three pulses.
const ALARM_US: u64 = 30_000;
/// Alarms in a row without a pulse after which `pulse` hangs. A slow machine may be late for one.
const SILENT_ALARMS: u32 = 2;

/// What `supervisor` is connected to beside its children.
pub struct Wiring<'a, F: FnMut()> {
    /// Who reads the status page; `None` in compositions without `gateway`.
    pub status_reader: Option<Channel>,
    /// Who says that time passes: its place in the table, and its channel.
    pub pulse: Option<(usize, Channel)>,
    /// Another clock, to notice that `pulse` hangs.
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
    /// Whether `pulse` has notified since it was judged last, and when that was.
    has_pulsed: bool,
    judged_us: u64,
    /// When the last pulse was.
    pulsed_us: u64,
    silent_alarms: u32,
}

impl<'a, C: Children, F: FnMut()> Service<'a, C, F> {
    /// A service that begins with [`Service::watch_pulse`].
    pub const fn new(supervisor: Supervisor<'a, C>, wiring: Wiring<'a, F>) -> Self {
        Self { supervisor, wiring, has_pulsed: true, judged_us: 0, pulsed_us: 0, silent_alarms: 0 }
    }

    /// These channels notified.
    pub fn notified(&mut self, has: impl Fn(Channel) -> bool, now_us: u64) {
        let by_id = |id: u8| id != 0xff && has(Channel::new(usize::from(id)));
        self.supervisor.notified(by_id, now_us);
        let is_due = now_us - self.pulsed_us >= PULSE_US_MIN;
        if let Some((pulse, _)) = self.wiring.pulse.filter(|(_, channel)| is_due && has(*channel)) {
            (self.has_pulsed, self.pulsed_us) = (true, now_us);
            self.supervisor.pulse(Some(pulse), now_us);
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

    /// `pulse` lets everybody be judged; a timeout of `timer` judges `pulse`, and takes its place while it
    /// is not there.
    pub fn watch_pulse(&mut self, now_us: u64) {
        loop {
            // Only the counter says how much time has passed: `timer` may ring when it likes.
            let is_due = self.wiring.alarm.take() && now_us - self.judged_us >= ALARM_US;
            if is_due && let Some((pulse, _)) = self.wiring.pulse {
                self.judged_us = now_us;
                if core::mem::take(&mut self.has_pulsed) {
                    self.silent_alarms = 0;
                } else {
                    self.silent_alarms += 1;
                    // Before it may start again below: a new life has had no time yet.
                    if self.silent_alarms >= SILENT_ALARMS {
                        self.silent_alarms = 0;
                        self.supervisor.missed(pulse, now_us);
                    }
                    self.supervisor.pulse(Some(pulse), now_us);
                }
            }
            self.wiring.alarm.set((now_us + ALARM_US) * 1000);
            if self.wiring.alarm.arm() {
                return;
            }
        }
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
