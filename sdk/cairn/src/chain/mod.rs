//! `cairn chain`: makes, extends, shows and checks signature chains.

mod anchor;
pub mod bundle;
mod describe;
mod folder;
mod fork;
mod release;

pub(crate) use describe::utc;
pub use folder::{ChainFolder, Pending, register_of, vouch};
pub(crate) use folder::{now_s, parent, persist, read_key, replace, temporary_beside};

use std::path::PathBuf;
use std::str::FromStr;

use ledger_verify::Digest;
use ledger_verify::algorithm::Algorithm;
use ledger_verify::chain::Stale;
use ledger_verify::registers::{NAME_BYTES_MAX, Name, POLICY, Policy, Value, Write, WriteValue};

use crate::{Error, Output};
use describe::{Made, Overview};

/// `cairn chain ...`.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum Command {
    /// Makes a chain and its key in a new folder.
    Init {
        /// The folder: `chain.json` (the chain's id), `chain.cbor` (events) and `key` (mode 0600).
        chain: PathBuf,
    },
    /// Appends an event that writes registers, signed with the next key; without writes it only
    /// changes the key.
    Append {
        /// The chain's folder.
        chain: PathBuf,
        /// Points a register to a digest (64 hex digits); its generation rises by one.
        #[arg(long, value_name = "NAME=DIGEST")]
        pointer: Vec<String>,
        /// Appends an item (64 hex digits) to a list register.
        #[arg(long, value_name = "NAME=DIGEST")]
        item: Vec<String>,
        /// Releases a binary: its version and platform stand behind it, as in
        /// `app=app.elf,1.2.3,qemu_virt_aarch64`.
        #[arg(long, value_name = "NAME=FILE,VERSION,PLATFORM")]
        release: Vec<String>,
        /// How many seconds old the chain's last event may be for a reader with a clock; 0 for any
        /// age.
        #[arg(long, value_name = "SECONDS")]
        age_max: Option<u64>,
    },
    /// Ends a chain for good, with its next key: devices then believe nothing that is newer than
    /// what their image pins.
    Revoke {
        /// The chain's folder.
        chain: PathBuf,
    },
    /// Makes and checks proof bundles.
    #[command(subcommand)]
    Bundle(bundle::Command),
    /// Looks for two different events at one place of two copies of a chain, and writes both: proof
    /// that the owner, or a thief of the keys, said two things at once.
    Fork {
        /// A chain's folder, or a chain file; or the evidence itself, without a second one.
        first: PathBuf,
        /// Another copy of the same chain.
        second: Option<PathBuf>,
        /// Where to write the evidence: both events, back to back.
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
        Command::Init { chain } => {
            let folder = ChainFolder::init(chain)?;
            output.answer(&Made::of(&folder, "made")?)
        }
        Command::Append { chain, pointer, item, release, age_max } => {
            let mut folder = ChainFolder::open(chain)?;
            let mut writes = writes(&folder, pointer, item)?;
            for argument in release {
                writes.push(release::write(argument)?);
            }
            writes.extend(age_max.map(|age_max_s| policy(&folder, age_max_s)).transpose()?);
            let pending = folder.prepare(writes)?;
            folder.commit(pending)?;
            output.answer(&Made::of(&folder, "appended")?)
        }
        Command::Revoke { chain } => {
            let mut folder = ChainFolder::open(chain)?;
            let pending = folder.prepare_revocation()?;
            folder.commit(pending)?;
            output.answer(&Made::of(&folder, "revoked")?)
        }
        Command::Bundle(command) => bundle::run(command, output),
        Command::Fork { first, second, output: path } => {
            output.answer(&fork::run(first, second.as_deref(), path.as_deref())?)
        }
        Command::Show { chain } => output.answer(&Overview::of(&ChainFolder::open(chain)?)?),
        Command::Verify { chain, anchor, fresh } => {
            let folder = ChainFolder::open(chain)?;
            if let Some(path) = anchor {
                anchor::check_against(&folder, anchor::read_anchor(path)?)?;
            }
            if *fresh {
                let stale = |stale: Stale| Error::Refused(format!("{}: {stale}", chain.display()));
                folder.proven()?.fresh(folder::now_s()).map_err(stale)?;
            }
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

/// The register writes that the command line asks for.
fn writes(
    folder: &ChainFolder,
    pointers: &[String],
    items: &[String],
) -> Result<Vec<Write>, Error> {
    let proven = folder.proven()?;
    let mut writes = Vec::new();
    for argument in pointers {
        let (name, root) = assignment(argument)?;
        let generation = match proven.register(name.as_str()) {
            Some(Value::Pointer { generation, .. }) => generation.saturating_add(1),
            _ => 1,
        };
        writes.push(Write { name, value: WriteValue::Pointer { root, generation } });
    }
    for argument in items {
        let (name, item) = assignment(argument)?;
        writes.push(Write { name, value: WriteValue::Append(item) });
    }
    Ok(writes)
}

fn assignment(argument: &str) -> Result<(Name, Digest), Error> {
    let parts = argument.split_once('=');
    parts.and_then(|(name, digest)| Some((Name::new(name)?, Digest::from_hex(digest)?))).ok_or_else(
        || {
            Error::Usage(format!(
                "{argument}: not NAME=DIGEST with a name of 1 to {NAME_BYTES_MAX} printable \
                 characters and a digest of 64 hex digits"
            ))
        },
    )
}

/// The write of a policy that only changes how old the last event may be.
fn policy(folder: &ChainFolder, age_max_s: u64) -> Result<Write, Error> {
    let weakest = folder.proven()?.registers().policy().map(|policy| policy.weakest);
    let policy = Policy { weakest: weakest.unwrap_or(Algorithm::Ed25519), age_max_s };
    let name = Name::new(POLICY).ok_or_else(|| Error::Usage("no name".into()))?;
    Ok(Write { name, value: WriteValue::Policy(policy) })
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
