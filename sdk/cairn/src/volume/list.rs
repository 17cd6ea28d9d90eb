//! Listing a volume.

use std::fmt;
use std::path::Path;

use serde::Serialize;

use super::image::{Image, Reader};
use super::voucher::Voucher;
use crate::Error;

/// A proven table of contents.
#[derive(Serialize)]
pub(super) struct Listing {
    name: String,
    generation: u64,
    root: String,
    files: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    path: String,
    size: u64,
    root: String,
}

/// Lists every file of `image`.
pub(super) fn list(path: &Path, voucher: &Voucher) -> Result<Listing, Error> {
    let image = Image::open(path)?;
    let root = image.admit(voucher)?;
    let superblock = root.superblock();
    let mut listing = Listing {
        name: superblock.name().to_owned(),
        generation: superblock.generation(),
        root: superblock.root().to_string(),
        files: Vec::new(),
    };
    let mut reader = Reader::new(&image, root);
    loop {
        let after = listing.files.last().map_or("", |line| &line.path);
        let next = reader
            .next_after(after)?
            .map_err(|error| Error::Refused(format!("{}: {error}", path.display())))?;
        let Some(file) = next else { return Ok(listing) };
        let (size, root) = (file.entry.size(), file.entry.root().to_string());
        listing.files.push(Line { path: file.path, size, root });
    }
}

impl fmt::Display for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, generation, root, files } = self;
        write!(f, "volume {name}, generation {generation}, root {root}")?;
        for Line { path, size, root } in files {
            write!(f, "\n{size:>12}  {root}  {path}")?;
        }
        Ok(())
    }
}
