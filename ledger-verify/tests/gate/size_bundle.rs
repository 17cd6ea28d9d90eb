//! What a device needs to read proof bundles, of chains that are logged and witnessed.

use core::fmt::Write;
use core::hint::black_box;

use crate::bare::Sink;
use ledger_verify::bundle::Reader;
use ledger_verify::chain::{Anchor, Chain};
use ledger_verify::log::checkpoint::Policy;
use ledger_verify::log::note::{Key, KeyType};

pub(crate) fn link() {
    black_box((start as *const (), read as *const (), end as *const ()));
}

/// Keys are built into a device, with their types.
fn start(
    reader: &mut Reader<'static>,
    chain: &mut Chain,
    anchor: Anchor,
    (origin, public): (&'static str, &'static [u8]),
    witnesses: &'static [Key<'static>],
) -> bool {
    let Ok(log) = Key::new(origin, KeyType::Note, public) else { return false };
    *reader = Reader::new(Some(Policy { log, witnesses, witnesses_wanted: witnesses.len() }));
    chain.restart(anchor);
    true
}

fn read(reader: &mut Reader<'static>, chain: &mut Chain, bytes: &[u8]) -> bool {
    let read = reader.push(chain, bytes);
    read.map_err(|error| write!(Sink, "{error}")).is_ok()
}

fn end(reader: &Reader<'static>, chain: &Chain) -> Option<Anchor> {
    reader.end().map_err(|error| write!(Sink, "{error}")).ok()?;
    chain.proven().ok().map(|proven| proven.anchor())
}
