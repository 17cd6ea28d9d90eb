//! Files from the Nexus ledger, in the forms that nodes and wallets hand out.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use ledger_verify::nexus::bundle::{self, Item, MAGIC};
use ledger_verify::nexus::chain::first_raw;
use ledger_verify::nexus::transaction::{MerkleTransaction, RAW_PREFIX, Transaction};
use ledger_verify::nexus::{Number, Reason};

use crate::Error;

/// A longer bundle fits no volume.
const BYTES_MAX: u64 = 1 << 20;

/// What a file holds.
pub(super) struct Content {
    /// What kind of file it is.
    pub(super) form: &'static str,
    /// Transactions in raw form.
    pub(super) raws: Vec<Vec<u8>>,
    /// Sequence and block header bytes of the transactions whose block the file tells, with the number
    /// of headers.
    pub(super) inclusions: Vec<(u32, usize)>,
    /// The block that a transaction with a Merkle branch claims to be in.
    pub(super) block: Option<Number<128>>,
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
        if bytes.len() as u64 > BYTES_MAX {
            return Err(Error::Refused(format!("{}: longer than 1 MiB", path.display())));
        }
        Self::parse(bytes).map_err(|(offset, reason)| {
            Error::Refused(format!("{}: byte {offset}: {reason}", path.display()))
        })
    }

    fn parse(bytes: Vec<u8>) -> Result<Self, (usize, Reason)> {
        if bytes.starts_with(MAGIC) {
            return Self::parse_bundle(bytes);
        }
        let new =
            |form, raws, block| Self { form, raws, inclusions: Vec::new(), block, bundle: None };
        let raw = |transaction: &[u8]| [&[RAW_PREFIX], transaction].concat();
        if Transaction::parse(&bytes).is_ok() {
            return Ok(new("transaction", vec![raw(&bytes)], None));
        }
        if let Ok(merkle) = MerkleTransaction::parse(&bytes) {
            let longer = raw(&bytes);
            let (first, _) = first_raw(&longer)?;
            return Ok(new("transaction with branch", vec![first.to_vec()], Some(merkle.block)));
        }
        let mut raws = Vec::new();
        let mut rest = bytes.as_slice();
        while !rest.is_empty() || raws.is_empty() {
            let at = bytes.len() - rest.len();
            let (first, after) =
                first_raw(rest).map_err(|(offset, reason)| (at + offset, reason))?;
            raws.push(first.to_vec());
            rest = after;
        }
        let form = if raws.len() == 1 { "raw transaction" } else { "raw transactions" };
        Ok(new(form, raws, None))
    }

    fn parse_bundle(bytes: Vec<u8>) -> Result<Self, (usize, Reason)> {
        let mut raws = Vec::new();
        let mut inclusions = Vec::new();
        for item in bundle::items(&bytes)? {
            match item? {
                Item::Transaction(raw) => raws.push(raw.to_vec()),
                Item::Inclusion(inclusion) => {
                    inclusions.push((inclusion.sequence, inclusion.headers().count()));
                }
            }
        }
        Ok(Self { form: "bundle", raws, inclusions, block: None, bundle: Some(bytes) })
    }
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
