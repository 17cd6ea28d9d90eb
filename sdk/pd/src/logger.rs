//! The back end of `log`: one line, one slot of the ring to `serial`.

use protocols::serial::{LogLine, RING_SLOTS, TEXT_BYTES_MAX};
use sel4_shared_ring_buffer::{RingBuffer, roles::Write};

use crate::lifecycle::Line;

/// The ring to `serial`, written here.
pub(crate) type LogRing<'a> = RingBuffer<'a, Write, LogLine, RING_SLOTS>;

/// The message that carries a record, cut to what fits.
pub(crate) fn line_of(record: &log::Record<'_>) -> LogLine {
    let mut text = Line::<TEXT_BYTES_MAX>::new();
    text.format(*record.args());
    LogLine {
        len: text.len_u16(),
        level: level_code(record.level()),
        reserved: 0,
        text: text.bytes,
    }
}

const fn level_code(level: log::Level) -> u8 {
    match level {
        log::Level::Error => 1,
        log::Level::Warn => 2,
        log::Level::Info => 3,
        log::Level::Debug => 4,
        log::Level::Trace => 5,
    }
}

/// Appends the line; `false` when it is lost because the ring is full, or was broken and begins anew.
pub(crate) fn append(ring: &mut LogRing<'_>, line: LogLine) -> bool {
    let appended = ring.enqueue_and_commit(line);
    if appended.is_err() {
        ring.recover();
    }
    matches!(appended, Ok(Ok(())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sel4_shared_ring_buffer::{
        InitialState, InitializationStrategy, RawRingBuffer, roles::Read,
    };

    fn record(text: &str) -> LogLine {
        line_of(&log::Record::builder().args(format_args!("{text}")).build())
    }

    #[test]
    fn a_line_carries_level_length_and_text() {
        let line = record("hello");
        assert_eq!((line.len, line.level, line.reserved), (5, 3, 0));
        assert_eq!(&line.text[..6], b"hello\0");
    }

    #[test]
    fn a_long_line_is_cut() {
        let line = record(&"x".repeat(500));
        assert_eq!((usize::from(line.len), line.text), (TEXT_BYTES_MAX, [b'x'; TEXT_BYTES_MAX]));
    }

    #[test]
    fn a_full_ring_loses_the_line_and_nothing_else() {
        let raw = RawRingBuffer::<LogLine, RING_SLOTS>::new();
        let mut ring = LogRing::new(raw.as_shared(), InitializationStrategy::ReadState);
        let accepted = (0..40).filter(|n| append(&mut ring, record(&n.to_string()))).count();
        assert_eq!(accepted, RING_SLOTS - 1);
        let mut reader: RingBuffer<'_, Read, LogLine, RING_SLOTS> =
            RingBuffer::new(raw.as_shared(), InitializationStrategy::ReadState);
        for n in 0..accepted {
            assert_eq!(reader.dequeue(), Ok(Some(record(&n.to_string()))));
        }
        assert!(append(&mut ring, record("again")));
    }

    #[test]
    fn a_broken_ring_loses_what_was_in_it_and_goes_on() {
        let raw = RawRingBuffer::<LogLine, RING_SLOTS>::new();
        let strategy = InitializationStrategy::ReadState;
        let mut ring = LogRing::new(raw.as_shared(), strategy);
        let mut reader: RingBuffer<'_, Read, LogLine, RING_SLOTS> =
            RingBuffer::new(raw.as_shared(), strategy);
        // A reader that claims to have read what was never there.
        let far = InitializationStrategy::UseAndWriteState(InitialState::new(0, 500));
        let _: RingBuffer<'_, Read, LogLine, RING_SLOTS> = RingBuffer::new(raw.as_shared(), far);
        let accepted = (0..40).filter(|n| append(&mut ring, record(&n.to_string()))).count();
        assert!(accepted < 40);
        assert!(reader.dequeue().is_err());
        reader.recover();
        assert!(append(&mut ring, record("again")));
        assert_eq!(reader.dequeue(), Ok(Some(record("again"))));
    }
}
