//! The part of it that is the Nexus ledger's.

use core::fmt::Write;
use core::hint::black_box;

use ledger_verify::nexus::block::verify_inclusion;
use ledger_verify::nexus::address::Address;
use ledger_verify::nexus::bundle::{self, Feed, Item};
use ledger_verify::nexus::chain::{Chain, Pin, fork};
use ledger_verify::nexus::hash;
use ledger_verify::nexus::register::Track;
use ledger_verify::nexus::signature::KeyType;
use ledger_verify::nexus::transaction::MerkleTransaction;

pub(super) fn all(input: &[u8], sink: &mut impl Write) {
    blocks(input, sink);
    primitives(input, sink);
    chain(input, sink);
}

fn primitives(input: &[u8], sink: &mut impl Write) {
    black_box((hash::sk64(input), hash::sk256(input), hash::sk512(input), hash::sk1024(input)));
    let Some(key_type) = KeyType::from_number(black_box(1)) else { return };
    let (public, rest) = input.split_at_checked(black_box(897)).unwrap_or_default();
    let (message, rest) = rest.split_at_checked(black_box(64)).unwrap_or_default();
    let signature = rest.get(..black_box(809)).unwrap_or_default();
    if let Err(error) = key_type.verify(public, message, signature) {
        let _ = write!(sink, "{key_type}: {error}");
    }
}

fn blocks(input: &[u8], sink: &mut impl Write) {
    let (Some(pinned), Some(txid)) = (input.first_chunk(), input.first_chunk()) else { return };
    let headers = input.split(|byte| *byte == black_box(1));
    let (branch, _) = input.as_chunks();
    match verify_inclusion(pinned, headers, txid, black_box(0), branch) {
        Ok(inclusion) => _ = black_box(inclusion),
        Err(error) => _ = write!(sink, "{error}"),
    }
}

fn chain(input: &[u8], sink: &mut impl Write) {
    let text = core::str::from_utf8(input).unwrap_or("");
    let pin = match Pin::from_text(text) {
        Ok(pin) => pin,
        Err(error) => {
            let _ = write!(sink, "{error}");
            return;
        }
    };
    let mut chain = black_box(Chain::<4>::unpinned(Track::Records));
    let mut feed = black_box(Feed::new());
    chain.restart(pin);
    feed.restart();
    if let Err(error) = feed.push(&mut chain, input).and_then(|()| feed.end(&mut chain)) {
        let _ = write!(sink, "{error}");
    }
    let _ = chain.replay(input);
    if let Ok(proven) = chain.proven() {
        let _ = write!(sink, "{}", proven.pin());
        black_box(proven.value(text).is_ok());
        for found in proven.registers().iter() {
            let _ = write!(sink, "{}", found.address);
        }
        let address = Address::from_text(text).unwrap_or_else(|| Address::namespace(text));
        if let Some(departure) = proven.departure(&address) {
            let mut taker = Chain::<4>::new(pin, Track::All);
            black_box(taker.expect(&departure).is_ok());
        }
    }
    black_box(fork(input, input));
    black_box(MerkleTransaction::parse(input).is_ok());
    for item in bundle::items(input).into_iter().flatten().flatten() {
        if let Item::Inclusion(inclusion) = item {
            black_box(inclusion.headers().count());
        }
    }
}
