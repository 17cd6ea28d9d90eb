//! Replay from pieces of any size, for chains read block by block.

use super::error::{Error, Reason};
use super::event::EVENT_BYTES_MAX;
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
        while !bytes.is_empty() {
            let space = self.buffer.get_mut(self.filled..).unwrap_or(&mut []);
            // Head first: it bounds everything else.
            let wanted = match self.filled {
                0..3 => 1,
                _ => space.len(),
            };
            let taken = wanted.min(space.len()).min(bytes.len());
            let (now, later) = bytes.split_at_checked(taken).unwrap_or((bytes, &[]));
            if let Some(place) = space.get_mut(..now.len()) {
                place.copy_from_slice(now);
            }
            self.filled += now.len();
            bytes = later;
            self.drain(chain)?;
        }
        Ok(())
    }

    /// Hands all complete events to the chain and moves the incomplete one to the front.
    fn drain(&mut self, chain: &mut Chain) -> Result<(), Error> {
        let mut used = 0;
        while let Some(bytes @ [_, ..]) = self.buffer.get(used..self.filled) {
            let Some(rest) = chain.take_frame(bytes)? else { break };
            used = self.filled.saturating_sub(rest.len());
        }
        if used > 0 {
            self.buffer.copy_within(used..self.filled, 0);
            self.filled -= used;
        }
        Ok(())
    }
}
