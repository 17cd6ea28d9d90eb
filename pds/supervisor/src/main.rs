//! The `supervisor` protection domain: see the library's documentation.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

mod config;

use cairn_pd::Pd;
use config::LifecyclePages;
use sel4_microkit::{
    Channel, ChannelSet, Child, Handler, Infallible, MessageInfo, protection_domain,
};
use supervisor::Supervisor;

struct SupervisorPd {
    pd: Pd,
    supervisor: Supervisor<'static, LifecyclePages>,
    /// Who reads the status page; `None` in compositions without `gateway`.
    status_reader: Option<Channel>,
}

#[protection_domain]
fn init() -> impl Handler {
    let pd = Pd::start();
    let (supervisor, status_reader) = config::supervisor();
    SupervisorPd { pd, supervisor, status_reader }
}

impl SupervisorPd {
    fn now_us(&self) -> u64 {
        self.pd.clock().now().0 / 1000
    }
}

impl Handler for SupervisorPd {
    type Error = Infallible;

    /// A child's state changed, or `gateway` wants fresh figures and is told when they are there.
    fn notified(&mut self, channels: ChannelSet) -> Result<(), Self::Error> {
        self.pd.wake();
        self.supervisor.refresh(self.now_us());
        if let Some(reader) = self.status_reader.filter(|reader| channels.contains(*reader)) {
            reader.notify();
        }
        Ok(())
    }

    /// A child faulted. It is not answered, so it stays where it is.
    fn fault(
        &mut self,
        child: Child,
        message: MessageInfo,
    ) -> Result<Option<MessageInfo>, Self::Error> {
        let fault = message.fault();
        let registers = child.read_registers(true).ok();
        self.supervisor.fault(child.index(), fault, registers, self.now_us());
        Ok(None)
    }
}
