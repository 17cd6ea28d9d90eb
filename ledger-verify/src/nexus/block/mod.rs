//! Blocks: an optional second proof, that a transaction was published and when.
//!
//! A block's hash covers its header, the header names the block below and the root of a Merkle tree of
//! transaction ids. From a pinned block hash, links alone lead down to any older block ([`descend`],
//! [`verify_inclusion`]); no header commits to registers, so a block says nothing of their values.
//!
//! What a header by itself shows of the effort behind it is [`Evidence`]. Stake needs the whole ledger to
//! be judged, so stake blocks only count as linked.
//!
//! Sources: LLL-TAO `TAO/Ledger/types/block.h`, `TAO/Ledger/block.cpp`, `TAO/Ledger/prime.cpp`.

mod error;
mod merkle;
#[cfg(feature = "nexus-prime")]
mod prime;

pub use error::{BlockError, Reason};
pub use merkle::{BRANCH_MAX, merkle_root};

use super::hash::sk1024;

/// A header of version 5 to 8.
///
/// ```text
/// offset  field          bytes
///      0  version            4
///      4  previous block   128
///    132  Merkle root       64
///    196  channel            4
///    200  height             4
///    204  bits               4
///    208  nonce              8
///    216  time               8  (versions 5 and 6: 4, and the header ends here)
///    224  prime offsets      1 + n
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    bytes: &'a [u8],
    /// Version of the format.
    pub version: u32,
    /// Hash of the block below.
    pub previous: &'a [u8; 128],
    /// Root of the tree of transaction ids.
    pub merkle_root: &'a [u8; 64],
    /// Who made the block, and how.
    pub channel: Channel,
    /// Number of blocks below.
    pub height: u32,
    /// Difficulty; its meaning depends on the channel.
    pub bits: u32,
    /// What was tried.
    pub nonce: u64,
    /// Unix time, in seconds.
    pub time: u64,
    /// Distances between the primes of a cluster, then four bytes for the next candidate.
    pub offsets: &'a [u8],
}

/// How a block was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// By stake.
    Stake = 0,
    /// By finding a cluster of primes.
    Prime = 1,
    /// By finding a small hash.
    Hash = 2,
    /// By the owner of a private or hybrid network.
    Private = 3,
}

/// What a header by itself shows of the effort behind its block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// The proof of work that its bits ask for.
    Work,
    /// Nothing: the block counts only because a block that is believed names it. So it is with stake and
    /// private blocks, with primes before version 7 and, without the feature `nexus-prime`, with all primes.
    LinkOnly,
}

/// Where the time begins, and what a small hash is searched for ends.
const TIME_OFFSET: usize = 216;
/// What primes are searched from ends before the nonce.
#[cfg(feature = "nexus-prime")]
const NONCE_OFFSET: usize = 208;

impl<'a> Header<'a> {
    /// Longest header, in bytes: the length of the offsets is one byte below 253.
    pub const BYTES_MAX: usize = TIME_OFFSET + 8 + 1 + 252;

    /// Reads one header, which ends where `bytes` end.
    ///
    /// # Errors
    ///
    /// [`Reason::Length`], [`Reason::Version`] or [`Reason::Channel`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Reason> {
        let (header, rest) = Self::split(bytes)?;
        if rest.is_empty() { Ok(header) } else { Err(Reason::Length) }
    }

    /// Reads the header that `bytes` start with; also the bytes after it.
    ///
    /// # Errors
    ///
    /// As [`Header::parse`].
    pub fn split(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), Reason> {
        let mut rest = bytes;
        let version = u32::from_le_bytes(*take(&mut rest)?);
        if !(5..=8).contains(&version) {
            return Err(Reason::Version(version));
        }
        let mut header = Self {
            bytes,
            version,
            previous: take(&mut rest)?,
            merkle_root: take(&mut rest)?,
            channel: Channel::from_number(u32::from_le_bytes(*take(&mut rest)?))?,
            height: u32::from_le_bytes(*take(&mut rest)?),
            bits: u32::from_le_bytes(*take(&mut rest)?),
            nonce: u64::from_le_bytes(*take(&mut rest)?),
            time: 0,
            offsets: &[],
        };
        if version < 7 {
            header.time = u32::from_le_bytes(*take(&mut rest)?).into();
        } else {
            header.time = u64::from_le_bytes(*take(&mut rest)?);
            let [length] = *take(&mut rest)?;
            // From 253 on, a length has more bytes; no cluster is that large.
            let end = if length < 253 { usize::from(length) } else { usize::MAX };
            (header.offsets, rest) = rest.split_at_checked(end).ok_or(Reason::Length)?;
        }
        header.bytes = bytes.get(..bytes.len() - rest.len()).unwrap_or(bytes);
        Ok((header, rest))
    }

    /// The header as it is hashed.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The block's hash.
    #[must_use]
    pub fn hash(&self) -> [u8; 128] {
        sk1024(self.bytes)
    }

    /// What a header of this channel and version shows of the effort behind its block, if it shows what
    /// it has to: what [`Self::evidence`] answers unless it fails, for the price of a look.
    #[must_use]
    pub const fn evidence_due(&self) -> Evidence {
        match self.channel {
            Channel::Hash => Evidence::Work,
            Channel::Prime if cfg!(feature = "nexus-prime") && self.version >= 7 => Evidence::Work,
            Channel::Stake | Channel::Prime | Channel::Private => Evidence::LinkOnly,
        }
    }

    /// What the header shows of the effort behind its block.
    ///
    /// # Errors
    ///
    /// [`Reason::Target`] or [`Reason::Work`].
    pub fn evidence(&self) -> Result<Evidence, Reason> {
        match self.channel {
            Channel::Hash => {
                let proof = sk1024(self.bytes.get(..TIME_OFFSET).ok_or(Reason::Length)?);
                let target = target(self.bits).ok_or(Reason::Target)?;
                // The highest bytes come last.
                let is_met = proof.iter().rev().le(target.iter().rev());
                if is_met { Ok(Evidence::Work) } else { Err(Reason::Work) }
            }
            #[cfg(feature = "nexus-prime")]
            Channel::Prime if self.version >= 7 => {
                let origin = sk1024(self.bytes.get(..NONCE_OFFSET).ok_or(Reason::Length)?);
                prime::verify(&origin, self.nonce, self.offsets, self.bits)?;
                Ok(Evidence::Work)
            }
            Channel::Stake | Channel::Prime | Channel::Private => Ok(Evidence::LinkOnly),
        }
    }
}

impl Channel {
    fn from_number(number: u32) -> Result<Self, Reason> {
        match number {
            0 => Ok(Self::Stake),
            1 => Ok(Self::Prime),
            2 => Ok(Self::Hash),
            3 => Ok(Self::Private),
            _ => Err(Reason::Channel(number)),
        }
    }
}

fn take<'a, const BYTES: usize>(rest: &mut &'a [u8]) -> Result<&'a [u8; BYTES], Reason> {
    let (field, after) = rest.split_first_chunk().ok_or(Reason::Length)?;
    *rest = after;
    Ok(field)
}

/// The number that a hash may not exceed: three bytes with a sign bit, times 256 to the power of the
/// fourth byte less 3. `None` if it is zero, negative, or 2^1007 or more; beyond 2^1024, too, because what
/// is left of it then is either.
fn target(bits: u32) -> Option<[u8; 128]> {
    let [number @ .., size] = bits.to_le_bytes();
    let mut target = [0; 128];
    for (byte, power) in number.into_iter().zip(usize::from(size)..) {
        // What is below one counts for nothing.
        if let Some(place) = power.checked_sub(3).and_then(|index| target.get_mut(index)) {
            *place = byte;
        }
    }
    let is_negative = number[2] & 0x80 != 0;
    let [below @ .., a, b, c] = &target;
    let is_small = *b == 0 && *c == 0 && *a < 0x80;
    let is_zero = below.iter().chain([a]).all(|byte| *byte == 0);
    (is_small && !is_negative && !is_zero).then_some(target)
}

/// A block that links lead down to from a pinned one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Linked<'a> {
    /// Its header. The time in it is what the block's maker stated.
    pub header: Header<'a>,
    /// Number of blocks from it to the pinned one, both counted.
    pub blocks: u64,
    /// How many of them have shown [`Evidence::Work`]. The others are linked, no more.
    pub blocks_with_work: u64,
}

/// Follows `headers` from the block whose hash is `pinned` down to the last of them; none may be left
/// out. Memory is fixed, work is one or two hashes per header, and more for primes.
///
/// # Errors
///
/// Which header breaks which rule.
pub fn descend<'a>(
    pinned: &[u8; 128],
    headers: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Linked<'a>, BlockError> {
    let mut linked: Option<Linked<'a>> = None;
    for (bytes, number) in headers.into_iter().zip(0..) {
        let fail = |reason| BlockError { header: number, reason };
        let above = linked.map(|linked| linked.header);
        let header = check_link(pinned, above, bytes).map_err(fail)?;
        let has_work = header.evidence().map_err(fail)? == Evidence::Work;
        let blocks_with_work = linked.map_or(0, |linked| linked.blocks_with_work);
        linked = Some(Linked {
            header,
            blocks: number + 1,
            blocks_with_work: blocks_with_work + u64::from(has_work),
        });
    }
    linked.ok_or(BlockError { header: 0, reason: Reason::Empty })
}

/// Proves that the transaction `txid` stands in the last block of `headers`, which lead down to it as
/// [`descend`] has them; `branch` are the siblings of the leaf number `index`.
///
/// # Errors
///
/// As [`descend`]; [`Reason::Branch`] and [`Reason::Root`] at the last header.
pub fn verify_inclusion<'a>(
    pinned: &[u8; 128],
    headers: impl IntoIterator<Item = &'a [u8]>,
    txid: &[u8; 64],
    index: u32,
    branch: &[[u8; 64]],
) -> Result<Linked<'a>, BlockError> {
    let linked = descend(pinned, headers)?;
    let fail = |reason| BlockError { header: linked.blocks.saturating_sub(1), reason };
    let root = merkle_root(txid, index, branch).map_err(fail)?;
    if root == *linked.header.merkle_root { Ok(linked) } else { Err(fail(Reason::Root)) }
}

/// Reads a header that has to be the one that `above` names, or the pinned one.
fn check_link<'a>(
    pinned: &[u8; 128],
    above: Option<Header<'_>>,
    bytes: &'a [u8],
) -> Result<Header<'a>, Reason> {
    let header = Header::parse(bytes)?;
    match above {
        None if header.hash() != *pinned => Err(Reason::NotPinned),
        Some(above) if header.hash() != *above.previous => Err(Reason::NotLinked),
        Some(above) if above.height.checked_sub(1) != Some(header.height) => Err(Reason::Height),
        _ => Ok(header),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_have_their_bytes_where_the_size_says() {
        let with = |bytes: &[(usize, u8)]| {
            let mut target = [0; 128];
            bytes.iter().for_each(|(place, byte)| target[*place] = *byte);
            Some(target)
        };
        assert_eq!(target(0x0101_0000), with(&[(0, 1)]));
        assert_eq!(target(0x0212_3456), with(&[(0, 0x34), (1, 0x12)]));
        assert_eq!(target(0x0312_3456), with(&[(0, 0x56), (1, 0x34), (2, 0x12)]));
        assert_eq!(target(0x7b06_e198), with(&[(120, 0x98), (121, 0xe1), (122, 0x06)]));
        // The easiest: 2^1007 - 2^984.
        assert_eq!(target(0x7e7f_ffff), with(&[(123, 0xff), (124, 0xff), (125, 0x7f)]));
        assert_eq!(target(0x8000_007f), with(&[(125, 0x7f)]));
        for bits in [0x7f00_8000, 0x8000_0080, 0x8000_0100, 0x8100_0001, 0x8200_0001, 0xff00_0001] {
            assert_eq!(target(bits), None, "{bits:08x}");
        }
    }
}
