//! Wycheproof's signature vectors: every one, none skipped.
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
