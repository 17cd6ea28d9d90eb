//! What a device needs to replay a chain of the Nexus ledger from a bundle, and to ask for a pointer or a
//! release.

use core::fmt::Write;
use core::hint::black_box;

use crate::bare::Sink;
use ledger_verify::nexus::bundle::Feed;
use ledger_verify::nexus::chain::{Chain, Pin};
use ledger_verify::registers::Value;

pub(crate) fn link() {
    black_box((start as *const (), replay as *const (), end as *const (), value as *const ()));
}

fn start(feed: &mut Feed, chain: &mut Chain<16>, pin: Pin) {
    feed.restart();
    chain.restart(pin);
}

fn replay(feed: &mut Feed, chain: &mut Chain<16>, bytes: &[u8]) -> bool {
    let replayed = feed.push(chain, bytes);
    replayed.map_err(|error| write!(Sink, "{error}")).is_ok()
}

fn end(feed: &Feed, chain: &mut Chain<16>) -> Option<Pin> {
    let ended = feed.end(chain).and_then(|()| chain.proven());
    ended.map_err(|error| write!(Sink, "{error}")).ok().map(|proven| proven.pin())
}

fn value(chain: &Chain<16>, name: &str) -> Option<Value> {
    chain.proven().ok()?.value(name).ok()?
}
