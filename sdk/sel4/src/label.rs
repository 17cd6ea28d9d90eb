//! Invocation labels and system-call numbers.
//!
//! Debug kernels have four more TCB invocations (hardware breakpoints), so every label from 16 on is
//! four higher there. Labels below 16 and system-call numbers are the same everywhere.

use crate::Word;
use crate::config::{CONFIG, Config};

/// `TCB_ReadRegisters`.
pub const TCB_READ_REGISTERS: Word = 2;
/// `TCB_WriteRegisters`.
pub const TCB_WRITE_REGISTERS: Word = 3;
/// `TCB_Suspend`.
pub const TCB_SUSPEND: Word = 12;
/// `TCB_Resume`.
pub const TCB_RESUME: Word = 13;

/// The labels that differ between configurations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShiftedLabels {
    /// `IRQ_AckIRQ`.
    pub irq_ack_irq: Word,
    /// `SchedContext_Consumed`.
    pub sched_context_consumed: Word,
    /// `SchedContext_YieldTo`.
    pub sched_context_yield_to: Word,
    /// `ARM_VSpace_Clean_Data`.
    pub vspace_clean_data: Word,
    /// `ARM_VSpace_Invalidate_Data`.
    pub vspace_invalidate_data: Word,
    /// `ARM_VSpace_CleanInvalidate_Data`.
    pub vspace_clean_invalidate_data: Word,
    /// `ARM_VSpace_Unify_Instruction`.
    pub vspace_unify_instruction: Word,
}

impl ShiftedLabels {
    /// The labels of a configuration.
    pub const fn of(config: Config) -> Self {
        let shift = if config.hardware_debug_api() { 4 } else { 0 };
        Self {
            irq_ack_irq: 27 + shift,
            sched_context_consumed: 37 + shift,
            sched_context_yield_to: 38 + shift,
            vspace_clean_data: 39 + shift,
            vspace_invalidate_data: 40 + shift,
            vspace_clean_invalidate_data: 41 + shift,
            vspace_unify_instruction: 42 + shift,
        }
    }
}

/// The shifted labels of this build's configuration.
pub const LABELS: ShiftedLabels = ShiftedLabels::of(CONFIG);

/// System-call numbers, as passed in `x7`.
pub mod syscall {
    /// Send and wait for the reply.
    pub const CALL: i64 = -1;
    /// Reply, then wait for the next message.
    pub const REPLY_RECV: i64 = -2;
    /// Non-blocking send, then receive.
    pub const NB_SEND_RECV: i64 = -3;
    /// Non-blocking send, then wait.
    pub const NB_SEND_WAIT: i64 = -4;
    /// Blocking send.
    pub const SEND: i64 = -5;
    /// Non-blocking send.
    pub const NB_SEND: i64 = -6;
    /// Blocking receive.
    pub const RECV: i64 = -7;
    /// Non-blocking receive.
    pub const NB_RECV: i64 = -8;
    /// Blocking receive without a reply object.
    pub const WAIT: i64 = -9;
    /// Non-blocking receive without a reply object.
    pub const NB_WAIT: i64 = -10;
    /// Give up the rest of the time slice.
    pub const YIELD: i64 = -11;
    /// Print one character (debug kernels only).
    pub const DEBUG_PUT_CHAR: i64 = -12;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn release_and_benchmark_share_labels() {
        assert_eq!(ShiftedLabels::of(Config::Release), ShiftedLabels::of(Config::Benchmark));
        assert_eq!(ShiftedLabels::of(Config::Release).irq_ack_irq, 27);
        assert_eq!(ShiftedLabels::of(Config::Release).vspace_unify_instruction, 42);
    }

    #[test]
    fn debug_labels_are_four_higher() {
        let labels = ShiftedLabels::of(Config::Debug);
        assert_eq!(labels.irq_ack_irq, 31);
        assert_eq!(labels.sched_context_consumed, 41);
        assert_eq!(labels.sched_context_yield_to, 42);
        assert_eq!(labels.vspace_clean_data, 43);
        assert_eq!(labels.vspace_unify_instruction, 46);
    }
}
