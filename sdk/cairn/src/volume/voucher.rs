//! Who vouches for a volume: a chain of ours, or one of the Nexus ledger.

use std::path::PathBuf;

use ledger_verify::Digest;
use ledger_verify::chain::Chain;

use crate::Error;
use crate::chain::ChainFolder;
use crate::nexus::{Proof, parse_pin};

/// Which chain to believe.
#[derive(Debug, Clone, clap::Args)]
pub struct Trust {
    /// The chain's folder.
    #[arg(long, required_unless_present = "nexus")]
    chain: Option<PathBuf>,
    /// A Nexus bundle, instead of a chain of ours.
    #[arg(long, value_name = "BUNDLE", requires = "pin", conflicts_with = "chain")]
    nexus: Option<PathBuf>,
    /// What is trusted of the bundle's chain: see `cairn nexus verify`.
    #[arg(long, requires = "nexus")]
    pin: Option<String>,
}

/// A chain that was replayed without a fault.
pub(super) enum Voucher {
    Folder(Box<ChainFolder>),
    Nexus(Proof),
}

impl Trust {
    /// Replays the chain.
    pub(super) fn open(&self) -> Result<Voucher, Error> {
        match (&self.chain, &self.nexus, &self.pin) {
            (Some(chain), ..) => Ok(Voucher::Folder(Box::new(ChainFolder::open(chain)?))),
            (None, Some(bundle), Some(pin)) => {
                Proof::open(bundle, parse_pin(pin)?).map(Voucher::Nexus)
            }
            _ => Err(Error::Usage("neither --chain nor --nexus and --pin".into())),
        }
    }
}

impl Voucher {
    /// The chain's identity, as superblocks have it.
    pub(super) fn chain_id(&self) -> Result<Digest, Error> {
        match self {
            Self::Folder(folder) => Ok(folder.proven()?.anchor().chain),
            Self::Nexus(proof) => Ok(proof.chain_id()),
        }
    }

    /// Sequence number of the last event or transaction.
    pub(super) fn sequence(&self) -> Result<u64, Error> {
        match self {
            Self::Folder(folder) => Ok(folder.proven()?.anchor().sequence),
            Self::Nexus(proof) => Ok(proof.proven()?.head().sequence.into()),
        }
    }

    /// The proven generation and root of volume `name`.
    pub(super) fn volume(&self, name: &str) -> Result<Option<(u64, Digest)>, Error> {
        match self {
            Self::Folder(folder) => folder.volume(name),
            Self::Nexus(proof) => proof.volume(name),
        }
    }

    /// What a volume carries of the chain.
    pub(super) fn events(&self) -> &[u8] {
        match self {
            Self::Folder(folder) => folder.events(),
            Self::Nexus(proof) => &proof.bundle,
        }
    }

    /// Replays what a volume carries, as a device does that is anchored at the chain's end.
    pub(super) fn check(&self, events: &[u8]) -> Result<(), Error> {
        match self {
            Self::Folder(folder) => {
                let mut chain = Chain::new(folder.proven()?.anchor());
                chain
                    .replay(events)
                    .and_then(|()| chain.proven().map(|_| ()))
                    .map_err(|error| Error::Refused(error.to_string()))
            }
            Self::Nexus(proof) => proof.check_again(events),
        }
    }
}
