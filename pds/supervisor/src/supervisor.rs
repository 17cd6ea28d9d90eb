//! The state machine.

mod list;
mod orders;
mod peers;

use core::fmt;

use protocols::Reason;
use protocols::lifecycle::{self, Page, State};
use protocols::system::{
    Event, PdEntry, STATUS_EVENTS_MAX, STATUS_PDS_MAX, Status, state_name, text,
};
use sel4::{Fault, UserContext};
use sel4_externally_shared::ExternallySharedRef;

use crate::crash::{Cause, CrashRecord};
use crate::heartbeat::{Heartbeat, SETUP, Verdict};
use crate::life::{Phase, Restarts};

/// PDs at most, `supervisor` included.
pub const PDS_MAX: usize = STATUS_PDS_MAX;

/// Notifications between two pulses that a PD may need; one more is a flood.
const NOTIFICATIONS_MAX: u32 = 256;
/// Commands come through the one, time through the other: nobody could start them again, so they are
/// neither stopped nor held.
const NEEDED: [&str; 2] = ["serial", "pulse"];
/// Words of a stack that are looked at in a pulse.
const STACK_WORDS: u64 = 256;

/// The PDs of the table, by index, and what `supervisor` can see of them and do to them. What it cannot
/// do to a PD, such as anything to itself, does nothing.
pub trait Children {
    /// A copy of its lifecycle page; `None` if it has none.
    fn page(&self, index: usize) -> Option<Page>;
    /// What it says about its peer behind a channel; `None` if it has no page.
    fn peer(&self, index: usize, channel: u8) -> Option<lifecycle::Peer>;
    /// Which life its lifecycle page is of; `None` if it has no page.
    fn generation(&self, index: usize) -> Option<u64>;
    /// The counter in its lifecycle page that every wake-up moves.
    fn heartbeat(&self, index: usize) -> u64;
    /// The word of its stack that begins `offset` bytes above the lowest; `None` if there is none to see.
    fn stack_word(&self, index: usize, offset: u64) -> Option<u64>;
    /// Microseconds of CPU time consumed since the last call.
    fn consumed_us(&mut self, index: usize) -> u64;
    /// Notifies it.
    fn wake(&mut self, index: usize);
    /// Suspends it and reads its registers.
    fn stop(&mut self, index: usize) -> Option<UserContext>;
    /// Lets it go on.
    fn resume(&mut self, index: usize);
    /// Starts a new life: all registers, from the program's entry point.
    fn start(&mut self, index: usize);
}

/// What `supervisor` keeps about a PD.
#[derive(Debug)]
struct Watch {
    phase: Phase,
    /// What it goes on with after a pause.
    paused_from: Phase,
    restarts: Restarts,
    heartbeat: Heartbeat,
    /// When it is to start again.
    due_us: Option<u64>,
    /// The life that ended: what its page still says means nothing.
    dead_generation: Option<u64>,
    /// The life that it is in, once its page says so. Nobody but `supervisor` begins another.
    generation: Option<u64>,
    /// Notifications since the last pulse.
    notifications: u32,
    /// Pulses since it was asked to end its turn, and its beats then.
    turn: (u32, u64),
}

impl Watch {
    /// Whether a page with this generation may be of the life that is watched, of which the first look
    /// at a page that is not an earlier life's takes note.
    fn may_be_of(&mut self, generation: u64) -> bool {
        let is_old = generation == 0 || self.dead_generation == Some(generation);
        if self.generation.is_none() && !is_old {
            self.generation = Some(generation);
        }
        self.generation.is_none_or(|noted| noted == generation)
    }
}

/// What a look at a lifecycle page brings.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    Same,
    /// The PD's state changed.
    News,
    /// The page is of a life that nobody began.
    Nonsense,
}

/// What `supervisor` keeps about everybody: static, because it is too large for a stack.
#[derive(Debug)]
pub struct Memory {
    watches: [Watch; PDS_MAX],
    status: Status,
    /// Whose stack is looked at next, and how far above its lowest address.
    gauge: (usize, u64),
}

impl Memory {
    /// Nothing is known.
    pub const EMPTY: Self = Self {
        watches: [const {
            Watch {
                phase: Phase::Loaded,
                paused_from: Phase::Loaded,
                restarts: Restarts::NONE,
                heartbeat: Heartbeat::NEW,
                due_us: None,
                dead_generation: None,
                generation: None,
                notifications: 0,
                turn: (0, 0),
            }
        }; PDS_MAX],
        status: Status::EMPTY,
        gauge: (0, 0),
    };
}

/// Everything `supervisor` knows.
pub struct Supervisor<'a, C: Children> {
    entries: heapless::Vec<PdEntry, PDS_MAX>,
    children: C,
    memory: &'a mut Memory,
    page: ExternallySharedRef<'a, Status>,
}

impl<'a, C: Children> Supervisor<'a, C> {
    /// A supervisor of the PDs in `table`, of which it watches the first [`PDS_MAX`]. `memory` is
    /// [`Memory::EMPTY`].
    pub fn new(
        table: impl IntoIterator<Item = PdEntry>,
        children: C,
        memory: &'a mut Memory,
        page: ExternallySharedRef<'a, Status>,
    ) -> Self {
        let mut entries = heapless::Vec::<PdEntry, PDS_MAX>::new();
        for entry in table {
            if entries.push(entry).is_err() {
                log::error!("more than {PDS_MAX} PDs, the rest is not watched");
                break;
            }
        }
        memory.status.pd_count = u32::try_from(entries.len()).unwrap_or(0);
        let kept = memory.watches.iter_mut().zip(&mut memory.status.pds);
        for ((watch, status), entry) in kept.zip(&entries) {
            status.name = entry.name;
            status.ram_bytes = entry.ram_bytes;
            (status.budget_us, status.period_us) = (entry.budget_us, entry.period_us);
            status.stack_bytes = entry.stack_bytes;
            status.priority = entry.priority.into();
            status.state = watch.phase.code();
            let window_us = u64::from(entry.window_ms).saturating_mul(1000);
            watch.restarts = Restarts::new(entry.restarts_max, window_us);
        }
        Self { entries, children, memory, page }
    }

    /// The PD of that name.
    #[must_use]
    pub fn index(&self, name: &str) -> Option<usize> {
        self.entries.iter().position(|entry| text(&entry.name) == name)
    }

    /// Looks at every page again; `now_us` since the counter's zero.
    pub fn refresh(&mut self, now_us: u64) {
        for index in 0..self.entries.len() {
            if self.look_at(index, now_us) == Look::Nonsense {
                self.fail(index, Cause::Nonsense, now_us);
            }
            self.account(index);
        }
        self.look_at_peers();
        self.publish(now_us);
    }

    /// These channels notified: those of lifecycle pages, and of the PDs whom `supervisor` asks for anything.
    pub fn notified(&mut self, channels: impl Fn(u8) -> bool, now_us: u64) {
        for index in 0..self.entries.len() {
            let lifecycle = self.entries.get(index).map(|entry| entry.channel);
            let asked = self.entries.first().and_then(|own| own.peer_channels.get(index).copied());
            if lifecycle.is_some_and(&channels) || asked.is_some_and(&channels) {
                self.notified_by(index, now_us);
            }
        }
    }

    /// This PD notified. Bounded work, however often it does.
    pub fn notified_by(&mut self, index: usize, now_us: u64) {
        let Some(watch) = self.memory.watches.get_mut(index) else { return };
        watch.notifications += 1;
        if watch.notifications > NOTIFICATIONS_MAX {
            self.fail(index, Cause::Flood, now_us);
            return;
        }
        match self.look_at(index, now_us) {
            Look::Same => {}
            Look::News => self.publish(now_us),
            Look::Nonsense => self.fail(index, Cause::Nonsense, now_us),
        }
    }

    /// Time passes: judges heartbeats, starts and stops whoever is due.
    pub fn pulse(&mut self, now_us: u64) {
        self.gauge_stack();
        for index in 0..self.entries.len() {
            let Some(watch) = self.memory.watches.get_mut(index) else { continue };
            watch.notifications = 0;
            if watch.due_us.is_some_and(|due_us| due_us <= now_us) {
                self.start(index, now_us);
            } else if watch.phase == Phase::Terminating {
                self.end_turn(index, now_us);
            } else if watch.phase.is_live() {
                self.judge(index, now_us);
            }
        }
    }

    /// A child faulted, or says so.
    pub fn fault(&mut self, child: usize, fault: Fault, now_us: u64) {
        let entry = self.entries.iter().position(|entry| usize::from(entry.child) == child);
        let Some((index, stack_vaddr)) =
            entry.and_then(|index| Some((index, self.entries.get(index)?.stack_vaddr)))
        else {
            log::error!("fault of a child {child} that nobody declared: {fault}");
            return;
        };
        self.fail(index, Cause::of(fault, stack_vaddr), now_us);
    }

    /// Microseconds from the counter's zero until everybody was up; zero before.
    #[must_use]
    pub fn boot_us(&self) -> u64 {
        self.memory.status.boot_us
    }

    #[cfg(feature = "sabotage")]
    pub(crate) fn wake(&mut self, index: usize) {
        self.children.wake(index);
    }

    fn phase(&self, index: usize) -> Option<Phase> {
        self.memory.watches.get(index).map(|watch| watch.phase)
    }

    fn judge(&mut self, index: usize, now_us: u64) {
        let Some(watch) = self.memory.watches.get_mut(index) else { return };
        let Some(status) = self.memory.status.pds.get_mut(index) else { return };
        if self.entries.get(index).is_none_or(|entry| entry.lifecycle_vaddr == 0) {
            return;
        }
        // Here too, for nobody may ask for the page, and whoever rewrites all of it seems to beat.
        if !self.children.generation(index).is_none_or(|generation| watch.may_be_of(generation)) {
            self.fail(index, Cause::Nonsense, now_us);
            return;
        }
        let beats = self.children.heartbeat(index);
        let is_up = !matches!(watch.phase, Phase::Loaded | Phase::Initialising);
        let patience = if is_up { 1 } else { SETUP };
        let verdict = watch.heartbeat.judge(beats, patience, || {
            status.cpu_us += self.children.consumed_us(index);
            status.cpu_us
        });
        match verdict {
            Verdict::Lives => {}
            Verdict::Wake => self.children.wake(index),
            Verdict::Hangs => self.fail(index, Cause::MissedHeartbeat, now_us),
        }
    }

    /// Adds up what the PD consumed.
    fn account(&mut self, index: usize) {
        if let Some(status) = self.memory.status.pds.get_mut(index) {
            status.cpu_us += self.children.consumed_us(index);
        }
    }

    /// Looks at the next piece of somebody's stack. The kernel hands it out as zeros, so what is not
    /// zero was in use once.
    fn gauge_stack(&mut self) {
        let (index, start) = self.memory.gauge;
        let (Some(entry), Some(pd)) =
            (self.entries.get(index), self.memory.status.pds.get_mut(index))
        else {
            self.memory.gauge = (0, 0);
            return;
        };
        let bytes = u64::from(entry.stack_bytes);
        let unused = bytes.saturating_sub(pd.stack_used_bytes.into());
        let end = unused.min(start.saturating_add(8 * STACK_WORDS));
        let mut words = (start..end).step_by(8);
        let is_used = |at: u64| self.children.stack_word(index, at).is_some_and(|word| word != 0);
        let lowest = words.find(|at| is_used(*at));
        if let Some(at) = lowest {
            pd.stack_used_bytes = u32::try_from(bytes.saturating_sub(at)).unwrap_or(u32::MAX);
        }
        let is_done = lowest.is_some() || end == unused || entry.stack_view_vaddr == 0;
        self.memory.gauge = if is_done { (index.saturating_add(1), 0) } else { (index, end) };
    }

    /// Stops a PD that must not go on, says why, and decides whether it starts again.
    fn fail(&mut self, index: usize, cause: Cause, now_us: u64) {
        let registers = self.children.stop(index);
        if !self.phase(index).is_some_and(Phase::is_live) {
            return;
        }
        self.look_at(index, now_us);
        let why = self.report(index, cause, registers);
        let (Some(entry), Some(pd), Some(watch)) = (
            self.entries.get(index),
            self.memory.status.pds.get_mut(index),
            self.memory.watches.get_mut(index),
        ) else {
            return;
        };
        let (restarts_max, window_ms) = (entry.restarts_max, entry.window_ms);
        pd.faults = pd.faults.saturating_add(1);
        if watch.phase == Phase::Terminating {
            self.enter(index, Phase::Terminated, format_args!("{why}"), now_us);
        } else {
            let is_needed = NEEDED.contains(&text(&entry.name));
            let later = |restarts: &Restarts| is_needed.then(|| restarts.later(now_us));
            let due_us = watch.restarts.next(now_us).or_else(|| later(&watch.restarts));
            watch.due_us = due_us;
            self.enter(index, Phase::Failed, format_args!("{why}"), now_us);
            match due_us {
                Some(due_us) if due_us <= now_us => self.start(index, now_us),
                Some(_) => {}
                None => {
                    let why =
                        format_args!("{restarts_max} restarts in {window_ms} ms, last: {why}");
                    self.enter(index, Phase::Held, why, now_us);
                }
            }
        }
        self.publish(now_us);
    }

    /// Prints the crash record; answers the panic message or the fault.
    fn report(&self, index: usize, cause: Cause, registers: Option<UserContext>) -> Reason {
        let (Some(entry), Some(pd), Some(watch)) = (
            self.entries.get(index),
            self.memory.status.pds.get(index),
            self.memory.watches.get(index),
        ) else {
            return Reason::EMPTY;
        };
        let page = self.children.page(index).filter(|page| {
            page.state == State::Panicked.code() && Some(page.generation) != watch.dead_generation
        });
        let panic = page.as_ref().map(|page| said(&page.text, page.text_len));
        let panic = panic.filter(|message| !message.is_empty());
        let stack = |address: u64| {
            let offset = address.checked_sub(entry.stack_vaddr).filter(|at| at % 8 == 0)?;
            self.children.stack_word(index, offset)
        };
        let record = CrashRecord {
            name: text(&entry.name),
            generation: pd.generation,
            cause,
            panic,
            registers,
            stack: (entry.stack_view_vaddr != 0).then_some(stack),
        };
        record.lines(|line| log::error!("{line}"));
        panic.map_or_else(|| Reason::new(cause), Reason::new)
    }

    fn start(&mut self, index: usize, now_us: u64) {
        let (Some(watch), Some(pd)) =
            (self.memory.watches.get_mut(index), self.memory.status.pds.get_mut(index))
        else {
            return;
        };
        watch.due_us = None;
        watch.restarts.note(now_us);
        watch.heartbeat.forget();
        (watch.generation, watch.dead_generation) = (None, self.children.generation(index));
        pd.restarts += 1;
        self.enter(index, Phase::Initialising, format_args!(""), now_us);
        self.children.start(index);
    }

    /// Takes over what a live child claims about itself.
    fn look_at(&mut self, index: usize, now_us: u64) -> Look {
        let (Some(watch), Some(pd)) =
            (self.memory.watches.get_mut(index), self.memory.status.pds.get_mut(index))
        else {
            return Look::Same;
        };
        let Some(page) = self.children.page(index) else {
            // Only `supervisor` itself has no page: it runs, or this line would not.
            if pd.ready_ns == 0 {
                (pd.generation, pd.ready_ns) = (1, now_us.saturating_mul(1000));
            }
            return self.claim(index, Phase::Running, &[], now_us);
        };
        if !watch.phase.is_live() {
            return Look::Same;
        }
        if !watch.may_be_of(page.generation) {
            return Look::Nonsense;
        }
        if watch.generation.is_none() {
            return Look::Same;
        }
        pd.counters = page.counters;
        pd.generation = page.generation;
        pd.ready_ns = page.ready_ns;
        match Phase::claimed(page.state) {
            Some(phase) if watch.phase != Phase::Terminating => {
                let len = usize::from(page.text_len).min(page.text.len());
                self.claim(index, phase, page.text.get(..len).unwrap_or_default(), now_us)
            }
            _ => Look::Same,
        }
    }

    fn claim(&mut self, index: usize, phase: Phase, why: &[u8], now_us: u64) -> Look {
        if self.phase(index) == Some(phase) {
            return Look::Same;
        }
        let why = core::str::from_utf8(why).unwrap_or("(unreadable)");
        self.enter(index, phase, format_args!("{why}"), now_us);
        Look::News
    }

    /// The one place where a state changes. What is no transition does not happen.
    fn enter(&mut self, index: usize, next: Phase, why: fmt::Arguments<'_>, now_us: u64) {
        let status = &mut self.memory.status;
        let (Some(watch), Some(pd)) =
            (self.memory.watches.get_mut(index), status.pds.get_mut(index))
        else {
            return;
        };
        if !watch.phase.may_become(next) {
            return;
        }
        let from = core::mem::replace(&mut watch.phase, next).code();
        pd.state = next.code();
        let reason = Reason::new(why);
        pd.text_len = put(&mut pd.text, reason.as_str());
        let mut event = Event {
            at_us: now_us,
            pd: u16::try_from(index).unwrap_or(0),
            from,
            to: next.code(),
            text_len: 0,
            text: [0; 64],
        };
        event.text_len = put(&mut event.text, reason.as_str());
        let place = usize::try_from(status.event_count).unwrap_or(0) % STATUS_EVENTS_MAX;
        if let Some(kept) = status.events.get_mut(place) {
            *kept = event;
        }
        status.event_count += 1;
        // The way to the first `running` is in the table that `CAIRN READY` prints.
        if status.boot_us != 0 {
            let separator = if reason.as_str().is_empty() { "" } else { ": " };
            log::info!(
                "{}: {} -> {}{separator}{reason}",
                text(&pd.name),
                state_name(from),
                state_name(next.code())
            );
        }
    }

    /// The first time that nobody is setting itself up any more, says so.
    fn announce(&mut self, now_us: u64) {
        let pds = self.memory.watches.iter().take(self.entries.len());
        let is_up = |watch: &Watch| !matches!(watch.phase, Phase::Loaded | Phase::Initialising);
        let mut phases = pds.map(is_up);
        if self.boot_us() != 0 || !phases.all(|is_up| is_up) {
            return;
        }
        self.memory.status.boot_us = now_us;
        log::info!("CAIRN READY {now_us}");
        for (pd, entry) in self.memory.status.pds.iter().zip(&self.entries) {
            log::info!(
                "  {:<12} {:<12} priority {:>3}  ready {:>7} us  {}",
                text(&pd.name),
                state_name(pd.state),
                entry.priority,
                pd.ready_ns / 1000,
                said(&pd.text, pd.text_len)
            );
        }
    }

    /// Writes the status page; readers see an odd sequence while it changes.
    fn publish(&mut self, now_us: u64) {
        self.announce(now_us);
        let status = &mut self.memory.status;
        status.sequence = status.sequence.wrapping_add(1);
        let page = self.page.as_mut_ptr();
        let sequence = sel4_externally_shared::map_field!(page.sequence);
        sequence.atomic_store(status.sequence, core::sync::atomic::Ordering::Relaxed);
        core::sync::atomic::fence(core::sync::atomic::Ordering::Release);
        page.write(*status);
        status.sequence = status.sequence.wrapping_add(1);
        sequence.atomic_store(status.sequence, core::sync::atomic::Ordering::Release);
    }
}

/// Writes as much of `message` as fits; answers how much that is.
fn put(place: &mut [u8], message: &str) -> u16 {
    let len = message.floor_char_boundary(place.len());
    place.fill(0);
    for (to, from) in place.iter_mut().zip(message.bytes().take(len)) {
        *to = from;
    }
    u16::try_from(len).unwrap_or(0)
}

/// What a page or status says in words.
fn said(bytes: &[u8], len: u16) -> &str {
    bytes.get(..usize::from(len)).map_or("", text)
}

#[cfg(test)]
mod tests;
