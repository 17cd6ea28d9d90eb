//! Files named in a description: where they are looked for, and the regions they fill.

use std::path::{Path, PathBuf};

use super::error::{Problem, SdfError};
use super::model::{MemoryRegion, System};
use super::{check, limits::PHYS_END};

/// Folders searched in order for programs and prefill files.
#[derive(Debug, Clone, Default)]
pub struct SearchPath(pub Vec<PathBuf>);

impl SearchPath {
    /// The first regular file of this name. A folder of that name is passed over.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<PathBuf> {
        self.0.iter().map(|folder| folder.join(name)).find(|path| path.is_file())
    }
}

/// Reads every prefill file, gives the regions that left their size open the size of their file
/// rounded up to whole pages, and checks what depends on sizes.
///
/// # Errors
/// A file that is missing, unreadable, empty or longer than its region, or a rule about ranges
/// that a region breaks at its full size.
pub fn load_prefills(system: &mut System, search: &SearchPath) -> Result<(), SdfError> {
    for index in 0..system.regions.len() {
        let bytes = read(&system.regions[index], search).map_err(|(path, reason)| {
            let region = &system.regions[index];
            let at = region.prefill.as_ref().map_or(region.at, |prefill| prefill.at);
            let problem = Problem::Prefill { path, reason };
            system.error_at(at, "memory_region", Some("prefill_path"), problem)
        })?;
        let region = &mut system.regions[index];
        if let Some(prefill) = &mut region.prefill {
            let length = bytes.len() as u64;
            region.size = region.size.or(Some(length.next_multiple_of(region.page_size)));
            prefill.bytes = bytes;
        }
    }
    check::spaces(system)?;
    system.choose_page_sizes();
    Ok(())
}

fn read(region: &MemoryRegion, search: &SearchPath) -> Result<Vec<u8>, (String, String)> {
    let Some(prefill) = &region.prefill else { return Ok(Vec::new()) };
    let fail = |reason: String| Err((prefill.path.clone(), reason));
    let Some(path) = search.find(&prefill.path) else {
        return fail("not found on the search path".to_owned());
    };
    let bytes = match read_at_most(&path, region.size.unwrap_or(PHYS_END)) {
        Ok(bytes) => bytes,
        Err(reason) => return fail(reason),
    };
    if bytes.is_empty() {
        return fail("the file is empty".to_owned());
    }
    Ok(bytes)
}

fn read_at_most(path: &Path, limit: u64) -> Result<Vec<u8>, String> {
    let length = std::fs::metadata(path).map_err(|error| error.to_string())?.len();
    if length > limit {
        return Err(format!("{length:#x} bytes do not fit the region's {limit:#x}"));
    }
    std::fs::read(path).map_err(|error| error.to_string())
}
