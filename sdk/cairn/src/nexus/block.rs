//! Blocks, and which transactions are in them: judged against blocks that are trusted.

use std::fmt;

use ledger_verify::nexus::block::{self, BlockError, Channel, Evidence, Header, Linked, Reason};
use ledger_verify::nexus::hash::sk1024;
use ledger_verify::nexus::{Number, TransactionId};
use serde::Serialize;

use crate::Error;
use crate::chain::utc;

/// A transaction's place in a block, and the headers that lead there.
#[derive(Clone)]
pub(super) struct Place {
    /// Sequence number of the transaction.
    pub(super) sequence: u32,
    /// Its number in the block.
    pub(super) index: u32,
    /// Its Merkle branch.
    pub(super) branch: Vec<[u8; 64]>,
    /// As they are hashed, each the predecessor of the one before; none where they are not known.
    pub(super) headers: Vec<Vec<u8>>,
}

/// Hashes of blocks that the user trusts.
pub(super) struct Trusted(Vec<Number<128>>);

impl Trusted {
    pub(super) fn parse(hashes: &[String]) -> Result<Self, Error> {
        let parse = |text: &String| {
            Number::from_hex(text)
                .ok_or_else(|| Error::Usage(format!("{text}: no hash of a block")))
        };
        hashes.iter().map(parse).collect::<Result<_, _>>().map(Self)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Where `headers` lead from a trusted block.
    pub(super) fn descend(&self, headers: &[Vec<u8>]) -> Result<Descent, BlockError> {
        let trusted = self.first(headers)?;
        let linked = block::descend(&trusted.0, headers.iter().map(Vec::as_slice))?;
        Ok(Descent::new(trusted, &linked, headers))
    }

    /// Where a transaction stands below a trusted block.
    pub(super) fn include(
        &self,
        id: TransactionId,
        place: &Place,
    ) -> Result<Inclusion, BlockError> {
        let Place { sequence, index, branch, headers } = place;
        let trusted = self.first(headers)?;
        let slices = headers.iter().map(Vec::as_slice);
        let linked = block::verify_inclusion(&trusted.0, slices, &id.0, *index, branch)?;
        let descent = Descent::new(trusted, &linked, headers);
        Ok(Inclusion { sequence: *sequence, id: id.to_string(), descent })
    }

    /// The trusted block that is the first of `headers`.
    fn first(&self, headers: &[Vec<u8>]) -> Result<&Number<128>, BlockError> {
        let fail = |reason| BlockError { header: 0, reason };
        let hash = headers.first().map(|first| sk1024(first)).ok_or(fail(Reason::Empty))?;
        self.0.iter().find(|trusted| trusted.0 == hash).ok_or(fail(Reason::NotPinned))
    }
}

/// A block below a trusted one.
#[derive(Serialize)]
pub(super) struct Descent {
    block: String,
    height: u32,
    time_s: u64,
    trusted: String,
    /// From the trusted block down.
    blocks: Vec<BlockLine>,
}

#[derive(Serialize)]
struct BlockLine {
    height: u32,
    channel: &'static str,
    evidence: &'static str,
}

/// A transaction in a block below a trusted one.
#[derive(Serialize)]
pub(super) struct Inclusion {
    sequence: u32,
    id: String,
    #[serde(flatten)]
    descent: Descent,
}

impl Descent {
    /// Of headers that were judged.
    fn new(trusted: &Number<128>, linked: &Linked<'_>, headers: &[Vec<u8>]) -> Self {
        let headers = headers.iter().filter_map(|bytes| Header::parse(bytes).ok());
        Self {
            block: Number(linked.header.hash()).to_string(),
            height: linked.header.height,
            time_s: linked.header.time,
            trusted: trusted.to_string(),
            blocks: headers.map(|header| BlockLine::of(&header)).collect(),
        }
    }
}

impl BlockLine {
    fn of(header: &Header<'_>) -> Self {
        let evidence = name(header.evidence_due());
        Self { height: header.height, channel: channel(header), evidence }
    }
}

fn channel(header: &Header<'_>) -> &'static str {
    match header.channel {
        Channel::Stake => "stake",
        Channel::Prime => "prime",
        Channel::Hash => "hash",
        Channel::Private => "private",
    }
}

fn name(evidence: Evidence) -> &'static str {
    match evidence {
        Evidence::Work => "proof of work",
        Evidence::LinkOnly => "linked only",
    }
}

impl fmt::Display for Descent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { block, height, time_s, trusted, blocks } = self;
        writeln!(f, "block {height}  {}  {block}", utc(*time_s))?;
        write!(f, "    {} blocks from the trusted {trusted} down", blocks.len())?;
        for channel in ["hash", "prime", "stake", "private"] {
            for evidence in ["proof of work", "linked only"] {
                let is_such =
                    |line: &&BlockLine| (line.channel, line.evidence) == (channel, evidence);
                match blocks.iter().filter(is_such).count() {
                    0 => {}
                    count => write!(f, "\n    {count} of channel {channel}: {evidence}")?,
                }
            }
        }
        Ok(())
    }
}

impl fmt::Display for Inclusion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "transaction {} is in {}", self.sequence, self.descent)
    }
}

/// A header as it says it is.
#[derive(Serialize)]
pub(super) struct HeaderLine {
    hash: String,
    version: u32,
    height: u32,
    time_s: u64,
    channel: &'static str,
    bits: u32,
    previous: String,
    merkle_root: String,
    evidence: String,
}

impl HeaderLine {
    pub(super) fn of(bytes: &[u8]) -> Result<Self, Reason> {
        let header = Header::parse(bytes)?;
        Ok(Self {
            hash: Number(header.hash()).to_string(),
            version: header.version,
            height: header.height,
            time_s: header.time,
            channel: channel(&header),
            bits: header.bits,
            previous: Number(*header.previous).to_string(),
            merkle_root: Number(*header.merkle_root).to_string(),
            evidence: header
                .evidence()
                .map_or_else(|reason| reason.to_string(), |e| name(e).into()),
        })
    }
}

impl fmt::Display for HeaderLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { hash, version, height, time_s, channel, bits, .. } = self;
        writeln!(f, "block {height}  {}  version {version}  {hash}", utc(*time_s))?;
        writeln!(f, "    channel {channel}, bits {bits:08x}: {}", self.evidence)?;
        writeln!(f, "    above {}", self.previous)?;
        write!(f, "    Merkle root {}", self.merkle_root)
    }
}
