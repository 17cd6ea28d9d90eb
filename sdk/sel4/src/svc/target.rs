//! The instructions.

use core::arch::asm;

use crate::label::syscall;
use crate::{CPtrBits, MessageInfo, Word};

use super::{FastRegisters, Received};

macro_rules! send_syscalls {
    ($($(#[$doc:meta])* $name:ident = $number:expr;)*) => {$(
        $(#[$doc])*
        #[inline(always)]
        pub fn $name(dest: CPtrBits, info: MessageInfo, mrs: FastRegisters) {
            // SAFETY: a send changes no register and no memory of this thread; the kernel checks
            // `dest`, and a wrong one ends in a fault, not in undefined behaviour.
            unsafe {
                asm!(
                    "svc #0",
                    in("x0") dest,
                    in("x1") info.into_word(),
                    in("x2") mrs[0],
                    in("x3") mrs[1],
                    in("x4") mrs[2],
                    in("x5") mrs[3],
                    in("x7") $number,
                    options(nostack, preserves_flags),
                );
            }
        }
    )*};
}

send_syscalls! {
    /// Sends and waits until the message is taken.
    send = syscall::SEND;
    /// Sends if somebody is waiting, else drops the message.
    nb_send = syscall::NB_SEND;
}

/// Sends an empty message: signals a notification, or answers with nothing.
#[inline(always)]
pub fn send_empty(dest: CPtrBits, info: MessageInfo) {
    // SAFETY: as `send`; no message register is read for a message of length 0.
    unsafe {
        asm!(
            "svc #0",
            in("x0") dest,
            in("x1") info.into_word(),
            in("x7") syscall::SEND,
            options(nostack, preserves_flags),
        );
    }
}

/// Sends a message and waits for its reply.
#[inline(always)]
pub fn call(
    dest: CPtrBits,
    info: MessageInfo,
    mut mrs: FastRegisters,
) -> (MessageInfo, FastRegisters) {
    let tag: Word;
    // SAFETY: the outputs cover every register that the kernel changes for a call; longer replies
    // go to this thread's IPC buffer, to which no Rust reference exists.
    unsafe {
        asm!(
            "svc #0",
            inlateout("x0") dest => _,
            inlateout("x1") info.into_word() => tag,
            inlateout("x2") mrs[0],
            inlateout("x3") mrs[1],
            inlateout("x4") mrs[2],
            inlateout("x5") mrs[3],
            in("x7") syscall::CALL,
            options(nostack, preserves_flags),
        );
    }
    (MessageInfo::from_word(tag), mrs)
}

macro_rules! receive_syscalls {
    ($($(#[$doc:meta])* $name:ident = $number:expr;)*) => {$(
        $(#[$doc])*
        #[inline(always)]
        pub fn $name(src: CPtrBits, reply: CPtrBits) -> Received {
            let (badge, tag): (Word, Word);
            let [mr0, mr1, mr2, mr3]: FastRegisters;
            // SAFETY: as `call`.
            unsafe {
                asm!(
                    "svc #0",
                    inlateout("x0") src => badge,
                    lateout("x1") tag,
                    lateout("x2") mr0,
                    lateout("x3") mr1,
                    lateout("x4") mr2,
                    lateout("x5") mr3,
                    in("x6") reply,
                    in("x7") $number,
                    options(nostack, preserves_flags),
                );
            }
            Received { badge, info: MessageInfo::from_word(tag), mrs: [mr0, mr1, mr2, mr3] }
        }
    )*};
}

receive_syscalls! {
    /// Waits for a message; `reply` takes the right to answer it. `reply` is ignored when `src` is
    /// a notification.
    recv = syscall::RECV;
    /// Takes a message if there is one; a badge of 0 means there was none.
    nb_recv = syscall::NB_RECV;
    /// Waits without a reply object; `reply` is ignored.
    wait = syscall::WAIT;
    /// Polls without a reply object; `reply` is ignored.
    nb_wait = syscall::NB_WAIT;
}

macro_rules! send_receive_syscalls {
    ($($(#[$doc:meta])* $name:ident($($dest:ident)?) = $number:expr;)*) => {$(
        $(#[$doc])*
        #[inline(always)]
        pub fn $name(
            $($dest: CPtrBits,)?
            src: CPtrBits,
            info: MessageInfo,
            mut mrs: FastRegisters,
            reply: CPtrBits,
        ) -> Received {
            let (badge, tag): (Word, Word);
            // SAFETY: as `call`.
            unsafe {
                asm!(
                    "svc #0",
                    inlateout("x0") src => badge,
                    inlateout("x1") info.into_word() => tag,
                    inlateout("x2") mrs[0],
                    inlateout("x3") mrs[1],
                    inlateout("x4") mrs[2],
                    inlateout("x5") mrs[3],
                    in("x6") reply,
                    in("x7") $number,
                    $(in("x8") $dest,)?
                    options(nostack, preserves_flags),
                );
            }
            Received { badge, info: MessageInfo::from_word(tag), mrs }
        }
    )*};
}

send_receive_syscalls! {
    /// Answers the caller held by `reply`, then waits for the next message.
    reply_recv() = syscall::REPLY_RECV;
    /// Sends to `dest` if somebody is waiting, then waits for a message from `src`.
    nb_send_recv(dest) = syscall::NB_SEND_RECV;
}

/// Gives up the rest of the time slice.
#[inline(always)]
pub fn r#yield() {
    // SAFETY: changes no register and no memory of this thread.
    unsafe { asm!("svc #0", in("x7") syscall::YIELD, options(nostack, preserves_flags)) }
}

/// Prints a character. Only debug kernels know this call; others answer with a fault.
#[inline(always)]
pub fn debug_put_char(character: u8) {
    // SAFETY: changes no register and no memory of this thread.
    unsafe {
        asm!(
            "svc #0",
            in("x0") u64::from(character),
            in("x7") syscall::DEBUG_PUT_CHAR,
            options(nostack, preserves_flags),
        );
    }
}
