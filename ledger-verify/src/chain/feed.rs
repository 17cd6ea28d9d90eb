//! Replay from pieces of any size, for chains read block by block.

use super::error::{Error, Reason};
use super::event::{EVENT_BYTES_MAX, frame_length};
use super::state::Chain;
use crate::cbor::Problem;

/// An event with the longest head that its length can have.
const FRAME_BYTES_MAX: usize = 3 + EVENT_BYTES_MAX;

/// Collects the bytes of one event at a time, in 16 KiB whatever the chain's length.
#[derive(Clone, Debug)]
pub struct Feed {
    buffer: [u8; FRAME_BYTES_MAX],
    filled: usize,
    failed: Option<Error>,
}

impl Default for Feed {
    fn default() -> Self {
        Self::new()
    }
}

impl Feed {
    /// A feed at the start of a chain.
    #[must_use]
    pub const fn new() -> Self {
        Self { buffer: [0; FRAME_BYTES_MAX], filled: 0, failed: None }
    }

    /// Takes the next `bytes` and hands every event they complete to `chain`.
    ///
    /// # Errors
    /// The first event that is refused. From then on every call answers the same error: what follows
    /// a refused event is never looked at.
    pub fn push(&mut self, chain: &mut Chain, bytes: &[u8]) -> Result<(), Error> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let result = self.push_pieces(chain, bytes);
        self.failed = result.err();
        result
    }

    /// The chain ends here.
    ///
    /// # Errors
    /// As [`Feed::push`]; [`Problem::Truncated`] inside an event.
    pub fn end(&self, chain: &Chain) -> Result<(), Error> {
        match self.failed {
            Some(error) => Err(error),
            None if self.filled == 0 => Ok(()),
            None => Err(chain.error(self.filled, Reason::Encoding(Problem::Truncated))),
        }
    }

    fn push_pieces(&mut self, chain: &mut Chain, mut bytes: &[u8]) -> Result<(), Error> {
        loop {
            let collected = self.buffer.get(..self.filled).unwrap_or(&[]);
            // Byte by byte until the head tells the length: it bounds everything else.
            let length = frame_length(collected).map_err(|reason| chain.error(0, reason))?;
            if length == Some(self.filled) {
                chain.apply(collected)?;
                self.filled = 0;
                continue;
            }
            let end = length.unwrap_or(self.filled + 1);
            let missing = self.buffer.get_mut(self.filled..end).unwrap_or(&mut []);
            if bytes.is_empty() || missing.is_empty() {
                return Ok(());
            }
            for (place, byte) in missing.iter_mut().zip(bytes) {
                *place = *byte;
            }
            let taken = missing.len().min(bytes.len());
            bytes = bytes.get(taken..).unwrap_or(&[]);
            self.filled += taken;
        }
    }
}
