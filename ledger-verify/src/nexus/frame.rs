//! Frames out of pieces of any size, for chains read block by block.

/// Collects one frame at a time, of at most `N` bytes.
#[derive(Clone, Debug)]
pub(crate) struct Collector<const N: usize> {
    buffer: [u8; N],
    filled: usize,
}

impl<const N: usize> Collector<N> {
    pub(crate) const fn new() -> Self {
        Self { buffer: [0; N], filled: 0 }
    }

    /// Takes from `bytes` what the frame begun needs, and no more; true when it is complete. `length`
    /// says how long the frame is, at most `N`, or `None` as long as its head is not complete.
    pub(crate) fn take<E>(
        &mut self,
        bytes: &mut &[u8],
        length: impl Fn(&[u8]) -> Result<Option<usize>, E>,
    ) -> Result<bool, E> {
        loop {
            // Byte by byte until the head tells the length: it bounds everything else.
            let length = length(self.frame())?;
            if length == Some(self.filled) {
                return Ok(true);
            }
            let end = length.unwrap_or(self.filled + 1);
            let missing = self.buffer.get_mut(self.filled..end).unwrap_or(&mut []);
            if bytes.is_empty() || missing.is_empty() {
                return Ok(false);
            }
            let taken = missing.len().min(bytes.len());
            let (now, rest) = bytes.split_at_checked(taken).unwrap_or((&[], &[]));
            for (place, byte) in missing.iter_mut().zip(now) {
                *place = *byte;
            }
            self.filled += taken;
            *bytes = rest;
        }
    }

    /// What was collected so far.
    pub(crate) fn frame(&self) -> &[u8] {
        self.buffer.get(..self.filled).unwrap_or(&[])
    }

    /// Begins the next frame.
    pub(crate) fn clear(&mut self) {
        self.filled = 0;
    }
}
