//! The part of it that is the Nexus ledger's.

use core::fmt::Write;
use core::hint::black_box;

use ledger_verify::nexus::block::verify_inclusion;
use ledger_verify::nexus::hash;
use ledger_verify::nexus::signature::KeyType;

pub(super) fn all(input: &[u8], sink: &mut impl Write) {
    blocks(input, sink);
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
