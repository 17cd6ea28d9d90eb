//! Files that are whole or not there, and secrets that nobody else reads.

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use ledger_verify::Digest;

use crate::Error;

/// Reads a secret: 64 hex digits.
///
/// # Errors
/// [`Error::Refused`] if others may read it or it is none; [`Error::Io`].
pub(crate) fn read_key(path: &Path) -> Result<[u8; 32], Error> {
    let metadata = fs::metadata(path).map_err(Error::io(path))?;
    if metadata.permissions().mode() & 0o077 != 0 {
        let message = format!("{}: open to other users; chmod 600 it", path.display());
        return Err(Error::Refused(message));
    }
    let text = fs::read_to_string(path).map_err(Error::io(path))?;
    Digest::from_hex(text.trim_end())
        .map(|digest| digest.0)
        .ok_or_else(|| Error::Refused(format!("{}: not 64 hex digits", path.display())))
}

/// The folder that holds `path`.
pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// Writes a file of `mode` that appears under its name only when all of it is on disk.
pub(crate) fn replace(path: &Path, content: &[u8], mode: u32) -> Result<(), Error> {
    // Of a device or a pipe there would be a file in its place.
    if fs::metadata(path).is_ok_and(|there| !there.is_file()) {
        return Err(Error::Refused(format!("{}: no regular file", path.display())));
    }
    let mut file = temporary_beside(path, mode)?;
    file.write_all(content).map_err(Error::io(path))?;
    persist(file, path)
}

/// As [`replace`], but refuses to replace anything.
pub(super) fn create(path: &Path, content: &[u8], mode: u32) -> Result<(), Error> {
    let mut file = temporary_beside(path, mode)?;
    file.write_all(content).map_err(Error::io(path))?;
    file.as_file().sync_all().map_err(Error::io(path))?;
    file.persist_noclobber(path).map_err(|error| match error.error.kind() {
        ErrorKind::AlreadyExists => Error::Refused(format!("{}: exists already", path.display())),
        _ => Error::io(path)(error.error),
    })?;
    sync_folder(path)
}

/// A temporary file in the folder of `path`, removed unless it is persisted.
pub(crate) fn temporary_beside(path: &Path, mode: u32) -> Result<tempfile::NamedTempFile, Error> {
    tempfile::Builder::new()
        .prefix(".cairn-")
        .permissions(PermissionsExt::from_mode(mode))
        .tempfile_in(parent(path))
        .map_err(Error::io(path))
}

/// Gives a temporary file its name, after its bytes have reached the disk.
pub(crate) fn persist(file: tempfile::NamedTempFile, path: &Path) -> Result<(), Error> {
    file.as_file().sync_all().map_err(Error::io(path))?;
    file.persist(path).map_err(|error| Error::io(path)(error.error))?;
    sync_folder(path)
}

fn sync_folder(path: &Path) -> Result<(), Error> {
    File::open(parent(path)).and_then(|folder| folder.sync_all()).map_err(Error::io(path))
}
