//! Signatures: those of the real ledger, and every bit of them flipped.

use ledger_verify::nexus::signature::KeyType::{Brainpool, Falcon};
use ledger_verify::nexus::signature::{KeyType, SignatureError};

#[cfg(feature = "write")]
use ledger_verify::write::nexus::SecretKey;

use crate::support::{hex, ledger_vectors};

/// A valid signature.
struct Signed {
    key_type: KeyType,
    public: Vec<u8>,
    message: Vec<u8>,
    signature: Vec<u8>,
}

impl Signed {
    fn verify(&self) -> Result<(), SignatureError> {
        self.key_type.verify(&self.public, &self.message, &self.signature)
    }
}

/// From the C++ node's test suite.
fn brainpool_test() -> Signed {
    let vector = &ledger_vectors()["brainpoolP512t1"];
    Signed {
        key_type: Brainpool,
        public: hex(&vector["pubkey"]),
        message: hex(&vector["msg_as_digest"]),
        signature: hex(&vector["sig_der"]),
    }
}

/// From block 4,555,100 of the main network.
fn brainpool_real() -> Signed {
    let vector = &ledger_vectors()["block_4555100"];
    let transaction = hex(&vector["tx_hex"]);
    let signed = &transaction[hex(&vector["unsigned_hex"]).len()..];
    assert_eq!((signed[0], signed[66], signed.len()), (65, 135, 202));
    Signed {
        key_type: Brainpool,
        public: signed[1..66].to_vec(),
        message: hex(&vector["sig_message"]),
        signature: signed[67..].to_vec(),
    }
}

/// From the C++ node's test suite.
fn falcon_test() -> Signed {
    let vector = &ledger_vectors()["falcon512_ct"];
    Signed {
        key_type: Falcon,
        public: hex(&vector["pubkey"]),
        message: hex(&vector["msg"]),
        signature: hex(&vector["sig"]),
    }
}

#[test]
fn signatures_of_the_ledger_verify() {
    for signed in [brainpool_test(), brainpool_real(), falcon_test()] {
        assert_eq!(signed.verify(), Ok(()));
        assert_eq!(signed.public.len(), signed.key_type.public_bytes());
        assert_eq!(signed.signature.len(), signed.key_type.signature_bytes());
        assert_eq!(KeyType::from_number(signed.key_type.number()), Some(signed.key_type));
    }
    assert_eq!([0, 3, 255].map(KeyType::from_number), [None; 3]);
}

#[test]
fn ecdsa_agrees_with_openssl() {
    let file = include_str!("../vectors/openssl_brainpoolP512t1.json");
    let file: serde_json::Value = serde_json::from_str(file).unwrap();
    let tests = file["tests"].as_array().unwrap();
    assert_eq!(tests.len(), 40);
    for (index, test) in tests.iter().enumerate() {
        let (public, signature) = (hex(&test["public"]), hex(&test["signature"]));
        let message = hex(&test["message"]);
        assert_eq!(Brainpool.verify(&public, &message, &signature), Ok(()), "{index}");
        // What OpenSSL does with more than it can use.
        let longer = [&message[..], b"more"].concat();
        let expected = if message.len() == 64 { Ok(()) } else { Err(SignatureError::Mismatch) };
        assert_eq!(Brainpool.verify(&public, &longer, &signature), expected, "{index}");
    }
}

/// Calls `judge` with every bit of `part` flipped, the bit's number, and what verification says.
fn flip(
    mut signed: Signed,
    part: impl Fn(&mut Signed) -> &mut Vec<u8>,
    mut judge: impl FnMut(usize, &Signed, Option<SignatureError>),
) {
    for bit in 0..part(&mut signed).len() * 8 {
        part(&mut signed)[bit / 8] ^= 0x80 >> (bit % 8);
        judge(bit, &signed, signed.verify().err());
        part(&mut signed)[bit / 8] ^= 0x80 >> (bit % 8);
    }
}

fn every_flipped_bit_of_ecdsa(signed: fn() -> Signed) {
    use SignatureError::{KeyEncoding, KeyNotOnCurve, Mismatch, SignatureEncoding};
    flip(signed(), |s| &mut s.message, |_, _, error| assert_eq!(error, Some(Mismatch)));
    flip(
        signed(),
        |s| &mut s.public,
        |bit, signed, error| match bit {
            // 02 and 03 are the two points of one x.
            7 => assert_eq!(error, Some(Mismatch)),
            0..7 => assert_eq!(error, Some(KeyEncoding { offset: 0 })),
            _ if signed.public[1] > 0xaa => assert_eq!(error, Some(KeyEncoding { offset: 1 })),
            _ => assert!(matches!(error, Some(KeyNotOnCurve | Mismatch)), "bit {bit}: {error:?}"),
        },
    );
    flip(
        signed(),
        |s| &mut s.signature,
        |bit, signed, error| match bit / 8 {
            offset @ (0..5 | 69..71) => assert_eq!(error, Some(SignatureEncoding { offset })),
            // A negative number, or one that is shorter.
            offset @ (5 | 71) if !is_long(&signed.signature[offset..]) => {
                assert_eq!(error, Some(SignatureEncoding { offset }));
            }
            offset @ (6 | 72) if !is_long(&signed.signature[offset - 1..]) => {
                assert_eq!(error, Some(SignatureEncoding { offset: offset - 1 }));
            }
            _ => assert_eq!(error, Some(Mismatch)),
        },
    );
}

/// Whether a number that begins so has 64 bytes and no fewer.
fn is_long(number: &[u8]) -> bool {
    (0x80..0x8000).contains(&u16::from_be_bytes([number[0], number[1]]))
}

#[test]
fn every_flipped_bit_of_the_ledgers_ecdsa_is_refused() {
    every_flipped_bit_of_ecdsa(brainpool_real);
}

#[test]
fn every_flipped_bit_of_the_nodes_ecdsa_is_refused() {
    every_flipped_bit_of_ecdsa(brainpool_test);
}

#[test]
fn every_flipped_bit_of_falcon_is_refused() {
    use SignatureError::{KeyEncoding, NotShort, SignatureEncoding};
    let not_short = |error| matches!(error, Some(NotShort { norm }) if norm >= 43_533_782);
    flip(falcon_test(), |s| &mut s.message, |_, _, error| assert!(not_short(error)));
    flip(
        falcon_test(),
        |s| &mut s.signature,
        |bit, _, error| match bit {
            0..8 => assert_eq!(error, Some(SignatureEncoding { offset: 0 })),
            _ => assert!(not_short(error), "bit {bit}: {error:?}"),
        },
    );
    let mut neighbours = 0;
    flip(
        falcon_test(),
        |s| &mut s.public,
        |bit, _, error| match bit {
            0..8 => assert_eq!(error, Some(KeyEncoding { offset: 0 })),
            // A key that differs by one in one place: s1 then differs by s2, which is short.
            _ if bit % 14 == 7 && error.is_none() => neighbours += 1,
            _ => {
                // The coefficient may reach the modulus.
                let offset = 1 + (bit - 8) / 14 * 14 / 8;
                let is_expected = not_short(error) || error == Some(KeyEncoding { offset });
                assert!(is_expected, "bit {bit}: {error:?}");
            }
        },
    );
    // What commits to a key is its hash, so nobody can choose another.
    assert!(neighbours < 512, "{neighbours}");
}

#[test]
fn lengths_and_types_are_not_confused() {
    for signed in [brainpool_real(), falcon_test()] {
        let Signed { key_type, public, message, signature } = &signed;
        let verify = |public: &[u8], signature: &[u8]| key_type.verify(public, message, signature);
        let (longer_key, longer) = ([&public[..], &[0]].concat(), [&signature[..], &[0]].concat());
        let (key_length, length) = (SignatureError::KeyLength, SignatureError::SignatureLength);
        assert_eq!(verify(&public[1..], signature), Err(key_length));
        assert_eq!(verify(&longer_key, signature), Err(key_length));
        assert_eq!(verify(&[], signature), Err(key_length));
        assert_eq!(verify(public, &signature[..signature.len() - 1]), Err(length));
        assert_eq!(verify(public, &longer), Err(length));
        assert_eq!(verify(public, &[]), Err(length));
        let other = if *key_type == Falcon { Brainpool } else { Falcon };
        assert_eq!(other.verify(public, message, signature), Err(key_length));
    }
}

#[test]
fn falcon_has_one_encoding() {
    use SignatureError::{KeyEncoding, SignatureEncoding};
    let refused = |offset| Err(SignatureEncoding { offset });
    // The compressed form, which the C++ node takes.
    let mut signed = falcon_test();
    signed.signature[0] = 0x39;
    assert_eq!(signed.verify(), refused(0));
    // The last coefficient is -2048.
    let mut signed = falcon_test();
    let last = signed.signature.len() - 2;
    signed.signature[last] = signed.signature[last] & 0xf0 | 0x8;
    signed.signature[last + 1] = 0;
    assert_eq!(signed.verify(), refused(last));
    // The last coefficient of the key is q.
    let mut signed = falcon_test();
    let last = signed.public.len() - 2;
    signed.public[last] = signed.public[last] & 0xc0 | 0x30;
    signed.public[last + 1] = 0x01;
    assert_eq!(signed.verify(), Err(KeyEncoding { offset: last }));
}

#[test]
fn ecdsa_has_one_encoding() {
    use SignatureError::{KeyEncoding, SignatureEncoding};
    let refused = |offset| Err(SignatureEncoding { offset });
    for start in [5, 71] {
        // Zero, one, not minimal, negative.
        for front in [[0, 0], [0, 0x7f], [0x80, 0], [0xff, 0xff]] {
            let mut signed = brainpool_real();
            signed.signature[start..start + 2].copy_from_slice(&front);
            assert_eq!(signed.verify(), refused(start), "{front:?}");
        }
    }
    // Without compression, hybrid, infinity.
    for header in [0, 1, 4, 6, 7] {
        let mut signed = brainpool_real();
        signed.public[0] = header;
        assert_eq!(signed.verify(), Err(KeyEncoding { offset: 0 }));
    }
    // x = p is x = 0 written otherwise.
    let p = "aadd9db8dbe9c48b3fd4e6ae33c9fc07cb308db3b3c9d20ed6639cca70330871\
             7d4d9b009bc66842aecda12ae6a380e62881ff2f2d82c68528aa6056583a48f3";
    let mut signed = brainpool_real();
    signed.public = [vec![2], hex(&p.into())].concat();
    assert_eq!(signed.verify(), Err(KeyEncoding { offset: 1 }));
}

#[cfg(feature = "write")]
#[test]
fn what_the_writer_signs_verifies_and_is_always_the_same() {
    for key_type in [Brainpool, Falcon] {
        let keys = [0, 1, 2].map(|index| SecretKey::derive(key_type, &[9; 32], index));
        for (key, other) in keys.iter().zip(&keys[1..]) {
            assert_eq!(key.key_type(), key_type);
            for message in [[0; 64], [255; 64]] {
                let signature = key.sign(&message);
                assert_eq!(key_type.verify(key.public(), &message, &signature), Ok(()));
                assert!(key_type.verify(other.public(), &message, &signature).is_err());
                assert!(key_type.verify(key.public(), &[1; 64], &signature).is_err());
                assert_eq!(key.sign(&message), signature);
            }
        }
        assert_eq!(SecretKey::derive(key_type, &[9; 32], 1).public(), keys[1].public());
        assert_ne!(SecretKey::derive(key_type, &[8; 32], 1).public(), keys[1].public());
    }
}
