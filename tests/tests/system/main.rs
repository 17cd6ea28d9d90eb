//! Boots the real image in QEMU, uses it through its network card and disk as a user would, then
//! breaks it on purpose. `make test-system` runs it, `cargo test -p cairn-tests -- <filter>` a part.
//!
//! Tests of one group share a machine: the first one boots it, the last one ends it. Consoles are
//! kept in `build/<platform>/<kernel>-<config>/system-tests/`.
#![forbid(unsafe_code)]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, reason = "tests may panic")]

mod age;
mod damage;
mod house;
mod reading;
mod requests;
mod shared;
mod status;

use damage::Damaged;
use house::House;
use libtest_mimic::{Arguments, Trial};
use reading::Served;
use shared::{Shared, trials};

/// Names with their functions.
macro_rules! tests {
    ($($module:ident: [$($test:ident),* $(,)?]),* $(,)?) => {
        vec![$($((concat!(stringify!($module), "::", stringify!($test)), $module::$test as fn(&_)),)*)*]
    };
}

fn main() {
    let arguments = Arguments::from_args();
    let house = Shared::new(House::build);
    libtest_mimic::run(&arguments, all(&house)).exit();
}

#[expect(clippy::too_many_lines, reason = "a list")]
fn all(house: &Shared<House>) -> Vec<Trial> {
    let served = {
        let house = house.clone();
        Shared::new(move || Served::boot(&house, "reading"))
    };
    let reading = tests![
        reading: [
            the_root_lists_the_volume,
            the_list_comes_as_json_and_html,
            every_file_is_exact,
            paths_may_be_escaped_or_not,
            the_tag_is_the_merkle_root,
            ranges_are_exact,
            ranges_may_be_open_or_wrong,
            head_says_the_same_without_the_bytes,
            many_at_once_get_what_they_asked_for,
            a_connection_lives_on,
            who_reads_late_gets_everything_and_delays_nobody,
        ],
        requests: [
            a_wrong_path_is_404,
            a_wrong_method_is_405,
            too_long_a_head_is_431,
            garbage_is_400,
            an_unknown_version_is_505,
            two_readings_of_a_request_are_refused,
            content_is_skipped_or_refused,
            pipelined_requests_are_answered_in_order,
            a_request_may_come_byte_by_byte,
            noise_never_gets_a_wrong_answer,
            silent_connections_shut_nobody_out,
        ],
        status: [
            says_which_image_this_is,
            names_volume_and_chain,
            every_pd_runs,
            the_network_is_counted,
            the_console_said_the_same,
        ],
    ];
    let damaged = {
        let house = house.clone();
        Shared::new(move || Damaged::boot(&house, "damage", |_, _| {}))
    };
    let damages = tests![damage: [
        a_block_is_named_and_harms_nothing_else,
        a_tree_is_named_and_harms_nothing_else,
        a_leaf_of_the_table_is_named_and_harms_nothing_else,
        no_byte_anywhere_makes_a_wrong_answer,
        a_dead_disk_is_503_and_forgotten_when_it_lives,
        a_disk_that_dies_in_between_cuts_answers_short,
    ]];
    let boots = tests![
        damage: [
            one_superblock_is_enough,
            without_a_superblock_nothing_is_served,
            a_bad_event_is_named_and_nothing_is_served,
            a_bad_table_is_named_and_nothing_is_served,
            a_disk_that_fails_at_boot_is_used_when_it_recovers,
        ],
        age: [
            an_old_volume_is_refused,
            another_chains_volume_is_refused,
            a_newer_volume_is_served_and_each_boot_has_its_own_id,
        ],
    ];
    let itself = {
        let house = house.clone();
        Shared::new(move || house.clone())
    };
    let mut all = trials(&served, reading);
    all.extend(trials(&damaged, damages));
    all.extend(trials(&itself, boots));
    all
}
