//! Boots the real image in QEMU, uses it through its network card and disk as a user would, then
//! breaks it on purpose. `make test-system` runs it, `cargo test -p cairn-tests -- <filter>` a part.
//!
//! Tests of one group share a machine: the first one boots it, the last one ends it. Consoles are
//! kept in `build/<platform>/<kernel>-<config>/system-tests/`.
#![forbid(unsafe_code)]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, reason = "tests may panic")]

mod age;
mod crowd;
mod damage;
mod healing;
mod house;
mod network;
mod nexus;
mod page;
mod reading;
mod requests;
mod shared;
mod stalls;
mod status;
mod stolen;

use house::House;
use libtest_mimic::Arguments;
use shared::Shared;

fn main() {
    let arguments = Arguments::from_args();
    let house = Shared::new(House::build);
    let tests = [
        reading::tests(&house),
        crowd::tests(&house),
        network::tests(&house),
        damage::tests(&house),
        age::tests(&house),
        healing::tests(&house),
        stolen::tests(&house),
        nexus::tests(&house),
        stalls::tests(&house),
    ];
    drop(house);
    libtest_mimic::run(&arguments, tests.into_iter().flatten().collect()).exit();
}
