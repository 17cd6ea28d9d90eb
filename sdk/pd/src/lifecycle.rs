//! The lifecycle page, field by field.

use core::fmt::{self, Write};
use core::mem::offset_of;

use protocols::lifecycle::{Counter, Page, State};
use sel4_externally_shared::ExternallySharedPtr;
use zerocopy::{Immutable, IntoBytes};

/// This PD's page. Only this PD writes it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LifecyclePage<'a> {
    bytes: ExternallySharedPtr<'a, [u8]>,
}

impl<'a> LifecyclePage<'a> {
    pub(crate) const fn new(bytes: ExternallySharedPtr<'a, [u8]>) -> Self {
        Self { bytes }
    }

    /// Starts a new life: counters zero.
    pub(crate) fn begin(self, generation: u64) {
        self.write(offset_of!(Page, counters), [0u64; protocols::lifecycle::COUNTERS]);
        self.write(offset_of!(Page, ready_ns), 0u64);
        // The state first: whoever sees the new generation sees its state.
        self.set_state(State::Initialising, format_args!(""));
        self.write(offset_of!(Page, generation), generation);
    }

    /// Text first: whoever sees the state sees its text.
    pub(crate) fn set_state(self, state: State, text: fmt::Arguments<'_>) {
        let mut line = Line::<128>::new();
        line.format(text);
        self.write(offset_of!(Page, text), line.bytes);
        self.write(offset_of!(Page, text_len), line.len_u16());
        self.write(offset_of!(Page, state), state.code());
    }

    pub(crate) fn set_ready_ns(self, nanos: u64) {
        self.write(offset_of!(Page, ready_ns), nanos);
    }

    pub(crate) fn set_heartbeat(self, beats: u64) {
        self.write(offset_of!(Page, heartbeat), beats);
    }

    pub(crate) fn set_counter(self, counter: Counter, value: u64) {
        let index = usize::from(counter.code());
        self.write(offset_of!(Page, counters) + index * size_of::<u64>(), value);
    }

    fn write<T: IntoBytes + Immutable>(self, offset: usize, value: T) {
        // The offset is a field's, so there is room.
        let _ = self.bytes.write_at(offset, &value);
    }
}

/// Text cut to `N` bytes at a character's end, the rest zero.
#[derive(Debug)]
pub(crate) struct Line<const N: usize> {
    pub(crate) bytes: [u8; N],
    len: usize,
}

impl<const N: usize> Line<N> {
    pub(crate) const fn new() -> Self {
        Self { bytes: [0; N], len: 0 }
    }

    /// Appends what fits.
    pub(crate) fn format(&mut self, text: fmt::Arguments<'_>) {
        // The error is our own "no more room"; what fits stands.
        let _ = self.write_fmt(text);
    }

    pub(crate) fn len_u16(&self) -> u16 {
        u16::try_from(self.len).unwrap_or(u16::MAX)
    }
}

impl<const N: usize> Write for Line<N> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = self.bytes.get_mut(self.len..).unwrap_or_default();
        let fits = text.floor_char_boundary(room.len());
        for (place, byte) in room.iter_mut().zip(text.bytes().take(fits)) {
            *place = byte;
        }
        self.len += fits;
        if fits == text.len() { Ok(()) } else { Err(fmt::Error) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sel4_externally_shared::ExternallySharedRef;
    use zerocopy::FromZeros;

    fn with_page(work: impl FnOnce(LifecyclePage<'_>)) -> Page {
        let mut page = Page::new_zeroed();
        let bytes = ExternallySharedRef::from_mut_ref(page.as_mut_bytes());
        work(LifecyclePage::new(bytes.into_ptr()));
        page
    }

    #[test]
    fn each_setter_writes_its_field_and_no_other() {
        let page = with_page(|page| {
            page.begin(1);
            page.set_state(State::Degraded, format_args!("no {}", "disk"));
            page.set_ready_ns(7);
            page.set_heartbeat(8);
            page.set_counter(Counter::Interrupts, 9);
        });
        let mut expected = Page::new_zeroed();
        expected.state = State::Degraded.code();
        expected.text_len = 7;
        expected.text[..7].copy_from_slice(b"no disk");
        expected.generation = 1;
        expected.ready_ns = 7;
        expected.heartbeat = 8;
        expected.counters[usize::from(Counter::Interrupts.code())] = 9;
        assert_eq!(page, expected);
    }

    #[test]
    fn a_new_life_counts_on_and_forgets_the_rest() {
        let page = with_page(|page| {
            page.begin(1);
            page.set_counter(Counter::Wakeups, 5);
            page.set_state(State::Panicked, format_args!("oh"));
            page.begin(2);
        });
        assert_eq!((page.generation, page.state), (2, State::Initialising.code()));
        assert_eq!((page.counters, page.text_len), ([0; protocols::lifecycle::COUNTERS], 0));
    }

    #[test]
    fn text_is_cut_between_characters() {
        let mut line = Line::<4>::new();
        line.format(format_args!("abcé{}", 1));
        assert_eq!((&line.bytes, line.len_u16()), (b"abc\0", 3));
    }
}
