//! The kernel's whole state, and how a boot specification fills it.

use model_spec::{CAP_SPACE_ROOT, CapKind, Config, Spec, pd_flags, slots};

use crate::budget::{Context, ticks};
use crate::cspace::{CAP_COUNT_MAX, CSpace, Cap, LookupFailure, Rights};
use crate::inject::Injections;
use crate::irq::Irqs;
use crate::machine::Machine;
use crate::monitor::Monitor;
use crate::object::{
    ContextId, Endpoint, EndpointId, FaultHandler, MONITOR_ENDPOINT, Notification, NotificationId,
    OBJECT_COUNT, Objects, Reply, ReplyId, State, Thread, ThreadId, Threads,
};
use crate::registers::Registers;
use crate::sched::Scheduler;

/// Bytes of a PD's name that the console shows.
pub(crate) type Name = [u8; 64];

/// Everything the kernel knows.
pub struct Kernel<M> {
    /// Threads.
    pub(crate) threads: Threads,
    pub(crate) endpoints: Objects<EndpointId, Endpoint>,
    pub(crate) notifications: Objects<NotificationId, Notification>,
    pub(crate) replies: Objects<ReplyId, Reply>,
    pub(crate) contexts: Objects<ContextId, Context>,
    pub(crate) scheduler: Scheduler,
    cspaces: Objects<ThreadId, CSpace>,
    caps: [Cap; CAP_COUNT_MAX],
    pub(crate) names: Objects<ThreadId, Name>,
    pub(crate) irqs: Irqs,
    pub(crate) injections: Injections,
    pub(crate) config: Config,
    /// PDs that are meant to be passive, as bits; the monitor has no caps to help the others.
    pub(crate) passive: u64,
    /// The monitor.
    pub(crate) monitor: Monitor,
    /// The machine.
    pub machine: M,
}

impl<M: Machine> Kernel<M> {
    /// A kernel without threads. Large and all zeros: meant for a static in `.bss`.
    pub const fn new(machine: M) -> Self {
        Self {
            threads: Objects::new([const { Thread::EMPTY }; OBJECT_COUNT]),
            endpoints: Objects::new([Endpoint::Idle; OBJECT_COUNT]),
            notifications: Objects::new([Notification::EMPTY; OBJECT_COUNT]),
            replies: Objects::new([Reply::EMPTY; OBJECT_COUNT]),
            contexts: Objects::new([Context::EMPTY; OBJECT_COUNT]),
            scheduler: Scheduler::NEW,
            cspaces: Objects::new([CSpace::EMPTY; OBJECT_COUNT]),
            caps: [Cap::Null; CAP_COUNT_MAX],
            names: Objects::new([[0; 64]; OBJECT_COUNT]),
            irqs: Irqs::EMPTY,
            injections: Injections::NONE,
            config: Config::Debug,
            passive: 0,
            monitor: Monitor::IDLE,
            machine,
        }
    }

    /// Creates what `spec` describes and makes every PD ready to run.
    pub fn load(&mut self, spec: &Spec<'_>) {
        self.config = spec.config();
        self.scheduler.reprogram = true;
        self.scheduler.seed(spec.header().seed);
        self.injections.load(spec.injections(), spec.irqs());
        self.scheduler.now = self.machine.now();
        for (index, pd) in (0..).zip(spec.pds()) {
            self.load_pd(index, pd);
        }
        for (position, cap) in (0..).zip(spec.caps()) {
            self.load_cap(position, cap, spec.irqs());
        }
        for irq in spec.irqs() {
            self.load_irq(irq);
        }
        self.start_all(spec.pds());
        self.finish();
    }

    /// Notes that an interrupt stopped the current thread between two instructions.
    pub fn preempt(&mut self) {
        if let Some(current) = self.scheduler.current {
            let registers = &mut self.threads[current].registers;
            registers.fault_pc = registers.pc;
        }
    }

    /// Registers of the thread that runs, if one does.
    pub fn current_registers(&mut self) -> Option<&mut Registers> {
        let current = self.scheduler.current?;
        Some(&mut self.threads[current].registers)
    }

    fn load_pd(&mut self, index: u8, pd: &model_spec::Pd) {
        let (id, context, notification) =
            (ThreadId(index), ContextId(index), NotificationId(index));
        let debug = self.config == Config::Debug;
        let thread = &mut self.threads[id];
        thread.registers.reset_spsr(debug);
        thread.registers.pc = pd.entry;
        thread.registers.fault_pc = pd.entry;
        thread.registers.sp = pd.stack_pointer;
        thread.registers.fpu = u64::from(pd.flags & pd_flags::FPU != 0);
        thread.context = Some(context);
        thread.notification = Some(notification);
        thread.priority = pd.priority;
        thread.maximum_priority = pd.priority;
        self.contexts[context].configure(
            ticks(pd.budget_us),
            ticks(pd.period_us),
            self.scheduler.now,
        );
        self.contexts[context].thread = Some(id);
        self.notifications[notification].thread = Some(id);
        self.passive |= u64::from(pd.flags & pd_flags::PASSIVE != 0) << index;
        self.names[id] = pd.name;
    }

    fn load_cap(&mut self, position: u16, record: &model_spec::Cap, irqs: &[model_spec::Irq]) {
        // Checked specifications have fewer than 64 PDs and 160 INTIDs.
        let ([owner, _], [object, _]) = (record.pd.to_le_bytes(), record.object.to_le_bytes());
        let owner = ThreadId(owner);
        let (badge, rights) = (record.badge, Rights(record.rights));
        let in_root = record.space == CAP_SPACE_ROOT;
        let endpoint = |endpoint| Cap::Endpoint { endpoint, badge, rights };
        let cap = match CapKind::from_raw(record.kind) {
            Some(CapKind::Endpoint) => endpoint(EndpointId(object)),
            Some(CapKind::MonitorEndpoint) => endpoint(MONITOR_ENDPOINT),
            Some(CapKind::Notification) => {
                Cap::Notification { notification: NotificationId(object), badge, rights }
            }
            Some(CapKind::Reply) => Cap::Reply(ReplyId(object)),
            Some(CapKind::VSpace) => Cap::VSpace(ThreadId(object)),
            Some(CapKind::Tcb) => Cap::Thread(ThreadId(object)),
            Some(CapKind::SchedContext) => Cap::Context(ContextId(object)),
            Some(CapKind::IrqHandler) => irqs
                .get(usize::from(object))
                .map_or(Cap::Null, |irq| Cap::Irq(irq.intid.to_le_bytes()[0])),
            None => Cap::Null,
        };
        self.caps[usize::from(position) % CAP_COUNT_MAX] = cap;
        self.cspaces[owner].insert(in_root, record.slot, position);
        if !in_root
            && record.slot == slots::FAULT_ENDPOINT
            && let Cap::Endpoint { endpoint, badge, rights } = cap
        {
            self.threads[owner].fault_handler = Some(FaultHandler { endpoint, badge, rights });
        }
    }

    /// Makes all threads ready, in the order of their names, each before those of its priority.
    ///
    /// That is what the capDL initialiser of an official image does.
    fn start_all(&mut self, pds: &[model_spec::Pd]) {
        let mut started: Option<&Name> = None;
        while let Some((index, pd)) = (0..)
            .zip(pds)
            .filter(|(_, pd)| started.is_none_or(|name| pd.name > *name))
            .min_by_key(|(_, pd)| &pd.name)
        {
            self.threads[ThreadId(index)].state = State::Restart;
            self.enqueue(ThreadId(index));
            started = Some(&pd.name);
        }
    }

    /// Resolves a capability address of `thread`.
    pub(crate) fn lookup_cap(&self, thread: ThreadId, address: u64) -> Result<Cap, LookupFailure> {
        self.cspaces[thread].lookup(&self.caps, address)
    }

    /// True if the kernel talks on the console.
    pub(crate) fn is_verbose(&self) -> bool {
        self.config == Config::Debug
    }

    /// Name of the PD that owns `thread`.
    pub(crate) fn name(&self, thread: ThreadId) -> Name {
        self.names[thread]
    }
}

/// A name without its padding.
pub(crate) fn display_name(name: &Name) -> &str {
    let length = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
    core::str::from_utf8(&name[..length]).unwrap_or("?")
}
