//! Signature verification against other implementations, on valid and on spoiled signatures.
//!
//! `CASES=100000` runs as many; without it a few, for the ordinary test run.
#![allow(clippy::unwrap_used, reason = "a test")]
#![cfg(feature = "write")]

use ledger_verify::algorithm::Algorithm;
use ledger_verify::write::SecretKey;

fn cases(few: u64) -> u64 {
    std::env::var("CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(few)
}

/// A generator good enough to choose test cases, and the same on every run.
struct Random(blake3::OutputReader);

impl Random {
    fn new(name: &str) -> Self {
        Self(blake3::Hasher::new_derive_key(name).finalize_xof())
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.fill(&mut bytes);
        bytes
    }

    fn below(&mut self, end: usize) -> usize {
        usize::from(u16::from_le_bytes(self.bytes())) % end
    }

    /// Flips one bit, or leaves all as it is, every fourth time.
    fn spoil(&mut self, bytes: &mut [u8]) {
        let [choice] = self.bytes();
        if choice % 4 != 0 {
            let place = self.below(bytes.len());
            bytes[place] ^= 1 << (choice / 4 % 8);
        }
    }
}

#[test]
fn ed25519_agrees_with_ed25519_compact() {
    use ed25519_compact::{PublicKey, Signature};
    let mut random = Random::new("ed25519");
    let mut valid_count = 0;
    let count = cases(400);
    for case in 0..count {
        let key = SecretKey::derive(&random.bytes(), case);
        let mut message = random.bytes::<53>();
        let mut signature: [u8; 64] = key.sign(&message).try_into().unwrap();
        let mut public: [u8; 32] = key.public().bytes.try_into().unwrap();
        match random.below(4) {
            0 => random.spoil(&mut message),
            1 => random.spoil(&mut public),
            _ => random.spoil(&mut signature),
        }
        let ours = Algorithm::Ed25519.verify(&public, &message, &signature);
        let theirs = PublicKey::new(public).verify(message, &Signature::new(signature)).is_ok();
        assert_eq!(ours, theirs, "case {case}");
        valid_count += u64::from(ours);
    }
    assert!(valid_count > 0 && valid_count < count, "{valid_count} valid");
}

fn ml_dsa_agrees<P: ml_dsa::MlDsaParams>(algorithm: Algorithm) {
    let mut random = Random::new("ml-dsa");
    let count = cases(60);
    let mut valid_count = 0;
    for case in 0..count {
        let key = SecretKey::derive_for(algorithm, &random.bytes(), case);
        let mut public = key.public().bytes;
        let mut message = random.bytes::<53>();
        let mut signature = key.sign(&message);
        match random.below(6) {
            0 => random.spoil(&mut message),
            1 => random.spoil(&mut public),
            // The hints, where encodings could be ambiguous.
            2 | 3 => {
                let hints = signature.len() - 84;
                random.spoil(&mut signature[hints..]);
            }
            _ => random.spoil(&mut signature),
        }
        let ours = algorithm.verify(&public, &message, &signature);
        let decoded = signature.as_slice().try_into().ok().and_then(ml_dsa::Signature::<P>::decode);
        let public = ml_dsa::VerifyingKey::<P>::decode(public.as_slice().try_into().unwrap());
        let theirs = decoded.is_some_and(|s| public.verify_with_context(&message, &[], &s));

        assert_eq!(ours, theirs, "case {case}");
        valid_count += u64::from(ours);
    }
    assert!(valid_count > 0 && valid_count < count, "{valid_count} valid");
}

#[test]
fn ml_dsa_44_agrees_with_the_ml_dsa_crate() {
    ml_dsa_agrees::<ml_dsa::MlDsa44>(Algorithm::MlDsa44);
}

#[test]
fn ml_dsa_65_agrees_with_the_ml_dsa_crate() {
    ml_dsa_agrees::<ml_dsa::MlDsa65>(Algorithm::MlDsa65);
}
