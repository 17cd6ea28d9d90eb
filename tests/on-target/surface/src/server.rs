//! Server for `messages`, run as a passive PD, an active one, and as another server's backend.
#![no_std]
#![no_main]

use on_target_surface::{CLOBBER, DEFER_NOTIFY, ECHO, FORWARD, NAME, NOTIFY, WHO};
use sel4_microkit::{
    Channel, ChannelSet, DeferredAction, DeferredActionSlot, Handler, IrqAckError, MessageInfo,
    get_mr, pd_is_passive, pd_name, protection_domain, set_mr, with_msg_bytes_mut,
};

const BACKEND: Channel = Channel::new(9);

#[protection_domain]
fn init() -> impl Handler {
    Server { notifications: 0, deferred: DeferredActionSlot::new() }
}

struct Server {
    notifications: u64,
    deferred: DeferredActionSlot,
}

impl Server {
    fn who(&self, channel: Channel) -> MessageInfo {
        set_mr(0, channel.index() as u64);
        set_mr(1, pd_is_passive().into());
        set_mr(2, self.notifications);
        MessageInfo::new(WHO, 3)
    }
}

fn echo(info: MessageInfo) -> MessageInfo {
    for index in 0..info.count() {
        set_mr(index, get_mr(index) + 1);
    }
    MessageInfo::new(info.label() + 1, info.count())
}

fn forward(info: MessageInfo) -> MessageInfo {
    let answer = BACKEND.pp_call(MessageInfo::new(ECHO, info.count()));
    MessageInfo::new(FORWARD, answer.count())
}

fn name() -> MessageInfo {
    let name = pd_name().unwrap_or_default();
    with_msg_bytes_mut(|bytes| {
        for (byte, &letter) in bytes.iter_mut().zip(name.as_bytes()) {
            *byte = letter;
        }
    });
    MessageInfo::new(name.len() as u64, name.len().div_ceil(8))
}

/// Leaves traces in vector registers, and in the thread register that each PD has for itself.
fn clobber() -> MessageInfo {
    // SAFETY: the vector registers are declared, and nothing in a PD uses the thread register.
    unsafe {
        core::arch::asm!(
            "movi v8.16b, #0xee",
            "movi v20.16b, #0xee",
            "msr tpidr_el0, {}",
            in(reg) 0xeeee_u64,
            out("v8") _,
            out("v20") _,
        );
    }
    MessageInfo::default()
}

impl Handler for Server {
    type Error = IrqAckError;

    fn notified(&mut self, _: ChannelSet) -> Result<(), IrqAckError> {
        self.notifications += 1;
        Ok(())
    }

    fn protected(
        &mut self,
        channel: Channel,
        info: MessageInfo,
    ) -> Result<MessageInfo, IrqAckError> {
        Ok(match info.label() {
            WHO => self.who(channel),
            NOTIFY => {
                channel.notify();
                MessageInfo::default()
            }
            DEFER_NOTIFY => {
                self.deferred.defer_notify(channel)?;
                MessageInfo::default()
            }
            FORWARD => forward(info),
            NAME => name(),
            CLOBBER => clobber(),
            _ => echo(info),
        })
    }

    fn take_deferred_action(&mut self) -> Option<DeferredAction> {
        self.deferred.take()
    }
}
