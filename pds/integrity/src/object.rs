//! Objects that clients have open.

use protocols::integrity::{OBJECTS_PER_CLIENT, Status};
use volume::verify::VerifiedEntry;

/// As much of a path as a one-line reason shows.
pub(crate) type ShortPath = heapless::String<64>;

/// An open object: its entry is proven.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub(crate) entry: VerifiedEntry,
    pub(crate) path: ShortPath,
}

/// The objects of one client; handles count from 1.
pub(crate) struct Objects([Option<Object>; OBJECTS_PER_CLIENT]);

impl Objects {
    pub(crate) const NONE: Self = Self([const { None }; OBJECTS_PER_CLIENT]);

    pub(crate) fn clear(&mut self) {
        self.0.fill(None);
    }

    pub(crate) fn open(&mut self, entry: VerifiedEntry, path: &str) -> Result<u32, Status> {
        let free = self.0.iter().position(Option::is_none).ok_or(Status::NoRoom)?;
        let handle = u32::try_from(free + 1).map_err(|_| Status::NoRoom)?;
        let slot = self.0.get_mut(free).ok_or(Status::NoRoom)?;
        *slot = Some(Object { entry, path: shorten(path) });
        Ok(handle)
    }

    pub(crate) fn get(&self, handle: u32) -> Option<&Object> {
        self.0.get(index(handle)?)?.as_ref()
    }

    pub(crate) fn close(&mut self, handle: u32) -> Option<()> {
        self.0.get_mut(index(handle)?)?.take().map(drop)
    }
}

fn index(handle: u32) -> Option<usize> {
    usize::try_from(handle.checked_sub(1)?).ok()
}

/// The path, cut at a character when it is long.
fn shorten(path: &str) -> ShortPath {
    let mut short = ShortPath::new();
    for character in path.chars() {
        if short.push(character).is_err() {
            break;
        }
    }
    short
}
