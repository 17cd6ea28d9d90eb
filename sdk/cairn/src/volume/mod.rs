//! `cairn volume`: makes volumes, lists them, and checks every byte of them.

mod build;
mod image;
mod list;
mod scan;
mod slack;
mod verify;
mod voucher;
mod wait;

pub use voucher::Trust;

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
        #[arg(long, required_unless_present = "genesis")]
        chain: Option<PathBuf>,
        /// The Nexus user whose chain will vouch for the volume, instead of a chain of ours: 64 hex
        /// digits. The image waits for a bundle, see `embed`; what to publish is printed.
        #[arg(long, requires = "generation", conflicts_with = "chain")]
        genesis: Option<String>,
        /// The volume's generation in that chain: one more than the last.
        #[arg(long, requires = "genesis")]
        generation: Option<u64>,
        /// Name of the volume: 1 to 32 of a-z, 0-9, '.', '_' and '-'; otherwise the folder's name.
        #[arg(long)]
        name: Option<String>,
    },
    /// Lists the files, proven by the chain.
    Ls {
        /// The image.
        image: PathBuf,
        #[command(flatten)]
        #[expect(missing_docs, reason = "clap has them at its fields")]
        trust: Trust,
    },
    /// Checks everything: superblocks, embedded chain, table of contents, trees, data, unused bytes.
    Verify {
        /// The image.
        image: PathBuf,
        #[command(flatten)]
        #[expect(missing_docs, reason = "clap has them at its fields")]
        trust: Trust,
    },
    /// Embeds the chain's later events in an image that it vouches for already.
    ///
    /// A device that is anchored at a later event refuses an image that ends before it.
    Embed {
        /// The image; only its chain area is written.
        image: PathBuf,
        #[command(flatten)]
        #[expect(missing_docs, reason = "clap has them at its fields")]
        trust: Trust,
    },
}

/// Does what the command line says.
///
/// # Errors
/// [`Error`].
pub fn run(command: &Command, output: &Output) -> Result<(), Error> {
    match command {
        Command::Build { dir, out, chain, genesis, generation, name } => {
            let name = name.as_deref();
            match (chain, genesis, generation) {
                (Some(chain), ..) => {
                    let request = build::Request { dir, out, chain: Some(chain), name };
                    output.answer(&build::build(&request, chain, output)?)
                }
                (None, Some(genesis), Some(generation)) => {
                    let request = build::Request { dir, out, chain: None, name };
                    output.answer(&wait::wait(&request, genesis, *generation, output)?)
                }
                _ => Err(Error::Usage("neither --chain nor --genesis".into())),
            }
        }
        Command::Ls { image, trust } => output.answer(&list::list(image, &trust.open()?)?),
        Command::Verify { image, trust } => {
            let report = verify::verify(image, &trust.open()?, output)?;
            output.answer(&report)?;
            report.into_result(image)
        }
        Command::Embed { image, trust } => output.answer(&build::embed(image, &trust.open()?)?),
    }
}
