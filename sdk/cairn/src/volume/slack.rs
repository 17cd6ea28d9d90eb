//! Bytes that belong to nothing: they must be zero, so that nothing hides there and equal input gives
//! equal images.

use std::ops::Range;

use volume::geometry::BLOCK_BYTES;

use super::image::Image;
use crate::Error;

const BLOCK: u64 = BLOCK_BYTES as u64;

/// The byte ranges of an image that mean something.
#[derive(Default)]
pub(super) struct Used {
    ranges: Vec<Range<u64>>,
}

impl Used {
    pub(super) fn bytes(&mut self, start: u64, count: u64) {
        self.ranges.push(start..start.saturating_add(count));
    }

    pub(super) fn blocks(&mut self, start: u64, count: u64) {
        self.bytes(start.saturating_mul(BLOCK), count.saturating_mul(BLOCK));
    }

    /// The blocks below `block_count` that hold an unused byte that is not zero.
    pub(super) fn dirty_blocks(
        mut self,
        image: &Image,
        block_count: u64,
    ) -> Result<Vec<u64>, Error> {
        let end = block_count.min(image.block_count) * BLOCK;
        self.bytes(end, 0);
        self.ranges.sort_by_key(|range| range.start);
        let mut dirty = Vec::new();
        let mut at = 0;
        for used in self.ranges {
            while at < used.start.min(end) {
                let until = used.start.min(end).min((at / BLOCK + 1) * BLOCK);
                let mut bytes = vec![0; usize::try_from(until - at).unwrap_or(BLOCK_BYTES)];
                image.read(at, &mut bytes)?;
                if bytes.iter().any(|&byte| byte != 0) && dirty.last() != Some(&(at / BLOCK)) {
                    dirty.push(at / BLOCK);
                }
                at = until;
            }
            at = at.max(used.end);
        }
        Ok(dirty)
    }
}
