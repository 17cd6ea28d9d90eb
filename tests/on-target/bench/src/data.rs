//! Chains and a bundle to be verified, made by the test below from fixed keys.

use ledger_verify::chain::{Anchor, Event, split};

/// Events back to back, from a chain's first one on.
#[derive(Clone, Copy, Debug)]
pub struct Events {
    /// The events.
    pub bytes: &'static [u8],
    /// How many.
    pub count: u64,
}

/// Signed with Ed25519, one register write each.
pub const CHAIN: Events = Events { bytes: include_bytes!("../data/chain.cbor"), count: 8 };
/// Signed with Ed25519 and ML-DSA-44.
pub const HYBRID: Events = Events { bytes: include_bytes!("../data/hybrid.cbor"), count: 4 };
/// A bundle of one event, which releases `app` for the platform `bench`.
pub const BUNDLE: &[u8] = include_bytes!("../data/bundle.cbor");
/// What stands before the first event in that bundle.
pub const BUNDLE_HEAD_BYTES: usize = 4;
/// Size of the binary that is released; each of its bytes is [`MODULE_BYTE`].
pub const MODULE_BYTES: usize = 64 * 1024;
/// See [`MODULE_BYTES`].
pub const MODULE_BYTE: u8 = 0x5a;

/// The anchor at the first of `events`; nothing if they are none.
#[must_use]
pub fn first_anchor(events: &[u8]) -> Option<Anchor> {
    let (parts, _) = split(events).ok()?;
    Event::parse(parts.body).ok().map(|event| event.position())
}

/// Signature and public key of the first event, which has one Ed25519 signature.
#[must_use]
pub fn first_signature(events: &[u8]) -> Option<(&[u8; 64], &[u8; 32])> {
    let (parts, _) = split(events).ok()?;
    let (before, public) = parts.event.split_last_chunk()?;
    let (before, _head) = before.split_last_chunk::<2>()?;
    Some((before.last_chunk()?, public))
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use ledger_verify::Digest;
    use ledger_verify::algorithm::Algorithm;
    use ledger_verify::chain::{Chain, Kind};
    use ledger_verify::registers::{HashKind, Name, Platform, Release, Version, Write, WriteValue};
    use ledger_verify::write::{Draft, KeySet, SecretKey, append, bundle, first};
    use std::vec::Vec;
    use std::{fs, vec};

    fn chain(algorithm: Algorithm, count: u64, write: impl Fn(u64) -> Write) -> Vec<u8> {
        let key = |event| SecretKey::derive_for(algorithm, &[7; 32], event);
        let draft = |event| Draft {
            kind: Kind::Ordinary,
            time_s: event,
            keys: KeySet::single(key(event).public()),
            next: Some(KeySet::single(key(event + 1).public()).digest()),
            recovery: None,
            writes: vec![write(event)],
        };
        let (mut events, anchor) = first(&draft(0), &[key(0)]).unwrap();
        let mut chain = Chain::new(anchor);
        chain.apply(&events).unwrap();
        for event in 1..count {
            events.extend(append(&mut chain, &draft(event), &[key(event)]).unwrap());
        }
        events
    }

    fn pointer(event: u64) -> Write {
        let value = WriteValue::Pointer { root: Digest([9; 32]), generation: event + 1 };
        Write { name: Name::new("volume/demo").unwrap(), value }
    }

    fn release(_: u64) -> Write {
        let module = vec![MODULE_BYTE; MODULE_BYTES];
        let value = WriteValue::Release(Release {
            version: Version([1, 0, 0]),
            platform: Platform::new("bench").unwrap(),
            hash: HashKind::Blake3,
            digest: Digest(*blake3::hash(&module).as_bytes()),
            size_bytes: module.len() as u64,
            capabilities: 0,
        });
        Write { name: Name::new("app").unwrap(), value }
    }

    /// `WRITE_DATA=1` writes the files anew, after a change of format.
    #[test]
    fn data_is_what_the_writing_side_makes() {
        let released = chain(Algorithm::Ed25519, 1, release);
        for (name, committed, made) in [
            ("chain", CHAIN.bytes, chain(Algorithm::Ed25519, CHAIN.count, pointer)),
            ("hybrid", HYBRID.bytes, chain(Algorithm::HybridMlDsa44, HYBRID.count, pointer)),
            ("bundle", BUNDLE, bundle(None, &released, None).unwrap()),
        ] {
            let path = std::format!("{}/data/{name}.cbor", env!("CARGO_MANIFEST_DIR"));
            if std::env::var_os("WRITE_DATA").is_some() {
                fs::write(&path, &made).unwrap();
            } else {
                assert!(committed == made, "{path}: run this test with WRITE_DATA=1");
            }
        }
        let (signature, public) = first_signature(CHAIN.bytes).unwrap_or((&[0; 64], &[0; 32]));
        assert!(!Algorithm::Ed25519.verify(public, b"something else", signature));
        assert_eq!(first_anchor(&BUNDLE[BUNDLE_HEAD_BYTES..]), first_anchor(&released));
    }
}
