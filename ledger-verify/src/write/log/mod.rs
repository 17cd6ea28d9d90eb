//! The writing side of transparency logs: tiles and entry bundles (c2sp.org/tlog-tiles), checkpoints,
//! cosignatures and offline proofs.
//!
//! The files are what any static store serves. [`Appender`] makes a log longer and says which files
//! are new; [`Tree`] answers proofs from the files. Neither holds more than a path through the tree.

mod append;
mod note;
mod tiles;
mod tree;

pub use append::Appender;
pub use note::{NoteSigner, base64, checkpoint_text, hash_lines, proof_text};
pub use tiles::{ENTRY_BYTES_MAX, File, TILE_WIDTH, bundle_path, entries, tile_path, tile_width};
pub use tree::{Error, Tree};
