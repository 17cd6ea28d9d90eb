//! The `supervisor` protection domain: see the library's documentation.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

mod config;

use cairn_pd::Pd;
use config::Family;
use sel4_microkit::{ChannelSet, Child, Handler, Infallible, MessageInfo, protection_domain};
use supervisor::Service;

struct SupervisorPd<F: FnMut()> {
    pd: Pd,
    service: Service<'static, Family, F>,
}

#[protection_domain]
fn init() -> impl Handler {
    SupervisorPd { pd: Pd::start(), service: config::service() }
}

impl<F: FnMut()> Handler for SupervisorPd<F> {
    type Error = Infallible;

    fn begin(&mut self) {
        self.service.watch_pulse(self.pd.clock().now().0 / 1000);
    }

    fn notified(&mut self, channels: ChannelSet) -> Result<(), Self::Error> {
        self.pd.wake();
        self.service.notified(|channel| channels.contains(channel), self.pd.clock().now().0 / 1000);
        Ok(())
    }

    /// A child faulted. It is not answered: it starts again, or stays where it is.
    fn fault(
        &mut self,
        child: Child,
        message: MessageInfo,
    ) -> Result<Option<MessageInfo>, Self::Error> {
        let now_us = self.pd.clock().now().0 / 1000;
        self.service.fault(child.index(), message.fault(), now_us);
        Ok(None)
    }
}
