//! The tests' side of the commands.

use sel4_microkit::Channel;
use test_harness::words;

use crate::{ARGUMENTS, COMMAND, RESULT};

/// The peer, for commands and as the link's other end.
pub const PEER: Channel = Channel::new(0);
/// The scribbler.
pub const SCRIBBLER: Channel = Channel::new(1);

/// Has the peer do something; returns its result.
#[track_caller]
pub fn peer(command: u64, first: u64, second: u64) -> u64 {
    words().set(ARGUMENTS, first);
    words().set(ARGUMENTS + 1, second);
    words().set(COMMAND, command);
    PEER.notify();
    assert_eq!(words().get(COMMAND), 0, "the peer did not run");
    words().get(RESULT)
}
