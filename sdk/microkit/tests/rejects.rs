//! Every malformed description under `tests/fixtures/reject` and the message it must produce: the
//! comment `<!-- expect: line:column: message -->` at its end.

mod support;

use microkit::sdf;
use support::{fixtures, note};

#[test]
fn each_malformed_description_is_told_what_is_wrong_and_where() {
    let fixtures = fixtures("reject");
    assert!(fixtures.len() >= 60, "only {} fixtures", fixtures.len());
    let mut wrong = Vec::new();
    for (name, _, text) in &fixtures {
        let outcome = match sdf::parse(text, "f") {
            Ok(_) => "accepted".to_owned(),
            Err(error) => error.to_string(),
        };
        let expected = note(text, "expect").unwrap_or("nothing: the fixture names no message");
        if outcome.strip_prefix("f:") != Some(expected) {
            wrong.push(format!("{name}\n  expected {expected}\n  got      {outcome}"));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}
