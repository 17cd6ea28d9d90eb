//! `cairn chain bundle`: makes proof bundles, and checks them as a device does.

use std::fmt;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use ledger_verify::bundle::{BUNDLE_BYTES_MAX, Reader};
use ledger_verify::chain::{Anchor, Chain, Proven, split};
use ledger_verify::log::checkpoint::Policy;
use ledger_verify::log::proof::Proof;
use ledger_verify::registers::BinaryCheck;
use ledger_verify::write;
use serde::Serialize;

use super::anchor::read_anchor;
use super::describe::RegisterLine;
use super::file::replace;
use super::folder::clock_s;
use super::{ChainFolder, NamedFile};
use crate::log::policy;
use crate::{Error, Output};

/// A device reads bundles in pieces; so does this.
const PIECE_BYTES: usize = 4096;

/// `cairn chain bundle ...`.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum Command {
    /// Writes what a device needs to get from an anchor to the chain's end.
    Make {
        /// The chain's folder.
        chain: PathBuf,
        /// Where to write it.
        #[arg(short, long)]
        output: PathBuf,
        /// Starts at this event, for devices that have it anchored, instead of the chain's first.
        #[arg(long, value_name = "SEQUENCE")]
        from: Option<u64>,
        /// A tlog-proof@v1 that the last event is logged.
        #[arg(long, value_name = "FILE")]
        proof: Option<PathBuf>,
    },
    /// Checks a bundle as a device does that knows only its anchor.
    Verify {
        /// The bundle.
        bundle: PathBuf,
        /// The anchor, as `cairn chain anchor` writes it.
        #[arg(long, value_name = "FILE")]
        anchor: PathBuf,
        /// Wants the last event to be logged, as this policy (c2sp.org/tlog-policy) says.
        #[arg(long, value_name = "FILE")]
        policy: Option<PathBuf>,
        /// Checks that a file is the binary that this release register names; needs --platform.
        #[arg(long, value_name = "NAME=FILE", requires = "platform")]
        binary: Option<NamedFile>,
        /// The platform that the binary is to run on.
        #[arg(long)]
        platform: Option<String>,
        /// Refuses a chain that is older than its policy allows, by this machine's clock.
        #[arg(long)]
        fresh: bool,
    },
}

/// Does what the command line says.
pub(super) fn run(command: &Command, output: &Output) -> Result<(), Error> {
    match command {
        Command::Make { chain, output: path, from, proof } => {
            let proof = proof.as_ref().map(|path| fs::read(path).map_err(Error::io(path)));
            let folder = ChainFolder::open(chain)?;
            let made = make(&folder, *from, proof.transpose()?.as_deref())?;
            replace(path, &made, 0o644)?;
            output.answer(&Made { path: path.clone(), bytes: made.len() })
        }
        Command::Verify { bundle, anchor, policy, binary, platform, fresh } => {
            let mut chain = Chain::new(read_anchor(anchor)?);
            let witnessed_s = match policy {
                Some(path) => {
                    let policy = policy::Policy::read(path)?;
                    policy.apply(|policy| read(bundle, Some(policy), &mut chain))??
                }
                None => read(bundle, None, &mut chain)?,
            };
            let refused =
                |what: &dyn fmt::Display| Error::Refused(format!("{}: {what}", bundle.display()));
            let proven = chain.proven().map_err(|error| refused(&error))?;
            if *fresh {
                proven.fresh(clock_s()).map_err(|stale| refused(&stale))?;
            }
            if let (Some(binary), Some(platform)) = (binary, platform) {
                check_binary(&proven, binary, platform)?;
            }
            output.answer(&Verified::of(&proven, witnessed_s))
        }
    }
}

/// A bundle of a chain's events from number `from` on, with a tlog-proof of the last one.
///
/// # Errors
/// [`Error::Usage`] when there is no such event; [`Error::Refused`] for a proof that is none, and when no device
/// would read the bundle.
pub(crate) fn make(
    folder: &ChainFolder,
    from: Option<u64>,
    proof: Option<&[u8]>,
) -> Result<Vec<u8>, Error> {
    let mut rest = folder.events();
    let mut registers = None;
    if let Some(from) = from.filter(|from| *from > 0) {
        let id = folder.proven()?.anchor().chain;
        let mut chain = Chain::new(Anchor::first(id));
        let missing = || Error::Usage(format!("the chain has no event {from}"));
        for _ in 0..=from {
            let (parts, after) = split(rest).map_err(|_| missing())?;
            chain.apply(parts.event).map_err(|error| Error::Refused(error.to_string()))?;
            if chain.next_sequence() <= from {
                rest = after;
            }
        }
        let proven = chain.proven().map_err(|_| missing())?;
        registers = Some(write::registers(proven.registers()));
    }
    let proof = proof.map(Proof::parse).transpose();
    let proof = proof.map_err(|error| Error::Refused(error.to_string()))?;
    let bundle = write::bundle(registers.as_deref(), rest, proof.as_ref()).ok_or_else(|| {
        Error::Refused("the proof has no signature, or more than a device reads".into())
    })?;
    if bundle.len() as u64 > BUNDLE_BYTES_MAX {
        let message = format!(
            "{} bytes, of which a device reads {BUNDLE_BYTES_MAX}: begin at an anchored event, with `cairn chain bundle make --from`",
            bundle.len()
        );
        return Err(Error::Refused(message));
    }
    Ok(bundle)
}

/// Replays the bundle at `path`, piece by piece; the time of the oldest witness signature.
fn read(path: &Path, policy: Option<Policy<'_>>, chain: &mut Chain) -> Result<Option<u64>, Error> {
    let mut file = File::open(path).map_err(Error::io(path))?;
    let mut piece = [0; PIECE_BYTES];
    let mut reader = Reader::new(policy);
    let refused = |error| Error::Refused(format!("{}: {error}", path.display()));
    loop {
        let length = file.read(&mut piece).map_err(Error::io(path))?;
        if length == 0 {
            return reader.end().map_err(refused);
        }
        reader.push(chain, piece.get(..length).unwrap_or_default()).map_err(refused)?;
    }
}

fn check_binary(proven: &Proven<'_>, binary: &NamedFile, platform: &str) -> Result<(), Error> {
    let NamedFile { name, path } = binary;
    let refused =
        |what: &dyn fmt::Display| Error::Refused(format!("{name} at {}: {what}", path.display()));
    let release = proven.release(name.as_str(), platform).map_err(|denied| refused(&denied))?;
    let mut check = BinaryCheck::new(release);
    let mut file = File::open(path).map_err(Error::io(path))?;
    let mut piece = [0; PIECE_BYTES];
    loop {
        let length = file.read(&mut piece).map_err(Error::io(path))?;
        let is_within = check.update(piece.get(..length).unwrap_or_default());
        if length == 0 || !is_within {
            break;
        }
    }
    if check.finish() { Ok(()) } else { Err(refused(&"not the binary of the release")) }
}

/// A bundle that was written.
#[derive(Serialize)]
struct Made {
    path: PathBuf,
    bytes: usize,
}

impl fmt::Display for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: bundle of {} bytes", self.path.display(), self.bytes)
    }
}

/// What a bundle proves.
#[derive(Serialize)]
struct Verified {
    id: String,
    sequence: u64,
    digest: String,
    revoked: bool,
    /// Time of the oldest witness signature.
    witnessed_s: Option<u64>,
    registers: Vec<RegisterLine>,
}

impl Verified {
    fn of(proven: &Proven<'_>, witnessed_s: Option<u64>) -> Self {
        let position = proven.anchor();
        Self {
            id: position.chain.to_string(),
            sequence: position.sequence,
            digest: position.digest.to_string(),
            revoked: proven.is_revoked(),
            witnessed_s,
            registers: RegisterLine::all(proven),
        }
    }
}

impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, sequence, digest, revoked, registers, .. } = self;
        let state = if *revoked { "proven, and revoked" } else { "proven" };
        write!(f, "chain {id}: {state}\nevent {sequence}  {digest}")?;
        registers.iter().try_for_each(|register| write!(f, "\n    {register}"))
    }
}
