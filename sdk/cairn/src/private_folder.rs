//! Folders of secrets and state that belong to one `cairn` at a time.

use std::fs::{self, File, TryLockError};
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde::de::DeserializeOwned;

use crate::Error;
use crate::chain::{parent, replace};

/// Fails unless nothing is at `path`, or an empty folder.
///
/// # Errors
/// [`Error::Refused`].
pub(crate) fn check_free(path: &Path) -> Result<(), Error> {
    let is_occupied = fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some());
    if is_occupied || path.is_file() {
        return Err(Error::Refused(format!("{}: exists already", path.display())));
    }
    Ok(())
}

/// Makes a folder of files, each with its mode. All are complete before the folder has its name.
///
/// # Errors
/// [`Error::Refused`] if there is something at `path`; [`Error::Io`].
pub(crate) fn make(path: &Path, files: &[(&str, &[u8], u32)]) -> Result<(), Error> {
    check_free(path)?;
    let parent = parent(path);
    let folder =
        tempfile::Builder::new().prefix(".cairn-").tempdir_in(parent).map_err(Error::io(parent))?;
    for (name, content, mode) in files {
        replace(&folder.path().join(name), content, *mode)?;
    }
    fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755))
        .and_then(|()| fs::rename(folder.path(), path))
        .map_err(Error::io(path))?;
    // Nothing is left under the temporary name.
    let _moved = folder.keep();
    Ok(())
}

/// Opens a file or folder at `file` that stands for the folder at `path`, and locks it against others.
///
/// # Errors
/// [`Error::Refused`] if it is in use; [`Error::Io`].
pub(crate) fn lock(path: &Path, file: &Path) -> Result<File, Error> {
    let lock = File::open(file).map_err(Error::io(file))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => {
            Err(Error::Refused(format!("{}: in use by another cairn", path.display())))
        }
        Err(TryLockError::Error(error)) => Err(Error::io(file)(error)),
    }
}

/// Reads a small text.
///
/// # Errors
/// [`Error::Io`].
pub(crate) fn read_text(file: &Path) -> Result<String, Error> {
    let mut text = String::new();
    File::open(file)
        .and_then(|file| file.take(1 << 20).read_to_string(&mut text))
        .map_err(Error::io(file))?;
    Ok(text)
}

/// Reads a configuration of `format`.
///
/// # Errors
/// [`Error::Refused`] if it is malformed or of another format; [`Error::Io`].
pub(crate) fn read_config<T: DeserializeOwned>(
    file: &Path,
    format: u32,
    format_of: impl Fn(&T) -> u32,
) -> Result<T, Error> {
    let refused = |what: String| Error::Refused(format!("{}: {what}", file.display()));
    let config =
        serde_json::from_str(&read_text(file)?).map_err(|error| refused(error.to_string()))?;
    match format_of(&config) {
        found if found == format => Ok(config),
        found => Err(refused(format!("format {found} is not supported"))),
    }
}

/// Fresh random bytes for a secret.
///
/// # Errors
/// [`Error::Io`].
pub(crate) fn new_secret(path: &Path) -> Result<[u8; 32], Error> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(|error| Error::io(path)(error.into()))?;
    Ok(secret)
}

/// Bytes as hex digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
