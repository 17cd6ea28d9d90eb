//! The owner's key is stolen: the thief's volume counts until the owner recovers, and no longer once an
//! image pins the recovery. Signed with Ed25519 and ML-DSA-65, which quantum computers do not forge.

use std::path::{Path, PathBuf};

use cairn_tests::environment::{Additions, Environment, Image};
use cairn_tests::machine::{Clock, Machine};
use cairn_tests::volume::{Chain, Files, edition};
use libtest_mimic::Trial;
use serde_json::Value;
use tempfile::TempDir;

use crate::house::{House, VOLUME};
use crate::reading::serves_all;
use crate::shared::{Shared, named, trials};

/// An image that pins a recovery, and volumes of the owner and of the thief.
pub(crate) struct Stolen {
    environment: Environment,
    #[expect(dead_code, reason = "removed when dropped")]
    folder: TempDir,
    image: Image,
    files: Files,
    recovered: PathBuf,
    /// Of the chain on which the thief went on, beside the recovery.
    thiefs: PathBuf,
}

impl Stolen {
    fn build(environment: &Environment) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let secret = path("recovery");
        let options = ["--algorithm", "ed25519+ml-dsa-65", "--recovery", secret.to_str().unwrap()];
        let chain = Chain::with(environment, path("chain"), &options);
        let _ = chain.volume(VOLUME, &edition(1));
        let thief = chain.copied(path("thief"));
        let _ = thief.volume(VOLUME, &edition(2));
        chain.recover(&secret);
        let files = edition(3);
        let recovered = chain.volume(VOLUME, &files);
        // Both chains end with event 3.
        let thiefs = thief.volume(VOLUME, &edition(3));
        let image = environment.image(&path("image"), &chain.folder, &Additions::default());
        Self { environment: environment.clone(), folder, image, files, recovered, thiefs }
    }

    fn boot(&self, name: &str, disk: &Path) -> Machine {
        let disk = disk.to_str().unwrap();
        Machine::boot(&self.environment, &self.image, name, disk, Clock::GHZ, &[])
    }
}

pub(crate) fn tests(house: &Shared<House>) -> Vec<Trial> {
    let house = house.clone();
    let stolen = Shared::new(move || Stolen::build(&house.get().environment));
    let tests = named!["stolen":
        what_the_owner_says_after_a_recovery_is_served,
        what_a_thief_says_beside_a_recovery_is_refused,
    ];
    trials(&stolen, tests)
}

pub(crate) fn what_the_owner_says_after_a_recovery_is_served(stolen: &Stolen) {
    let machine = stolen.boot("recovered", &stolen.recovered);
    serves_all(&machine, &stolen.files);
    let status: Value = serde_json::from_slice(&machine.get("/status").body).unwrap();
    assert_eq!(
        (&status["ledger"]["state"], &status["ledger"]["sequence"]),
        (&"proven".into(), &3.into())
    );
}

pub(crate) fn what_a_thief_says_beside_a_recovery_is_refused(stolen: &Stolen) {
    let machine = stolen.boot("thief", &stolen.thiefs);
    machine.wait_for("volume refused: chain event 3: not the anchored event");
    let response = machine.get("/o/edition");
    assert_eq!(
        (response.status, response.text()),
        (502, "chain event 3: not the anchored event\n")
    );
}
