//! Making an image.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::BufWriter;
use std::path::Path;

use serde::Serialize;
use volume::path::is_volume_name;
use volume::write::{self, Builder, Identity, chain_blocks, embed_chain};
use volume::{Superblock, geometry::BLOCK_BYTES};

use super::image::Image;
use super::scan::{Found, scan};
use super::voucher::Voucher;
use crate::chain::{ChainFolder, EVENT_BYTES_MAX, parent, persist, temporary_beside, vouch};
use crate::{Error, Output};

/// What to build.
pub(super) struct Request<'a> {
    pub(super) dir: &'a Path,
    pub(super) out: &'a Path,
    pub(super) chain: Option<&'a Path>,
    pub(super) name: Option<&'a str>,
}

/// A volume as it was written.
#[derive(Serialize)]
pub(super) struct Built {
    name: String,
    generation: u64,
    root: String,
    chain: String,
    sequence: u64,
    files: u64,
    data_bytes: u64,
    image_bytes: u64,
}

impl Built {
    fn of(superblock: &Superblock, voucher: &Voucher) -> Result<Self, Error> {
        Ok(Self {
            name: superblock.name().to_owned(),
            generation: superblock.generation(),
            root: superblock.root().to_string(),
            chain: voucher.chain_id()?.to_string(),
            sequence: voucher.sequence()?,
            files: superblock.entry_count(),
            data_bytes: superblock.head().data_bytes.get(),
            image_bytes: superblock.block_count() * BLOCK_BYTES as u64,
        })
    }
}

impl fmt::Display for Built {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, generation, root, chain, sequence, files, data_bytes, image_bytes } = self;
        writeln!(f, "volume {name}, generation {generation}, root {root}")?;
        writeln!(f, "{files} files of {data_bytes} bytes in an image of {image_bytes}")?;
        write!(f, "chain {chain}, event {sequence}")
    }
}

/// Builds an image; see [`super::Command::Build`] for the order of its effects.
pub(super) fn build(request: &Request<'_>, chain: &Path, output: &Output) -> Result<Built, Error> {
    check_places(request)?;
    let name = name(request)?;
    let mut folder = ChainFolder::open(chain)?;
    let generation = folder.volume(&name)?.map_or(1, |(generation, _)| generation + 1);
    let files = scan(request.dir)?;
    let mut temporary = temporary_beside(request.out, 0o666)?;
    let chain_id = folder.proven()?.anchor().chain;
    let identity = Identity { name: &name, generation, chain_id };
    // The event's length is not known before the volume's root is, which covers the size of the chain
    // area.
    let event_bytes = folder.events().len() + EVENT_BYTES_MAX;
    let superblock = write_files(temporary.as_file_mut(), &files, event_bytes, identity, output)
        .map_err(|error| refused(request.out, error))?;

    let writes = vouch(&name, generation, superblock.root()).into_iter().collect();
    let pending = folder.prepare(writes)?;
    embed_chain(temporary.as_file_mut(), &superblock, pending.events())
        .map_err(|error| refused(request.out, error))?;
    temporary.as_file().sync_all().map_err(Error::io(request.out))?;
    folder.commit(pending)?;
    persist(temporary, request.out)?;
    Built::of(&superblock, &Voucher::Folder(Box::new(folder)))
}

/// Embeds the chain in an image that it vouches for.
pub(super) fn embed(image: &Path, voucher: &Voucher) -> Result<Built, Error> {
    let root = Image::open(image)?.admit(voucher)?;
    let superblock = root.superblock();
    let file = OpenOptions::new().write(true).open(image).map_err(Error::io(image))?;
    embed_chain(&file, superblock, voucher.events()).map_err(|error| refused(image, error))?;
    file.sync_all().map_err(Error::io(image))?;
    Built::of(superblock, voucher)
}

pub(super) fn write_files(
    image: &mut File,
    files: &[Found],
    event_bytes: usize,
    identity: Identity<'_>,
    output: &Output,
) -> Result<Superblock, write::Error> {
    let mut progress = output.progress("writing", files.iter().map(|file| file.size).sum());
    let mut builder = Builder::new(BufWriter::new(image), chain_blocks(event_bytes)?)?;
    for file in files {
        let source = File::open(&file.source).map_err(|error| named(file, &error))?;
        builder.add(&file.path, source, |bytes| progress.advance(bytes)).map_err(|error| {
            match error {
                write::Error::Io(error) => named(file, &error).into(),
                other => other,
            }
        })?;
    }
    Ok(builder.finish(identity)?.1)
}

/// An I/O error that names the file it happened at.
fn named(file: &Found, error: &std::io::Error) -> std::io::Error {
    std::io::Error::new(error.kind(), format!("{}: {error}", file.source.display()))
}

pub(super) fn refused(path: &Path, error: write::Error) -> Error {
    match error {
        write::Error::Io(source) => Error::io(path)(source),
        other => Error::Refused(other.to_string()),
    }
}

/// Neither the image nor the chain, with its key, may end up inside the volume.
pub(super) fn check_places(request: &Request<'_>) -> Result<(), Error> {
    let dir = fs::canonicalize(request.dir).map_err(Error::io(request.dir))?;
    let holder = parent(request.out);
    if request.out.is_dir() {
        return Err(Error::Usage(format!("{}: is a folder", request.out.display())));
    }
    for place in [Some(holder), request.chain].into_iter().flatten() {
        if fs::canonicalize(place).map_err(Error::io(place))?.starts_with(&dir) {
            let message = format!("{} lies inside {}", place.display(), request.dir.display());
            return Err(Error::Usage(message));
        }
    }
    Ok(())
}

pub(super) fn name(request: &Request<'_>) -> Result<String, Error> {
    let folder = || {
        let dir = fs::canonicalize(request.dir).ok()?;
        Some(dir.file_name()?.to_str()?.to_owned())
    };
    let name = request.name.map(str::to_owned).or_else(folder).unwrap_or_default();
    if is_volume_name(name.as_bytes()) {
        return Ok(name);
    }
    Err(Error::Usage(format!(
        "`{name}` is no volume name (1 to 32 of a-z, 0-9, '.', '_', '-'): give one with --name"
    )))
}
