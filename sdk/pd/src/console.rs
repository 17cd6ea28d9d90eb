//! The link to `serial`: lines out, and for the PD that owns the console's input, lines in.

use protocols::serial::{INPUT_SLOTS, LogLine, RING_SLOTS};
use sel4_externally_shared::ExternallySharedRef;
use sel4_shared_ring_buffer::{RawRingBuffer, RingBuffer, roles::Read};

/// The ring of log lines, client to `serial`.
pub type RawLog = RawRingBuffer<LogLine, RING_SLOTS>;
/// The ring of typed lines, `serial` to client.
pub type RawInput = RawRingBuffer<LogLine, INPUT_SLOTS>;
/// Where typed lines arrive.
pub type Input<'a> = RingBuffer<'a, Read, LogLine, INPUT_SLOTS>;

/// What `serial` shares with a client; see `protocols::serial`.
#[repr(C)]
#[derive(Debug)]
pub struct ConsoleLink {
    log: RawLog,
    input: RawInput,
}

impl ConsoleLink {
    /// Both rings.
    pub fn split(
        link: ExternallySharedRef<'_, Self>,
    ) -> (ExternallySharedRef<'_, RawLog>, ExternallySharedRef<'_, RawInput>) {
        let link = link.into_ptr();
        let log = sel4_externally_shared::map_field!(link.log).as_raw_ptr();
        let input = sel4_externally_shared::map_field!(link.input).as_raw_ptr();
        // SAFETY: a field of what the reference given up here covered, and nobody else has it.
        let log = unsafe { ExternallySharedRef::new(log) };
        // SAFETY: as above, another field.
        (log, unsafe { ExternallySharedRef::new(input) })
    }
}
