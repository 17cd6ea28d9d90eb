//! A byte of the disk changes: never is a wrong one served, what is affected is refused by name, and
//! the rest is served as before.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use cairn_tests::disk::Disk;
use cairn_tests::http::Response;
use cairn_tests::machine::{Machine, PATIENCE};
use cairn_tests::map::{Map, Part};
use cairn_tests::random::Random;
use cairn_tests::volume::Files;
use libtest_mimic::Trial;
use serde_json::Value;
use tempfile::TempDir;
use volume::geometry::BLOCK_BYTES;

use crate::house::{House, PINNED};
use crate::reading::target;
use crate::shared::{Shared, named, trials};

/// A machine whose disk is in this process. Tests change it one after the other.
pub(crate) struct Damaged {
    files: Files,
    map: Map,
    disk: Mutex<Disk>,
    machine: Machine,
    _folder: TempDir,
}

impl Damaged {
    /// Boots with a disk on which `damage` was done.
    pub(crate) fn boot(house: &House, name: &str, damage: impl FnOnce(&Disk, &Map)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::new(&house.volume, folder.path());
        let map = Map::new(&disk.bytes());
        damage(&disk, &map);
        let machine = house.boot(name, disk.address());
        Self { files: house.files.clone(), map, disk: Mutex::new(disk), machine, _folder: folder }
    }

    fn file(&self, path: &str) -> &[u8] {
        &self.files[path]
    }

    /// The disk lives again. QEMU tries to connect in its own time.
    fn restart(&self, disk: &mut Disk, path: &str) {
        disk.restart();
        let deadline = Instant::now() + PATIENCE;
        while self.get(path).status == 503 && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(50));
        }
        self.assert_right(path);
    }

    fn get(&self, path: &str) -> Response {
        self.machine.get(&target(path))
    }

    fn assert_right(&self, path: &str) {
        let response = self.get(path);
        assert_eq!(response.status, 200, "{path}: {}", response.text());
        assert!(response.body == self.file(path), "{path}");
    }

    /// Other tests may have read a leaf or a tree, and what is proven may be kept. After this it is
    /// not, for all other leaves are.
    fn read_all_leaves_but(&self, block: u64) {
        let mut read = BTreeSet::from([block]);
        for (path, place) in &self.map.places {
            if read.insert(place.leaf.1) {
                self.assert_right(path);
            }
        }
        assert!(read.len() > 32, "fewer leaves than are kept: {}", read.len());
    }

    /// The file is refused with this reason, which the console shows, too.
    fn assert_refused(&self, path: &str, reason: &str) {
        let first = self.machine.line_count();
        let response = self.get(path);
        assert_eq!((response.status, response.text()), (502, &*format!("{reason}\n")), "{path}");
        self.machine.wait_for_after(first, reason);
    }

    fn status(&self) -> Value {
        serde_json::from_slice(&self.machine.get("/status").body).unwrap()
    }
}

pub(crate) fn tests(house: &Shared<House>) -> Vec<Trial> {
    let shared = house.clone();
    let damaged = Shared::new(move || Damaged::boot(shared.get(), "damage", |_, _| {}));
    let while_it_runs = named!["damage":
        a_block_is_named_and_harms_nothing_else,
        a_tree_is_named_and_harms_nothing_else,
        a_leaf_of_the_table_is_named_and_harms_nothing_else,
        no_byte_anywhere_makes_a_wrong_answer,
        a_dead_disk_is_503_and_forgotten_when_it_lives,
        a_disk_that_dies_in_between_cuts_answers_short,
    ];
    let before_it_boots = named!["damage":
        one_superblock_is_enough,
        without_a_superblock_nothing_is_served,
        a_bad_event_is_named_and_nothing_is_served,
        what_was_read_badly_at_boot_is_read_again,
        a_bad_table_is_named_and_nothing_is_served,
        a_disk_that_fails_at_boot_is_used_when_it_recovers,
    ];
    let mut tests = trials(&damaged, while_it_runs);
    tests.extend(trials(house, before_it_boots));
    tests
}

fn first_byte(block: u64) -> usize {
    usize::try_from(block).unwrap() * BLOCK_BYTES
}

pub(crate) fn a_block_is_named_and_harms_nothing_else(damaged: &Damaged) {
    let disk = damaged.disk.lock().unwrap();
    let path = "large/odd.bin";
    for (index, byte) in [(0, 0), (17, 4095), (699, 7), (700, 4095)] {
        let at = first_byte(damaged.map.places[path].data[index]) + byte;
        disk.flip(at, 0x10);
        let range = format!("bytes={}-", index * BLOCK_BYTES);
        let first = damaged.machine.line_count();
        let response = damaged.machine.connect().get_with(&target(path), &[("Range", &range)]);
        let reason = format!("block {index} of /{path}: hash mismatch");
        assert_eq!((response.status, response.text()), (502, &*format!("{reason}\n")));
        damaged.machine.wait_for_after(first, &reason);
        let full = damaged.get(path);
        if full.status == 200 {
            assert!(full.is_cut && full.body.len() <= index * BLOCK_BYTES, "{}", full.body.len());
            assert!(damaged.file(path).starts_with(&full.body));
        }
        damaged.assert_right("large/mebibyte.bin");
        disk.flip(at, 0x10);
        damaged.assert_right(path);
    }
}

pub(crate) fn a_tree_is_named_and_harms_nothing_else(damaged: &Damaged) {
    let disk = damaged.disk.lock().unwrap();
    let path = "node.bin";
    let at = damaged.map.places[path].tree.unwrap();
    damaged.read_all_leaves_but(damaged.map.places[path].leaf.1);
    disk.flip(at, 1);
    damaged.assert_refused(path, &format!("tree node 0/0 of /{path}: hash mismatch"));
    damaged.assert_right("large/mebibyte.bin");
    disk.flip(at, 1);
    damaged.assert_right(path);
}

pub(crate) fn a_leaf_of_the_table_is_named_and_harms_nothing_else(damaged: &Damaged) {
    let disk = damaged.disk.lock().unwrap();
    let path = damaged.file_path("many/file-1000");
    let (index, block) = damaged.map.places[path].leaf;
    damaged.read_all_leaves_but(block);
    disk.flip(first_byte(block) + 100, 4);
    damaged.assert_refused(path, &format!("toc node {index}: hash mismatch"));
    damaged.assert_right(damaged.file_path("many/file-1900"));
    disk.flip(first_byte(block) + 100, 4);
    damaged.assert_right(path);
}

impl Damaged {
    fn file_path(&self, start: &str) -> &str {
        self.map.places.keys().find(|path| path.starts_with(start)).unwrap()
    }
}

pub(crate) fn no_byte_anywhere_makes_a_wrong_answer(damaged: &Damaged) {
    let disk = damaged.disk.lock().unwrap();
    let mut random = Random(0x0ddb17e5);
    let paths: Vec<_> = damaged.map.places.keys().collect();
    let len = disk.bytes().len();
    let (mut connection, mut refusals) = (damaged.machine.connect(), 0);
    for round in 0..250 {
        let at = random.below(len);
        let bits = 1 << random.below(8);
        disk.flip(at, bits);
        let block = u64::try_from(at / BLOCK_BYTES).unwrap();
        let hit = match damaged.map.part(block) {
            Part::Data(path) => path,
            _ => random.pick(&paths).as_str(),
        };
        for path in [hit, random.pick(&paths).as_str()] {
            let response = connection.get(&target(path));
            let content = damaged.file(path);
            let shown =
                format!("round {round}, byte {at} ^ {bits:#x}, {path}: {}", response.status);
            match response.status {
                200 if response.is_cut => {
                    assert!(content.starts_with(&response.body), "{shown}");
                    connection = damaged.machine.connect();
                    refusals += 1;
                }
                200 => assert!(response.body == content, "{shown}"),
                502 => {
                    assert!(
                        response.text().ends_with(": hash mismatch\n"),
                        "{shown}: {}",
                        response.text()
                    );
                    refusals += 1;
                }
                _ => panic!("{shown}: {}", response.text()),
            }
        }
        disk.flip(at, bits);
        let response = connection.get(&target(hit));
        assert!(
            response.status == 200 && response.body == damaged.file(hit),
            "round {round}: {hit} after repair"
        );
    }
    // Most bytes are data of large files, which nobody caches.
    assert!(refusals > 100, "only {refusals} refusals");
}

pub(crate) fn a_dead_disk_is_503_and_forgotten_when_it_lives(damaged: &Damaged) {
    let mut disk = damaged.disk.lock().unwrap();
    let path = "node-and-one.bin";
    damaged.assert_right(path);
    for _ in 0..3 {
        disk.kill();
        for _ in 0..3 {
            let response = damaged.get(path);
            assert_eq!((response.status, response.text().lines().count()), (503, 1));
        }
        assert_eq!(damaged.status()["volume"]["state"], "proven", "the system is up");
        damaged.restart(&mut disk, path);
    }
}

pub(crate) fn a_disk_that_dies_in_between_cuts_answers_short(damaged: &Damaged) {
    let mut disk = damaged.disk.lock().unwrap();
    let path = "large/odd.bin";
    let mut connections: Vec<_> = (0..6).map(|_| damaged.machine.connect()).collect();
    for connection in &mut connections {
        connection.request("GET", &target(path), &[]);
    }
    // The first answer is on its way, but does not fit the buffers in between.
    let begun = connections[0].has_begun();
    disk.kill();
    assert!(begun);
    for connection in &mut connections {
        let Ok(response) = connection.try_response() else { continue };
        match response.status {
            200 => assert!(damaged.file(path).starts_with(&response.body)),
            status => assert_eq!(status, 503),
        }
    }
    damaged.restart(&mut disk, path);
}

pub(crate) fn one_superblock_is_enough(house: &House) {
    for slot in 0..2 {
        let damaged = Damaged::boot(house, &format!("superblock-{slot}"), |disk, _| {
            disk.flip(slot * BLOCK_BYTES + 32, 2);
        });
        damaged.assert_right("block.bin");
        assert_eq!(damaged.status()["volume"]["generation"], PINNED);
    }
}

pub(crate) fn without_a_superblock_nothing_is_served(house: &House) {
    let damaged = Damaged::boot(house, "superblocks", |disk, _| {
        disk.flip(100, 1);
        disk.flip(BLOCK_BYTES + 4000, 0x80);
    });
    damaged.assert_nothing_served("superblock: hash mismatch");
}

pub(crate) fn a_bad_event_is_named_and_nothing_is_served(house: &House) {
    let mut random = Random(0xeefe);
    for round in 0..3 {
        let name = format!("event-{round}");
        let damaged = Damaged::boot(house, &name, |disk, map| {
            disk.flip(map.events.start + random.below(map.events.len()), 1 << random.below(8));
        });
        let line = damaged.machine.wait_for("volume refused: chain");
        let (_, reason) = line.split_once("volume refused: ").unwrap();
        assert!(reason.starts_with("chain event "), "{reason}");
        damaged.assert_nothing_served(reason);
        assert_eq!(damaged.status()["ledger"]["reason"], reason);
    }
}

pub(crate) fn what_was_read_badly_at_boot_is_read_again(house: &House) {
    for is_chain in [false, true] {
        let name = if is_chain { "event-once" } else { "superblocks-once" };
        let flip = |disk: &Disk, map: &Map| {
            let event = map.events.start + map.events.len() / 2;
            let places = if is_chain { vec![event] } else { vec![100, BLOCK_BYTES + 100] };
            places.into_iter().for_each(|at| disk.flip(at, 1));
        };
        let damaged = Damaged::boot(house, name, flip);
        assert_eq!(damaged.get("block.bin").status, 502);
        let disk = damaged.disk.lock().unwrap();
        flip(&disk, &damaged.map);
        let deadline = Instant::now() + PATIENCE;
        while damaged.get("block.bin").status != 200 && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(200));
        }
        damaged.assert_right("block.bin");
    }
}

pub(crate) fn a_bad_table_is_named_and_nothing_is_served(house: &House) {
    let mut index = 0;
    let damaged = Damaged::boot(house, "toc", |disk, map| {
        let (block, node) = map.toc_root();
        index = node;
        disk.flip(first_byte(block) + 50, 1);
    });
    for path in ["block.bin", "none"] {
        damaged.assert_refused(path, &format!("toc node {index}: hash mismatch"));
    }
    let response = damaged.machine.get("/");
    assert_eq!(
        (response.status, response.text()),
        (502, &*format!("toc node {index}: hash mismatch\n"))
    );
}

pub(crate) fn a_disk_that_fails_at_boot_is_used_when_it_recovers(house: &House) {
    let damaged = Damaged::boot(house, "late", |disk, _| disk.set_broken(true));
    let response = damaged.get("block.bin");
    assert_eq!((response.status, response.text().lines().count()), (503, 1), "{}", response.text());
    assert_eq!(damaged.status()["volume"]["state"], "unknown");
    damaged.disk.lock().unwrap().set_broken(false);
    // The first question finds out, the next one has the answer.
    for _ in 0..10 {
        if damaged.get("block.bin").status == 200 {
            break;
        }
    }
    damaged.assert_right("block.bin");
    assert_eq!(damaged.status()["volume"]["state"], "proven");
}

impl Damaged {
    fn assert_nothing_served(&self, reason: &str) {
        self.machine.wait_for(&format!("volume refused: {reason}"));
        for way in ["/", "/o/block.bin", "/o/none"] {
            let response = self.machine.get(way);
            assert_eq!((response.status, response.text()), (502, &*format!("{reason}\n")), "{way}");
        }
        let volume = &self.status()["volume"];
        assert_eq!((&volume["state"], &volume["reason"]), (&"refused".into(), &reason.into()));
    }
}
