//! `cairn chain`: makes, extends, shows and checks signature chains.

mod anchor;
mod append;
pub mod bundle;
mod describe;
mod file;
mod folder;
mod fork;
mod keys;
mod release;
mod sign;

pub use append::AppendArgs;
pub(crate) use describe::utc;
pub(crate) use file::{parent, persist, read_key, replace, temporary_beside};
pub use folder::{ChainFolder, Pending, register_of, vouch};
pub(crate) use folder::{EVENT_BYTES_MAX, clock_s, now_s};
pub use keys::AlgorithmName;

use std::path::PathBuf;
use std::str::FromStr;

use ledger_verify::chain::Stale;
use ledger_verify::registers::Name;

use crate::{Error, Output};
use describe::{Made, Overview};

/// `cairn chain ...`.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum Command {
    /// Makes a chain and its key in a new folder.
    Init {
        /// The folder: `chain.json` (the chain's id), `chain.cbor` (events) and `key` (mode 0600).
        chain: PathBuf,
        /// What signs; `append` can raise it.
        #[arg(long, value_enum, value_name = "NAME", default_value = "ed25519")]
        algorithm: AlgorithmName,
        /// Makes a recovery secret in this new file (mode 0600), which `recover` needs when the key is
        /// lost or stolen. Keep it elsewhere.
        #[arg(long, value_name = "FILE")]
        recovery: Option<PathBuf>,
    },
    /// Appends an event that writes registers, signed with the next key; without writes it only
    /// changes the key.
    Append(AppendArgs),
    /// Makes a new key for a chain whose key is lost or stolen: appends an event that the recovery key
    /// signs. What was signed with the old key before stays, and that key signs nothing any more.
    Recover {
        /// The chain's folder; it needs no key.
        chain: PathBuf,
        /// The recovery secret.
        #[arg(long, value_name = "FILE")]
        recovery: PathBuf,
        /// Raises the next key and the next recovery key to this algorithm.
        #[arg(long, value_enum, value_name = "NAME")]
        algorithm: Option<AlgorithmName>,
    },
    /// Ends a chain for good, with its next key: devices then believe nothing that is newer than
    /// what their image pins.
    Revoke {
        /// The chain's folder.
        chain: PathBuf,
        /// Signs with the recovery key, whose secret this is, instead of the next key.
        #[arg(long, value_name = "FILE")]
        recovery: Option<PathBuf>,
    },
    /// Makes and checks proof bundles.
    #[command(subcommand)]
    Bundle(bundle::Command),
    /// Looks for two different events at one place of two copies of a chain, and writes both: proof
    /// that the owner, or a thief of the keys, said two things at once. Only with a chain's folder is it
    /// known that the keys are the chain's; a file may have been made by anybody.
    Fork {
        /// A chain's folder, or a chain file; or the evidence itself, without a second one.
        first: PathBuf,
        /// Another copy of the same chain.
        second: Option<PathBuf>,
        /// Where to write the evidence: both events, back to back, behind the event before if one of
        /// them is a recovery.
        #[arg(short, long, requires = "second")]
        output: Option<PathBuf>,
    },
    /// Shows events and registers.
    Show {
        /// The chain's folder.
        chain: PathBuf,
    },
    /// Replays the chain, and checks that its key is secret and is the one committed to.
    Verify {
        /// The chain's folder.
        chain: PathBuf,
        /// Refuses a chain that ends before this anchor or contradicts it.
        #[arg(long, value_name = "FILE")]
        anchor: Option<PathBuf>,
        /// Refuses a chain that is older than its policy allows, by this machine's clock.
        #[arg(long)]
        fresh: bool,
        /// Checks that this is the chain's recovery secret.
        #[arg(long, value_name = "FILE")]
        recovery: Option<PathBuf>,
    },
    /// Writes the anchor that an image pins: the chain's last event, and a volume's generation.
    Anchor {
        /// The chain's folder.
        chain: PathBuf,
        /// Where to write it: 160 bytes.
        #[arg(short, long)]
        output: PathBuf,
        /// The volume whose generation is pinned; needed only if the chain vouches for several.
        #[arg(long, value_name = "NAME")]
        volume: Option<String>,
    },
}

/// Does what the command line says.
///
/// # Errors
/// [`Error`]; nothing is written then.
pub fn run(command: &Command, output: &Output) -> Result<(), Error> {
    match command {
        Command::Init { chain, algorithm, recovery } => {
            let folder = ChainFolder::init(chain, (*algorithm).into(), recovery.as_deref())?;
            output.answer(&Made::of(&folder, "made")?)
        }
        Command::Append(args) => output.answer(&Made::of(&append::append(args)?, "appended")?),
        Command::Recover { chain, recovery, algorithm } => {
            let mut folder = ChainFolder::open(chain)?;
            folder.recover(recovery, algorithm.map(Into::into))?;
            output.answer(&Made::of(&folder, "recovered")?)
        }
        Command::Revoke { chain, recovery } => {
            let mut folder = ChainFolder::open(chain)?;
            let pending = folder.prepare_revocation(recovery.as_deref())?;
            folder.commit(pending)?;
            output.answer(&Made::of(&folder, "revoked")?)
        }
        Command::Bundle(command) => bundle::run(command, output),
        Command::Fork { first, second, output: path } => {
            output.answer(&fork::run(first, second.as_deref(), path.as_deref())?)
        }
        Command::Show { chain } => output.answer(&Overview::of(&ChainFolder::open(chain)?)?),
        Command::Verify { chain, anchor, fresh, recovery } => {
            let folder = ChainFolder::open(chain)?;
            if let Some(path) = anchor {
                anchor::check_against(&folder, anchor::read_anchor(path)?)?;
            }
            if *fresh {
                let stale = |stale: Stale| Error::Refused(format!("{}: {stale}", chain.display()));
                folder.proven()?.fresh(clock_s()).map_err(stale)?;
            }
            recovery.as_ref().map_or(Ok(()), |file| folder.check_recovery(file))?;
            let with_key = folder.check_key()?;
            let done = if with_key { "proven, key fits" } else { "proven, no key here" };
            output.answer(&Made::of(&folder, done)?)
        }
        Command::Anchor { chain, output: path, volume } => {
            let folder = ChainFolder::open(chain)?;
            anchor::write_anchor(&folder, path, volume.as_deref())?;
            output.answer(&Made::of(&folder, "anchored")?)
        }
    }
}

/// `NAME=FILE` on the command line.
#[derive(Debug, Clone)]
pub struct NamedFile {
    name: Name,
    path: PathBuf,
}

impl FromStr for NamedFile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('=').and_then(|(name, path)| Some((Name::new(name)?, path)));
        let (name, path) = parts.ok_or(format!("{text}: not NAME=FILE"))?;
        Ok(Self { name, path: path.into() })
    }
}
