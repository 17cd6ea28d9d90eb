//! From a message to a request that makes sense.

use protocols::disk::{BLOCK_BYTES, BLOCKS_PER_REQUEST_MAX, BUFFERS_BYTES, Op, Request, Status};

/// Blocks of the buffer region.
pub(crate) const BUFFER_BLOCKS: usize = BUFFERS_BYTES / BLOCK_BYTES;

/// A request whose fields are checked against everything but the device's capacity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// Tell the capacity.
    Capacity,
    /// Read blocks into a part of the buffer region.
    Read(Read),
}

/// Blocks of the device, and as many of the buffer region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Read {
    /// First block of the device.
    pub(crate) block: u64,
    /// First block of the buffer region.
    pub(crate) buffer: usize,
    /// How many.
    pub(crate) count: u16,
}

/// Checks a message.
pub(crate) fn parse(request: &Request) -> Result<Command, Status> {
    if request.reserved != 0 {
        return Err(Status::BadRequest);
    }
    match Op::from_code(request.op).ok_or(Status::BadRequest)? {
        Op::Capacity if (request.block, request.offset, request.count) == (0, 0, 0) => {
            Ok(Command::Capacity)
        }
        Op::Capacity => Err(Status::BadRequest),
        Op::Read => parse_read(request).map(Command::Read),
    }
}

fn parse_read(request: &Request) -> Result<Read, Status> {
    let offset = usize::try_from(request.offset).map_err(|_| Status::BadRequest)?;
    let buffer = offset / BLOCK_BYTES;
    let is_aligned = offset.is_multiple_of(BLOCK_BYTES);
    let has_count = (1..=BLOCKS_PER_REQUEST_MAX).contains(&request.count);
    // Cannot overflow: both are far below 2^32.
    let is_inside = buffer + usize::from(request.count) <= BUFFER_BLOCKS;
    if is_aligned && has_count && is_inside {
        Ok(Read { block: request.block, buffer, count: request.count })
    } else {
        Err(Status::BadRequest)
    }
}

/// Which blocks of the buffer region the device writes, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct BusyBlocks([u64; BUFFER_BLOCKS / 64]);

impl BusyBlocks {
    /// Marks the blocks of a read; `false`, and nothing is marked, if one of them is busy.
    pub(crate) fn claim(&mut self, read: &Read) -> bool {
        if Self::bits(read).any(|(word, bit)| self.0[word] & bit != 0) {
            return false;
        }
        Self::bits(read).for_each(|(word, bit)| self.0[word] |= bit);
        true
    }

    /// The device is done with the blocks of a read.
    pub(crate) fn release(&mut self, read: &Read) {
        Self::bits(read).for_each(|(word, bit)| self.0[word] &= !bit);
    }

    fn bits(read: &Read) -> impl Iterator<Item = (usize, u64)> + use<> {
        let blocks = read.buffer..read.buffer + usize::from(read.count);
        blocks.map(|block| (block / 64 % (BUFFER_BLOCKS / 64), 1 << (block % 64)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read() -> Request {
        Request { cookie: 1, block: 7, offset: 8192, op: Op::Read.code(), count: 3, reserved: 0 }
    }

    #[test]
    fn a_read_becomes_blocks() {
        assert_eq!(parse(&read()), Ok(Command::Read(Read { block: 7, buffer: 2, count: 3 })));
        let buffer = BUFFER_BLOCKS - 1;
        let offset = u32::try_from(buffer * BLOCK_BYTES).unwrap();
        let last = Request { offset, count: 1, ..read() };
        assert_eq!(parse(&last), Ok(Command::Read(Read { block: 7, buffer, count: 1 })));
    }

    #[test]
    fn malformed_requests_are_refused() {
        let bad = [
            Request { reserved: 1, ..read() },
            Request { op: 0, ..read() },
            Request { op: 3, ..read() },
            Request { count: 0, ..read() },
            Request { count: 33, ..read() },
            Request { offset: 1, ..read() },
            Request { offset: 0xf_f000, count: 2, ..read() },
            Request { offset: 0x10_0000, count: 1, ..read() },
            Request { offset: 0xffff_f000, count: 32, ..read() },
            Request { op: Op::Capacity.code(), ..read() },
        ];
        for request in bad {
            assert_eq!(parse(&request), Err(Status::BadRequest), "{request:?}");
        }
    }

    #[test]
    fn blocks_are_claimed_once() {
        let mut busy = BusyBlocks::default();
        let first = Read { block: 0, buffer: 60, count: 8 };
        assert!(busy.claim(&first));
        for (buffer, count) in [(67, 1), (60, 1), (40, 21), (0, 256)] {
            assert!(!busy.claim(&Read { block: 9, buffer, count }));
        }
        assert!(busy.claim(&Read { block: 9, buffer: 68, count: 32 }));
        busy.release(&first);
        assert!(busy.claim(&first));
    }
}
