//! `cairn volume`: makes volumes, lists them, and checks every byte of them.

mod build;
mod image;
mod list;
mod scan;
mod slack;
mod verify;

use std::path::PathBuf;

use crate::{Error, Output};

/// `cairn volume ...`.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum Command {
    /// Makes a volume of the files below a folder and lets the chain vouch for it.
    ///
    /// The volume gets the next generation of its name; the event that vouches for it is signed with
    /// the chain's next key and embedded in the image. Order: the image is written under a temporary
    /// name, then the chain is replaced, then the image gets its name. If this is cut short between
    /// the last two, the chain has an event for an image that does not exist: build again.
    Build {
        /// The folder with the files. Links and special files are refused; empty folders are left out.
        dir: PathBuf,
        /// The image to write.
        out: PathBuf,
        /// The chain's folder.
        #[arg(long)]
        chain: PathBuf,
        /// Name of the volume: 1 to 32 of a-z, 0-9, '.', '_' and '-'; otherwise the folder's name.
        #[arg(long)]
        name: Option<String>,
    },
    /// Lists the files, proven by the chain.
    Ls {
        /// The image.
        image: PathBuf,
        /// The chain's folder.
        #[arg(long)]
        chain: PathBuf,
    },
    /// Checks everything: superblocks, embedded chain, table of contents, trees, data, unused bytes.
    Verify {
        /// The image.
        image: PathBuf,
        /// The chain's folder.
        #[arg(long)]
        chain: PathBuf,
    },
    /// Embeds the chain's later events in an image that it vouches for already.
    ///
    /// A device that is anchored at a later event refuses an image that ends before it.
    Embed {
        /// The image; only its chain area is written.
        image: PathBuf,
        /// The chain's folder.
        #[arg(long)]
        chain: PathBuf,
    },
}

/// Does what the command line says.
///
/// # Errors
/// [`Error`].
pub fn run(command: &Command, output: &Output) -> Result<(), Error> {
    match command {
        Command::Build { dir, out, chain, name } => {
            let request = build::Request { dir, out, chain, name: name.as_deref() };
            output.answer(&build::build(&request, output)?);
            Ok(())
        }
        Command::Ls { image, chain } => {
            output.answer(&list::list(image, chain)?);
            Ok(())
        }
        Command::Verify { image, chain } => {
            let report = verify::verify(image, chain, output)?;
            output.answer(&report);
            report.into_result(image)
        }
        Command::Embed { image, chain } => {
            output.answer(&build::embed(image, chain)?);
            Ok(())
        }
    }
}
