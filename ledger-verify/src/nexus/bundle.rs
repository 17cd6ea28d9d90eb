//! Nexus bundles: transactions of one chain, and optionally which blocks they are in. What they prove
//! is for a pin to say. Format: `docs/nexus.md`, "Bundles".

use core::ops::Range;

use super::chain::{Chain, Refused};
use super::error::{At, Error, Reason, at};
use super::transaction::{BRANCH_MAX, RAW_PREFIX, TRANSACTION_BYTES_MAX};
use crate::bytes::copy;
use crate::cbor::{Problem, Reader};

/// What a bundle starts with; the last character is the version.
pub const MAGIC: &[u8; 8] = b"CAIRNNX1";
/// Longest item: a transaction in raw form.
pub const ITEM_BYTES_MAX: usize = 1 + TRANSACTION_BYTES_MAX;
/// Most headers between a transaction's block and a pinned one.
pub const HEADERS_MAX: usize = 128;
/// Longest header.
const HEADER_BYTES_MAX: usize = 512;

/// First byte of an inclusion: a CBOR array of four.
const INCLUSION: u8 = 0x84;
/// An item with the longest head that its length can have.
const FRAME_BYTES_MAX: usize = 3 + ITEM_BYTES_MAX;

/// Part of a bundle; nothing it says is proven.
#[derive(Clone, Debug)]
pub enum Item<'a> {
    /// A transaction in raw form.
    Transaction(&'a [u8]),
    /// Which block a transaction is in.
    Inclusion(Inclusion<'a>),
}

/// A transaction's place in a block, and the headers that lead there from a block that the reader
/// knows.
#[derive(Clone, Debug)]
pub struct Inclusion<'a> {
    /// Sequence number of the transaction in the bundle's chain.
    pub sequence: u32,
    /// Number of the transaction in its block.
    pub index: u32,
    /// Merkle branch, from the leaf's sibling upwards.
    pub branch: &'a [[u8; 64]],
    headers: Reader<'a>,
    header_count: usize,
}

impl<'a> Inclusion<'a> {
    #[inline(never)]
    fn parse(item: &'a [u8]) -> Result<Self, crate::cbor::Error> {
        let mut reader = Reader::new(item);
        reader.array_of(4)?;
        let mut number = || reader.unsigned_up_to(u32::MAX.into());
        let (sequence, index) = (number()?, number()?);
        let offset = reader.offset();
        let (branch, odd) = reader.bytes(0, 64 * BRANCH_MAX)?.as_chunks();
        if !odd.is_empty() {
            return Err(crate::cbor::Error { offset, problem: Problem::OutOfRange });
        }
        let header_count = reader.array(1, HEADERS_MAX)?;
        let headers = reader.clone();
        for _ in 0..header_count {
            reader.bytes(1, HEADER_BYTES_MAX)?;
        }
        reader.end()?;
        let small = |number| u32::try_from(number).unwrap_or(u32::MAX);
        let (sequence, index) = (small(sequence), small(index));
        Ok(Self { sequence, index, branch, headers, header_count })
    }

    /// Block headers as they are hashed, from one that the reader knows down to the transaction's: what
    /// [`super::block::verify_inclusion`] takes.
    pub fn headers(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut reader = self.headers.clone();
        (0..self.header_count).map_while(move |_| reader.bytes(1, HEADER_BYTES_MAX).ok())
    }
}

impl<'a> Item<'a> {
    fn parse(item: &'a [u8]) -> Result<Self, At> {
        match item.first() {
            Some(&RAW_PREFIX) => Ok(Self::Transaction(item)),
            Some(&INCLUSION) => Inclusion::parse(item).map(Self::Inclusion).map_err(at),
            _ => Err((0, Reason::RawPrefix)),
        }
    }
}

/// Where the item stands in the frame that `input` starts with.
fn frame(input: &[u8]) -> Result<Range<usize>, Problem> {
    let mut reader = Reader::new(input);
    let length = reader.bytes_head(1, ITEM_BYTES_MAX).map_err(|error| error.problem)?;
    Ok(reader.offset()..reader.offset() + length)
}

/// What is wrong with a frame.
fn reason(problem: Problem) -> Reason {
    match problem {
        Problem::OutOfRange => Reason::TooLong,
        _ => Reason::Encoding(problem),
    }
}

/// The items of a bundle, in order; ends after the first error, which tells a byte offset.
///
/// # Errors
/// [`Reason::Magic`].
pub fn items(bundle: &[u8]) -> Result<impl Iterator<Item = Result<Item<'_>, At>>, At> {
    let mut rest = bundle.strip_prefix(MAGIC).ok_or((0, Reason::Magic))?;
    Ok(core::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let offset = bundle.len() - rest.len();
        let item = split(rest).map_err(|(inner, reason)| (offset + inner, reason));
        rest = item.as_ref().map_or(&[], |(_, after)| after);
        Some(item.map(|(item, _)| item))
    }))
}

/// The item in the first frame of `bytes`, and the bytes after it.
fn split(bytes: &[u8]) -> Result<(Item<'_>, &[u8]), At> {
    let Range { start, end } = frame(bytes).map_err(|problem| (0, reason(problem)))?;
    let truncated = (0, Reason::Encoding(Problem::Truncated));
    let item = bytes.get(start..end).ok_or(truncated)?;
    let item = Item::parse(item).map_err(|(offset, reason)| (start + offset, reason))?;
    Ok((item, bytes.get(end..).unwrap_or(&[])))
}

/// Which part of a bundle comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Magic,
    Transactions,
    Inclusions,
}

/// Replays a bundle from pieces of any size, in 32 KiB whatever its length.
///
/// Inclusions are read for their form and not judged: blocks add nothing to what a pin proves.
#[derive(Clone, Debug)]
pub struct Feed {
    part: Part,
    /// The frame begun, of which `filled` bytes have come.
    frame: [u8; FRAME_BYTES_MAX],
    filled: usize,
}

impl Default for Feed {
    fn default() -> Self {
        Self::new()
    }
}

impl Feed {
    /// A feed at the start of a bundle.
    #[must_use]
    pub const fn new() -> Self {
        Self { part: Part::Magic, frame: [0; FRAME_BYTES_MAX], filled: 0 }
    }

    /// Begins again, in place.
    pub fn restart(&mut self) {
        self.part = Part::Magic;
        self.filled = 0;
    }

    /// Takes the next `bytes` and hands every transaction they complete to `chain`.
    ///
    /// # Errors
    /// The first item that is refused; `chain` then answers the same error for ever.
    pub fn push<const N: usize>(
        &mut self,
        chain: &mut Chain<N>,
        bytes: &[u8],
    ) -> Result<(), Error> {
        chain.check_running()?;
        self.take(chain, bytes).map_err(|Refused| chain.refusal())
    }

    fn take<const N: usize>(
        &mut self,
        chain: &mut Chain<N>,
        mut bytes: &[u8],
    ) -> Result<(), Refused> {
        loop {
            let end = match self.frame() {
                Ok(item) if item.end == self.filled => {
                    self.take_frame(item, chain)?;
                    self.filled = 0;
                    continue;
                }
                Ok(item) => item.end,
                // Byte by byte until the head tells the length, which bounds everything else.
                Err(Problem::Truncated) => self.filled + 1,
                Err(problem) => return Err(chain.refuse(0, reason(problem))),
            };
            // What the frame needs, and no more.
            let missing = self.frame.get_mut(self.filled..end).unwrap_or(&mut []);
            let taken = copy(missing, bytes);
            if taken == 0 {
                return Ok(());
            }
            self.filled += taken;
            bytes = bytes.get(taken..).unwrap_or(&[]);
        }
    }

    /// Where the item stands in the frame begun; the magic is one without a head.
    fn frame(&self) -> Result<Range<usize>, Problem> {
        match self.part {
            Part::Magic => Ok(0..MAGIC.len()),
            Part::Transactions | Part::Inclusions => {
                frame(self.frame.get(..self.filled).unwrap_or(&[]))
            }
        }
    }

    /// The bundle ends here.
    ///
    /// # Errors
    /// As [`Feed::push`]; [`Problem::Truncated`] inside an item or before the first.
    pub fn end<const N: usize>(&self, chain: &mut Chain<N>) -> Result<(), Error> {
        chain.check_running()?;
        if self.filled == 0 && self.part != Part::Magic {
            return Ok(());
        }
        _ = chain.refuse(self.filled, Reason::Encoding(Problem::Truncated));
        Err(chain.refusal())
    }

    fn take_frame<const N: usize>(
        &mut self,
        item: Range<usize>,
        chain: &mut Chain<N>,
    ) -> Result<(), Refused> {
        let start = item.start;
        let item = self.frame.get(item).unwrap_or(&[]);
        if self.part == Part::Magic {
            chain.demand(item == MAGIC, 0, Reason::Magic)?;
            self.part = Part::Transactions;
            chain.skip(MAGIC.len());
            return Ok(());
        }
        chain.skip(start);
        match Item::parse(item) {
            Ok(Item::Transaction(raw)) => {
                chain.demand(self.part == Part::Transactions, 0, Reason::Order)?;
                chain.take(raw)
            }
            Ok(Item::Inclusion(_)) => {
                chain.skip(item.len());
                self.part = Part::Inclusions;
                Ok(())
            }
            Err((offset, reason)) => Err(chain.refuse(offset, reason)),
        }
    }
}
