//! Up to 1024 bytes without a heap.

/// Longest data of a register, in bytes.
pub const DATA_BYTES_MAX: usize = 1024;

/// The data of a register.
#[derive(Clone, Debug)]
pub(super) struct Data {
    bytes: [u8; DATA_BYTES_MAX],
    length: usize,
}

impl Data {
    pub(super) const EMPTY: Self = Self { bytes: [0; DATA_BYTES_MAX], length: 0 };

    pub(super) fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or(&[])
    }

    pub(super) fn as_mut_slice(&mut self) -> &mut [u8] {
        self.bytes.get_mut(..self.length).unwrap_or(&mut [])
    }

    /// Adds bytes; false, and nothing is added, when they do not fit.
    #[must_use]
    #[inline(never)]
    pub(super) fn append(&mut self, more: &[u8]) -> bool {
        let room = self.bytes.get_mut(self.length..).unwrap_or(&mut []);
        let Some(place) = room.get_mut(..more.len()) else { return false };
        place.copy_from_slice(more);
        self.length += more.len();
        true
    }

    /// Becomes other bytes; false, and nothing changes, when they do not fit.
    #[must_use]
    pub(super) fn replace(&mut self, bytes: &[u8]) -> bool {
        let fits = bytes.len() <= DATA_BYTES_MAX;
        if fits {
            self.length = 0;
        }
        fits && self.append(bytes)
    }
}
