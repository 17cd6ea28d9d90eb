//! Keys that sign for the Nexus ledger: for tests, demonstrations and private networks.
//!
//! A wallet derives other keys, from its user's name, password and PIN. Signatures are what wallets
//! make, but each of Falcon's tells something about its key, so sign once with each, as chains do.

mod record;
mod wallet;

pub use record::{
    RecordField, asset, bundle, inclusion, pointer_write, record_bytes, record_fields,
    record_object, record_text,
};
pub use wallet::{Contract, Draft, Register, Wallet, field, field_write, write_fields};

use std::boxed::Box;
use std::vec::Vec;

use fn_dsa_kgen::{
    CryptoRng, FN_DSA_LOGN_512, KeyPairGenerator as _, KeyPairGenerator512, RngCore, RngError,
    sign_key_size, vrfy_key_size,
};

use crate::ml_dsa::poly::Unpack;
use crate::nexus::signature::KeyType;
use crate::nexus::signature::brainpool::{self, GENERATOR, Point, Scalar};
use crate::nexus::signature::falcon::{self, Challenge, DEGREE, Poly, Q, Ring};

/// A secret that signs transactions.
#[derive(Clone)]
pub struct SecretKey {
    secret: Secret,
    public: Vec<u8>,
    seed: [u8; 32],
}

#[derive(Clone)]
enum Secret {
    Brainpool(Scalar),
    Falcon(Box<Basis>),
}

/// Half of a short basis of the lattice of (s1, s2) with s1 + s2 · h = 0: one vector is (g, -f), the
/// other (G, -F).
#[derive(Clone)]
struct Basis {
    f: [i64; DEGREE],
    capital_f: [i64; DEGREE],
}

impl SecretKey {
    /// Key number `index` of those that grow from one master secret.
    #[must_use]
    pub fn derive(key_type: KeyType, master: &[u8; 32], index: u64) -> Self {
        let seed = super::derive_seed("cairn 2026 Nexus signing key v1", master, index);
        match key_type {
            KeyType::Brainpool => Self::brainpool(seed),
            KeyType::Falcon => Self::falcon(seed),
        }
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> &[u8] {
        &self.public
    }

    /// What kind of key it is.
    #[must_use]
    pub const fn key_type(&self) -> KeyType {
        match self.secret {
            Secret::Brainpool(_) => KeyType::Brainpool,
            Secret::Falcon(_) => KeyType::Falcon,
        }
    }

    /// Signs `message`, the same way each time; for a transaction that is its id as `GetBytes` has it.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        let mut attempts = (0..).filter_map(|attempt| match &self.secret {
            Secret::Brainpool(secret) => self.try_ecdsa(secret, message, attempt),
            Secret::Falcon(basis) => self.try_falcon(basis, message, attempt),
        });
        // Half of all attempts succeed, or more.
        attempts.next().unwrap_or_default()
    }

    /// Bytes that only the owner of the key can tell, others for each message and attempt.
    fn random<const BYTES: usize>(&self, message: &[u8], attempt: u64) -> [u8; BYTES] {
        let mut hasher = ::blake3::Hasher::new_derive_key("cairn 2026 Nexus signature v1");
        hasher.update(&self.seed).update(&attempt.to_le_bytes()).update(message);
        let mut bytes = [0; BYTES];
        hasher.finalize_xof().fill(&mut bytes);
        bytes
    }

    fn brainpool(seed: [u8; 32]) -> Self {
        let mut bytes = [0; brainpool::BYTES];
        ::blake3::Hasher::new().update(&seed).finalize_xof().fill(&mut bytes);
        let secret = brainpool::digest(&bytes);
        let (x, y) = affine(&brainpool::multiply(&secret, &Scalar::ZERO, &GENERATOR));
        let mut public = std::vec![2 | y[brainpool::BYTES - 1] & 1];
        public.extend(x);
        Self { secret: Secret::Brainpool(secret), public, seed }
    }

    /// `None` if R or S does not have 64 bytes as a minimal positive integer.
    fn try_ecdsa(&self, secret: &Scalar, message: &[u8], attempt: u64) -> Option<Vec<u8>> {
        let nonce = brainpool::digest(&self.random::<{ brainpool::BYTES }>(message, attempt));
        let (x, _) = affine(&brainpool::multiply(&nonce, &Scalar::ZERO, &GENERATOR));
        let r = brainpool::digest(&x);
        let s = (brainpool::digest(message) + r * *secret) * nonce.invert();
        let mut signature = brainpool::HEADER.to_vec();
        signature.extend(r.to_bytes());
        signature.extend(brainpool::SEPARATOR);
        signature.extend(s.to_bytes());
        KeyType::Brainpool.verify(&self.public, message, &signature).ok()?;
        Some(signature)
    }

    fn falcon(seed: [u8; 32]) -> Self {
        let mut secret = [0; sign_key_size(FN_DSA_LOGN_512)];
        let mut random = Random(::blake3::Hasher::new().update(&seed).finalize_xof());
        KeyPairGenerator512::default().keygen(
            FN_DSA_LOGN_512,
            &mut random,
            &mut secret,
            &mut [0; vrfy_key_size(FN_DSA_LOGN_512)],
        );
        // A header, f and g with six bits each, then F with eight.
        let (_, f) = secret.split_at(1);
        let (f, g) = f.split_at(DEGREE * 6 / 8);
        let (g, capital_f) = g.split_at(DEGREE * 6 / 8);
        let (f, g) = (signed(f, 6), signed(g, 6));
        // The generator gives h, too, but transformed by a root of unity of its own.
        let h = divide(g.map(modulo_q), f.map(modulo_q));
        let mut public = std::vec![falcon::PUBLIC_HEADER];
        pack::<{ falcon::PUBLIC_BITS }>(h, &mut public);
        let basis = Basis { f, capital_f: signed(capital_f, 8) };
        Self { secret: Secret::Falcon(Box::new(basis)), public, seed }
    }

    /// Subtracts from (c, 0) the lattice vector that Babai's rounding finds near it; `None` if that is
    /// not near enough.
    fn try_falcon(&self, basis: &Basis, message: &[u8], attempt: u64) -> Option<Vec<u8>> {
        let nonce = self.random::<{ falcon::NONCE_BYTES }>(message, attempt);
        let mut challenge = Challenge::new(&nonce, message);
        let c = core::array::from_fn(|_| i64::from(challenge.coefficient()));
        let rounded = |product: i64| (product + i64::from(Q / 2)).div_euclid(i64::from(Q));
        let z0 = multiply(&c, &basis.capital_f).map(|product| rounded(-product));
        let z1 = multiply(&c, &basis.f).map(rounded);
        let (left, right) = (multiply(&z0, &basis.f), multiply(&z1, &basis.capital_f));

        // Of the other half, s1, nothing stands in a signature.
        let s2 = left.iter().zip(&right).map(|(left, right)| left + right);
        let limit = 1 << (falcon::SIGNATURE_BITS - 1);
        if s2.clone().any(|s2| s2.abs() >= limit) {
            return None;
        }
        let mut signature = std::vec![falcon::SIGNATURE_HEADER];
        signature.extend(nonce);
        let s2 = s2.map(|s2| u32::try_from(s2 & (2 * limit - 1)).unwrap_or(0));
        pack::<{ falcon::SIGNATURE_BITS }>(s2, &mut signature);
        KeyType::Falcon.verify(&self.public, message, &signature).ok()?;
        Some(signature)
    }
}

/// Both coordinates, highest byte first.
fn affine(point: &Point) -> ([u8; brainpool::BYTES], [u8; brainpool::BYTES]) {
    let inverse = point.z.invert();
    let square = inverse * inverse;
    ((point.x * square).to_bytes(), (point.y * square * inverse).to_bytes())
}

/// Signed numbers of `width` bits, lowest bits first.
fn signed(bytes: &[u8], width: u32) -> [i64; DEGREE] {
    let mut numbers = Unpack::new(bytes, width).map(i64::from);
    let sign = 1 << (width - 1);
    core::array::from_fn(|_| numbers.next().map_or(0, |number| (number ^ sign) - sign))
}

/// Appends numbers of `BITS` bits, highest bits first: what signatures and public keys hold.
pub(crate) fn pack<const BITS: usize>(
    numbers: impl IntoIterator<Item = u32>,
    output: &mut Vec<u8>,
) {
    let (mut bits, mut bit_count) = (0, 0);
    for number in numbers {
        bits = bits << BITS | number;
        bit_count += BITS;
        while bit_count >= 8 {
            bit_count -= 8;
            let [byte, ..] = (bits >> bit_count).to_le_bytes();
            output.push(byte);
        }
    }
}

/// The product modulo x^n + 1, over the integers.
fn multiply(a: &[i64; DEGREE], b: &[i64; DEGREE]) -> [i64; DEGREE] {
    let mut product = [0; DEGREE];
    for (i, a) in a.iter().enumerate() {
        for (j, b) in b.iter().enumerate() {
            match (i + j).checked_sub(DEGREE) {
                Some(place) => product[place] -= a * b,
                None => product[i + j] += a * b,
            }
        }
    }
    product
}

/// a / b modulo q and x^n + 1, if b can be inverted.
pub(crate) fn divide(mut a: Poly, mut b: Poly) -> Poly {
    Ring::ntt(&mut a);
    Ring::ntt(&mut b);
    for (a, b) in a.iter_mut().zip(b) {
        // To the power of q - 2, from its highest bit on.
        let inverse = (0..14).rev().fold(1, |power, bit| {
            let square = Ring::mul(power, power);
            if (Q - 2) >> bit & 1 == 1 { Ring::mul(square, b) } else { square }
        });
        *a = Ring::mul(*a, inverse);
    }
    Ring::inverse_ntt(&mut a);
    a
}

pub(crate) fn modulo_q(a: i64) -> u32 {
    u32::try_from(a.rem_euclid(Q.into())).unwrap_or(0)
}

/// What the key generator draws from.
struct Random(::blake3::OutputReader);

impl RngCore for Random {
    fn next_u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        self.fill_bytes(&mut bytes);
        u32::from_le_bytes(bytes)
    }

    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill_bytes(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        self.0.fill(bytes);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), RngError> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl CryptoRng for Random {}
