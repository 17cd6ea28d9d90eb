//! An image that pins a long chain of the Nexus ledger: a volume that the chain vouches for is served, and
//! what is not that chain is refused by the name of the transaction that gives it away.

use std::ffi::OsStr;
use std::fs;
use std::io::Cursor;
use std::path::PathBuf;

use cairn_tests::environment::{Additions, Environment, Image};
use cairn_tests::machine::{Clock, Machine};
use cairn_tests::volume::{Files, edition, write_files};
use ledger_verify::Digest;
use ledger_verify::nexus::address::Address;
use ledger_verify::nexus::chain::{Commitment, Pin};
use ledger_verify::nexus::hash::sk256;
use ledger_verify::nexus::record::Record;
use ledger_verify::nexus::register::Kind;
use ledger_verify::nexus::{Genesis, Number};
use ledger_verify::registers::{Name, Value};
use ledger_verify::write::nexus::{Wallet, asset, bundle, record_text};
use libtest_mimic::Trial;
use serde_json::Value as Json;
use tempfile::TempDir;
use volume::Superblock;
use volume::write::embed_chain;

use crate::house::{House, VOLUME};
use crate::reading::{serves_all, target};
use crate::shared::{Shared, named, trials, wait_for};

/// Length of the asset's text, as the wallet fills it up.
const TEXT_BYTES: usize = 256;
/// What the chain vouches for: as many transactions say so, one after the other.
const GENERATION: u64 = 200;
/// Transactions that are as short as they can be: nine of them in a block of the chain area.
const SHORT_COUNT: usize = 100;
/// A processor that needs four nanoseconds for an instruction, and 50 ms for a transaction.
const SLOWLY: Clock = Clock::Instructions(2);

/// An image, a volume that its chain vouches for, and that chain.
pub(crate) struct Nexus {
    environment: Environment,
    image: Image,
    files: Files,
    volume: PathBuf,
    wallet: Wallet,
    raws: Vec<Vec<u8>>,
    folder: TempDir,
}

fn number(id: u8, top: u8) -> Genesis {
    let mut number = Number([id; 32]);
    number.0[31] = top;
    number
}

fn user() -> Genesis {
    number(7, 0xa1)
}

fn record(root: Digest, generation: u64) -> Vec<u8> {
    let name = Name::new(&format!("volume/{VOLUME}")).unwrap();
    let record = Record { name, value: Value::Pointer { root, generation } };
    asset(&record_text(&record), TEXT_BYTES)
}

fn write(wallet: &mut Wallet, root: Digest, generation: u64) -> Vec<u8> {
    wallet.write(Address(number(7, 0xd3)), &record(root, generation));
    wallet.seal()
}

/// A chain that has a recovery key, vouches for generation after generation of the volume, does something
/// else for a while, and vouches for this generation.
fn chain(genesis: Genesis, root: Digest) -> (Wallet, Vec<Vec<u8>>) {
    let mut wallet = Wallet::new([1; 32], genesis, 1_700_000_000);
    wallet.recovery = Number(sk256(wallet.recovery_key().public()));
    let mut raws = vec![wallet.seal()];
    wallet.create(Address(number(7, 0xd3)), Kind::Raw, &record(Digest([9; 32]), 1));
    raws.push(wallet.seal());
    for generation in 2..GENERATION {
        raws.push(write(&mut wallet, Digest([9; 32]), generation));
    }
    for _ in 0..SHORT_COUNT {
        let coinbase = [&[0x12][..], &[0; 48]].concat();
        wallet.push(coinbase, vec![]);
        raws.push(wallet.seal());
    }
    raws.push(write(&mut wallet, root, GENERATION));
    (wallet, raws)
}

impl Nexus {
    fn build(house: &House) -> Self {
        let environment = house.environment.clone();
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let files = edition(3);
        write_files(&path("files"), &files);
        let genesis = user();
        let cairn = |line: String| {
            let line = line.replace("DIR/", &format!("{}/", folder.path().display()));
            environment.cairn(line.split(' ').map(OsStr::new))
        };
        let waiting = cairn(format!(
            "--json volume build DIR/files DIR/image.img --name {VOLUME} --genesis {genesis} \
             --generation {GENERATION}"
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
        Self { environment, image, files, volume: path("image.img"), wallet, raws, folder }
    }

    /// A machine with the volume in which these transactions stand for the chain.
    fn boot(&self, name: &str, raws: &[Vec<u8>], clock: Clock) -> Machine {
        let mut bytes = fs::read(&self.volume).unwrap();
        let superblock = Superblock::parse(bytes.first_chunk().unwrap()).unwrap();
        embed_chain(Cursor::new(&mut bytes), &superblock, &bundle(raws)).unwrap();
        let disk = self.folder.path().join(format!("{name}.img"));
        fs::write(&disk, bytes).unwrap();
        Machine::boot(&self.environment, &self.image, name, disk.to_str().unwrap(), clock, &[])
    }

    /// Boots with `raws`, of which nothing is to be believed, for this reason.
    fn refuses(&self, name: &str, raws: &[Vec<u8>], reason: &str) {
        let machine = self.boot(name, raws, Clock::GHZ);
        machine.wait_for(&format!("volume refused: {reason}"));
        for path in self.files.keys() {
            let response = machine.get(&target(path));
            assert_eq!((response.status, response.text()), (502, &*format!("{reason}\n")));
        }
        // While it replays the chain once more, it answers nobody.
        let ledger = wait_for("an answer of ledger", || {
            Some(ledger(&machine)).filter(|ledger| ledger["state"] != "unknown")
        });
        assert_eq!(ledger["reason"], reason);
    }

    /// The owner before they signed the last transaction.
    fn before_the_last(&self) -> Wallet {
        let [.., before, _] = &self.raws[..] else { panic!("a short chain") };
        let id = ledger_verify::nexus::transaction::Transaction::parse_raw(before).unwrap().id;
        let mut wallet = self.wallet.clone();
        (wallet.sequence, wallet.previous, wallet.time_s) =
            (wallet.sequence - 1, id, wallet.time_s - 600);
        wallet
    }

    fn last(&self) -> u32 {
        self.wallet.sequence - 1
    }
}

pub(crate) fn tests(house: &Shared<House>) -> Vec<Trial> {
    let house = house.clone();
    let nexus = Shared::new(move || Nexus::build(house.get()));
    let tests = named!["nexus":
        a_volume_proven_by_a_long_chain_is_served_by_a_slow_machine,
        a_tampered_bundle_is_refused_by_its_transaction,
        a_fork_at_the_pin_is_refused,
        a_chain_that_ends_before_the_pin_is_refused,
        a_chain_of_another_user_is_refused,
        a_forged_recovery_is_refused,
    ];
    trials(&nexus, tests)
}

fn ledger(machine: &Machine) -> Json {
    let status: Json = serde_json::from_slice(&machine.get("/status").body).unwrap();
    status["ledger"].clone()
}

/// The machine is slow enough for the supervisor to take a replay without signs of life for dead.
pub(crate) fn a_volume_proven_by_a_long_chain_is_served_by_a_slow_machine(nexus: &Nexus) {
    let machine = nexus.boot("nexus", &nexus.raws, SLOWLY);
    serves_all(&machine, &nexus.files);
    assert_eq!(ledger(&machine)["chain"], hex(&user()));
    assert_eq!(ledger(&machine)["sequence"], nexus.last());
    assert!(machine.lines().iter().all(|line| !line.contains("CRASH")));
}

fn hex(genesis: &Genesis) -> String {
    genesis.0.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn a_tampered_bundle_is_refused_by_its_transaction(nexus: &Nexus) {
    let mut raws = nexus.raws.clone();
    *raws.last_mut().unwrap().last_mut().unwrap() ^= 1;
    let reason = format!("nexus transaction {}: bad signature", nexus.last());
    nexus.refuses("nexus-tampered", &raws, &reason);
}

pub(crate) fn a_fork_at_the_pin_is_refused(nexus: &Nexus) {
    let mut raws = nexus.raws.clone();
    raws.pop();
    raws.push(write(&mut nexus.before_the_last(), Digest([8; 32]), GENERATION + 1));
    let reason = format!("nexus transaction {}: not what is pinned", nexus.last());
    nexus.refuses("nexus-fork", &raws, &reason);
}

pub(crate) fn a_chain_that_ends_before_the_pin_is_refused(nexus: &Nexus) {
    let raws = &nexus.raws[..nexus.raws.len() - 1];
    let last = nexus.last();
    let reason = format!("nexus transaction {last}: pinned, but missing");
    nexus.refuses("nexus-short", raws, &reason);
}

pub(crate) fn a_chain_of_another_user_is_refused(nexus: &Nexus) {
    let (_, raws) = chain(number(8, 0xa1), Digest([8; 32]));
    nexus.refuses("nexus-foreign", &raws, "nexus transaction 0: of another user");
}

/// A stranger's recovery key, and a thief of the next key who would lock the owner's out.
pub(crate) fn a_forged_recovery_is_refused(nexus: &Nexus) {
    let (pinned, next) = (&nexus.raws[nexus.raws.len() - 1..], nexus.wallet.sequence);
    let forged = |edit: &dyn Fn(&mut Wallet) -> Vec<u8>| {
        let mut wallet = nexus.wallet.clone();
        wallet.write(Address(number(7, 0xd3)), &record(Digest([8; 32]), GENERATION + 1));
        [pinned, &[edit(&mut wallet)]].concat()
    };
    let stranger = Wallet::new([66; 32], user(), 0).recovery_key();
    let by_stranger = forged(&|wallet| wallet.seal_with(&stranger));
    let reason = format!("nexus transaction {next}: key not committed to");
    nexus.refuses("nexus-recovery", &by_stranger, &reason);
    let by_thief = forged(&|wallet| {
        wallet.recovery = Number(sk256(stranger.public()));
        wallet.seal()
    });
    let reason = format!("nexus transaction {next}: recovery key changed");
    nexus.refuses("nexus-lock-out", &by_thief, &reason);
}
