//! Faults that the kernel causes on purpose, for tests: off unless the boot specification asks.

use model_spec::{InjectionKind, Irq};

use crate::budget::ticks;
use crate::fault::Fault;
use crate::kernel::Kernel;
use crate::machine::Machine;
use crate::object::ThreadId;

/// Injections that are kept; a boot specification with more is refused.
const INJECTION_COUNT_MAX: usize = model_spec::layout::INJECTION_COUNT_MAX;
/// Exception syndrome of a load from address zero, which a killed PD seems to have done.
const NULL_READ: u64 = 0x93df_8006;

/// One injection and its progress.
#[derive(Clone, Copy, Debug)]
struct Injection {
    kind: InjectionKind,
    /// PD number or INTID.
    target: u32,
    /// Events until it happens; zero once it did.
    countdown: u64,
    delay: u64,
    /// When a delayed interrupt is due; zero if none is.
    due: u64,
}

/// All injections.
pub(crate) struct Injections {
    list: [Option<Injection>; INJECTION_COUNT_MAX],
    any: bool,
}

/// What happens to an interrupt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// Nothing special.
    Now,
    /// It stays masked and is delivered when due.
    Later,
    /// It is forgotten.
    Never,
}

impl Injections {
    /// None.
    pub(crate) const NONE: Self = Self { list: [None; INJECTION_COUNT_MAX], any: false };

    /// Takes over the records of a boot specification.
    pub(crate) fn load(&mut self, records: &[model_spec::Injection], irqs: &[Irq]) {
        for (slot, record) in self.list.iter_mut().zip(records) {
            let Some(kind) = InjectionKind::from_raw(record.kind) else { continue };
            let target = match kind {
                InjectionKind::KillPd => record.target,
                InjectionKind::DropIrq | InjectionKind::DelayIrq => {
                    irqs.get(record.target as usize).map_or(0, |irq| irq.intid)
                }
            };
            let delay = ticks(record.delay_us);
            *slot = Some(Injection { kind, target, countdown: record.nth, delay, due: 0 });
            self.any = true;
        }
    }

    /// Counts an event; the injections that it triggers are handed to `act`.
    fn count(&mut self, matches: impl Fn(&Injection) -> bool, mut act: impl FnMut(&mut Injection)) {
        for injection in self.list.iter_mut().flatten() {
            if injection.countdown > 0 && matches(injection) {
                injection.countdown -= 1;
                if injection.countdown == 0 {
                    act(injection);
                }
            }
        }
    }

    /// Decides about an interrupt that arrives at `now`.
    pub(crate) fn on_irq(&mut self, intid: u32, now: u64) -> Delivery {
        let mut delivery = Delivery::Now;
        if self.any {
            self.count(
                |it| it.kind != InjectionKind::KillPd && it.target == intid,
                |it| {
                    if it.kind == InjectionKind::DropIrq {
                        delivery = Delivery::Never;
                    } else {
                        it.due = now + it.delay;
                        delivery = Delivery::Later;
                    }
                },
            );
        }
        delivery
    }

    /// When the next delayed interrupt is due.
    pub(crate) fn next_delivery(&self) -> Option<u64> {
        if !self.any {
            return None;
        }
        self.list.iter().flatten().map(|injection| injection.due).filter(|due| *due != 0).min()
    }

    /// Takes a delayed interrupt that is due.
    pub(crate) fn take_due(&mut self, now: u64) -> Option<u32> {
        if !self.any {
            return None;
        }
        let is_due = |injection: &&mut Injection| (1..=now).contains(&injection.due);
        let injection = self.list.iter_mut().flatten().find(is_due)?;
        injection.due = 0;
        Some(injection.target)
    }

    /// True if this system call of a PD is the one that kills it.
    fn on_syscall(&mut self, thread: ThreadId) -> bool {
        let mut kills = false;
        self.count(
            |it| it.kind == InjectionKind::KillPd && it.target == u32::from(thread.0),
            |_| kills = true,
        );
        kills
    }
}

impl<M: Machine> Kernel<M> {
    /// Turns the system call of `thread` into a null-pointer fault if an injection says so.
    pub(crate) fn inject_kill(&mut self, thread: ThreadId) -> bool {
        if !self.injections.any || !self.injections.on_syscall(thread) {
            return false;
        }
        self.raise(thread, Fault::Vm { address: 0, instruction: false, status: NULL_READ });
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn injections(kind: InjectionKind, nth: u64) -> Injections {
        let mut injections = Injections::NONE;
        let record = model_spec::Injection { kind: kind as u32, target: 0, nth, delay_us: 10 };
        injections.load(&[record], &[Irq { intid: 33, ..Irq::default() }]);
        injections
    }

    #[test]
    fn kills_at_the_nth_call_of_that_pd_only() {
        let mut injections = injections(InjectionKind::KillPd, 2);
        let (target, other) = (ThreadId(0), ThreadId(1));
        assert!(!injections.on_syscall(target));
        assert!(!injections.on_syscall(other));
        assert!(injections.on_syscall(target));
        assert!(!injections.on_syscall(target));
    }

    #[test]
    fn drops_one_delivery() {
        let mut injections = injections(InjectionKind::DropIrq, 1);
        assert_eq!(injections.on_irq(34, 0), Delivery::Now);
        assert_eq!(injections.on_irq(33, 0), Delivery::Never);
        assert_eq!(injections.on_irq(33, 0), Delivery::Now);
    }

    #[test]
    fn delays_one_delivery() {
        let mut injections = injections(InjectionKind::DelayIrq, 1);
        assert_eq!(injections.on_irq(33, 100), Delivery::Later);
        assert_eq!(injections.next_delivery(), Some(100 + ticks(10)));
        assert_eq!(injections.take_due(100), None);
        assert_eq!(injections.take_due(100 + ticks(10)), Some(33));
        assert_eq!(injections.next_delivery(), None);
    }
}
