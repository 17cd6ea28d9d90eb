//! A few leaves of the table of contents, private copies, unproven.

use volume::geometry::{BLOCK_BYTES, Block};

/// Leaves kept.
const LEAVES: usize = 8;

/// The leaves used last, to be placed in static memory: 32 KiB.
pub struct Leaves {
    blocks: [Block; LEAVES],
    indices: [Option<u64>; LEAVES],
    next: usize,
}

impl Leaves {
    /// No leaf.
    pub const EMPTY: Self =
        Self { blocks: [[0; BLOCK_BYTES]; LEAVES], indices: [None; LEAVES], next: 0 };

    /// The leaf with this index.
    #[must_use]
    pub fn get(&self, index: u64) -> Option<&Block> {
        let place = self.indices.iter().position(|held| *held == Some(index))?;
        self.blocks.get(place)
    }

    /// Room for the leaf `index`, in place of the one that came in first.
    pub fn room(&mut self, index: u64) -> &mut Block {
        let place = self.next % LEAVES;
        self.next = self.next.wrapping_add(1);
        self.indices[place] = Some(index);
        &mut self.blocks[place]
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.indices = [None; LEAVES];
    }
}
