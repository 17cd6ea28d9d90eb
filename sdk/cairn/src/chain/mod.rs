//! `cairn chain`: makes, extends, shows and checks signature chains.

mod describe;
mod folder;

pub(crate) use describe::utc;
pub use folder::{ChainFolder, Pending, register_of, vouch};
pub(crate) use folder::{now_s, parent, persist, read_key, replace, temporary_beside};

use std::path::PathBuf;

use ledger_verify::Digest;
use ledger_verify::registers::{NAME_BYTES_MAX, Name, Value, Write, WriteValue};
use protocols::ledger::{ANCHOR_MAGIC, ANCHOR_VERSION, AnchorBlob};
use zerocopy::IntoBytes;

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
    },
    /// Writes the anchor that an image pins: the chain's last event, and a volume's generation.
    Anchor {
        /// The chain's folder.
        chain: PathBuf,
        /// Where to write it: 128 bytes.
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
            output.answer(&Made::of(&folder, "made")?);
        }
        Command::Append { chain, pointer, item } => {
            let mut folder = ChainFolder::open(chain)?;
            let writes = writes(&folder, pointer, item)?;
            let pending = folder.prepare(writes)?;
            folder.commit(pending)?;
            output.answer(&Made::of(&folder, "appended")?);
        }
        Command::Show { chain } => output.answer(&Overview::of(&ChainFolder::open(chain)?)?),
        Command::Verify { chain } => {
            let folder = ChainFolder::open(chain)?;
            let with_key = folder.check_key()?;
            let done = if with_key { "proven, key fits" } else { "proven, no key here" };
            output.answer(&Made::of(&folder, done)?);
        }
        Command::Anchor { chain, output: path, volume } => {
            let folder = ChainFolder::open(chain)?;
            let blob = anchor(&folder, volume.as_deref())?;
            folder::replace(path, blob.as_bytes(), 0o644)?;
            output.answer(&Made::of(&folder, "anchored")?);
        }
    }
    Ok(())
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

/// The anchor at the chain's head; `docs/volume-format.md`, "Anchor".
fn anchor(folder: &ChainFolder, volume: Option<&str>) -> Result<AnchorBlob, Error> {
    let position = folder.proven()?.anchor();
    let name = match volume {
        Some(name) => Some(name.to_owned()),
        None => only_volume(folder)?,
    };
    let mut blob = AnchorBlob {
        magic: ANCHOR_MAGIC,
        version: ANCHOR_VERSION.to_le(),
        reserved: 0,
        chain: position.chain.0,
        sequence: position.sequence.to_le(),
        digest: position.digest.0,
        minimum_generation: 0,
        volume: [0; 32],
    };
    if let Some(name) = name {
        let Some((generation, _)) = folder.volume(&name)? else {
            return Err(Error::Refused(format!("the chain vouches for no volume {name}")));
        };
        blob.minimum_generation = generation.to_le();
        // A volume of a longer name cannot be built.
        if let Some(place) = blob.volume.get_mut(..name.len()) {
            place.copy_from_slice(name.as_bytes());
        }
    }
    Ok(blob)
}

/// The volume that the chain vouches for, if there is one and no more.
fn only_volume(folder: &ChainFolder) -> Result<Option<String>, Error> {
    let proven = folder.proven()?;
    let mut names = proven.registers().iter().filter_map(|(name, value)| {
        let name = name.strip_prefix("volume/")?;
        matches!(value, Value::Pointer { .. }).then(|| name.to_owned())
    });
    match (names.next(), names.next()) {
        (first, None) => Ok(first),
        _ => Err(Error::Usage(
            "the chain vouches for several volumes: name one with --volume".into(),
        )),
    }
}
