//! Invocation labels, which depend on the configuration: debug kernels have four more.

use model_spec::Config;

use crate::machine::CacheOperation;

/// What a label asks of the object it is sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Label {
    /// Read a thread's registers.
    TcbReadRegisters,
    /// Write a thread's registers.
    TcbWriteRegisters,
    /// Copy registers from another thread.
    TcbCopyRegisters,
    /// Change the priority.
    TcbSetPriority,
    /// Change the maximum controlled priority.
    TcbSetMaximumPriority,
    /// Stop a thread.
    TcbSuspend,
    /// Let it continue.
    TcbResume,
    /// Bind a notification to a thread.
    TcbBindNotification,
    /// Undo that.
    TcbUnbindNotification,
    /// Set the thread pointer.
    TcbSetTlsBase,
    /// Set thread flags.
    TcbSetFlags,
    /// Change a thread in a way that needs capabilities which no PD has, or timeouts.
    TcbForeign {
        /// Words the message must have.
        length: usize,
        /// Capabilities it must have.
        caps: usize,
    },
    /// Acknowledge an interrupt.
    IrqAck,
    /// Choose the notification of an interrupt.
    IrqSetHandler,
    /// Undo that.
    IrqClear,
    /// Bind a context to a thread or a notification.
    ContextBind,
    /// Unbind a context from everything.
    ContextUnbind,
    /// Unbind a context from one object.
    ContextUnbindObject,
    /// Ask how much time was used.
    ContextConsumed,
    /// Give the rest of the timeslice to another thread.
    ContextYieldTo,
    /// Cache maintenance on an address space.
    VSpace(CacheOperation),
    /// Nothing this kernel knows.
    Other,
}

impl Label {
    /// Decodes `label` for a configuration.
    #[must_use]
    pub(crate) fn decode(label: u64, config: Config) -> Self {
        match label {
            2 => return Self::TcbReadRegisters,
            3 => return Self::TcbWriteRegisters,
            4 => return Self::TcbCopyRegisters,
            5 => return Self::TcbForeign { length: 3, caps: 3 },
            6 => return Self::TcbSetPriority,
            7 => return Self::TcbSetMaximumPriority,
            8 => return Self::TcbForeign { length: 2, caps: 3 },
            9 => return Self::TcbForeign { length: 0, caps: 1 },
            10 => return Self::TcbForeign { length: 1, caps: 1 },
            11 => return Self::TcbForeign { length: 2, caps: 3 },
            12 => return Self::TcbSuspend,
            13 => return Self::TcbResume,
            14 => return Self::TcbBindNotification,
            15 => return Self::TcbUnbindNotification,
            _ => {}
        }
        let hardware_debug_labels = if config == Config::Debug { 4 } else { 0 };
        match label.checked_sub(hardware_debug_labels) {
            Some(16) => Self::TcbSetTlsBase,
            Some(17) => Self::TcbSetFlags,
            Some(27) => Self::IrqAck,
            Some(28) => Self::IrqSetHandler,
            Some(29) => Self::IrqClear,
            Some(34) => Self::ContextBind,
            Some(35) => Self::ContextUnbind,
            Some(36) => Self::ContextUnbindObject,
            Some(37) => Self::ContextConsumed,
            Some(38) => Self::ContextYieldTo,
            Some(39) => Self::VSpace(CacheOperation::Clean),
            Some(40) => Self::VSpace(CacheOperation::Invalidate),
            Some(41) => Self::VSpace(CacheOperation::CleanInvalidate),
            Some(42) => Self::VSpace(CacheOperation::Unify),
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_labels_are_shifted_by_four() {
        assert_eq!(Label::decode(27, Config::Release), Label::IrqAck);
        assert_eq!(Label::decode(31, Config::Debug), Label::IrqAck);
        assert_eq!(Label::decode(27, Config::Debug), Label::Other);
        assert_eq!(Label::decode(12, Config::Debug), Label::TcbSuspend);
        assert_eq!(Label::decode(17, Config::Debug), Label::Other);
        assert_eq!(Label::decode(17, Config::Benchmark), Label::TcbSetFlags);
    }
}
