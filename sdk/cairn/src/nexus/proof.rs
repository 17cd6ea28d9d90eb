//! A chain from a file, replayed from a pin.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use ledger_verify::Digest;
use ledger_verify::nexus::TransactionId;
use ledger_verify::nexus::bundle::{self, Feed, Item};
use ledger_verify::nexus::chain::{Chain, Pin, Proven};
use ledger_verify::nexus::register::Track;
use ledger_verify::nexus::transaction::Transaction;
use ledger_verify::registers::Value;
use ledger_verify::write;

use super::block::{Inclusion, Place, Trusted};
use super::input::Content;
use crate::Error;
use crate::chain::register_of;

/// Registers of a chain that are followed here.
const REGISTERS_MAX: usize = 256;

/// A chain that was replayed without a fault.
pub(crate) struct Proof {
    /// The bundle it stands in.
    pub(crate) bundle: Vec<u8>,
    /// How many transactions it has.
    pub(super) transactions: usize,
    /// Which blocks some of them are said to be in.
    pub(super) places: Vec<Place>,
    chain: Box<Chain<REGISTERS_MAX>>,
}

impl Proof {
    /// Replays the file at `path` from `pin`.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Refused`] by the name of the transaction.
    pub(crate) fn open(path: &Path, pin: Pin) -> Result<Self, Error> {
        Self::of(Content::read(path)?, pin)
            .map_err(|error| Error::Refused(format!("{}: {error}", path.display())))
    }

    pub(super) fn of(content: Content, pin: Pin) -> Result<Self, ledger_verify::nexus::Error> {
        let bundle = content.bundle.unwrap_or_else(|| write::nexus::bundle(&content.raws));
        let chain = replay(&bundle, pin)?;
        Ok(Self { bundle, transactions: content.raws.len(), places: content.places, chain })
    }

    /// Which blocks the transactions are in whose place is known.
    ///
    /// # Errors
    /// [`Error::Refused`] by the sequence number of the transaction, or if no place is known.
    pub(super) fn include(&self, trusted: &Trusted) -> Result<Vec<Inclusion>, Error> {
        if self.places.is_empty() {
            return Err(Error::Refused("no transaction comes with its block".into()));
        }
        let ids = self.ids();
        let include = |place: &Place| {
            let refused = |reason: &dyn fmt::Display| {
                Error::Refused(format!("inclusion of transaction {}: {reason}", place.sequence))
            };
            let id = ids.get(&place.sequence).ok_or_else(|| refused(&"it is not here"))?;
            trusted.include(*id, place).map_err(|error| refused(&error))
        };
        self.places.iter().map(include).collect()
    }

    /// Ids by sequence number.
    fn ids(&self) -> BTreeMap<u32, TransactionId> {
        let items = bundle::items(&self.bundle).into_iter().flatten();
        let transactions = items.filter_map(|item| match item {
            Ok(Item::Transaction(raw)) => Transaction::parse_raw(raw).ok(),
            _ => None,
        });
        transactions.map(|transaction| (transaction.sequence, transaction.id)).collect()
    }

    /// What the chain proves.
    ///
    /// # Errors
    /// None: opening has proven it. The type keeps this honest.
    pub(crate) fn proven(&self) -> Result<Proven<'_, REGISTERS_MAX>, Error> {
        self.chain.proven().map_err(|error| Error::Refused(error.to_string()))
    }

    /// The chain's identity as superblocks have it: the genesis.
    pub(crate) fn chain_id(&self) -> Digest {
        Digest(self.chain.pin().genesis().0)
    }

    /// The proven generation and root of volume `name`.
    ///
    /// # Errors
    /// [`Error::Refused`] if the register is no pointer, or there are several of equal right.
    pub(crate) fn volume(&self, name: &str) -> Result<Option<(u64, Digest)>, Error> {
        let register = register_of(name);
        let refused = |what| Err(Error::Refused(format!("{what} {register}")));
        match self.proven()?.value(&register) {
            Ok(None) => Ok(None),
            Ok(Some(Value::Pointer { root, generation })) => Ok(Some((generation, root))),
            Ok(Some(_)) => refused("no pointer:"),
            Err(_) => refused("several registers claim to be"),
        }
    }

    /// Checks that `bundle` proves what this one does, as a device does that is pinned at the end of
    /// this one.
    ///
    /// # Errors
    /// [`ledger_verify::nexus::Error`].
    pub(crate) fn check_again(&self, bundle: &[u8]) -> Result<(), Error> {
        let pin = self.proven()?.pin();
        replay(bundle, pin).map(|_| ()).map_err(|error| Error::Refused(error.to_string()))
    }
}

fn replay(
    bundle: &[u8],
    pin: Pin,
) -> Result<Box<Chain<REGISTERS_MAX>>, ledger_verify::nexus::Error> {
    let mut chain = Box::new(Chain::new(pin, Track::All));
    let mut feed = Feed::new();
    feed.push(&mut chain, bundle)?;
    feed.end(&mut chain)?;
    chain.proven()?;
    Ok(chain)
}
