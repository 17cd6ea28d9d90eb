//! `cairn nexus`: shows, checks and bundles what comes from the Nexus ledger.

mod block;
mod describe;
mod input;
mod proof;

pub(crate) use proof::Proof;

use std::path::{Path, PathBuf};

use ledger_verify::nexus::chain::{Commitment, Pin};
use ledger_verify::nexus::transaction::Transaction;
use ledger_verify::write::nexus::{bundle, inclusion};
use protocols::ledger::{ANCHOR_MAGIC, ANCHOR_VERSION, AnchorBlob, AnchorKind};
use serde::Serialize;
use zerocopy::IntoBytes;

use crate::chain::replace;
use crate::{Error, Output};
use block::{Place, Trusted};
use describe::{Shown, Verdict};
use input::{Content, read_headers};

/// `cairn nexus ...`.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum Command {
    /// Shows transactions: what they do, and whether the key that they bring along signed them; or
    /// blocks: what links them, and what work was done for them.
    ///
    /// Takes a raw transaction, several of them back to back, one with its Merkle branch, a bundle, or
    /// block headers back to back, in bytes or as hexadecimal digits. What is shown is claimed, not
    /// proven: see `verify`.
    Show {
        /// The file.
        file: PathBuf,
    },
    /// Replays transactions from a pin, and tells what they prove; with a block that is trusted, also
    /// which blocks they are in. Of block headers: tells where they lead.
    Verify {
        /// The file, as for `show`.
        file: PathBuf,
        /// What is trusted: GENESIS:SEQUENCE:HASH, with the id of that transaction or the hash of the key
        /// after it. A genesis alone commits to no key.
        #[arg(long, required_unless_present = "block")]
        pin: Option<String>,
        /// Hash of a block that is trusted, too; may be given several times. A file that says of no
        /// transaction which block it is in is then refused.
        #[arg(long, value_name = "HASH")]
        block: Vec<String>,
        /// Block headers, from a trusted block down to the one of a transaction with a Merkle branch.
        #[arg(long, value_name = "FILE", requires = "block")]
        headers: Option<PathBuf>,
    },
    /// Joins transactions of one chain to a bundle.
    Bundle {
        /// Files, as for `show`, in the chain's order.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Block headers, as for `verify`: what has a Merkle branch is then bundled with its block.
        #[arg(long, value_name = "FILE")]
        headers: Option<PathBuf>,
        /// Where to write it.
        #[arg(short, long)]
        output: PathBuf,
    },
    /// Writes the anchor that an image pins: a pin, and a volume's generation at the bundle's end.
    Anchor {
        /// The bundle.
        bundle: PathBuf,
        /// What is trusted, as for `verify`; the anchor is the bundle's last transaction.
        #[arg(long)]
        pin: String,
        /// The volume.
        #[arg(long, value_name = "NAME")]
        volume: String,
        /// Where to write it: 160 bytes.
        #[arg(short, long)]
        output: PathBuf,
    },
}

/// Does what the command line says.
///
/// # Errors
/// [`Error`]; nothing is written then.
pub fn run(command: &Command, output: &Output) -> Result<(), Error> {
    match command {
        Command::Show { file } => {
            let content = Content::read(file)?;
            output.answer(&Shown::of(&content).map_err(refused(file))?)
        }
        Command::Verify { file, pin, block, headers } => {
            let trusted = Trusted::parse(block)?;
            let headers = read_headers(headers.as_deref())?;
            verify(file, pin.as_deref(), &trusted, &headers, output)
        }
        Command::Bundle { files, headers, output: path } => {
            let headers = read_headers(headers.as_deref())?;
            output.answer(&join(files, &headers, path)?)
        }
        Command::Anchor { bundle, pin, volume, output: path } => {
            let proof = Proof::open(bundle, parse_pin(pin)?)?;
            let blob = anchor(&proof, volume)?;
            replace(path, blob.as_bytes(), 0o644)?;
            output.answer(&Verdict::of(&proof)?)
        }
    }
}

fn verify(
    file: &Path,
    pin: Option<&str>,
    trusted: &Trusted,
    headers: &[Vec<u8>],
    output: &Output,
) -> Result<(), Error> {
    let mut content = Content::read(file)?;
    let missing = |what| Error::Usage(format!("{}: {what}", file.display()));
    if content.raws.is_empty() {
        if trusted.is_empty() {
            return Err(missing("blocks are proven from one that is trusted, --block"));
        }
        return output.answer(&trusted.descend(&content.headers).map_err(refused(file))?);
    }
    content.lead(headers)?;
    let pin = pin.ok_or_else(|| missing("transactions are proven from a --pin"))?;
    let proof = Proof::of(content, parse_pin(pin)?).map_err(refused(file))?;
    let verdict = Verdict::of(&proof)?;
    if trusted.is_empty() {
        return output.answer(&verdict);
    }
    let inclusions = proof.include(trusted).map_err(refused(file))?;
    output.answer(&verdict.with_inclusions(inclusions))
}

/// Reads a pin from the command line.
///
/// # Errors
/// [`Error::Usage`].
pub(crate) fn parse_pin(text: &str) -> Result<Pin, Error> {
    Pin::from_text(text).map_err(|error| Error::Usage(format!("{text}: {error}")))
}

fn refused<T: std::fmt::Display>(file: &Path) -> impl FnOnce(T) -> Error {
    move |error| Error::Refused(format!("{}: {error}", file.display()))
}

/// A bundle as it was written.
#[derive(Serialize)]
struct Bundled {
    transactions: usize,
    inclusions: usize,
    bytes: usize,
    /// The pin at its last transaction: to be compared with what the owner says.
    pin: String,
}

impl std::fmt::Display for Bundled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { transactions, inclusions, bytes, pin } = self;
        write!(f, "bundle of {transactions} transactions, {inclusions} inclusions, {bytes} bytes")?;
        write!(f, "\nends at {pin}")
    }
}

fn join(files: &[PathBuf], headers: &[Vec<u8>], path: &Path) -> Result<Bundled, Error> {
    let mut raws: Vec<Vec<u8>> = Vec::new();
    let mut places = Vec::new();
    for file in files {
        let mut content = Content::read(file)?;
        content.lead(headers)?;
        raws.extend(content.raws);
        places.extend(content.places);
    }
    let last = raws.last().map(|raw| Transaction::parse_raw(raw));
    let Some(Ok(last)) = last else {
        return Err(Error::Refused("no transactions".into()));
    };
    let pin = Pin::new(last.genesis, last.sequence, Commitment::Transaction(last.id))
        .map_err(|error| Error::Refused(error.to_string()))?;
    let mut bytes = bundle(&raws);
    // Where no headers lead, nothing is to be proven.
    places.retain(|place| !place.headers.is_empty());
    for Place { sequence, index, branch, headers } in &places {
        let headers: Vec<_> = headers.iter().map(Vec::as_slice).collect();
        bytes.extend(inclusion(*sequence, *index, branch, &headers));
    }
    // Nothing is written that could not be read.
    Content::of(path, bytes.clone())?;
    replace(path, &bytes, 0o644)?;
    let (transactions, inclusions) = (raws.len(), places.len());
    Ok(Bundled { transactions, inclusions, bytes: bytes.len(), pin: pin.to_string() })
}

/// The anchor at the bundle's last transaction; `docs/volume-format.md`, "Anchor".
fn anchor(proof: &Proof, name: &str) -> Result<AnchorBlob, Error> {
    let pin = proof.proven()?.pin();
    let Some((generation, _)) = proof.volume(name)? else {
        return Err(Error::Refused(format!("the bundle vouches for no volume {name}")));
    };
    let (kind, id) = match pin.commitment() {
        Commitment::Transaction(id) => (AnchorKind::NexusTransaction, id.0),
        Commitment::NextKey(_) => return Err(Error::Refused("no last transaction".into())),
    };
    let (first, rest) = id.split_at(32);
    let mut blob = AnchorBlob {
        magic: ANCHOR_MAGIC,
        version: ANCHOR_VERSION.to_le(),
        kind: kind.code().to_le(),
        reserved: 0,
        chain: pin.genesis().0,
        sequence: u64::from(pin.sequence()).to_le(),
        digest: [0; 32],
        minimum_generation: generation.to_le(),
        volume: [0; 32],
        digest_rest: [0; 32],
    };
    blob.digest.copy_from_slice(first);
    blob.digest_rest.copy_from_slice(rest);
    // A volume of a longer name cannot be built.
    if let Some(place) = blob.volume.get_mut(..name.len()) {
        place.copy_from_slice(name.as_bytes());
    }
    Ok(blob)
}
