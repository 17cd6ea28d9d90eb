//! What all machines are made of: one image, and volumes of every age and origin.

use std::ffi::OsStr;
use std::path::PathBuf;

use cairn_tests::environment::{Additions, Environment, Image};
use cairn_tests::machine::{Clock, Machine};
use cairn_tests::volume::{Chain, Files, edition, files};
use serde_json::Value;
use tempfile::TempDir;

/// Name of the volumes.
pub(crate) const VOLUME: &str = "story";
/// The generation that the image pins.
pub(crate) const PINNED: u64 = 5;

/// The image pins generation 5 of the volume.
pub(crate) struct House {
    pub(crate) environment: Environment,
    #[expect(dead_code, reason = "removed when dropped")]
    folder: TempDir,
    pub(crate) image: Image,
    #[expect(dead_code, reason = "its folder is removed when dropped")]
    chain: Chain,
    /// What is in generation 5.
    pub(crate) files: Files,
    /// Generation 5, and what `cairn` says about it and the chain up to it.
    pub(crate) volume: PathBuf,
    pub(crate) listing: Value,
    pub(crate) events: Value,
    /// Generation 3.
    pub(crate) old: PathBuf,
    /// Generation 6, of which the image knows nothing.
    pub(crate) new: PathBuf,
    /// Of the same name and generation, from another chain.
    pub(crate) foreign: PathBuf,
    /// Generations 5 and 6 once more, each with an event behind it that revokes the chain.
    pub(crate) revoked: PathBuf,
    pub(crate) revoked_new: PathBuf,
}

impl House {
    pub(crate) fn build() -> Self {
        let environment = Environment::read();
        let folder = tempfile::tempdir().unwrap();
        let chain = Chain::new(&environment, folder.path().join("chain"));
        let [_, _, old, _] = [1, 2, 3, 4].map(|number| chain.volume(VOLUME, &edition(number)));
        let files = files();
        let volume = chain.volume(VOLUME, &files);
        let image =
            environment.image(&folder.path().join("image"), &chain.folder, &Additions::default());
        let listing = serde_json::from_str(&chain.list(&volume)).unwrap();
        let events = serde_json::from_str(&chain.show()).unwrap();
        let ended = chain.copied(folder.path().join("ended"));
        let new = chain.volume(VOLUME, &edition(6));
        let [revoked, revoked_new] = [(&ended, &volume), (&chain, &new)].map(|(chain, image)| {
            chain.revoke();
            chain.embedded(image)
        });
        let other = Chain::new(&environment, folder.path().join("other"));
        let [.., foreign] = [1, 2, 3, 4, 5].map(|number| other.volume(VOLUME, &edition(number)));
        Self {
            environment,
            folder,
            image,
            chain,
            files,
            volume,
            listing,
            events,
            old,
            new,
            foreign,
            revoked,
            revoked_new,
        }
    }

    /// A machine with this disk, which is a file or an address.
    pub(crate) fn boot(&self, name: &str, disk: impl AsRef<OsStr>) -> Machine {
        self.boot_with(name, disk, Clock::GHZ, &[])
    }

    /// The same with another clock, and more arguments of QEMU.
    pub(crate) fn boot_with(
        &self,
        name: &str,
        disk: impl AsRef<OsStr>,
        clock: Clock,
        arguments: &[String],
    ) -> Machine {
        let disk = disk.as_ref().to_str().unwrap();
        Machine::boot(&self.environment, &self.image, name, disk, clock, arguments)
    }

    /// The pinned volume's Merkle root of a file, in hexadecimal digits.
    pub(crate) fn root_of(&self, path: &str) -> &str {
        let files = self.listing["files"].as_array().unwrap();
        files.iter().find(|file| file["path"] == path).unwrap()["root"].as_str().unwrap()
    }
}
