//! Files from the Nexus ledger, in the forms that nodes and wallets hand out.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use ledger_verify::nexus::block::Header;
use ledger_verify::nexus::bundle::{self, HEADERS_MAX, Item, MAGIC};
use ledger_verify::nexus::hash::sk1024;
use ledger_verify::nexus::transaction::{MerkleTransaction, RAW_PREFIX, Transaction};
use ledger_verify::nexus::{Number, Reason};

use super::block::Place;
use crate::Error;

/// A longer bundle fits no volume.
const BYTES_MAX: u64 = 1 << 20;

/// What a file holds.
pub(super) struct Content {
    /// What kind of file it is.
    pub(super) form: &'static str,
    /// Transactions in raw form.
    pub(super) raws: Vec<Vec<u8>>,
    /// Which blocks they are in.
    pub(super) places: Vec<Place>,
    /// The block that a transaction with a Merkle branch claims to be in.
    pub(super) block: Option<Number<128>>,
    /// Block headers as they are hashed, if the file holds nothing else.
    pub(super) headers: Vec<Vec<u8>>,
    /// The file as a bundle, if it is one.
    pub(super) bundle: Option<Vec<u8>>,
}

impl Content {
    /// Reads `path`, in bytes or hexadecimal digits.
    pub(super) fn read(path: &Path) -> Result<Self, Error> {
        let file = File::open(path).map_err(Error::io(path))?;
        let mut bytes = Vec::new();
        // Twice as many hexadecimal digits.
        file.take(2 * BYTES_MAX + 1).read_to_end(&mut bytes).map_err(Error::io(path))?;
        let bytes = from_hex(&bytes).unwrap_or(bytes);
        Self::of(path, bytes)
    }

    /// What `bytes` hold, which stand in `path`.
    pub(super) fn of(path: &Path, bytes: Vec<u8>) -> Result<Self, Error> {
        if bytes.len() as u64 > BYTES_MAX {
            return Err(Error::Refused(format!("{}: longer than 1 MiB", path.display())));
        }
        Self::parse(bytes).map_err(|(offset, reason)| {
            Error::Refused(format!("{}: byte {offset}: {reason}", path.display()))
        })
    }

    fn new(form: &'static str, raws: Vec<Vec<u8>>) -> Self {
        Self { form, raws, places: Vec::new(), block: None, headers: Vec::new(), bundle: None }
    }

    fn parse(bytes: Vec<u8>) -> Result<Self, (usize, Reason)> {
        if bytes.starts_with(MAGIC) {
            return Self::parse_bundle(bytes);
        }
        let raw = |transaction: &[u8]| [&[RAW_PREFIX], transaction].concat();
        if Transaction::parse(&bytes).is_ok() {
            return Ok(Self::new("transaction", vec![raw(&bytes)]));
        }
        if let Ok(merkle) = MerkleTransaction::parse(&bytes) {
            let place = Place {
                sequence: merkle.transaction.sequence,
                index: merkle.index,
                branch: merkle.branch.to_vec(),
                headers: Vec::new(),
            };
            let mut first = raw(&bytes);
            let (_, branch) = Transaction::split_raw(&first)?;
            first.truncate(first.len() - branch.len());
            let content = Self::new("transaction with branch", vec![first]);
            return Ok(Self { places: vec![place], block: Some(merkle.block), ..content });
        }
        if let Some(headers) = parse_headers(&bytes) {
            return Ok(Self { headers, ..Self::new("block headers", Vec::new()) });
        }
        let mut raws = Vec::new();
        let mut rest = bytes.as_slice();
        while !rest.is_empty() || raws.is_empty() {
            let at = bytes.len() - rest.len();
            let (_, after) =
                Transaction::split_raw(rest).map_err(|(offset, reason)| (at + offset, reason))?;
            let (first, after) = rest.split_at(rest.len() - after.len());
            raws.push(first.to_vec());
            rest = after;
        }
        let form = if raws.len() == 1 { "raw transaction" } else { "raw transactions" };
        Ok(Self::new(form, raws))
    }

    fn parse_bundle(bytes: Vec<u8>) -> Result<Self, (usize, Reason)> {
        let mut content = Self::new("bundle", Vec::new());
        for item in bundle::items(&bytes)? {
            match item? {
                Item::Transaction(raw) => content.raws.push(raw.to_vec()),
                Item::Inclusion(inclusion) => content.places.push(Place {
                    sequence: inclusion.sequence,
                    index: inclusion.index,
                    branch: inclusion.branch.to_vec(),
                    headers: inclusion.headers().map(<[u8]>::to_vec).collect(),
                }),
            }
        }
        content.bundle = Some(bytes);
        Ok(content)
    }

    /// Adds those of `headers` that lead to the block that a transaction with a Merkle branch claims
    /// to be in; other files stay as they are.
    pub(super) fn lead(&mut self, headers: &[Vec<u8>]) -> Result<(), Error> {
        let Some(block) = self.block.filter(|_| !headers.is_empty()) else { return Ok(()) };
        let mut first = headers.iter().take(HEADERS_MAX);
        let last = first.position(|header| sk1024(header) == block.0).ok_or_else(|| {
            Error::Refused(format!("block {block} is not among the first {HEADERS_MAX} headers"))
        })?;
        for place in &mut self.places {
            place.headers = headers.iter().take(last + 1).cloned().collect();
        }
        Ok(())
    }
}

/// The block headers in `path`, if there is one.
pub(super) fn read_headers(path: Option<&Path>) -> Result<Vec<Vec<u8>>, Error> {
    let Some(path) = path else { return Ok(Vec::new()) };
    let content = Content::read(path)?;
    if content.headers.is_empty() {
        return Err(Error::Refused(format!("{}: no block headers", path.display())));
    }
    Ok(content.headers)
}

/// Headers one behind the other; `None` if there is anything else.
fn parse_headers(bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut headers = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (header, after) = Header::split(rest).ok()?;
        headers.push(header.bytes().to_vec());
        rest = after;
    }
    (!headers.is_empty()).then_some(headers)
}

fn from_hex(text: &[u8]) -> Option<Vec<u8>> {
    let digits: Vec<u32> = text
        .iter()
        .filter(|byte| !byte.is_ascii_whitespace())
        .map(|byte| char::from(*byte).to_digit(16))
        .collect::<Option<_>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    let bytes = pairs.iter().map(|[high, low]| u8::try_from(high << 4 | low)).collect();
    if rest.is_empty() && !pairs.is_empty() { Result::ok(bytes) } else { None }
}
