//! System calls on the host, for tests: they go to a [`Kernel`] that the test wrote.

use std::boxed::Box;
use std::cell::RefCell;
use std::thread_local;

use crate::Word;

/// Registers x0–x8 at a kernel entry, as on the target.
pub type Registers = [Word; 9];

/// Stands in for the kernel.
pub trait Kernel {
    /// Performs the system call whose number is in `registers[7]`, leaving the results in x0–x5.
    fn enter(&mut self, registers: &mut Registers);
}

thread_local! {
    static KERNEL: RefCell<Option<Box<dyn Kernel>>> = const { RefCell::new(None) };
}

/// Sends the calling thread's system calls to `kernel` from now on.
pub fn set_kernel(kernel: impl Kernel + 'static) {
    KERNEL.set(Some(Box::new(kernel)));
}

fn enter(mut registers: Registers) -> Registers {
    KERNEL.with_borrow_mut(|kernel| match kernel {
        Some(kernel) => kernel.enter(&mut registers),
        None => panic!("a system call on the host, where no test set a kernel"),
    });
    registers
}

/// The functions of the target, by the same names.
pub(super) mod calls {
    use super::enter;
    use crate::label::syscall;
    use crate::svc::{FastRegisters, Received};
    use crate::{CPtrBits, MessageInfo, Word};

    fn message(
        number: i64,
        [x0, x6, x8]: [Word; 3],
        info: MessageInfo,
        [x2, x3, x4, x5]: FastRegisters,
    ) -> Received {
        let number = number.cast_unsigned();
        let [badge, tag, mr0, mr1, mr2, mr3, ..] =
            enter([x0, info.into_word(), x2, x3, x4, x5, x6, number, x8]);
        Received { badge, info: MessageInfo::from_word(tag), mrs: [mr0, mr1, mr2, mr3] }
    }

    /// Sends and waits until the message is taken.
    pub fn send(dest: CPtrBits, info: MessageInfo, mrs: FastRegisters) {
        message(syscall::SEND, [dest, 0, 0], info, mrs);
    }

    /// Sends if somebody is waiting, else drops the message.
    pub fn nb_send(dest: CPtrBits, info: MessageInfo, mrs: FastRegisters) {
        message(syscall::NB_SEND, [dest, 0, 0], info, mrs);
    }

    /// Sends an empty message.
    pub fn send_empty(dest: CPtrBits, info: MessageInfo) {
        message(syscall::SEND, [dest, 0, 0], info, FastRegisters::default());
    }

    /// Sends a message and waits for its reply.
    pub fn call(
        dest: CPtrBits,
        info: MessageInfo,
        mrs: FastRegisters,
    ) -> (MessageInfo, FastRegisters) {
        let received = message(syscall::CALL, [dest, 0, 0], info, mrs);
        (received.info, received.mrs)
    }

    fn receive(number: i64, src: CPtrBits, reply: CPtrBits) -> Received {
        message(number, [src, reply, 0], MessageInfo::default(), FastRegisters::default())
    }

    /// Waits for a message.
    pub fn recv(src: CPtrBits, reply: CPtrBits) -> Received {
        receive(syscall::RECV, src, reply)
    }

    /// Takes a message if there is one.
    pub fn nb_recv(src: CPtrBits, reply: CPtrBits) -> Received {
        receive(syscall::NB_RECV, src, reply)
    }

    /// Waits without a reply object.
    pub fn wait(src: CPtrBits, reply: CPtrBits) -> Received {
        receive(syscall::WAIT, src, reply)
    }

    /// Polls without a reply object.
    pub fn nb_wait(src: CPtrBits, reply: CPtrBits) -> Received {
        receive(syscall::NB_WAIT, src, reply)
    }

    /// Answers the caller held by `reply`, then waits for the next message.
    pub fn reply_recv(
        src: CPtrBits,
        info: MessageInfo,
        mrs: FastRegisters,
        reply: CPtrBits,
    ) -> Received {
        message(syscall::REPLY_RECV, [src, reply, 0], info, mrs)
    }

    /// Sends to `dest` if somebody is waiting, then waits for a message from `src`.
    pub fn nb_send_recv(
        dest: CPtrBits,
        src: CPtrBits,
        info: MessageInfo,
        mrs: FastRegisters,
        reply: CPtrBits,
    ) -> Received {
        message(syscall::NB_SEND_RECV, [src, reply, dest], info, mrs)
    }

    /// Gives up the rest of the time slice.
    pub fn r#yield() {
        receive(syscall::YIELD, 0, 0);
    }

    /// Prints a character.
    pub fn debug_put_char(character: u8) {
        receive(syscall::DEBUG_PUT_CHAR, character.into(), 0);
    }
}
