//! Volumes of other times and places.

use std::path::Path;

use cairn_tests::machine::Machine;
use libtest_mimic::Trial;
use serde_json::Value;

use crate::house::{House, VOLUME};
use crate::shared::{Shared, named, trials};

pub(crate) fn tests(house: &Shared<House>) -> Vec<Trial> {
    let tests = named!["age":
        an_old_volume_is_refused,
        another_chains_volume_is_refused,
        of_a_revoked_chain_nothing_newer_is_served,
        a_newer_volume_is_served_and_each_boot_has_its_own_id,
    ];
    trials(house, tests)
}

fn status(machine: &Machine) -> Value {
    serde_json::from_slice(&machine.get("/status").body).unwrap()
}

fn refusal(house: &House, name: &str, volume: &Path, code: u16) -> String {
    let machine = house.boot(name, volume);
    let response = machine.get("/o/edition");
    assert_eq!(
        (response.status, response.text().lines().count()),
        (code, 1),
        "{}",
        response.text()
    );
    let reason = response.text().trim_end().to_owned();
    machine.wait_for(&format!("volume refused: {reason}"));
    assert_eq!(machine.get("/").text().trim_end(), reason);
    let status = status(&machine);
    assert_eq!(
        (&status["volume"]["state"], &status["volume"]["reason"]),
        (&"refused".into(), &reason.clone().into())
    );
    reason
}

pub(crate) fn an_old_volume_is_refused(house: &House) {
    let reason = refusal(house, "old", &house.old, 502);
    assert_eq!(reason, "volume generation 3 is older than the anchored 5");
}

pub(crate) fn another_chains_volume_is_refused(house: &House) {
    let reason = refusal(house, "foreign", &house.foreign, 502);
    assert!(reason.starts_with("volume belongs to another chain"), "{reason}");
}

pub(crate) fn of_a_revoked_chain_nothing_newer_is_served(house: &House) {
    let reason = refusal(house, "revoked-new", &house.revoked_new, 410);
    assert_eq!(reason, "chain is revoked by event 7: nothing after event 5 is believed");
    // What the image pins was said before.
    let machine = house.boot("revoked", &house.revoked);
    assert_eq!(machine.get("/o/one-byte").body, house.files["one-byte"]);
    let status = status(&machine);
    let reason = "chain is revoked by event 6: nothing after event 5 is believed";
    assert_eq!(
        (&status["ledger"]["state"], &status["ledger"]["reason"]),
        (&"revoked".into(), &reason.into())
    );
}

pub(crate) fn a_newer_volume_is_served_and_each_boot_has_its_own_id(house: &House) {
    let boot = |name| {
        let machine = house.boot(name, &house.new);
        assert_eq!(machine.get("/o/edition").text(), "6\n");
        let status = status(&machine);
        assert_eq!(
            (&status["volume"]["name"], &status["volume"]["generation"]),
            (&VOLUME.into(), &6.into())
        );
        status["boot_id"].as_str().unwrap().to_owned()
    };
    assert_ne!(boot("new-1"), boot("new-2"));
}
