//! More connections than there is room for: who does not ask gives way.

use std::iter;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use cairn_tests::http::Connection;
use libtest_mimic::Trial;

use crate::house::House;
use crate::reading::{Served, target};
use crate::shared::{Shared, named, trials};

/// More connections than `gateway` keeps.
const TOO_MANY: usize = 24;

/// A machine of its own, for others' connections would have to give way, too. One test at a time.
type Crowded = Mutex<Served>;

pub(crate) fn tests(house: &Shared<House>) -> Vec<Trial> {
    let house = house.clone();
    let crowded = Shared::new(move || Mutex::new(Served::boot(&house, "crowd")));
    let tests = named!["crowd":
        silent_connections_give_way_soon,
        idle_connections_give_way_at_once,
        who_reads_slowly_keeps_no_others_from_reading,
    ];
    trials(&crowded, tests)
}

fn turn(crowded: &Crowded) -> MutexGuard<'_, Served> {
    // A test that failed is over, too.
    crowded.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How long it takes to be served beside these connections.
fn time_beside(served: &Served, connect: impl FnMut() -> Connection) -> Duration {
    let others: Vec<_> = iter::repeat_with(connect).take(TOO_MANY).collect();
    let begun = Instant::now();
    served.assert_serves();
    let taken = begun.elapsed();
    drop(others);
    taken
}

/// Whether it takes less than `limit` at least once: the machine that runs the tests may be busy.
fn is_ever_below(limit: Duration, mut round: impl FnMut() -> Duration) -> bool {
    (0..10).any(|_| round() < limit)
}

fn silent_connections_give_way_soon(crowded: &Crowded) {
    let served = turn(crowded);
    let mut is_silent = false;
    let mut connect = || {
        let mut connection = served.machine.connect_in_turn();
        is_silent = !is_silent;
        connection.send(if is_silent { b"" } else { b"GET / HTT" });
        connection
    };
    assert!(is_ever_below(Duration::from_secs(2), || time_beside(&served, &mut connect)));
}

fn idle_connections_give_way_at_once(crowded: &Crowded) {
    let served = turn(crowded);
    let connect = || {
        let mut connection = served.machine.connect_in_turn();
        assert_eq!(connection.get(&target("block.bin")).status, 200);
        connection
    };
    assert!(is_ever_below(Duration::from_millis(500), || time_beside(&served, connect)));
}

fn who_reads_slowly_keeps_no_others_from_reading(crowded: &Crowded) {
    let served = turn(crowded);
    let path = "large/odd.bin";
    let mut slow: Vec<_> = iter::repeat_with(|| {
        let mut connection = served.machine.connect_in_turn();
        connection.request("GET", &target(path), &[]);
        assert!(connection.has_begun());
        connection
    })
    .take(12)
    .collect();
    served.assert_serves();
    for connection in &mut slow {
        let response = connection.response();
        assert!(response.status == 200 && response.body == served.file(path), "cut short");
    }
}
