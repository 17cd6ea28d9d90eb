//! More connections than there is room for: who asks is answered, who does not gives way.

use std::iter;
use std::thread;
use std::time::{Duration, Instant};

use cairn_tests::http::Connection;
use serde_json::Value;

use crate::reading::{Served, target};
use crate::shared::{Tests, named};

/// Clients of a burst.
const CLIENTS: usize = 100;
/// How long a burst may take that takes two seconds on an idle machine.
const BURST: Duration = Duration::from_secs(30);
/// From connecting until a client asks: time for the others to come, but far less than the second
/// after which it would give way.
const PAUSE: Duration = Duration::from_millis(200);
/// More connections than `gateway` keeps.
const TOO_MANY: usize = 40;

pub(crate) fn tests() -> Tests<Served> {
    named!["crowd":
        everybody_in_a_burst_is_answered,
        silent_connections_give_way_soon,
        idle_connections_give_way_at_once,
    ]
}

/// Each asks for a file, and over a second connection for the state.
pub(crate) fn everybody_in_a_burst_is_answered(served: &Served) {
    let path = "block-and-one.bin";
    for round in 0..5 {
        let begun = Instant::now();
        let client = || {
            let mut connection = served.machine.connect_in_turn();
            thread::sleep(PAUSE);
            let file = connection.get(&target(path));
            assert_eq!((file.status, &*file.body), (200, served.file(path)));
            drop(connection);
            let status = served.machine.connect_in_turn().get("/status");
            assert_eq!((status.status, status.is_cut), (200, false));
            serde_json::from_slice::<Value>(&status.body).unwrap();
        };
        thread::scope(|scope| (0..CLIENTS).for_each(|_| drop(scope.spawn(client))));
        let taken = begun.elapsed();
        println!("round {round}: {} connections in {taken:?}", 2 * CLIENTS);
        assert!(taken < BURST, "{taken:?}");
    }
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

/// The machine that runs the tests may be busy, but not each time.
fn best_of_five(round: impl FnMut() -> Duration) -> Duration {
    iter::repeat_with(round).take(5).min().unwrap()
}

pub(crate) fn silent_connections_give_way_soon(served: &Served) {
    let taken = best_of_five(|| {
        let mut is_silent = false;
        time_beside(served, || {
            let mut connection = served.machine.connect_in_turn();
            is_silent = !is_silent;
            connection.send(if is_silent { b"" } else { b"GET / HTT" });
            connection
        })
    });
    assert!(taken < Duration::from_secs(2), "{taken:?}");
}

pub(crate) fn idle_connections_give_way_at_once(served: &Served) {
    let taken = best_of_five(|| {
        time_beside(served, || {
            let mut connection = served.machine.connect_in_turn();
            assert_eq!(connection.get(&target("block.bin")).status, 200);
            connection
        })
    });
    assert!(taken < Duration::from_millis(500), "{taken:?}");
}
