//! What a device needs to replay chains, to ask what they prove and to check a binary. The caller's own
//! share is kept small.

use core::fmt::Write;
use core::hint::black_box;

use crate::bare::Sink;
use ledger_verify::Digest;
use ledger_verify::chain::{Anchor, Chain, Feed};
use ledger_verify::registers::BinaryCheck;

pub(crate) fn link() {
    black_box((start as *const (), replay as *const (), end as *const ()));
    black_box((pointer as *const (), release as *const (), check as *const ()));
}

fn start(feed: &mut Feed, chain: &mut Chain, anchor: Anchor, is_revoked: bool) {
    feed.restart();
    if is_revoked { chain.restart_up_to(anchor) } else { chain.restart(anchor) }
}

fn replay(feed: &mut Feed, chain: &mut Chain, bytes: &[u8]) -> bool {
    let replayed = feed.push(chain, bytes);
    replayed.map_err(|error| write!(Sink, "{error}")).is_ok()
}

fn end(feed: &Feed, chain: &Chain) -> Option<Anchor> {
    let proven = feed.end(chain).and_then(|()| chain.proven());
    proven.map_err(|error| write!(Sink, "{error}")).ok().map(|proven| proven.anchor())
}

fn pointer(chain: &Chain, name: &str, now_s: u64) -> Option<(Digest, u64)> {
    let proven = chain.proven().ok().filter(|proven| proven.fresh(now_s).is_ok())?;
    proven.pointer(name).ok()
}

fn release(chain: &Chain, name: &str, platform: &str) -> Option<BinaryCheck> {
    let release = chain.proven().ok()?.release(name, platform).ok()?;
    Some(BinaryCheck::new(release))
}

fn check(check: &mut BinaryCheck, bytes: &[u8]) -> bool {
    check.update(bytes) && check.finish()
}
