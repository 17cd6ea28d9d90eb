//! Fault messages: what the kernel tells a thread's fault handler.
//!
//! A fault message is *foreign data*: under Microkit 2.3.0 a child can send its parent any message
//! on its fault endpoint. Decoding therefore accepts every label and every length.

use core::fmt;

use crate::esr::{Esr, ExceptionKind};
use crate::{MessageInfo, Word};

/// A decoded fault message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Label 1.
    CapFault(CapFault),
    /// Label 2.
    UnknownSyscall(UnknownSyscall),
    /// Label 3.
    UserException(UserException),
    /// Label 4, debug kernels only.
    DebugException(DebugException),
    /// Label 5; Microkit sets no timeout endpoints.
    Timeout(Timeout),
    /// Label 6.
    VmFault(VmFault),
    /// Label 7, hypervisor kernels only.
    VGicMaintenance(VGicMaintenance),
    /// Label 8, hypervisor kernels only.
    VCpuFault(VCpuFault),
    /// Label 9, hypervisor kernels only.
    VPpiEvent(VPpiEvent),
    /// No kernel sends this: another label, or fewer words than the label's message has.
    Unknown {
        /// The message's label.
        label: Word,
    },
}

/// A fault message of `min` to `max` words, with a getter for each word of interest.
macro_rules! fault_message {
    ($(#[$doc:meta])* $name:ident[$min:literal..=$max:literal] {
        $($(#[$getter_doc:meta])* $getter:ident = $index:literal,)*
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $name([Word; $max]);

        impl $name {
            /// Words that the message lacks read 0.
            fn decode(mrs: &[Word]) -> Option<Self> {
                if mrs.len() < $min {
                    return None;
                }
                let mut words = [0; $max];
                words.iter_mut().zip(mrs).for_each(|(word, &mr)| *word = mr);
                Some(Self(words))
            }

            $($(#[$getter_doc])* pub const fn $getter(&self) -> Word { self.0[$index] })*
        }
    };
}

fault_message! {
    /// A capability lookup failed during a system call.
    CapFault[4..=7] {
        /// Address of the system call.
        ip = 0,
        /// The capability pointer that was looked up.
        addr = 1,
    }
}

fault_message! {
    /// A system-call number that the kernel does not have.
    UnknownSyscall[13..=13] {
        /// Address of the `svc`.
        fault_ip = 8,
        /// Stack pointer.
        sp = 9,
        /// Link register.
        lr = 10,
        /// Saved status.
        spsr = 11,
        /// The number in x7.
        syscall = 12,
    }
}

fault_message! {
    /// An instruction that user level may not execute.
    UserException[5..=5] {
        /// Address of the instruction.
        fault_ip = 0,
        /// Stack pointer.
        sp = 1,
        /// Saved status.
        spsr = 2,
        /// The exception syndrome.
        number = 3,
        /// Always 0 on AArch64.
        code = 4,
    }
}

fault_message! {
    /// A breakpoint, watchpoint, single step or `brk` under a debug kernel.
    DebugException[2..=2] {
        /// Address of the instruction.
        fault_ip = 0,
        /// 0 breakpoint, 1 watchpoint, 2 single step, 3 `brk`.
        reason = 1,
    }
}

fault_message! {
    /// A scheduling context ran out of budget.
    Timeout[2..=2] {
        /// Badge of the scheduling context.
        data = 0,
        /// Microseconds consumed.
        consumed = 1,
    }
}

fault_message! {
    /// A memory access failed.
    VmFault[4..=4] {
        /// Program counter.
        ip = 0,
        /// The address accessed.
        addr = 1,
        /// The exception syndrome.
        fsr = 3,
    }
}

fault_message! {
    /// A virtual interrupt needs maintenance.
    VGicMaintenance[1..=1] {
        /// List register index, or all ones.
        idx = 0,
    }
}

fault_message! {
    /// An exception that hypervisor kernels do not sort any further. It carries no program counter:
    /// read the thread's registers for that.
    VCpuFault[1..=1] {
        /// The exception syndrome.
        hsr = 0,
    }
}

fault_message! {
    /// A virtual private interrupt.
    VPpiEvent[1..=1] {
        /// Its number.
        irq = 0,
    }
}

/// How a capability lookup failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LookupFailure {
    /// The capability space has no root.
    InvalidRoot,
    /// The slot is empty.
    MissingCapability {
        /// Bits not yet resolved.
        bits_left: Word,
    },
    /// The pointer ends inside a CNode.
    DepthMismatch {
        /// Bits not yet resolved.
        bits_left: Word,
        /// Bits the CNode would resolve.
        bits_found: Word,
    },
    /// The pointer's bits differ from a CNode's guard.
    GuardMismatch {
        /// Bits not yet resolved.
        bits_left: Word,
        /// The guard.
        guard_found: Word,
        /// Its width.
        guard_bits: Word,
    },
    /// A failure number that no kernel of this version sends.
    Unknown(Word),
}

impl CapFault {
    /// Whether the lookup was for a receive rather than a send.
    pub const fn in_recv_phase(&self) -> bool {
        self.0[2] != 0
    }

    /// How the lookup failed.
    pub const fn lookup_failure(&self) -> LookupFailure {
        let [_, _, _, failure, bits_left, found, guard_bits] = self.0;
        match failure {
            1 => LookupFailure::InvalidRoot,
            2 => LookupFailure::MissingCapability { bits_left },
            3 => LookupFailure::DepthMismatch { bits_left, bits_found: found },
            4 => LookupFailure::GuardMismatch { bits_left, guard_found: found, guard_bits },
            other => LookupFailure::Unknown(other),
        }
    }
}

impl UnknownSyscall {
    /// Registers x0–x7.
    pub fn gprs(&self) -> &[Word] {
        self.0.split_at(8).0
    }
}

impl UserException {
    /// The exception syndrome, decoded.
    pub const fn esr(&self) -> Esr {
        Esr::new(self.number())
    }
}

impl VmFault {
    /// Whether an instruction fetch failed, rather than a load or store.
    pub const fn is_prefetch(&self) -> bool {
        self.0[2] != 0
    }

    /// The exception syndrome, decoded.
    pub const fn esr(&self) -> Esr {
        Esr::new(self.fsr())
    }

    /// Whether a store failed.
    pub const fn is_write(&self) -> bool {
        matches!(self.esr().kind(), ExceptionKind::DataAbort { write: true, .. })
    }
}

impl VCpuFault {
    /// The exception syndrome, decoded.
    pub const fn esr(&self) -> Esr {
        Esr::new(self.hsr())
    }
}

impl Fault {
    /// Decodes a fault message from its tag and its message registers. Registers beyond the tag's
    /// length are not looked at.
    pub fn decode(info: MessageInfo, mrs: &[Word]) -> Self {
        let label = info.label();
        let mrs = mrs.get(..info.length()).unwrap_or(mrs);
        match label {
            1 => CapFault::decode(mrs).map(Self::CapFault),
            2 => UnknownSyscall::decode(mrs).map(Self::UnknownSyscall),
            3 => UserException::decode(mrs).map(Self::UserException),
            4 => DebugException::decode(mrs).map(Self::DebugException),
            5 => Timeout::decode(mrs).map(Self::Timeout),
            6 => VmFault::decode(mrs).map(Self::VmFault),
            7 => VGicMaintenance::decode(mrs).map(Self::VGicMaintenance),
            8 => VCpuFault::decode(mrs).map(Self::VCpuFault),
            9 => VPpiEvent::decode(mrs).map(Self::VPpiEvent),
            _ => None,
        }
        .unwrap_or(Self::Unknown { label })
    }

    /// Program counter, where the message has one.
    pub const fn ip(&self) -> Option<Word> {
        match self {
            Self::CapFault(fault) => Some(fault.ip()),
            Self::UnknownSyscall(fault) => Some(fault.fault_ip()),
            Self::UserException(fault) => Some(fault.fault_ip()),
            Self::DebugException(fault) => Some(fault.fault_ip()),
            Self::VmFault(fault) => Some(fault.ip()),
            _ => None,
        }
    }

    /// The memory address accessed, where the message has one.
    pub const fn address(&self) -> Option<Word> {
        match self {
            Self::VmFault(fault) => Some(fault.addr()),
            _ => None,
        }
    }
}

impl fmt::Display for LookupFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidRoot => f.write_str("no capability space"),
            Self::MissingCapability { bits_left } => {
                write!(f, "empty slot, {bits_left} bits left")
            }
            Self::DepthMismatch { bits_left, bits_found } => {
                write!(f, "depth mismatch, {bits_left} bits left, {bits_found} needed")
            }
            Self::GuardMismatch { bits_left, guard_found, guard_bits } => write!(
                f,
                "guard mismatch, {bits_left} bits left, guard {guard_found:#x} of {guard_bits} bits"
            ),
            Self::Unknown(failure) => write!(f, "unknown lookup failure {failure}"),
        }
    }
}

impl fmt::Display for VmFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// Accesses below this address are null pointers with an offset.
        const NULL_PAGE_BYTES: Word = 0x1000;

        let null = if self.addr() < NULL_PAGE_BYTES { "null " } else { "" };
        match self.esr().kind() {
            ExceptionKind::InstructionAbort(cause) => {
                write!(f, "{null}jump to {:#x} ({cause})", self.addr())
            }
            ExceptionKind::DataAbort { write, cause } => {
                let verb = if write { "write to" } else { "read from" };
                write!(f, "{null}{verb} {:#x} ({cause})", self.addr())
            }
            kind => write!(f, "memory fault at {:#x} ({kind})", self.addr()),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CapFault(fault) => {
                let phase = if fault.in_recv_phase() { "receive on" } else { "send to" };
                write!(f, "{phase} bad capability {:#x} ({})", fault.addr(), fault.lookup_failure())
            }
            Self::UnknownSyscall(fault) => {
                write!(f, "unknown system call {}", fault.syscall().cast_signed())
            }
            Self::UserException(fault) => write!(f, "{}", fault.esr().kind()),
            Self::DebugException(fault) => match fault.reason() {
                0 => f.write_str("hardware breakpoint"),
                1 => f.write_str("hardware watchpoint"),
                2 => f.write_str("single step"),
                3 => f.write_str("brk (panic or abort)"),
                other => write!(f, "debug exception, reason {other}"),
            },
            Self::Timeout(fault) => write!(f, "budget used up after {} us", fault.consumed()),
            Self::VmFault(fault) => fault.fmt(f),
            Self::VGicMaintenance(fault) => {
                write!(f, "virtual interrupt maintenance, index {}", fault.idx().cast_signed())
            }
            Self::VCpuFault(fault) => write!(f, "{}", fault.esr().kind()),
            Self::VPpiEvent(fault) => write!(f, "virtual private interrupt {}", fault.irq()),
            Self::Unknown { label } => write!(f, "unknown fault, label {label}"),
        }?;
        match self.ip() {
            Some(ip) => write!(f, ", pc {ip:#x}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;
    use crate::MSG_MAX_LENGTH;

    fn decode(label: Word, mrs: &[Word]) -> Fault {
        Fault::decode(MessageInfo::new(label, 0, 0, mrs.len()), mrs)
    }

    #[test]
    fn decodes_vm_faults() {
        let write = decode(6, &[0x20_0100, 0, 0, 0x93df_8046]);
        assert_eq!(write.to_string(), "null write to 0x0 (nothing mapped), pc 0x200100");
        assert!(matches!(write, Fault::VmFault(fault) if fault.is_write() && !fault.is_prefetch()));
        let jump = decode(6, &[0, 0, 1, 0x8200_0006]);
        assert_eq!(jump.to_string(), "null jump to 0x0 (nothing mapped), pc 0x0");
        assert!(matches!(jump, Fault::VmFault(fault) if fault.is_prefetch()));
        let text = decode(6, &[0x20_0100, 0x20_0000, 0, 0x9200_004f]);
        assert_eq!(text.to_string(), "write to 0x200000 (not permitted), pc 0x200100");
    }

    #[test]
    fn decodes_a_guard_mismatch() {
        let fault = decode(1, &[0x20_0000, 1 << 40, 0, 4, 58, 0, 49]);
        let Fault::CapFault(cap_fault) = fault else { panic!("{fault:?}") };
        assert_eq!(cap_fault.addr(), 1 << 40);
        assert!(!cap_fault.in_recv_phase());
        assert_eq!(
            cap_fault.lookup_failure(),
            LookupFailure::GuardMismatch { bits_left: 58, guard_found: 0, guard_bits: 49 }
        );
    }

    #[test]
    fn decodes_a_short_cap_fault() {
        let fault = decode(1, &[0x20_0000, 7, 1, 1]);
        let Fault::CapFault(cap_fault) = fault else { panic!("{fault:?}") };
        assert!(cap_fault.in_recv_phase());
        assert_eq!(cap_fault.lookup_failure(), LookupFailure::InvalidRoot);
    }

    #[test]
    fn brk_is_known_under_every_kernel() {
        assert_eq!(decode(4, &[0x20_0000, 3]).to_string(), "brk (panic or abort), pc 0x200000");
        assert_eq!(decode(8, &[0xf200_0001]).to_string(), "brk 1 (panic or abort)");
    }

    #[test]
    fn unknown_syscall_keeps_its_registers() {
        let mut mrs = [0; 13];
        for (index, mr) in (0..).zip(&mut mrs) {
            *mr = 100 + index;
        }
        mrs[12] = Word::MAX - 98;
        let fault = decode(2, &mrs);
        assert_eq!(fault.to_string(), "unknown system call -99, pc 0x6c");
        let Fault::UnknownSyscall(syscall) = fault else { panic!("{fault:?}") };
        assert_eq!(syscall.gprs(), [100, 101, 102, 103, 104, 105, 106, 107]);
        assert_eq!((syscall.sp(), syscall.lr(), syscall.spsr()), (109, 110, 111));
    }

    #[test]
    fn any_label_and_any_length_decodes_and_prints() {
        let mrs = [Word::MAX; MSG_MAX_LENGTH];
        for label in (0..70).chain([Word::MAX >> 12]) {
            for length in 0..=MSG_MAX_LENGTH {
                let fault = decode(label, &mrs[..length]);
                assert!(!fault.to_string().is_empty());
                if length == 0 || label == 0 || label > 9 {
                    assert_eq!(fault, Fault::Unknown { label });
                }
            }
        }
    }

    #[test]
    fn a_truncated_message_is_unknown() {
        assert_eq!(decode(6, &[1, 2, 3]), Fault::Unknown { label: 6 });
        let claims_more = MessageInfo::new(6, 0, 0, 4);
        assert_eq!(Fault::decode(claims_more, &[1, 2, 3]), Fault::Unknown { label: 6 });
        let claims_less = MessageInfo::new(6, 0, 0, 3);
        assert_eq!(Fault::decode(claims_less, &[1, 2, 3, 4]), Fault::Unknown { label: 6 });
    }
}
