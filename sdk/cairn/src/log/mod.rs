//! `cairn log`: keeps transparency logs on static storage, proves what is in them, and witnesses those
//! of others.
//!
//! A log has a private side, a folder with its key and what it signed last (`folder`), and a public
//! side, the files of c2sp.org/tlog-tiles in a `store`. Readers need the public side and a policy
//! (`policy`); they believe nothing that the policy's keys did not sign.

mod describe;
mod entry;
mod folder;
mod keys;
pub(crate) mod policy;
mod publish;
mod reader;
mod request;
mod signatures;
mod sigv4;
mod store;
mod submit;
mod verify;
mod witness;

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use ledger_verify::log::note::KeyType;
use ledger_verify::write::log_entry;

use crate::chain::{ChainFolder, replace};
use crate::{Error, Output};
use describe::{Added, Cosigned, Made, Overview, Proven, Verified, WitnessMade};
use folder::{DEFAULT_STORE, LogFolder};
use policy::Policy;
use reader::Reader;
use store::Store;
use witness::WitnessFolder;

/// Longest request to a witness, or answer of one, in bytes: a proof and a note.
const REQUEST_BYTES_MAX: u64 = 128 * 1024;

/// `cairn log ...`.
///
/// LOG is a log's own folder; where a command only reads, it may be the log's store as well:
/// a folder, `s3://bucket/prefix`, or `https://...`. Stores of S3's kind are reached with the usual
/// AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION and AWS_ENDPOINT_URL.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum Command {
    /// Makes a log and its key in a new folder, and publishes its first checkpoint, of no entries.
    Init {
        /// The folder, which is private: it holds the key (mode 0600) and what was signed.
        log: PathBuf,
        /// The log's name: the URL of its store without `https://`, for example.
        #[arg(long, value_name = "NAME")]
        origin: String,
        /// Where the public files go: a folder, from the log's, or `s3://bucket/prefix`.
        #[arg(long, value_name = "STORE", default_value = DEFAULT_STORE)]
        store: String,
        /// Signs each checkpoint with ML-DSA-44 as well as Ed25519.
        #[arg(long)]
        ml_dsa: bool,
    },
    /// Lets entries wait for the next checkpoint: a chain's events that the log does not have, or
    /// contents of files.
    Add {
        /// The log's folder.
        log: PathBuf,
        #[command(flatten)]
        #[expect(missing_docs, reason = "clap has them at its fields")]
        sources: entry::Sources,
    },
    /// Publishes the entries that wait, signs the tree with them, and publishes the checkpoint.
    Checkpoint {
        /// The log's folder.
        log: PathBuf,
        /// Sends the checkpoint to the witnesses first, as `submit` does, and publishes it only when
        /// enough of them have cosigned it: until then readers see the one before.
        #[arg(long, value_name = "FILE")]
        policy: Option<PathBuf>,
    },
    /// Sends the last checkpoint to the witnesses of a policy, and publishes it with their cosignatures
    /// when there are enough.
    Submit {
        /// The log's folder.
        log: PathBuf,
        /// The policy (c2sp.org/tlog-policy); of the witnesses in its quorum, or of all with `quorum none`,
        /// those with a URL are asked.
        #[arg(long, value_name = "FILE")]
        policy: PathBuf,
    },
    /// Writes what `submit` sends, for witnesses that are reached in another way.
    Request {
        /// The log's folder.
        log: PathBuf,
        /// How many entries the witness has cosigned before.
        #[arg(long, value_name = "SIZE", default_value_t = 0)]
        old: u64,
        /// Where to write it.
        #[arg(short, long)]
        output: PathBuf,
    },
    /// Adds cosignatures that came in another way to the last checkpoint, and publishes it when there are
    /// enough.
    Attach {
        /// The log's folder.
        log: PathBuf,
        /// The policy with the witnesses' keys.
        #[arg(long, value_name = "FILE")]
        policy: PathBuf,
        /// Signature lines, as witnesses answer them.
        #[arg(required = true)]
        cosignatures: Vec<PathBuf>,
    },
    /// Writes an offline proof (c2sp.org/tlog-proof) of an entry, alone or in a bundle for devices.
    Prove(ProveArgs),
    /// Builds the tree anew from the entries and compares every file, the root and the signatures.
    Verify {
        /// The log's folder or store.
        log: String,
        /// Whose signatures are needed; without it the log's own, if LOG is the log's folder.
        #[arg(long, value_name = "FILE")]
        policy: Option<PathBuf>,
        /// An earlier checkpoint of this log, which has to be of its past.
        #[arg(long, value_name = "CHECKPOINT")]
        earlier: Vec<PathBuf>,
    },
    /// Shows a log's keys, its checkpoint and what waits.
    Show {
        /// The log's folder or store.
        log: String,
        /// Whose signatures are needed; without it the log's own, if LOG is the log's folder.
        #[arg(long, value_name = "FILE")]
        policy: Option<PathBuf>,
    },
    /// Makes a witness and its key in a new folder.
    Witness {
        /// The folder.
        witness: PathBuf,
        /// The witness's name: a URL without `https://`, for example.
        #[arg(long)]
        name: String,
        /// What it cosigns with.
        #[arg(long, value_enum, default_value_t = Cosignature::MlDsa44)]
        algorithm: Cosignature,
    },
    /// Lets a witness watch a log.
    Trust {
        /// The witness's folder.
        witness: PathBuf,
        /// The log's verifier key.
        verifier_key: String,
    },
    /// Cosigns a checkpoint if it continues the one before: `add-checkpoint` of c2sp.org/tlog-witness.
    Cosign {
        /// The witness's folder.
        witness: PathBuf,
        /// The request, or `-` for standard input.
        request: PathBuf,
        /// Where to write the signature line.
        #[arg(short, long)]
        output: Option<PathBuf>,
    },
}

/// What a witness cosigns with.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub enum Cosignature {
    /// Ed25519, for verifiers that know nothing else.
    Ed25519,
    /// ML-DSA-44.
    #[value(name = "ml-dsa-44")]
    MlDsa44,
}

/// `cairn log prove`.
#[derive(Debug, Clone, clap::Args)]
pub struct ProveArgs {
    /// The log's folder or store.
    log: String,
    #[command(flatten)]
    which: Which,
    /// Whose signatures are needed; without it the log's own, if LOG is the log's folder.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Where to write the proof.
    #[arg(short, long, value_name = "FILE", required_unless_present = "bundle")]
    output: Option<PathBuf>,
    /// Where to write a proof bundle of the chain and this proof.
    #[arg(long, value_name = "FILE", requires = "chain")]
    bundle: Option<PathBuf>,
}

/// Which entry is proven.
#[derive(Debug, Clone, clap::Args)]
#[group(required = true, multiple = false)]
struct Which {
    /// The last event of a chain.
    #[arg(long, value_name = "FOLDER")]
    chain: Option<PathBuf>,
    /// A file that was added.
    #[arg(long, value_name = "FILE")]
    entry: Option<PathBuf>,
    /// The entry of this number, from 0.
    #[arg(long)]
    index: Option<u64>,
}

/// Does what the command line says.
///
/// # Errors
/// [`Error`].
pub fn run(command: &Command, output: &Output) -> Result<(), Error> {
    match command {
        Command::Init { log, origin, store, ml_dsa } => {
            let folder = init(log, origin, store, *ml_dsa)?;
            output.answer(&Made::of(&folder, "made", &folder.signed()?)?)
        }
        Command::Add { log, sources } => {
            let folder = LogFolder::open(log)?;
            let indices = entry::add(&folder, sources)?;
            output.answer(&Added::of(&indices))
        }
        Command::Checkpoint { log, policy } => {
            let policy = policy.as_deref().map(Policy::read).transpose()?;
            publish::checkpoint(&LogFolder::open(log)?, policy.as_ref(), output)
        }
        Command::Submit { log, policy } => {
            let policy = Policy::read(policy)?;
            submit::submit(&LogFolder::open(log)?, &policy, output)
        }
        Command::Request { log, old, output: path } => {
            let folder = LogFolder::open(log)?;
            let request = submit::request(&folder, *old)?;
            replace(path, request.as_bytes(), 0o644)?;
            output.answer(&Made::of(&folder, "request written", &folder.signed()?)?)
        }
        Command::Attach { log, policy, cosignatures } => {
            let policy = Policy::read(policy)?;
            // All of them before the first is added.
            let files = cosignatures.iter().map(|path| Ok((path.as_path(), read_text(path)?)));
            let files = files.collect::<Result<Vec<_>, Error>>()?;
            submit::attach(&LogFolder::open(log)?, &policy, &files, output)
        }
        Command::Prove(args) => output.answer(&prove(args, output)?),
        Command::Verify { log, policy, earlier } => {
            let reader = Reader::open(log, policy.as_deref())?;
            let checked = verify::verify(&reader, earlier, output)?;
            output.answer(&Verified::of(&reader, &checked)?)
        }
        Command::Show { log, policy } => {
            output.answer(&Overview::of(log, &Reader::open(log, policy.as_deref())?)?)
        }
        Command::Witness { witness, name, algorithm } => {
            let key_type = match algorithm {
                Cosignature::Ed25519 => KeyType::CosignatureEd25519,
                Cosignature::MlDsa44 => KeyType::CosignatureMlDsa44,
            };
            let folder = WitnessFolder::init(witness, name, key_type)?;
            output.answer(&WitnessMade::of(&folder))
        }
        Command::Trust { witness, verifier_key } => {
            let mut folder = WitnessFolder::open(witness)?;
            folder.trust(verifier_key)?;
            output.answer(&WitnessMade::of(&folder))
        }
        Command::Cosign { witness, request, output: path } => {
            let line = WitnessFolder::open(witness)?.add_checkpoint(&read_request(request)?)?;
            // Whether it can be written or not: the witness has cosigned, and does not twice.
            let written =
                path.as_ref().map_or(Ok(()), |path| replace(path, line.as_bytes(), 0o644));
            output.answer(&Cosigned::of(&line))?;
            written
        }
    }
}

/// Makes a log and publishes its first checkpoint, where no other log is.
fn init(path: &Path, origin: &str, store: &str, ml_dsa: bool) -> Result<LogFolder, Error> {
    let folder = LogFolder::init(path, origin, store, ml_dsa)?;
    let is_free = |store: Store| match store.get_versioned(store::CHECKPOINT)? {
        None => Ok(store),
        Some(_) => Err(Error::Refused(format!("{}: holds a log already", store.place("")))),
    };
    let error = match folder.store().and_then(is_free) {
        Ok(store) => match publish::publish(&folder, &store) {
            Ok(()) => return Ok(folder),
            // The store may have it, and only the answer was lost: `checkpoint` goes on with this log.
            Err(error @ Error::Io { .. }) if matches!(store, Store::S3(_)) => return Err(error),
            Err(error) => error,
        },
        Err(error) => error,
    };
    // Nobody knows this key yet.
    fs::remove_dir_all(path).map_err(Error::io(path))?;
    Err(error)
}

fn prove(args: &ProveArgs, output: &Output) -> Result<Proven, Error> {
    let reader = Reader::open(&args.log, args.policy.as_deref())?;
    let chain = args.which.chain.as_deref().map(ChainFolder::open).transpose()?;
    let (index, entry) = match (&chain, &args.which.entry, args.which.index) {
        (Some(chain), ..) => {
            let entry = log_entry(&chain.proven()?.anchor());
            (reader.find(&entry, output)?, entry)
        }
        (_, Some(file), _) => {
            let entry = entry::read_entry(file)?;
            (reader.find(&entry, output)?, entry)
        }
        (.., index) => {
            let index = index.unwrap_or_default();
            (index, reader.entry(index)?)
        }
    };
    let proof = reader.prove(index, &entry)?;
    if let Some(path) = &args.output {
        replace(path, proof.as_bytes(), 0o644)?;
    }
    if let (Some(path), Some(chain)) = (&args.bundle, &chain) {
        let bundle = crate::chain::bundle::make(chain, None, Some(proof.as_bytes()))?;
        replace(path, &bundle, 0o644)?;
    }
    Proven::of(&reader, index)
}

/// Reads a file of signature lines.
fn read_text(path: &Path) -> Result<String, Error> {
    String::from_utf8(read_request(path)?)
        .map_err(|_| Error::Refused(format!("{}: no text", path.display())))
}

fn read_request(path: &Path) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin().take(REQUEST_BYTES_MAX + 1).read_to_end(&mut bytes)
    } else {
        fs::File::open(path)
            .and_then(|file| file.take(REQUEST_BYTES_MAX + 1).read_to_end(&mut bytes))
    };
    read.map_err(Error::io(path))?;
    if bytes.len() as u64 > REQUEST_BYTES_MAX {
        return Err(Error::Refused(format!("{}: too long", path.display())));
    }
    Ok(bytes)
}
