//! What several of these tests need.

use serde_json::Value;

/// Vectors of the real ledger.
pub(crate) fn ledger_vectors() -> Value {
    serde_json::from_str(include_str!("../vectors/nexus.json")).unwrap()
}

/// The bytes that a string of hexadecimal digits stands for.
pub(crate) fn hex(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap();
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}
