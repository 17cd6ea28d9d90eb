//! Evidence of forks.

use std::fmt;
use std::fs;
use std::path::Path;

use ledger_verify::chain::{self, Parts, split};
use serde::Serialize;

use super::file::replace;
use super::folder::{ChainFolder, EVENTS};
use crate::Error;

/// A proven fork.
#[derive(Serialize)]
pub(super) struct Fork {
    id: String,
    sequence: u64,
    events: [String; 2],
    /// Whether the keys are known to be the chain's.
    keys_checked: bool,
}

impl fmt::Display for Fork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, sequence, events: [first, second], keys_checked } = self;
        write!(f, "chain {id}: forked at event {sequence}\n    {first}\n    {second}")?;
        if *keys_checked {
            return Ok(());
        }
        f.write_str(
            "\nby keys that may be anybody's: compare with the folder of a chain that you trust",
        )
    }
}

/// Proves a fork from two copies of a chain, or from evidence alone.
///
/// # Errors
/// [`Error::Refused`] when nothing is proven; [`Error::Io`].
pub(super) fn run(
    first: &Path,
    second: Option<&Path>,
    output: Option<&Path>,
) -> Result<Fork, Error> {
    let evidence = match second {
        None => fs::read(first).map_err(Error::io(first))?,
        Some(second) => {
            let none = || Error::Refused("one chain continues the other: no fork".into());
            let (one, two) = (proven(first)?, events(second)?);
            let [before, both] =
                first_difference((first, &one), (second, &two))?.ok_or_else(none)?;
            // Where a recovery stands beside another event, the one before names both key sets.
            if chain::fork(&both).is_some() { both } else { [before, both].concat() }
        }
    };
    let fork = chain::fork(&evidence).ok_or_else(|| {
        Error::Refused("no fork: not two signed events of the chain's keys at one place".into())
    })?;
    if let Some(path) = output {
        replace(path, &evidence, 0o644)?;
    }
    Ok(Fork {
        id: fork.chain.to_string(),
        sequence: fork.sequence,
        events: fork.events.map(|digest| digest.to_string()),
        keys_checked: second.is_some() && first.is_dir(),
    })
}

/// The events of a chain's folder, replayed from the chain's id, or those of a chain file.
fn proven(path: &Path) -> Result<Vec<u8>, Error> {
    if path.is_dir() { Ok(ChainFolder::open(path)?.events().to_vec()) } else { events(path) }
}

/// The events of a chain's folder, or of a chain file.
fn events(path: &Path) -> Result<Vec<u8>, Error> {
    let file = if path.is_dir() { path.join(EVENTS) } else { path.to_owned() };
    fs::read(&file).map_err(Error::io(file))
}

/// The event before the first two, one of each chain, that differ, and these two; `None` where
/// one of the chains ends first.
fn first_difference(
    (first_path, mut first): (&Path, &[u8]),
    (second_path, mut second): (&Path, &[u8]),
) -> Result<Option<[Vec<u8>; 2]>, Error> {
    let mut before: &[u8] = &[];
    while !first.is_empty() && !second.is_empty() {
        let (one, rest_one) = event(first_path, first)?;
        let (two, rest_two) = event(second_path, second)?;
        if one.body != two.body {
            return Ok(Some([before.to_vec(), [one.event, two.event].concat()]));
        }
        before = one.event;
        (first, second) = (rest_one, rest_two);
    }
    Ok(None)
}

/// The first event of `rest`, and what follows.
fn event<'a>(path: &Path, rest: &'a [u8]) -> Result<(Parts<'a>, &'a [u8]), Error> {
    split(rest).map_err(|(_, reason)| Error::Refused(format!("{}: {reason}", path.display())))
}
