//! `docs/ledger-attacks.md` names a test for each attack: every one of them exists.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeSet;
use std::path::Path;

fn collect_tests(folder: &Path, tests: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect_tests(&path, tests);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(path).unwrap();
            for part in text.split("#[test]").skip(1) {
                let name = part.split("fn ").nth(1).unwrap().split('(').next().unwrap();
                tests.insert(name.to_string());
            }
        }
    }
}

#[test]
fn every_attack_has_its_test() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut tests = BTreeSet::new();
    collect_tests(&folder.join("src"), &mut tests);
    collect_tests(&folder.join("tests"), &mut tests);
    collect_tests(&folder.join("../sdk/cairn/tests/log"), &mut tests);
    collect_tests(&folder.join("../pds/integrity"), &mut tests);
    let list = std::fs::read_to_string(folder.join("../docs/ledger-attacks.md")).unwrap();
    let mut attack_count = 0;
    for row in list.lines().filter(|line| line.starts_with("| ") && line.contains('`')) {
        attack_count += 1;
        for name in row.split('`').skip(1).step_by(2) {
            assert!(tests.contains(name), "no test {name}: {row}");
        }
    }
    assert!(attack_count >= 53, "{attack_count} attacks");
}
