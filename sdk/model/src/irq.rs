//! Interrupts: delivery as signals, and the invocations of IRQ handler capabilities.

use model_spec::layout::INTID_COUNT;

use crate::cspace::Cap;
use crate::inject::Delivery;
use crate::invocation::{Error, Invocation};
use crate::kernel::Kernel;
use crate::labels::Label;
use crate::machine::Machine;
use crate::object::{NotificationId, State};

/// Interrupt of the kernel's own timer, the hypervisor physical timer.
pub const TIMER_INTID: u32 = model_spec::layout::KERNEL_TIMER_INTID;

/// Where each interrupt goes.
pub(crate) struct Irqs {
    handlers: [Option<(NotificationId, u64)>; INTID_COUNT],
}

impl Irqs {
    /// Nowhere.
    pub(crate) const EMPTY: Self = Self { handlers: [None; INTID_COUNT] };

    fn set(&mut self, intid: u32, handler: Option<(NotificationId, u64)>) {
        if let Some(entry) = self.handlers.get_mut(intid as usize) {
            *entry = handler;
        }
    }
}

impl<M: Machine> Kernel<M> {
    /// Routes and enables an interrupt of the boot specification.
    pub(crate) fn load_irq(&mut self, irq: &model_spec::Irq) {
        let [pd, _] = irq.pd.to_le_bytes();
        self.irqs.set(irq.intid, Some((NotificationId(pd), irq.badge)));
        self.machine.mask_irq(irq.intid, false);
    }

    /// Handles an interrupt; `None` if the controller had none after all.
    pub fn interrupt(&mut self, intid: Option<u32>) {
        self.update_timestamp();
        self.check_budget();
        while let Some(due) = self.injections.take_due(self.scheduler.now) {
            self.signal_irq(due);
        }
        match intid {
            None => {}
            Some(TIMER_INTID) => self.scheduler.reprogram = true,
            Some(intid) => match self.injections.on_irq(intid, self.scheduler.now) {
                Delivery::Now => {
                    self.machine.mask_irq(intid, true);
                    self.signal_irq(intid);
                }
                Delivery::Later => {
                    self.machine.mask_irq(intid, true);
                    self.scheduler.reprogram = true;
                }
                Delivery::Never => {}
            },
        }
        self.finish();
    }

    fn signal_irq(&mut self, intid: u32) {
        if let Some(Some((notification, badge))) = self.irqs.handlers.get(intid as usize).copied() {
            self.send_signal(notification, badge);
        }
    }

    /// Performs an invocation of an IRQ handler capability.
    pub(crate) fn invoke_irq(
        &mut self,
        invocation: &Invocation,
        label: Label,
        intid: u8,
    ) -> Result<(), Error> {
        let intid = u32::from(intid);
        match label {
            Label::IrqAck => {
                self.set_state(invocation.thread, State::Restart);
                self.machine.mask_irq(intid, false);
            }
            Label::IrqSetHandler => {
                let cap = invocation.extra_caps[0].ok_or(Error::TruncatedMessage)?;
                let Cap::Notification { notification, badge, rights } = cap else {
                    return Err(Error::InvalidCapability(0));
                };
                if !rights.can_write() {
                    return Err(Error::InvalidCapability(0));
                }
                self.set_state(invocation.thread, State::Restart);
                self.irqs.set(intid, Some((notification, badge)));
            }
            Label::IrqClear => {
                self.set_state(invocation.thread, State::Restart);
                self.irqs.set(intid, None);
            }
            _ => return Err(Error::IllegalOperation),
        }
        Ok(())
    }
}
