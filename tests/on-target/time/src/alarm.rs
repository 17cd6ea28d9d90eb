//! Owns the generic timer's interrupt. Arms it when notified, and handles it as ordered.
#![no_std]
#![no_main]

use core::arch::asm;

use on_target_time::alarm::{
    CHANNEL_ID, DEADLINE_TICKS, DEFER_ACK, HANDLED_TICKS, INTERRUPTS, KEEP_CAUSE, MODE, NO_ACK,
    REPEATS,
};
use sel4_microkit::{
    Channel, ChannelSet, DeferredAction, DeferredActionSlot, Handler, IrqAckError,
    protection_domain, var,
};
use test_harness::{ticks, words};

const PARENT: Channel = Channel::new(0);

#[protection_domain]
fn init() -> impl Handler {
    let id = *var!(timer_channel: usize = 0);
    words().set(CHANNEL_ID, id as u64);
    Alarm { timer: Channel::new(id), deferred: DeferredActionSlot::new() }
}

struct Alarm {
    timer: Channel,
    deferred: DeferredActionSlot,
}

fn arm(deadline_ticks: u64) {
    const ENABLE: u64 = 1;
    // SAFETY: this PD owns the timer.
    unsafe {
        asm!(
            "msr cntp_cval_el0, {}",
            "msr cntp_ctl_el0, {}",
            "isb",
            in(reg) deadline_ticks,
            in(reg) ENABLE,
        );
    }
}

fn disarm() {
    // SAFETY: this PD owns the timer.
    unsafe { asm!("msr cntp_ctl_el0, xzr", "isb") }
}

impl Alarm {
    fn handle_interrupt(&mut self) -> Result<(), IrqAckError> {
        let words = words();
        words.set(HANDLED_TICKS, ticks());
        let so_far = words.add(INTERRUPTS, 1) + 1;
        let mode = words.get(MODE);
        if mode != KEEP_CAUSE || so_far > REPEATS {
            disarm();
            PARENT.notify();
        }
        match mode {
            NO_ACK => Ok(()),
            DEFER_ACK => self.deferred.defer_irq_ack(self.timer),
            _ => self.timer.irq_ack(),
        }
    }
}

impl Handler for Alarm {
    type Error = IrqAckError;

    fn notified(&mut self, channels: ChannelSet) -> Result<(), IrqAckError> {
        if channels.contains(self.timer) {
            self.handle_interrupt()?;
        }
        if channels.contains(PARENT) {
            arm(words().get(DEADLINE_TICKS));
        }
        Ok(())
    }

    fn take_deferred_action(&mut self) -> Option<DeferredAction> {
        self.deferred.take()
    }
}
