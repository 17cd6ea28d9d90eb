//! Who runs: ready queues by priority, the release queue of threads without budget, and time.

use crate::budget::ticks;
use crate::kernel::Kernel;
use crate::machine::Machine;
use crate::object::{ContextId, Scheduled, State, ThreadId};
use crate::queue::Queue;

/// Priorities.
const PRIORITY_COUNT: usize = 256;
/// Longest time between two timer interrupts when nothing else asks for one.
const DEADLINE_MAX: u64 = ticks(3_600_000_000);

/// What the scheduler does at the end of a kernel entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    /// Pick from the queues.
    Choose,
    /// Continue the current thread.
    Resume,
    /// Consider this thread, which is in no queue yet.
    Switch(ThreadId),
}

/// Scheduler state.
pub(crate) struct Scheduler {
    ready: [Queue; PRIORITY_COUNT],
    /// A bit for each priority whose ready queue has a thread.
    bitmap: [u64; PRIORITY_COUNT / 64],
    release: Queue,
    action: Action,
    /// Thread that runs, if any.
    pub(crate) current: Option<ThreadId>,
    /// Context that is charged.
    pub(crate) current_context: Option<ContextId>,
    /// Counter value at kernel entry.
    pub(crate) now: u64,
    /// Ticks used since the current context was last charged.
    consumed: u64,
    /// The timer must be set again.
    pub(crate) reprogram: bool,
    /// Pseudo-random state of the seeded schedule; zero is off.
    random: u64,
}

impl Scheduler {
    /// Nobody runs.
    pub(crate) const NEW: Self = Self {
        ready: [Queue::EMPTY; PRIORITY_COUNT],
        bitmap: [0; PRIORITY_COUNT / 64],
        release: Queue::EMPTY,
        action: Action::Choose,
        current: None,
        current_context: None,
        now: 0,
        consumed: 0,
        reprogram: false,
        random: 0,
    };

    /// Switches the seeded schedule on, or off with zero.
    pub(crate) fn seed(&mut self, seed: u64) {
        self.random = seed;
    }

    fn highest_priority(&self) -> Option<u8> {
        let word = self.bitmap.iter().rposition(|word| *word != 0)?;
        let bit = 63 - self.bitmap[word].leading_zeros() as usize;
        u8::try_from(word * 64 + bit).ok()
    }

    fn set_ready(&mut self, priority: u8, is_ready: bool) {
        let word = &mut self.bitmap[usize::from(priority / 64)];
        let bit = 1 << (priority % 64);
        *word = if is_ready { *word | bit } else { *word & !bit };
    }

    /// Next number of the seeded schedule (xorshift).
    fn next_random(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }
}

impl<M: Machine> Kernel<M> {
    /// Puts a schedulable thread at the front of its ready queue.
    pub(crate) fn enqueue(&mut self, thread: ThreadId) {
        self.insert_ready(thread, true);
    }

    /// Puts a schedulable thread at the end of its ready queue.
    fn append(&mut self, thread: ThreadId) {
        self.insert_ready(thread, false);
    }

    fn insert_ready(&mut self, thread: ThreadId, front: bool) {
        if self.threads[thread].scheduled != Scheduled::Not {
            return;
        }
        let priority = self.threads[thread].priority;
        let front =
            if self.scheduler.random == 0 { front } else { self.scheduler.next_random() & 1 == 0 };
        let queue = &mut self.scheduler.ready[usize::from(priority)];
        if front {
            queue.prepend(&mut self.threads, thread);
        } else {
            queue.append(&mut self.threads, thread);
        }
        self.scheduler.set_ready(priority, true);
        self.threads[thread].scheduled = Scheduled::Ready;
    }

    /// Takes a thread out of its ready queue, if it is in one.
    pub(crate) fn dequeue(&mut self, thread: ThreadId) {
        if self.threads[thread].scheduled != Scheduled::Ready {
            return;
        }
        let priority = self.threads[thread].priority;
        let queue = &mut self.scheduler.ready[usize::from(priority)];
        queue.remove(&mut self.threads, thread);
        if queue.is_empty() {
            self.scheduler.set_ready(priority, false);
        }
        self.threads[thread].scheduled = Scheduled::Not;
    }

    /// Takes a thread out of the release queue, if it is in it.
    pub(crate) fn release_remove(&mut self, thread: ThreadId) {
        if self.threads[thread].scheduled != Scheduled::Release {
            return;
        }
        self.scheduler.reprogram = true;
        self.scheduler.release.remove(&mut self.threads, thread);
        self.threads[thread].scheduled = Scheduled::Not;
    }

    /// Makes the thread of `context` wait until the context has budget again.
    pub(crate) fn postpone(&mut self, context: ContextId) {
        let Some(thread) = self.contexts[context].thread else { return };
        self.dequeue(thread);
        let time = self.contexts[context].ready_time();
        let contexts = &self.contexts;
        self.scheduler.release.insert_sorted(&mut self.threads, thread, |threads, other| {
            threads[other].context.is_none_or(|other| contexts[other].ready_time() <= time)
        });
        self.threads[thread].scheduled = Scheduled::Release;
        self.scheduler.reprogram = true;
    }

    /// Postpones the thread of `context` if it could run but has no budget.
    pub(crate) fn resume_context(&mut self, context: ContextId) {
        if let Some(thread) = self.contexts[context].thread
            && self.threads[thread].is_schedulable()
            && !self.contexts[context].is_released(self.scheduler.now)
        {
            self.postpone(context);
        }
    }

    /// Changes a thread's state; the current thread gives way if it cannot run any more.
    pub(crate) fn set_state(&mut self, thread: ThreadId, state: State) {
        self.threads[thread].state = state;
        if self.scheduler.current == Some(thread)
            && self.scheduler.action == Action::Resume
            && !self.threads[thread].is_schedulable()
        {
            self.scheduler.action = Action::Choose;
        }
    }

    /// Makes the scheduler pick from the queues.
    pub(crate) fn reschedule(&mut self) {
        if let Action::Switch(thread) = self.scheduler.action
            && self.threads[thread].is_schedulable()
        {
            self.enqueue(thread);
        }
        self.scheduler.action = Action::Choose;
    }

    /// Makes the scheduler pick from the queues if it was about to consider `thread`.
    pub(crate) fn reschedule_without(&mut self, thread: ThreadId) {
        if self.scheduler.current == Some(thread) || self.scheduler.action == Action::Switch(thread)
        {
            self.reschedule();
        }
    }

    /// Offers the processor to a thread that just became runnable.
    pub(crate) fn possible_switch_to(&mut self, thread: ThreadId) {
        let target = &self.threads[thread];
        if target.context.is_none() || target.scheduled == Scheduled::Release {
            return;
        }
        if self.scheduler.action == Action::Resume && self.scheduler.random == 0 {
            self.scheduler.action = Action::Switch(thread);
        } else {
            self.reschedule();
            self.enqueue(thread);
        }
    }

    /// Picks the thread to run, charges time and sets the timer.
    pub(crate) fn schedule(&mut self) {
        self.awaken();
        let action = self.scheduler.action;
        if action != Action::Resume {
            let current = self.scheduler.current;
            let was_runnable = current.filter(|current| self.threads[*current].is_schedulable());
            if let Some(current) = was_runnable {
                self.enqueue(current);
            }
            match action {
                Action::Switch(candidate) => self.consider(candidate, was_runnable),
                _ => self.choose_thread(),
            }
        }
        self.scheduler.action = Action::Resume;
        self.switch_context();
        if self.scheduler.reprogram {
            self.set_next_interrupt();
            self.scheduler.reprogram = false;
        }
    }

    /// Switches to `candidate` unless another thread has a better claim.
    fn consider(&mut self, candidate: ThreadId, was_runnable: Option<ThreadId>) {
        let priority = self.threads[candidate].priority;
        let is_below_current =
            self.scheduler.current.is_none_or(|current| priority < self.threads[current].priority);
        let is_below_ready = self.scheduler.highest_priority().is_some_and(|best| priority < best);
        if is_below_current && is_below_ready {
            self.enqueue(candidate);
            self.choose_thread();
        } else if was_runnable.is_some_and(|current| self.threads[current].priority == priority) {
            self.append(candidate);
            self.choose_thread();
        } else {
            self.switch_to(candidate);
        }
    }

    fn choose_thread(&mut self) {
        let best = self.scheduler.highest_priority();
        let head = best.and_then(|priority| self.scheduler.ready[usize::from(priority)].head);
        match head {
            Some(thread) => self.switch_to(thread),
            None => self.scheduler.current = None,
        }
    }

    fn switch_to(&mut self, thread: ThreadId) {
        self.dequeue(thread);
        self.scheduler.current = Some(thread);
        self.machine.enter_vspace(thread);
    }

    fn switch_context(&mut self) {
        let context = self.scheduler.current.and_then(|current| self.threads[current].context);
        if context != self.scheduler.current_context {
            self.scheduler.reprogram = true;
            if let Some(context) = context {
                self.contexts[context].activate(self.scheduler.now);
            }
        }
        if self.scheduler.reprogram {
            self.commit_time();
        }
        self.scheduler.current_context = context;
    }

    fn commit_time(&mut self) {
        if let Some(context) = self.scheduler.current_context {
            self.contexts[context].commit(self.scheduler.consumed);
        }
        self.scheduler.consumed = 0;
    }

    fn set_next_interrupt(&mut self) {
        let now = self.scheduler.now;
        let mut deadline = now + DEADLINE_MAX;
        if let Some(context) = self.scheduler.current_context {
            deadline = now + self.contexts[context].available();
        }
        let first = self.scheduler.release.head.and_then(|thread| self.threads[thread].context);
        if let Some(context) = first {
            deadline = deadline.min(self.contexts[context].ready_time());
        }
        if let Some(time) = self.injections.next_delivery() {
            deadline = deadline.min(time);
        }
        self.machine.set_deadline(deadline);
    }

    fn awaken(&mut self) {
        while let Some(thread) = self.scheduler.release.head {
            let now = self.scheduler.now;
            if self.threads[thread].context.is_some_and(|c| !self.contexts[c].is_ready(now)) {
                break;
            }
            self.release_remove(thread);
            self.possible_switch_to(thread);
        }
    }

    /// Notes the time at kernel entry.
    pub(crate) fn update_timestamp(&mut self) {
        let now = self.machine.now();
        self.scheduler.consumed += now - self.scheduler.now;
        self.scheduler.now = now;
    }

    /// True if the current context has enough budget for the kernel entry; else ends its timeslice.
    pub(crate) fn check_budget(&mut self) -> bool {
        let Some(context) = self.scheduler.current_context else { return true };
        if self.contexts[context].is_sufficient(self.scheduler.consumed) {
            return true;
        }
        self.charge_budget(self.scheduler.consumed);
        false
    }

    /// Like [`Self::check_budget`]; on failure the thread repeats its system call or instruction.
    pub(crate) fn check_budget_restart(&mut self) -> bool {
        let has_budget = self.check_budget();
        if let Some(current) = self.scheduler.current
            && !has_budget
            && self.threads[current].is_runnable()
        {
            self.set_state(current, State::Restart);
        }
        has_budget
    }

    /// Charges `usage`, which leaves too little, and ends the current thread's timeslice.
    fn charge_budget(&mut self, usage: u64) {
        let Some(context) = self.scheduler.current_context else { return };
        self.contexts[context].exhaust(usage);
        self.scheduler.consumed = 0;
        let current = self.scheduler.current.filter(|it| self.threads[*it].is_schedulable());
        if let Some(current) = current {
            if self.contexts[context].is_released(self.scheduler.now) {
                self.append(current);
            } else {
                self.postpone(context);
            }
            self.reschedule();
            self.scheduler.reprogram = true;
        }
    }

    /// Gives up the rest of the current timeslice; only time really used counts as consumed.
    pub(crate) fn yield_timeslice(&mut self) {
        let Some(context) = self.scheduler.current_context else { return };
        let consumed = self.contexts[context].consumed + self.scheduler.consumed;
        let rest = self.contexts[context].available();
        self.charge_budget(rest);
        self.contexts[context].consumed = consumed;
    }

    /// Finishes a kernel entry: the monitor, then the scheduler, then the chosen thread.
    pub(crate) fn finish(&mut self) {
        if self.monitor.is_busy() {
            self.run_monitor();
        }
        self.schedule();
        let Some(current) = self.scheduler.current else { return };
        if self.threads[current].yield_to.is_some() {
            self.complete_yield_to(current);
        }
        if self.threads[current].state == State::Restart {
            let registers = &mut self.threads[current].registers;
            registers.pc = registers.fault_pc;
            self.set_state(current, State::Running);
        }
    }
}

#[cfg(test)]
impl Scheduler {
    /// The queue of threads that wait for budget.
    pub(crate) fn release_queue(&self) -> &Queue {
        &self.release
    }

    /// Threads in ready queues, after checking that queues, bitmap and priorities agree.
    pub(crate) fn check_queues(&self, threads: &crate::object::Threads) -> std::vec::Vec<u8> {
        let mut ready = std::vec::Vec::new();
        for (priority, queue) in self.ready.iter().enumerate() {
            let bit = self.bitmap[priority / 64] & (1 << (priority % 64)) != 0;
            assert_eq!(bit, !queue.is_empty());
            let mut cursor = queue.head;
            while let Some(thread) = cursor {
                assert_eq!(usize::from(threads[thread].priority), priority);
                assert!(!ready.contains(&thread.0));
                ready.push(thread.0);
                cursor = threads[thread].next;
            }
        }
        ready
    }
}
