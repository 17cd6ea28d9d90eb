//! A log's files in a folder, as a web server serves them.

use std::fs::{self, File};
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::{FILE_BYTES_MAX, Version};
use crate::Error;
use crate::chain::{parent, replace, temporary_beside};

/// The folder. It appears with its first file.
pub(in crate::log) struct Folder {
    path: PathBuf,
}

impl Folder {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    pub(super) fn file(&self, path: &str) -> PathBuf {
        self.path.join(path)
    }

    pub(super) fn get(&self, path: &str) -> Result<Option<(Vec<u8>, Version)>, Error> {
        let path = self.file(path);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io(&path)(error)),
        };
        let mut bytes = Vec::new();
        file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(Error::io(&path))?;
        if bytes.len() as u64 > FILE_BYTES_MAX {
            return Err(Error::Refused(format!("{}: too long", path.display())));
        }
        Ok(Some((bytes.clone(), Version::Content(bytes))))
    }

    /// Makes a file; false if there is one.
    pub(super) fn create(&self, path: &str, bytes: &[u8]) -> Result<bool, Error> {
        let path = self.file(path);
        let folder = parent(&path);
        fs::create_dir_all(folder).map_err(Error::io(folder))?;
        let mut file = temporary_beside(&path, 0o644)?;
        file.write_all(bytes).map_err(Error::io(&path))?;
        file.as_file().sync_all().map_err(Error::io(&path))?;
        match file.persist_noclobber(&path) {
            Ok(_) => sync_folder(folder).map(|()| true),
            Err(error) if error.error.kind() == ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(Error::io(&path)(error.error)),
        }
    }

    /// Replaces a file; false if it is not what it was. The log's lock keeps other writers out between
    /// the two steps.
    pub(super) fn replace(
        &self,
        path: &str,
        bytes: &[u8],
        before: &Version,
    ) -> Result<bool, Error> {
        let now = self.get(path)?;
        let Version::Content(before) = before else { return Ok(false) };
        if now.is_none_or(|(now, _)| now != *before) {
            return Ok(false);
        }
        replace(&self.file(path), bytes, 0o644).map(|()| true)
    }
}

fn sync_folder(folder: &Path) -> Result<(), Error> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(Error::io(folder))
}
