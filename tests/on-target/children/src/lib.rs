//! What `parent` orders and `child` reports, through a shared page of words.

#![no_std]
#![forbid(unsafe_code)]

/// What the child is to do when it starts.
pub const ORDER: usize = 0;
/// Arguments of the order.
pub const ARGUMENTS: usize = 1;
/// How often the child started, kept by the child in persistent memory.
pub const STARTS: usize = 8;
/// What the child's `.data` held at start: [`DATA_AS_LINKED`] if it was restored.
pub const DATA: usize = 9;
/// A counter that the child drives while it spins.
pub const PROGRESS: usize = 10;
/// What an order brought.
pub const RESULTS: usize = 16;

/// The value that the child's `.data` is linked with.
pub const DATA_AS_LINKED: u64 = 0x11;

/// Orders.
pub mod order {
    /// Wait for events; notify back.
    pub const SERVE: u64 = 0;
    /// Read address 0.
    pub const READ_NULL: u64 = 1;
    /// Panic.
    pub const PANIC: u64 = 2;
    /// Make a system call with the number in the first argument and 1 to 7 in x0 to x6, then report
    /// x0 to x6.
    pub const SYSCALL: u64 = 3;
    /// Execute an undefined instruction, then report 1.
    pub const UNDEFINED: u64 = 4;
    /// Send the parent a message with the label and length in the arguments, then report the answer's
    /// label.
    pub const FORGE: u64 = 5;
    /// Count without end.
    pub const SPIN: u64 = 6;
    /// Call the parent, then report the answer's label.
    pub const CALL: u64 = 7;
    /// Run the code in the shared executable region and report what it returns.
    pub const RUN_CODE: u64 = 8;
    /// Fill x19–x28 with 19–28 and spin.
    pub const SHOW_REGISTERS: u64 = 9;
}
