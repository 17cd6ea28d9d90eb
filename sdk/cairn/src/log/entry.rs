//! What goes into a log: events of chains, or bytes of any kind.

use std::fs;
use std::path::{Path, PathBuf};

use ledger_verify::Digest;
use ledger_verify::cbor::{self, Reader};
use ledger_verify::chain::{Anchor, Event};
use ledger_verify::write::log::{ENTRY_BYTES_MAX, entries};
use ledger_verify::write::log_entry;

use super::folder::{LogFolder, head};
use super::publish::count_events;
use crate::Error;
use crate::chain::ChainFolder;

/// The positions of all events of a chain.
pub(super) fn chain_events(chain: &ChainFolder) -> Result<Vec<Anchor>, Error> {
    Ok(chain.parsed()?.iter().map(Event::position).collect())
}

/// The position that a log entry is of; `None` for an entry of another kind.
pub(super) fn chain_position(entry: &[u8]) -> Option<Anchor> {
    read_position(entry).ok()
}

fn read_position(entry: &[u8]) -> Result<Anchor, cbor::Error> {
    let mut reader = Reader::new(entry);
    reader.array_of(3)?;
    let chain = Digest(*reader.byte_array()?);
    let sequence = reader.unsigned()?;
    let digest = Digest(*reader.byte_array()?);
    reader.end()?;
    Ok(Anchor { chain, sequence, digest })
}

/// Reads a file that is one entry.
pub(super) fn read_entry(path: &Path) -> Result<Vec<u8>, Error> {
    let entry = fs::read(path).map_err(Error::io(path))?;
    if entry.len() > ENTRY_BYTES_MAX {
        let message = format!("{}: longer than {ENTRY_BYTES_MAX} bytes", path.display());
        return Err(Error::Refused(message));
    }
    Ok(entry)
}

/// What is to be added.
#[derive(Debug, Clone, clap::Args)]
#[group(required = true, multiple = true)]
pub struct Sources {
    /// A chain's folder.
    #[arg(long, value_name = "FOLDER")]
    chain: Vec<PathBuf>,
    /// A file of at most 65,535 bytes, which becomes an entry as it is.
    #[arg(long, value_name = "FILE")]
    entry: Vec<PathBuf>,
    /// A file of many entries, each behind its length in two bytes, big-endian: an entry bundle of
    /// any length, for example another log's.
    #[arg(long, value_name = "FILE")]
    entries: Vec<PathBuf>,
}

/// Lets what the log does not have of the chains' events, and the entries in files, wait for the next
/// checkpoint. Answers the indices that they will have.
pub(super) fn add(folder: &LogFolder, sources: &Sources) -> Result<std::ops::Range<u64>, Error> {
    let mut pending = folder.pending(head(&folder.signed()?)?.size)?;
    let start = pending.first + pending.entries.len() as u64;
    let mut logged = folder.chains()?;
    count_events(&mut logged, &pending.entries);
    for path in &sources.chain {
        let mut new = Vec::new();
        for position in chain_events(&ChainFolder::open(path)?)? {
            let known = logged.get(&position.chain.to_string()).copied().unwrap_or(0);
            if position.sequence >= known {
                new.push(log_entry(&position));
            }
        }
        count_events(&mut logged, &new);
        pending.entries.extend(new);
    }
    for path in &sources.entry {
        pending.entries.push(read_entry(path)?);
    }
    for path in &sources.entries {
        let bytes = fs::read(path).map_err(Error::io(path))?;
        let all = entries(&bytes).ok_or_else(|| {
            Error::Refused(format!("{}: does not end with an entry", path.display()))
        })?;
        pending.entries.extend(all.into_iter().map(<[u8]>::to_vec));
    }
    let end = pending.first + pending.entries.len() as u64;
    if end > start {
        folder.set_pending(&pending)?;
    }
    Ok(start..end)
}
