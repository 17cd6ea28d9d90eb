//! The writing side: makes and signs events. For host programs; needs an allocator and secrets.

mod bundle;
pub mod log;
#[cfg(all(feature = "nexus", feature = "write"))]
pub mod nexus;

pub use bundle::{bundle, registers};

use std::vec::Vec;

use ed25519_dalek::Signer as _;

use crate::algorithm::Algorithm;
use crate::bundle::put_log_entry;
use crate::cbor::{Sink, array, bytes, unsigned};
use crate::chain::{Anchor, Chain, Error, Kind, SIGNED_PREFIX, VERSION};
use crate::digest::{Digest, Domain};
use crate::registers::Write;
use crate::registers::wire::put_write;

/// A public key with its algorithm.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PublicKey {
    /// What it verifies.
    pub algorithm: Algorithm,
    /// The key, as long as the algorithm says.
    pub bytes: Vec<u8>,
}

impl PublicKey {
    /// What stands for it in key sets.
    #[must_use]
    pub fn id(&self) -> Digest {
        Domain::Key.digest(&self.bytes)
    }
}

/// A secret that signs events.
#[derive(Clone)]
pub struct SecretKey {
    algorithm: Algorithm,
    classic: ed25519_dalek::SigningKey,
    post_quantum: [u8; 32],
}

impl SecretKey {
    /// The Ed25519 key of a 32-byte seed.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        let classic = ed25519_dalek::SigningKey::from_bytes(seed);
        Self { algorithm: Algorithm::Ed25519, classic, post_quantum: [0; 32] }
    }

    /// Ed25519 key number `index` of those that grow from one master secret. A chain signs event `n`
    /// with key `n` and commits to key `n + 1`, so that no key is ever used twice.
    #[must_use]
    pub fn derive(master: &[u8; 32], index: u64) -> Self {
        Self::from_seed(&derive_seed("cairn 2026 chain signing key v1", master, index))
    }

    /// As [`SecretKey::derive`], for any algorithm.
    #[must_use]
    pub fn derive_for(algorithm: Algorithm, master: &[u8; 32], index: u64) -> Self {
        let post_quantum = derive_seed("cairn 2026 chain ML-DSA signing key v1", master, index);
        Self { algorithm, post_quantum, ..Self::derive(master, index) }
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        let classic = || self.classic.verifying_key().to_bytes().to_vec();
        let bytes = match self.algorithm {
            Algorithm::Ed25519 => classic(),
            Algorithm::MlDsa44 => self.ml_dsa_public::<ml_dsa::MlDsa44>(),
            Algorithm::MlDsa65 => self.ml_dsa_public::<ml_dsa::MlDsa65>(),
            Algorithm::HybridMlDsa44 => {
                [classic(), self.ml_dsa_public::<ml_dsa::MlDsa44>()].concat()
            }
            Algorithm::HybridMlDsa65 => {
                [classic(), self.ml_dsa_public::<ml_dsa::MlDsa65>()].concat()
            }
        };
        PublicKey { algorithm: self.algorithm, bytes }
    }

    /// Signs `message` as it is; events are signed by [`first`] and [`append`].
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        let classic = || self.classic.sign(message).to_bytes().to_vec();
        match self.algorithm {
            Algorithm::Ed25519 => classic(),
            Algorithm::MlDsa44 => self.ml_dsa_sign::<ml_dsa::MlDsa44>(message),
            Algorithm::MlDsa65 => self.ml_dsa_sign::<ml_dsa::MlDsa65>(message),
            Algorithm::HybridMlDsa44 => {
                [classic(), self.ml_dsa_sign::<ml_dsa::MlDsa44>(message)].concat()
            }
            Algorithm::HybridMlDsa65 => {
                [classic(), self.ml_dsa_sign::<ml_dsa::MlDsa65>(message)].concat()
            }
        }
    }

    fn ml_dsa_public<P: ml_dsa::MlDsaParams>(&self) -> Vec<u8> {
        let key = ml_dsa::SigningKey::<P>::from_seed(&self.post_quantum.into());
        key.expanded_key().verifying_key().encode().to_vec()
    }

    fn ml_dsa_sign<P: ml_dsa::MlDsaParams>(&self, message: &[u8]) -> Vec<u8> {
        let key = ml_dsa::SigningKey::<P>::from_seed(&self.post_quantum.into());
        // An error is possible only for a context of more than 255 bytes; this one is empty. A
        // signature of no bytes verifies nowhere.
        let signature = key.expanded_key().sign_deterministic(message, &[]);
        signature.map_or(Vec::new(), |signature| signature.encode().to_vec())
    }
}

fn derive_seed(context: &str, master: &[u8; 32], index: u64) -> [u8; 32] {
    let mut hasher = ::blake3::Hasher::new_derive_key(context);
    hasher.update(master).update(&index.to_le_bytes());
    *hasher.finalize().as_bytes()
}

/// Keys and how many of them have to sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySet {
    threshold: usize,
    keys: Vec<PublicKey>,
}

impl KeySet {
    /// `threshold` of `keys`.
    #[must_use]
    pub fn new(threshold: usize, mut keys: Vec<PublicKey>) -> Self {
        keys.sort_by_key(|key| (key.algorithm, key.id()));
        Self { threshold, keys }
    }

    /// A single key.
    #[must_use]
    pub fn single(key: PublicKey) -> Self {
        Self::new(1, std::vec![key])
    }

    /// What the event before commits to.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut encoded = Vec::new();
        self.put(&mut encoded);
        Domain::KeySet.digest(&encoded)
    }

    fn put(&self, sink: &mut impl Sink) {
        array(sink, 2);
        unsigned(sink, self.threshold as u64);
        array(sink, self.keys.len());
        for key in &self.keys {
            array(sink, 2);
            unsigned(sink, key.algorithm.number());
            bytes(sink, &key.id().0);
        }
    }
}

/// All that the maker of an event decides.
#[derive(Clone, Debug)]
pub struct Draft {
    /// Which commitment the keys fit.
    pub kind: Kind,
    /// Seconds since 1970.
    pub time_s: u64,
    /// The keys of this event.
    pub keys: KeySet,
    /// Commitment to the keys of the next event; `None` in a revocation.
    pub next: Option<Digest>,
    /// Commitment to the recovery keys.
    pub recovery: Option<Digest>,
    /// Register writes, in any order.
    pub writes: Vec<Write>,
}

/// Makes the first event of a chain, and the anchor that pins the chain.
///
/// # Errors
/// What a verifier would say to the event.
pub fn first(draft: &Draft, signers: &[SecretKey]) -> Result<(Vec<u8>, Anchor), Error> {
    // The id is not known before the event is made; a chain without events stands in for it.
    let blank = Chain::new(Anchor::first(Digest::ZERO));
    let body = encode_body(&blank, draft);
    let anchor = Anchor::first(Domain::Event.digest(&body));
    let event = seal(&body, &draft.keys, signers);
    Chain::new(anchor).apply(&event)?;
    Ok((event, anchor))
}

/// Makes the event that follows `chain` and applies it: returns it, to be written at the chain's end.
///
/// # Errors
/// What a verifier would say to the event; `chain` is then unchanged.
pub fn append(chain: &mut Chain, draft: &Draft, signers: &[SecretKey]) -> Result<Vec<u8>, Error> {
    let event = encode(chain, draft, signers);
    chain.apply(&event)?;
    Ok(event)
}

/// What a transparency log records of an event.
#[must_use]
pub fn log_entry(position: &Anchor) -> Vec<u8> {
    let mut entry = Vec::new();
    put_log_entry(&mut entry, position);
    entry
}

pub(crate) fn encode(chain: &Chain, draft: &Draft, signers: &[SecretKey]) -> Vec<u8> {
    seal(&encode_body(chain, draft), &draft.keys, signers)
}

/// Signs a body.
pub(crate) fn seal(body: &[u8], keys: &KeySet, signers: &[SecretKey]) -> Vec<u8> {
    let mut event = Vec::new();
    array(&mut event, 2);
    bytes(&mut event, body);
    put_signatures(&mut event, keys, Domain::Event.digest(body), signers);
    event
}

fn encode_body(chain: &Chain, draft: &Draft) -> Vec<u8> {
    let mut writes = draft.writes.clone();
    writes.sort_by_key(|write| write.name);
    let state = chain.table().digest_after(writes.iter().copied());
    encode_body_with_state(chain, draft, &writes, state)
}

/// A body that claims any state.
pub(crate) fn encode_body_with_state(
    chain: &Chain,
    draft: &Draft,
    writes: &[Write],
    state: Digest,
) -> Vec<u8> {
    let head = chain.head();
    let mut body = Vec::new();
    array(&mut body, 11);
    unsigned(&mut body, VERSION);
    unsigned(&mut body, draft.kind as u64);
    put_digest(&mut body, head.map(|head| head.position.chain));
    unsigned(&mut body, chain.next_sequence());
    put_digest(&mut body, head.map(|head| head.position.digest));
    unsigned(&mut body, draft.time_s);
    draft.keys.put(&mut body);
    put_digest(&mut body, draft.next);
    put_digest(&mut body, draft.recovery);
    put_digest(&mut body, Some(state));
    array(&mut body, writes.len());
    for write in writes {
        put_write(&mut body, write);
    }
    body
}

fn put_signatures(event: &mut Vec<u8>, keys: &KeySet, digest: Digest, signers: &[SecretKey]) {
    let message = [&SIGNED_PREFIX[..], &digest.0].concat();
    let signed: Vec<_> = keys
        .keys
        .iter()
        .enumerate()
        .filter_map(|(index, key)| {
            let signer = signers.iter().find(|signer| signer.public() == *key)?;
            Some((index, signer.sign(&message), &key.bytes))
        })
        .collect();
    array(event, signed.len());
    for (index, signature, public) in &signed {
        array(event, 3);
        unsigned(event, *index as u64);
        bytes(event, signature);
        bytes(event, public);
    }
}

fn put_digest(sink: &mut impl Sink, digest: Option<Digest>) {
    match digest {
        Some(digest) => bytes(sink, &digest.0),
        None => crate::cbor::null(sink),
    }
}
