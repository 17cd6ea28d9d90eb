//! A fake machine and small systems for tests.

use std::boxed::Box;
use std::string::String;
use std::vec::Vec;

use model_spec::layout::{IPC_BUFFER, KERNEL_BASE, PAGE_BITS};
use model_spec::{
    CAP_SPACE_MICROKIT, Cap, CapKind, Config, Injection, Irq, Mapping, Parts, Pd, Range, Spec,
    map_rights, pd_flags, rights, slots,
};

use crate::kernel::Kernel;
use crate::machine::{CacheOperation, Machine};
use crate::object::{OBJECT_COUNT, State, ThreadId};

/// A machine whose time only moves when a test says so.
pub(crate) struct FakeMachine {
    pub(crate) now: u64,
    pub(crate) deadline: u64,
    pub(crate) vspace: Option<ThreadId>,
    pub(crate) buffers: Vec<[u64; 128]>,
    pub(crate) masked: Vec<(u32, bool)>,
    pub(crate) console: String,
    pub(crate) halted: bool,
}

impl Machine for FakeMachine {
    fn now(&mut self) -> u64 {
        self.now
    }

    fn set_deadline(&mut self, deadline: u64) {
        self.deadline = deadline;
    }

    fn enter_vspace(&mut self, thread: ThreadId) {
        self.vspace = Some(thread);
    }

    fn read_buffer(&self, thread: ThreadId, word: usize) -> u64 {
        self.buffers[usize::from(thread.0)][word]
    }

    fn write_buffer(&mut self, thread: ThreadId, word: usize, value: u64) {
        self.buffers[usize::from(thread.0)][word] = value;
    }

    fn mask_irq(&mut self, intid: u32, masked: bool) {
        self.masked.push((intid, masked));
    }

    fn page_bits(&self, _: ThreadId, vaddr: u64) -> Option<u8> {
        (vaddr >= 0x20_0000).then_some(PAGE_BITS)
    }

    fn maintain_cache(&mut self, _: ThreadId, _: CacheOperation, start: u64, end: u64) {
        assert!(start < end);
    }

    fn put_char(&mut self, byte: u8) {
        self.console.push(char::from(byte));
    }

    fn halt(&mut self) {
        self.halted = true;
    }
}

/// A system under construction.
#[derive(Clone, Default)]
pub(crate) struct System {
    pub(crate) pds: Vec<Pd>,
    pub(crate) caps: Vec<Cap>,
    pub(crate) irqs: Vec<Irq>,
    pub(crate) injections: Vec<Injection>,
    pub(crate) seed: u64,
    pub(crate) debug: bool,
}

/// System call numbers.
pub(crate) const CALL: i64 = -1;
pub(crate) const REPLY_RECV: i64 = -2;
pub(crate) const NB_SEND_RECV: i64 = -3;
pub(crate) const SEND: i64 = -5;
pub(crate) const NB_SEND: i64 = -6;
pub(crate) const RECV: i64 = -7;
pub(crate) const NB_RECV: i64 = -8;
pub(crate) const YIELD: i64 = -11;

/// Exception syndrome of a system call instruction.
const SVC: u64 = 0x15 << 26;

impl System {
    /// Adds a PD with its own caps, faulting to the monitor; returns its number.
    pub(crate) fn pd(&mut self, priority: u8, budget_us: u64, period_us: u64) -> u16 {
        let index = u16::try_from(self.pds.len()).unwrap();
        let mut name = [0; 64];
        name[..2].copy_from_slice(&[b'a' + u8::try_from(index).unwrap(), b'0']);
        let paddr = 0x6100_0000 + u64::from(index) * 0x1000;
        self.pds.push(Pd {
            name,
            entry: 0x20_0000,
            ipc_buffer_paddr: paddr,
            budget_us,
            period_us,
            first_mapping: u32::from(index),
            mapping_count: 1,
            priority,
            flags: pd_flags::FPU,
            ..Pd::default()
        });
        let badge = u64::from(index) + 1;
        self.cap(index, slots::INPUT, CapKind::Endpoint, index, 0);
        self.cap(index, slots::FAULT_ENDPOINT, CapKind::MonitorEndpoint, 0, badge);
        self.cap(index, slots::VSPACE, CapKind::VSpace, index, 0);
        self.cap(index, slots::REPLY, CapKind::Reply, index, 0);
        self.cap(index, slots::MONITOR_ENDPOINT, CapKind::MonitorEndpoint, 0, badge);
        index
    }

    /// Adds or replaces a cap.
    pub(crate) fn cap(&mut self, pd: u16, slot: u16, kind: CapKind, object: u16, badge: u64) {
        let rights = match kind {
            CapKind::Endpoint | CapKind::MonitorEndpoint => rights::ENDPOINT,
            CapKind::Notification => rights::NOTIFICATION,
            _ => 0,
        };
        let badge = if rights == 0 { 0 } else { badge };
        let kind = kind as u8;
        let space = CAP_SPACE_MICROKIT;
        self.caps.retain(|cap| (cap.pd, cap.slot) != (pd, slot));
        self.caps.push(Cap { badge, pd, slot, object, space, kind, rights, ..Cap::default() });
        self.caps.sort_by_key(|cap| (cap.pd, cap.slot));
    }

    /// Boots the system.
    pub(crate) fn boot(&self) -> Box<Kernel<FakeMachine>> {
        let mappings: Vec<Mapping> = self
            .pds
            .iter()
            .map(|pd| Mapping {
                vaddr: IPC_BUFFER,
                paddr: pd.ipc_buffer_paddr,
                bytes: 0x1000,
                page_bits: PAGE_BITS,
                rights: map_rights::READ | map_rights::WRITE,
                ..Mapping::default()
            })
            .collect();
        let parts = Parts {
            config: if self.debug { Config::Debug } else { Config::Release },
            kernel: Range { start: KERNEL_BASE, end: KERNEL_BASE + 0x10_0000 },
            tables: Range { start: KERNEL_BASE + 0x10_0000, end: KERNEL_BASE + 0x80_0000 },
            seed: self.seed,
            pds: &self.pds,
            mappings: &mappings,
            fills: &[],
            caps: &self.caps,
            irqs: &self.irqs,
            injections: &self.injections,
        };
        let mut words = Vec::new();
        let mut push = |part: &[u8]| {
            words.extend(part.chunks(8).map(|word| u64::from_le_bytes(word.try_into().unwrap())));
        };
        parts.emit(0, &mut push).unwrap();
        let bytes = zerocopy::IntoBytes::as_bytes(words.as_slice());
        let machine = FakeMachine {
            now: 0,
            deadline: 0,
            vspace: None,
            buffers: std::vec![[0; 128]; OBJECT_COUNT],
            masked: Vec::new(),
            console: String::new(),
            halted: false,
        };
        let mut kernel = Box::new(Kernel::new(machine));
        kernel.load(&Spec::parse(bytes).unwrap());
        kernel
    }
}

/// Registers of a system call.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Syscall {
    pub(crate) number: i64,
    pub(crate) cap: u64,
    pub(crate) tag: u64,
    pub(crate) words: [u64; 4],
    pub(crate) reply: u64,
    pub(crate) destination: u64,
}

impl Kernel<FakeMachine> {
    /// PD that runs.
    pub(crate) fn current(&self) -> Option<u8> {
        self.scheduler.current.map(|thread| thread.0)
    }

    /// Lets the running PD make a system call.
    pub(crate) fn make(&mut self, syscall: Syscall) {
        let thread = self.scheduler.current.unwrap();
        let x = &mut self.threads[thread].registers.x;
        x[0] = syscall.cap;
        x[1] = syscall.tag;
        x[2..6].copy_from_slice(&syscall.words);
        x[6] = syscall.reply;
        x[7] = syscall.number.cast_unsigned();
        x[8] = syscall.destination;
        self.threads[thread].registers.pc += 4;
        self.exception(SVC, 0);
    }

    /// Lets the running PD wait for messages and signals.
    pub(crate) fn wait(&mut self) {
        self.make(Syscall { number: RECV, cap: 1, reply: 4, ..Syscall::default() });
    }

    /// Lets the running PD send, call or invoke.
    pub(crate) fn send(&mut self, number: i64, cap: u16, label: u64, words: &[u64]) {
        let mut syscall = Syscall {
            number,
            cap: u64::from(cap),
            tag: (label << 12) | words.len() as u64,
            ..Syscall::default()
        };
        syscall.words[..words.len()].copy_from_slice(words);
        self.make(syscall);
    }

    /// Lets time pass and the timer fire if it is due.
    pub(crate) fn pass(&mut self, ticks: u64) {
        self.machine.now += ticks;
        if self.machine.now >= self.machine.deadline {
            self.preempt();
            self.interrupt(Some(crate::irq::TIMER_INTID));
        }
    }

    /// State of a PD's thread.
    pub(crate) fn state(&self, pd: u16) -> State {
        self.threads[thread(pd)].state
    }

    /// General register of a PD's thread.
    pub(crate) fn x(&self, pd: u16, number: usize) -> u64 {
        self.threads[thread(pd)].registers.x[number]
    }

    /// True if a PD's thread owns a scheduling context, and which.
    pub(crate) fn context(&self, pd: u16) -> Option<u8> {
        self.threads[thread(pd)].context.map(|context| context.0)
    }
}

/// The thread of a PD.
pub(crate) fn thread(pd: u16) -> ThreadId {
    ThreadId(u8::try_from(pd).unwrap())
}
