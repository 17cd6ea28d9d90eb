//! Signature vectors of Wycheproof, RFC 8032 and NIST's ACVP: every one, none skipped.
#![allow(clippy::unwrap_used, reason = "a test")]

use ledger_verify::algorithm::Algorithm;
use serde_json::Value;

fn hex(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap();
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

/// Runs `verify(public, context, message, signature)` on all tests and returns their number.
fn run(
    file: &str,
    public: fn(&Value) -> &Value,
    verify: impl Fn(&[u8], &[u8], &[u8], &[u8]) -> bool,
) -> u64 {
    let file: Value = serde_json::from_str(file).unwrap();
    let mut count = 0;
    for group in file["testGroups"].as_array().unwrap() {
        let public = hex(public(group));
        for test in group["tests"].as_array().unwrap() {
            let context = test.get("ctx").map(hex).unwrap_or_default();
            let expected = test["result"] == "valid";
            let got = verify(&public, &context, &hex(&test["msg"]), &hex(&test["sig"]));
            assert_eq!(got, expected, "{} {}", test["tcId"], test["comment"]);
            count += 1;
        }
    }
    assert_eq!(Some(count), file["numberOfTests"].as_u64());
    count
}

#[test]
fn ed25519_agrees_with_all_151() {
    let file = include_str!("vectors/wycheproof_ed25519_test.json");
    let count = run(
        file,
        |group| &group["publicKey"]["pk"],
        |public, _, message, signature| Algorithm::Ed25519.verify(public, message, signature),
    );
    assert_eq!(count, 151);
}

#[cfg(feature = "ml-dsa")]
#[test]
fn ml_dsa_44_agrees_with_all_180() {
    use ledger_verify::ml_dsa::{ParameterSet, verify};
    let file = include_str!("vectors/wycheproof_mldsa_44_verify_test.json");
    let count = run(
        file,
        |group| &group["publicKey"],
        |public, context, message, signature| {
            verify(ParameterSet::MlDsa44, public, context, message, signature)
        },
    );
    assert_eq!(count, 180);
}

#[cfg(feature = "ml-dsa")]
#[test]
fn ml_dsa_65_agrees_with_all_210() {
    use ledger_verify::ml_dsa::{ParameterSet, verify};
    let file = include_str!("vectors/wycheproof_mldsa_65_verify_test.json");
    let count = run(
        file,
        |group| &group["publicKey"],
        |public, context, message, signature| {
            verify(ParameterSet::MlDsa65, public, context, message, signature)
        },
    );
    assert_eq!(count, 210);
}

#[test]
fn ed25519_agrees_with_all_5_of_rfc_8032() {
    let file: Value = serde_json::from_str(include_str!("vectors/rfc8032.json")).unwrap();
    let tests = file.as_array().unwrap();
    for test in tests {
        let (public, message) = (hex(&test["public"]), hex(&test["message"]));
        let mut signature = hex(&test["signature"]);
        assert!(Algorithm::Ed25519.verify(&public, &message, &signature), "{}", test["name"]);
        let longer = |bytes: &[u8]| [bytes, &[0]].concat();
        assert!(!Algorithm::Ed25519.verify(&longer(&public), &message, &signature));
        assert!(!Algorithm::Ed25519.verify(&public, &message, &longer(&signature)));
        signature[0] ^= 1;
        assert!(!Algorithm::Ed25519.verify(&public, &message, &signature), "{}", test["name"]);
    }
    assert_eq!(tests.len(), 5);
}

#[cfg(feature = "ml-dsa")]
#[test]
fn ml_dsa_agrees_with_all_30_of_acvp() {
    use ledger_verify::ml_dsa::{ParameterSet, verify_internal};
    let file: Value = serde_json::from_str(include_str!("vectors/acvp_mldsa_sigver.json")).unwrap();
    let (mut valid, mut invalid) = (0, 0);
    for group in file["testGroups"].as_array().unwrap() {
        let set = match group["parameterSet"].as_str().unwrap() {
            "ML-DSA-44" => ParameterSet::MlDsa44,
            "ML-DSA-65" => ParameterSet::MlDsa65,
            other => panic!("{other}"),
        };
        let public = hex(&group["pk"]);
        for test in group["tests"].as_array().unwrap() {
            let (message, signature) = (hex(&test["message"]), hex(&test["signature"]));
            let got = verify_internal(set, &public, &message, &signature);
            assert_eq!(got, test["testPassed"], "{} {}", test["tcId"], test["reason"]);
            *(if got { &mut valid } else { &mut invalid }) += 1;
        }
    }
    assert_eq!((valid, invalid), (6, 24));
}
