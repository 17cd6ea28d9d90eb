//! Where a log's public files are: a folder, an S3-compatible bucket, or, for readers, any web server.

mod folder;
mod http;
mod s3;

use std::path::{Path, PathBuf};

use folder::Folder;
pub(super) use http::{Header, Http};
use ledger_verify::Digest;
use ledger_verify::write::log::entries;
use s3::Bucket;

use crate::Error;

/// Longest file: a bundle of 256 entries of the longest length.
const FILE_BYTES_MAX: u64 = 256 * (2 + 65_535);
/// The one file that changes.
pub(super) const CHECKPOINT: &str = "checkpoint";

/// A place for a log's files.
pub(super) enum Store {
    Folder(Folder),
    S3(Bucket),
    /// Read only.
    Web(Http, String),
}

/// What a file was when it was read, so that it is replaced only if it still is that.
pub(super) enum Version {
    /// Its content, for folders.
    Content(Vec<u8>),
    /// The store's own name for it.
    ETag(String),
}

impl Store {
    /// The store that a text names: `s3://bucket/prefix`, `https://...`, or a folder, from `base` if
    /// the path is relative.
    pub(super) fn open(name: &str, base: &Path) -> Result<Self, Error> {
        if let Some(place) = name.strip_prefix("s3://") {
            return Ok(Self::S3(Bucket::from_environment(place)?));
        }
        if name.starts_with("https://") || name.starts_with("http://") {
            return Ok(Self::Web(Http::new()?, name.trim_end_matches('/').to_owned()));
        }
        if let Some((kind, _)) = name.split_once("://") {
            return Err(Error::Usage(format!("{name}: there are no stores of the kind {kind}")));
        }
        Ok(Self::Folder(Folder::new(base.join(name))))
    }

    /// The file at `path` and its version, if there is one.
    pub(super) fn get_versioned(&self, path: &str) -> Result<Option<(Vec<u8>, Version)>, Error> {
        match self {
            Self::Folder(folder) => folder.get(path),
            Self::S3(bucket) => bucket.get(path),
            Self::Web(http, prefix) => {
                let answer = http.get(&format!("{prefix}/{path}"), &[])?;
                Ok(answer.map(|(bytes, etag)| (bytes, Version::ETag(etag))))
            }
        }
    }

    /// The file at `path`, which has to be there. A partial tile may be gone when the full one is there
    /// (c2sp.org/tlog-tiles, "Partial Tiles"), and is then its beginning.
    pub(super) fn get(&self, path: &str) -> Result<Vec<u8>, Error> {
        if let Some((bytes, _)) = self.get_versioned(path)? {
            return Ok(bytes);
        }
        let missing = || Error::Refused(format!("{}: is not there", self.place(path)));
        let (full, width) = path.split_once(".p/").ok_or_else(missing)?;
        let (bytes, _) = self.get_versioned(full)?.ok_or_else(missing)?;
        partial(full, width, bytes).ok_or_else(missing)
    }

    /// Checks that the store of a new log keeps a second writer out: that it makes no file where one is,
    /// and replaces none that has changed. `path` has to be there, and is `bytes`.
    pub(super) fn check_conditions(&self, path: &str, bytes: &[u8]) -> Result<(), Error> {
        let Self::S3(bucket) = self else { return Ok(()) };
        let other = Version::ETag("\"another\"".into());
        for (before, header) in [(None, "If-None-Match"), (Some(&other), "If-Match")] {
            if bucket.put(path, bytes, before)? {
                let place = self.place("");
                let message = format!(
                    "{place}: the store ignores {header}, so that a second writer could overwrite a \
                     log; the checkpoint that is there now is of no log"
                );
                return Err(Error::Refused(message));
            }
        }
        Ok(())
    }

    /// Makes a file that never changes. One of the same content may be there already.
    pub(super) fn create(&self, path: &str, bytes: &[u8]) -> Result<(), Error> {
        let is_new = match self {
            Self::Folder(folder) => folder.create(path, bytes)?,
            Self::S3(bucket) => bucket.put(path, bytes, None)?,
            Self::Web(..) => return Err(self.read_only()),
        };
        if is_new || self.get(path)? == bytes {
            return Ok(());
        }
        let place = self.place(path);
        Err(Error::Refused(format!("{place}: is there with other content; another log's?")))
    }

    /// Replaces a file that is still what it was, or makes it if it was not there.
    pub(super) fn replace(
        &self,
        path: &str,
        bytes: &[u8],
        before: Option<&Version>,
    ) -> Result<(), Error> {
        let is_done = match (self, before) {
            (Self::Folder(folder), None) => folder.create(path, bytes)?,
            (Self::Folder(folder), Some(before)) => folder.replace(path, bytes, before)?,
            (Self::S3(bucket), before) => bucket.put(path, bytes, before)?,
            (Self::Web(..), _) => return Err(self.read_only()),
        };
        // A request that was made twice finds what it wrote the first time.
        if is_done || self.get(path)? == bytes {
            return Ok(());
        }
        let place = self.place(path);
        Err(Error::Refused(format!("{place}: changed meanwhile; does another cairn write here?")))
    }

    /// What people call the file at `path`.
    pub(super) fn place(&self, path: &str) -> String {
        match self {
            Self::Folder(folder) => folder.file(path).display().to_string(),
            Self::S3(bucket) => bucket.name(path),
            Self::Web(_, prefix) => format!("{prefix}/{path}"),
        }
    }

    fn read_only(&self) -> Error {
        Error::Usage(format!("{}: is read only; write to a folder or s3://", self.place("")))
    }
}

/// The first `width` hashes or entries of the full tile or bundle at `path`.
fn partial(path: &str, width: &str, mut full: Vec<u8>) -> Option<Vec<u8>> {
    let width: usize = width.parse().ok()?;
    let length = if path.starts_with("tile/entries/") {
        entries(&full)?.get(..width)?.iter().map(|entry| 2 + entry.len()).sum()
    } else {
        width.checked_mul(Digest::BYTES)?
    };
    (length <= full.len()).then(|| {
        full.truncate(length);
        full
    })
}

/// An I/O error at something that is no path.
fn io(place: &str, what: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Io { path: PathBuf::from(place), source: std::io::Error::other(what) }
}
