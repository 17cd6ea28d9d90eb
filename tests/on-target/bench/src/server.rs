//! Passive server: answers a call with a message of the same length.
#![no_std]
#![no_main]

use sel4_microkit::{Channel, Handler, Infallible, MessageInfo, protection_domain};

#[protection_domain]
fn init() -> impl Handler {
    Server
}

struct Server;

impl Handler for Server {
    type Error = Infallible;

    fn protected(&mut self, _: Channel, msg_info: MessageInfo) -> Result<MessageInfo, Infallible> {
        Ok(msg_info)
    }
}
