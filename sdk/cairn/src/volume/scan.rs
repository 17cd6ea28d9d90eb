//! The files below a folder.

use std::fs;
use std::path::{Path, PathBuf};

use volume::path::check_path;

use crate::Error;

/// A file to be put into a volume.
#[derive(Debug)]
pub(super) struct Found {
    /// Its path in the volume.
    pub(super) path: String,
    /// Where it is now.
    pub(super) source: PathBuf,
    /// Its size at the time of the scan, for progress only.
    pub(super) size: u64,
}

/// All files below `dir`, by ascending path.
///
/// # Errors
/// [`Error::Refused`] for links, special files and names that a volume cannot have; [`Error::Io`].
pub(super) fn scan(dir: &Path) -> Result<Vec<Found>, Error> {
    let mut found = Vec::new();
    let mut folders = vec![(dir.to_owned(), String::new())];
    while let Some((folder, prefix)) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(Error::io(&folder))? {
            let entry = entry.map_err(Error::io(&folder))?;
            let source = entry.path();
            let refused = |what: &str| Error::Refused(format!("{}: {what}", source.display()));
            let name = entry.file_name();
            let name = name.to_str().ok_or_else(|| refused("name is not UTF-8"))?;
            let path = format!("{prefix}{name}");
            check_path(path.as_bytes()).map_err(|fault| refused(&fault.to_string()))?;
            let metadata = fs::symlink_metadata(&source).map_err(Error::io(&source))?;
            if metadata.is_dir() {
                folders.push((source, format!("{path}/")));
            } else if metadata.is_file() {
                found.push(Found { path, source, size: metadata.len() });
            } else {
                return Err(refused("neither a file nor a folder"));
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}
