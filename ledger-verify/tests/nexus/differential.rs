//! Hashes and signatures against other implementations, on random input, valid and spoiled.
//!
//! `CASES=100000` runs as many of each; without it as many as take a few seconds.

#[path = "../random/mod.rs"]
mod random;

use std::fs;
use std::path::Path;
use std::process::Command;

use falcon::common::hash_to_point_vartime;
use falcon::shake::{InnerShake256Context, i_shake256_flip, i_shake256_init, i_shake256_inject};
use falcon::{codec, vrfy};
use ledger_verify::nexus::hash::{sk32, sk64, sk256, sk512, sk576, sk1024};
use ledger_verify::nexus::signature::{KeyType, SignatureError};
use ledger_verify::write::nexus::SecretKey;
use random::{Random, cases};
use sha3::digest::consts::{U32, U64, U128};
use sha3::{Digest, Sha3_256, Sha3_512};

// ---- Skein as its paper describes it. Versions differ in parity and rotations only, so what agrees with
// ---- version 1.3 of others under their constants is version 1.1 under those of 2008.

/// Constants of one version.
struct Version {
    parity: u64,
    /// For 4, 8 and 16 words: eight rounds of rotations, one for each pair of words.
    rotations: [&'static [u32]; 3],
}

const VERSION_1_1: Version = Version {
    parity: 0x5555_5555_5555_5555,
    rotations: [
        &[5, 56, 36, 28, 13, 46, 58, 44, 26, 20, 53, 35, 11, 42, 59, 50],
        &[
            38, 30, 50, 53, 48, 20, 43, 31, 34, 14, 15, 27, 26, 12, 58, 7, 33, 49, 8, 42, 39, 27,
            41, 14, 29, 26, 11, 9, 33, 51, 39, 35,
        ],
        &[
            55, 43, 37, 40, 16, 22, 38, 12, 25, 25, 46, 13, 14, 13, 52, 57, 33, 8, 18, 57, 21, 12,
            32, 54, 34, 43, 25, 60, 44, 9, 59, 34, 28, 7, 47, 48, 51, 9, 35, 41, 17, 6, 18, 25, 43,
            42, 40, 15, 58, 7, 32, 45, 19, 18, 2, 56, 47, 49, 27, 58, 37, 48, 53, 56,
        ],
    ],
};

const VERSION_1_3: Version = Version {
    parity: 0x1bd1_1bda_a9fc_1a22,
    rotations: [
        &[14, 16, 52, 57, 23, 40, 5, 37, 25, 33, 46, 12, 58, 22, 32, 32],
        &[
            46, 36, 19, 37, 33, 27, 14, 42, 17, 49, 36, 39, 44, 9, 54, 56, 39, 30, 34, 24, 13, 50,
            10, 17, 25, 29, 39, 43, 8, 35, 56, 22,
        ],
        &[
            24, 13, 8, 47, 8, 17, 22, 37, 38, 19, 10, 55, 49, 18, 23, 52, 33, 4, 51, 13, 34, 41,
            59, 17, 5, 20, 48, 41, 47, 28, 16, 25, 41, 9, 37, 31, 12, 47, 44, 30, 16, 34, 56, 51,
            4, 53, 42, 41, 31, 44, 47, 46, 19, 42, 44, 25, 9, 48, 35, 52, 23, 31, 37, 20,
        ],
    ],
};

/// Where each word of a mixed state comes from.
fn permutation(words: usize) -> &'static [usize] {
    match words {
        4 => &[0, 3, 2, 1],
        8 => &[2, 1, 4, 7, 6, 5, 0, 3],
        _ => &[0, 9, 2, 13, 6, 11, 4, 15, 10, 7, 12, 3, 14, 5, 8, 1],
    }
}

impl Version {
    fn threefish(&self, key: &[u64], tweak: [u64; 2], plain: &[u64]) -> Vec<u64> {
        let words = plain.len();
        let rounds = if words == 16 { 80 } else { 72 };
        let rotations = self.rotations[words.ilog2() as usize - 2];
        let parity = key.iter().fold(self.parity, |parity, word| parity ^ word);
        let key: Vec<u64> = key.iter().copied().chain([parity]).collect();
        let tweak = [tweak[0], tweak[1], tweak[0] ^ tweak[1]];
        let subkey = |number: usize| {
            let mut subkey: Vec<u64> = (0..words).map(|i| key[(number + i) % key.len()]).collect();
            for (place, more) in [
                (words - 3, tweak[number % 3]),
                (words - 2, tweak[(number + 1) % 3]),
                (words - 1, number as u64),
            ] {
                subkey[place] = subkey[place].wrapping_add(more);
            }
            subkey
        };
        let add = |state: Vec<u64>, more: Vec<u64>| -> Vec<u64> {
            state.into_iter().zip(more).map(|(a, b)| a.wrapping_add(b)).collect()
        };
        let mut state = plain.to_vec();
        for round in 0..rounds {
            if round % 4 == 0 {
                state = add(state, subkey(round / 4));
            }
            let mut mixed = Vec::new();
            for pair in 0..words / 2 {
                let rotation = rotations[round % 8 * words / 2 + pair];
                let sum = state[2 * pair].wrapping_add(state[2 * pair + 1]);
                mixed.extend([sum, state[2 * pair + 1].rotate_left(rotation) ^ sum]);
            }
            state = permutation(words).iter().map(|from| mixed[*from]).collect();
        }
        add(state, subkey(rounds / 4))
    }

    fn ubi(&self, chaining: &[u64], message: &[u8], kind: u64) -> Vec<u64> {
        let block_bytes = chaining.len() * 8;
        let count = message.len().div_ceil(block_bytes).max(1);
        (0..count).fold(chaining.to_vec(), |chaining, number| {
            let end = message.len().min((number + 1) * block_bytes);
            let mut block = message[number * block_bytes..end].to_vec();
            block.resize(block_bytes, 0);
            let words: Vec<u64> =
                block.as_chunks().0.iter().map(|word| u64::from_le_bytes(*word)).collect();
            let (first, last) = (u64::from(number == 0), u64::from(number == count - 1));
            let tweak = [end as u64, first << 62 | last << 63 | kind << 56];
            let cipher = self.threefish(&chaining, tweak, &words);
            cipher.iter().zip(&words).map(|(cipher, plain)| cipher ^ plain).collect()
        })
    }

    fn skein(&self, words: usize, message: &[u8], output_bytes: usize) -> Vec<u8> {
        let mut config = b"SHA3\x01\0\0\0".to_vec();
        config.extend((output_bytes as u64 * 8).to_le_bytes());
        config.resize(32, 0);
        let configured = self.ubi(&vec![0; words], &config, 4);
        let hashed = self.ubi(&configured, message, 48);
        let output = self.ubi(&hashed, &[0; 8], 63);
        output.iter().flat_map(|word| word.to_le_bytes()).take(output_bytes).collect()
    }
}

fn message(random: &mut Random) -> Vec<u8> {
    let length = random.below(400);
    random.bytes::<400>()[..length].to_vec()
}

#[test]
fn the_skein_of_this_test_agrees_with_the_skein_crate() {
    let mut random = Random::new("skein");
    for case in 0..cases(10_000) {
        let message = message(&mut random);
        let ours = |words, bytes| VERSION_1_3.skein(words, &message, bytes);
        assert_eq!(ours(4, 32), skein::Skein256::<U32>::digest(&message)[..], "case {case}");
        assert_eq!(ours(8, 64), skein::Skein512::<U64>::digest(&message)[..], "case {case}");
        assert_eq!(ours(16, 128), skein::Skein1024::<U128>::digest(&message)[..], "case {case}");
    }
}

/// A sponge around another's permutation.
fn sponge(rate: usize, suffix: u8, message: &[u8], output_bytes: usize) -> Vec<u8> {
    let mut state = [0_u64; 25];
    let permute =
        |state: &mut [u64; 25]| keccak::Keccak::new().with_f1600(|permutation| permutation(state));
    let mut padded = [message, &[suffix]].concat();
    padded.resize(padded.len().next_multiple_of(rate), 0);
    *padded.last_mut().unwrap() |= 0x80;
    for block in padded.chunks(rate) {
        for (lane, word) in state.iter_mut().zip(block.as_chunks().0) {
            *lane ^= u64::from_le_bytes(*word);
        }
        permute(&mut state);
    }
    let mut output = Vec::new();
    while output.len() < output_bytes {
        output.extend(state.iter().flat_map(|lane| lane.to_le_bytes()).take(rate));
        permute(&mut state);
    }
    output.truncate(output_bytes);
    output
}

#[test]
fn hashes_agree_with_the_keccak_and_sha3_crates_after_the_skein_of_this_test() {
    let mut random = Random::new("sk");
    for case in 0..cases(10_000) {
        let message = message(&mut random);
        let skein = |words, bytes| VERSION_1_1.skein(words, &message, bytes);
        let sk = |words, bytes, rate, suffix| sponge(rate, suffix, &skein(words, bytes), bytes);
        assert_eq!(sk32(&message)[..], sk(4, 4, 168, 6), "case {case}");
        assert_eq!(sk64(&message)[..], sk(4, 8, 168, 6), "case {case}");
        assert_eq!(sk256(&message)[..], Sha3_256::digest(skein(4, 32))[..], "case {case}");
        assert_eq!(sk512(&message)[..], Sha3_512::digest(skein(8, 64))[..], "case {case}");
        assert_eq!(sk576(&message)[..], sk(16, 72, 128, 6), "case {case}");
        assert_eq!(sk1024(&message)[..], sk(16, 128, 72, 5), "case {case}");
    }
}

const LOGN: u32 = 9;
const DEGREE: usize = 1 << LOGN;
/// Acceptance bounds of round 2 and of round 3.
const BOUND_2: u64 = 43_533_782;
const BOUND_3: u64 = 34_034_726;

/// The squared length that the falcon-rs crate finds; `None` if it cannot read key or signature.
fn squared_length(public: &[u8], message: &[u8], signature: &[u8]) -> Option<u64> {
    let ([0x09, public @ ..], [0x59, signature @ ..]) = (public, signature) else { return None };
    let (nonce, signature) = signature.split_at(40);
    let (mut h, mut s2, mut c) = ([0; DEGREE], [0; DEGREE], [0; DEGREE]);
    let is_read = codec::modq_decode(&mut h, LOGN, public) == public.len()
        && codec::trim_i16_decode(&mut s2, LOGN, 12, signature) == signature.len();
    if !is_read {
        return None;
    }
    let mut shake = InnerShake256Context::new();
    i_shake256_init(&mut shake);
    i_shake256_inject(&mut shake, nonce);
    i_shake256_inject(&mut shake, message);
    i_shake256_flip(&mut shake);
    hash_to_point_vartime(&mut shake, &mut c, LOGN);
    vrfy::to_ntt_monty(&mut h, LOGN);
    let mut left = vec![0; 2 * DEGREE];
    let is_short = vrfy::verify_raw(&c, &s2, &h, LOGN, &mut left);
    // What it leaves behind is s1, from 0 to the modulus.
    let s1 = left.as_chunks().0.iter().map(|word| u64::from(u16::from_ne_bytes(*word)));
    let s1 = s1.map(|s1| s1.min(12_289 - s1).pow(2)).sum::<u64>();
    let s2 = s2.iter().map(|s2| u64::from(s2.unsigned_abs()).pow(2)).sum::<u64>();
    assert_eq!(is_short, s1 + s2 <= BOUND_3);
    Some(s1 + s2)
}

#[test]
fn falcon_agrees_with_the_falcon_rs_crate() {
    let mut random = Random::new("falcon");
    let keys: Vec<_> =
        (0..4).map(|index| SecretKey::derive(KeyType::Falcon, &random.bytes(), index)).collect();
    let (mut signed, mut counts) = (None, [0; 4]);
    for case in 0..cases(10_000) {
        // A signature takes much longer to make than to verify.
        if case % 20 == 0 {
            let (key, message) = (&keys[random.below(keys.len())], random.bytes::<64>());
            signed = Some((key.public().to_vec(), message, key.sign(&message)));
        }
        let (mut public, mut message, mut signature) = signed.clone().unwrap();
        match random.below(4) {
            0 => random.spoil(&mut message),
            1 => random.spoil(&mut public),
            _ => random.spoil(&mut signature),
        }
        let ours = KeyType::Falcon.verify(&public, &message, &signature);
        let theirs = squared_length(&public, &message, &signature);
        let (expected, count) = match theirs {
            None => (None, 0),
            Some(norm) if norm >= BOUND_2 => (Some(Err(SignatureError::NotShort { norm })), 1),
            Some(norm) if norm > BOUND_3 => (Some(Ok(())), 2),
            Some(_) => (Some(Ok(())), 3),
        };
        match expected {
            Some(expected) => assert_eq!(ours, expected, "case {case}"),
            None => assert!(matches!(
                ours,
                Err(SignatureError::KeyEncoding { .. } | SignatureError::SignatureEncoding { .. })
            )),
        }
        counts[count] += 1;
    }
    assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
}

/// A public key of brainpoolP512t1 as OpenSSL takes it.
fn subject_public_key_info(public: &[u8]) -> Vec<u8> {
    let head = b"\x30\x5a\x30\x14\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\
                 \x06\x09\x2b\x24\x03\x03\x02\x08\x01\x01\x0e\x03\x42\x00";
    [head, public].concat()
}

/// What OpenSSL says to a signature.
fn openssl_verifies(folder: &Path, public: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let write = |name: &str, bytes: &[u8]| {
        fs::write(folder.join(name), bytes).unwrap();
    };
    write("key", &subject_public_key_info(public));
    write("message", message);
    write("signature", signature);
    let mut command = Command::new("openssl");
    command.args("pkeyutl -verify -pubin -keyform DER -inkey key".split(' '));
    command.args("-in message -sigfile signature".split(' ')).current_dir(folder);
    command.output().unwrap().status.success()
}

#[test]
fn ecdsa_agrees_with_the_openssl_command() {
    if Command::new("openssl").arg("version").output().is_err() {
        eprintln!("skipped: there is no openssl");
        return;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("openssl");
    fs::create_dir_all(&folder).unwrap();
    let mut random = Random::new("brainpool");
    let (count, mut valid_count) = (cases(200), 0);
    for case in 0..count {
        let key = SecretKey::derive(KeyType::Brainpool, &random.bytes(), case);
        let (mut public, mut message) = (key.public().to_vec(), random.bytes::<64>());
        let mut signature = key.sign(&message);
        match random.below(4) {
            0 => random.spoil(&mut message),
            1 => random.spoil(&mut public),
            _ => random.spoil(&mut signature),
        }
        let ours = KeyType::Brainpool.verify(&public, &message, &signature);
        // OpenSSL takes numbers of other lengths, and keys in other forms, too.
        let is_form = matches!(ours, Err(SignatureError::SignatureEncoding { .. }))
            || ours == Err(SignatureError::KeyEncoding { offset: 0 });
        if !is_form {
            let theirs = openssl_verifies(&folder, &public, &message, &signature);
            assert_eq!(ours.is_ok(), theirs, "case {case}: {ours:?}");
        }
        valid_count += u64::from(ours.is_ok());
    }
    assert!(valid_count > 0 && valid_count < count, "{valid_count} valid");
}
