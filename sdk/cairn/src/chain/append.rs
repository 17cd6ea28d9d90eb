//! `cairn chain append`: what an event is to say.

use std::path::PathBuf;

use ledger_verify::Digest;
use ledger_verify::algorithm::Algorithm;
use ledger_verify::registers::{NAME_BYTES_MAX, Name, POLICY, Policy, Value, Write, WriteValue};

use super::release::{self, Capabilities};
use super::{AlgorithmName, ChainFolder};
use crate::Error;

/// `cairn chain append`.
#[derive(Debug, Clone, clap::Args)]
pub struct AppendArgs {
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
    /// What a binary released here needs: a number, in hex behind 0x, whose bits the platform gives a
    /// meaning.
    #[arg(long, value_name = "NAME=BITS", requires = "release")]
    capabilities: Vec<Capabilities>,
    /// How many seconds old the chain's last event may be for a reader with a clock; 0 for any age.
    #[arg(long, value_name = "SECONDS")]
    age_max: Option<u64>,
    /// The weakest algorithm that a later event's key may have; it can only rise.
    #[arg(long, value_enum, value_name = "NAME")]
    weakest: Option<AlgorithmName>,
    /// Raises the chain: the next key is of this algorithm, and none after it may be weaker. With a
    /// recovery key, only `recover` does that.
    #[arg(long, value_enum, value_name = "NAME")]
    algorithm: Option<AlgorithmName>,
    /// Gives a chain without a recovery key one: makes its secret in this new file (mode 0600), which
    /// `recover` needs when the key is lost or stolen. Keep it elsewhere.
    #[arg(long, value_name = "FILE")]
    recovery: Option<PathBuf>,
}

/// Appends the event.
pub(super) fn append(args: &AppendArgs) -> Result<ChainFolder, Error> {
    let mut folder = ChainFolder::open(&args.chain)?;
    let mut writes = writes(&folder, &args.pointer, &args.item)?;
    writes.extend(release::writes(&args.release, &args.capabilities)?);
    if args.weakest.is_some() || args.age_max.is_some() {
        writes.push(policy(&folder, args.weakest.map(Into::into), args.age_max)?);
    }
    folder.append(writes, args.algorithm.map(Into::into), args.recovery.as_deref())?;
    Ok(folder)
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

/// The write of a policy; what is not given stays as it is.
fn policy(
    folder: &ChainFolder,
    weakest: Option<Algorithm>,
    age_max_s: Option<u64>,
) -> Result<Write, Error> {
    let old = folder.proven()?.registers().policy();
    let old = old.unwrap_or(Policy { weakest: Algorithm::Ed25519, age_max_s: 0 });
    let policy = Policy {
        weakest: weakest.unwrap_or(old.weakest),
        age_max_s: age_max_s.unwrap_or(old.age_max_s),
    };
    let name = Name::new(POLICY).ok_or_else(|| Error::Usage("no name".into()))?;
    Ok(Write { name, value: WriteValue::Policy(policy) })
}
