//! An image that pins a chain of the Nexus ledger: a volume that the chain vouches for is served, and a
//! bundle in which a byte changed is refused by the name of its transaction.

use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;

use cairn_tests::environment::{Additions, Environment, Image};
use cairn_tests::machine::Machine;
use cairn_tests::map::Map;
use cairn_tests::volume::{Files, edition, write_files};
use ledger_verify::Digest;
use ledger_verify::nexus::address::Address;
use ledger_verify::nexus::chain::{Commitment, Pin};
use ledger_verify::nexus::record::Record;
use ledger_verify::nexus::register::Kind;
use ledger_verify::nexus::{Genesis, Number};
use ledger_verify::registers::{Name, Value};
use ledger_verify::write::nexus::{Wallet, asset, bundle, record_text};
use libtest_mimic::Trial;
use serde_json::Value as Json;
use tempfile::TempDir;

use crate::house::{House, VOLUME};
use crate::reading::target;
use crate::shared::{Shared, named, trials};

/// Length of the asset's text, as the wallet fills it up.
const TEXT_BYTES: usize = 256;

/// An image, and a volume whose chain area holds a Nexus bundle.
pub(crate) struct Nexus {
    environment: Environment,
    image: Image,
    files: Files,
    volume: PathBuf,
    genesis: Genesis,
    folder: TempDir,
}

fn number(top: u8) -> Genesis {
    let mut number = Number([7; 32]);
    number.0[31] = top;
    number
}

fn record(root: Digest, generation: u64) -> Vec<u8> {
    let name = Name::new(&format!("volume/{VOLUME}")).unwrap();
    let record = Record { name, value: Value::Pointer { root, generation } };
    asset(&record_text(&record), TEXT_BYTES)
}

/// A chain that vouches for generation 1 of the volume and then for this one.
fn chain(genesis: Genesis, root: Digest) -> (Wallet, Vec<Vec<u8>>) {
    let mut wallet = Wallet::new([1; 32], genesis, 1_700_000_000);
    let mut raws = vec![wallet.seal()];
    let at = Address(number(0xd3));
    wallet.create(at, Kind::Raw, &record(Digest([9; 32]), 1));
    raws.push(wallet.seal());
    wallet.write(at, &record(root, 2));
    raws.push(wallet.seal());
    (wallet, raws)
}

impl Nexus {
    fn build(house: &House) -> Self {
        let environment = house.environment.clone();
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let files = edition(3);
        write_files(&path("files"), &files);
        let genesis = number(0xa1);
        let cairn = |line: String| {
            let line = line.replace("DIR/", &format!("{}/", folder.path().display()));
            environment.cairn(line.split(' ').map(OsStr::new))
        };
        let waiting = cairn(format!(
            "--json volume build DIR/files DIR/image.img --name {VOLUME} --genesis {genesis} \
             --generation 2"
        ));
        let waiting: Json = serde_json::from_str(&waiting).unwrap();
        let root = Digest::from_hex(waiting["root"].as_str().unwrap()).unwrap();
        let (wallet, raws) = chain(genesis, root);
        fs::write(path("bundle"), bundle(&raws)).unwrap();
        let commitment = Commitment::Transaction(wallet.previous);
        let pin = Pin::new(genesis, wallet.sequence - 1, commitment).unwrap();
        cairn(format!("volume embed DIR/image.img --nexus DIR/bundle --pin {pin}"));
        fs::create_dir(path("image")).unwrap();
        cairn(format!(
            "nexus anchor DIR/bundle --pin {pin} --volume {VOLUME} --output DIR/image/anchor.bin"
        ));
        let image = environment.anchored_image(&path("image"), &Additions::default());
        Self { environment, image, files, volume: path("image.img"), genesis, folder }
    }

    /// A machine with the volume after `damage` was done to a copy.
    fn boot(&self, name: &str, damage: impl FnOnce(&mut [u8], &Map)) -> Machine {
        let mut bytes = fs::read(&self.volume).unwrap();
        let map = Map::new(&bytes);
        damage(&mut bytes, &map);
        let disk = self.folder.path().join(format!("{name}.img"));
        fs::write(&disk, bytes).unwrap();
        Machine::boot(&self.environment, &self.image, name, disk.to_str().unwrap(), &[])
    }
}

pub(crate) fn tests(house: &Shared<House>) -> Vec<Trial> {
    let house = house.clone();
    let nexus = Shared::new(move || Nexus::build(house.get()));
    let tests = named!["nexus":
        a_volume_proven_by_a_nexus_chain_is_served,
        a_tampered_bundle_is_refused_by_its_transaction,
    ];
    trials(&nexus, tests)
}

fn ledger(machine: &Machine) -> Json {
    let status: Json = serde_json::from_slice(&machine.get("/status").body).unwrap();
    status["ledger"].clone()
}

pub(crate) fn a_volume_proven_by_a_nexus_chain_is_served(nexus: &Nexus) {
    let machine = nexus.boot("nexus", |_, _| {});
    for (path, content) in &nexus.files {
        let response = machine.get(&target(path));
        assert_eq!(response.status, 200, "{path}: {}", response.text());
        assert!(response.body == *content, "{path}");
    }
    let hex: String = nexus.genesis.0.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(ledger(&machine)["chain"], hex);
    assert_eq!(ledger(&machine)["sequence"], 2);
}

pub(crate) fn a_tampered_bundle_is_refused_by_its_transaction(nexus: &Nexus) {
    // The last byte is one of the last transaction's signature.
    let machine = nexus.boot("nexus-tampered", |bytes, map| bytes[map.events.end - 1] ^= 1);
    let reason = "nexus transaction 2: bad signature";
    machine.wait_for(&format!("volume refused: {reason}"));
    let path = nexus.files.keys().next().unwrap();
    let response = machine.get(&target(path));
    assert_eq!((response.status, response.text()), (502, &*format!("{reason}\n")));
    assert_eq!(ledger(&machine)["reason"], reason);
}
