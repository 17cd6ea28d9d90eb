//! The volume's table, entry by entry.

use core::mem::size_of;

use protocols::integrity::{LIST_BYTES_MAX, ListEntry, Op, PATH_BYTES_MAX, Request};
use zerocopy::{FromZeros, IntoBytes};

use super::{Half, ReaderId, Readers, State, path_place, request};
use crate::failure::Failure;

/// [`LIST_BYTES_MAX`], as messages have it.
#[expect(clippy::cast_possible_truncation, reason = "a small constant")]
const LIST_LEN_MAX: u32 = LIST_BYTES_MAX as u32;
#[expect(clippy::cast_possible_truncation, reason = "a small constant")]
const HEAD_LEN: u32 = size_of::<ListEntry>() as u32;

/// The next entry of a listing.
#[derive(Debug)]
pub(crate) enum Next<'p> {
    /// `integrity` has not answered.
    Waits,
    /// An entry, which stays the next until [`Readers::advance`].
    Entry {
        /// Size and root.
        entry: ListEntry,
        /// Path.
        path: &'p str,
    },
    /// There are no more.
    End,
    /// It went wrong.
    Failed(Failure),
}

impl<F: FnMut()> Readers<'_, F> {
    /// Starts a listing of the volume from its first entry on; `None` as for [`Readers::open`].
    pub(crate) fn list(&mut self) -> Option<ReaderId> {
        let index = self.vacate()?;
        let reader = self.readers.get_mut(index)?;
        reader.path.clear();
        reader.rewind(State::Listing { has_ended: false });
        self.ask_to_list(index);
        self.hold(index)
    }

    fn ask_to_list(&mut self, index: usize) {
        let cookie = self.next_cookie(index, 0);
        let (window, _) = self.window(index, 0);
        let Some(reader) = self.readers.get_mut(index) else { return };
        let Some(place) = path_place(self.paths, index, &reader.path) else { return };
        let list = Request {
            position: u64::from(window),
            offset: place.offset(),
            len: place.len(),
            ..request(Op::List, cookie)
        };
        if self.peer.send(list)
            && let Some(half) = reader.halves.first_mut()
        {
            *half = Half::Asked { cookie, len: LIST_LEN_MAX };
        }
    }

    /// The next entry of a listing, with its path in `into`.
    pub(crate) fn next<'p>(
        &mut self,
        id: ReaderId,
        into: &'p mut [u8; PATH_BYTES_MAX],
    ) -> Next<'p> {
        let Some(reader) = self.readers.get(id.0) else { return Next::Waits };
        match (reader.state, reader.halves.first()) {
            (State::Failed(failure), _) => Next::Failed(failure),
            (State::Listing { has_ended: true }, _) => Next::End,
            (State::Listing { .. }, Some(&Half::Ready { consumed, len })) => {
                match self.entry(id.0, consumed, len, into) {
                    Some((entry, path)) => Next::Entry { entry, path },
                    None => Next::Failed(self.disbelieve(id.0)),
                }
            }
            (State::Listing { .. }, Some(Half::Empty)) => {
                self.ask_to_list(id.0);
                Next::Waits
            }
            _ => Next::Waits,
        }
    }

    fn entry<'p>(
        &self,
        index: usize,
        at: u32,
        len: u32,
        into: &'p mut [u8; PATH_BYTES_MAX],
    ) -> Option<(ListEntry, &'p str)> {
        let window = self.bytes.span(self.window(index, 0).0, len).ok()?;
        let mut entry = ListEntry::new_zeroed();
        let head = window.part(at, HEAD_LEN).ok()?;
        self.bytes.copy_out(head, entry.as_mut_bytes()).ok()?;
        let path = window.part(at + HEAD_LEN, u32::from(entry.path_len)).ok()?;
        let path = self.bytes.copy_out(path, into).ok()?;
        Some((entry, core::str::from_utf8(path).ok().filter(|path| !path.is_empty())?))
    }

    /// Goes to the entry after the one that [`Readers::next`] gave.
    pub(crate) fn advance(&mut self, id: ReaderId, path: &str) {
        let Some(reader) = self.readers.get_mut(id.0) else { return };
        let Some(half) = reader.halves.first_mut() else { return };
        let Half::Ready { consumed, len } = half else { return };
        let bytes = (size_of::<ListEntry>() + path.len()).next_multiple_of(8);
        *consumed = consumed.saturating_add(u32::try_from(bytes).unwrap_or(u32::MAX));
        if consumed >= len {
            *half = Half::Empty;
            // A path that was read fits.
            reader.path = heapless::Vec::from_slice(path.as_bytes()).unwrap_or_default();
        }
    }
}
