//! What `store` believes about the volume: enough to find blocks.

use protocols::store::{Op, Request, Status};
use volume::geometry::Block;
use volume::locate::{self, ObjectId};
use volume::toc::Node;
use volume::{SUPERBLOCK_SLOTS, Superblock};

use crate::leaves::Leaves;

/// How far the superblock is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum VolumeState {
    /// Not looked for, or looked for in vain.
    Unknown,
    /// Slot `slot` is being read; `best` is what the slots before it gave.
    Loading { slot: u64, best: Option<Superblock> },
    /// Believed.
    Known(Superblock),
}

impl VolumeState {
    /// Takes slot `slot`, `None` if it could not be read; answers the slot to read next.
    pub(crate) fn take_slot(&mut self, block: Option<&Block>) -> Option<u64> {
        let Self::Loading { slot, best } = *self else { return None };
        let found = block.and_then(|block| Superblock::parse(block).ok());
        let best = match (best, found) {
            (Some(best), Some(found)) if found.generation() > best.generation() => Some(found),
            (best, found) => best.or(found),
        };
        let next = slot + 1;
        if next < SUPERBLOCK_SLOTS {
            *self = Self::Loading { slot: next, best };
            return Some(next);
        }
        *self = best.map_or(Self::Unknown, Self::Known);
        None
    }
}

/// Where a part lies, or what must be read to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// `count` blocks from `block` on.
    Blocks {
        /// First block on the disk.
        block: u64,
        /// Blocks, at least one.
        count: u16,
    },
    /// The leaf at `block` of the disk, with index `leaf`, describes the object.
    Leaf {
        /// Index of the leaf.
        leaf: u64,
        /// Block on the disk.
        block: u64,
    },
}

/// Finds what `request` asks for. `op` is its operation, and not `Release`.
pub(crate) fn place(
    volume: &VolumeState,
    leaves: &Leaves,
    op: Op,
    request: &Request,
) -> Result<Place, Status> {
    let one = |block: Option<u64>| {
        block.map(|block| Place::Blocks { block, count: 1 }).ok_or(Status::NotFound)
    };
    if op == Op::Superblock {
        return one(locate::superblock(request.index));
    }
    let VolumeState::Known(superblock) = volume else { return Err(Status::NoVolume) };
    match op {
        Op::TocNode => one(locate::toc_node(superblock, request.index)),
        Op::Chain => run(request, |index| locate::chain(superblock, index)),
        Op::TreeNode | Op::Data => {
            let object = ObjectId::from_number(request.object);
            let Some(leaf) = leaves.get(object.leaf()) else {
                let block = locate::toc_node(superblock, object.leaf()).ok_or(Status::NotFound)?;
                return Ok(Place::Leaf { leaf: object.leaf(), block });
            };
            let node = Node::parse(leaf).map_err(|_| Status::NotFound)?;
            let entry = node.entry(object.record()).ok_or(Status::NotFound)?;
            if op == Op::Data {
                return run(request, |index| locate::data(superblock, &entry, index));
            }
            let level = usize::from(request.level);
            let blocks = locate::tree_node(superblock, &entry, level, request.index);
            let blocks = blocks.ok_or(Status::NotFound)?;
            let count = u16::try_from(blocks.end - blocks.start).map_err(|_| Status::NotFound)?;
            Ok(Place::Blocks { block: blocks.start, count })
        }
        Op::Superblock | Op::Release => Err(Status::BadRequest),
    }
}

/// The blocks asked for, as far as they lie one behind the other.
fn run(request: &Request, block_of: impl Fn(u64) -> Option<u64>) -> Result<Place, Status> {
    let first = block_of(request.index).ok_or(Status::NotFound)?;
    let follows = |&step: &u16| {
        let step = u64::from(step);
        let index = request.index.checked_add(step);
        index.and_then(&block_of) == first.checked_add(step)
    };
    let more = (1..request.count).take_while(follows).count();
    Ok(Place::Blocks { block: first, count: u16::try_from(more + 1).unwrap_or(1) })
}
