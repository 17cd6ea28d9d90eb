//! The library behind the `cairn` command: one module per subcommand, each with a clap `Args` (or
//! `Subcommand`) type and a `run(args, &Output) -> Result<(), Error>`.
//!
//! It trusts nothing it reads: images, chains, system descriptions and ELF files may come from
//! anyone. It fails with an [`Error`], whose kind decides the exit code, and leaves no half-written
//! file behind.

#![forbid(unsafe_code)]

pub mod chain;
mod code;
pub mod compose;
pub mod error;
pub mod graph;
pub mod log;
pub mod nexus;
pub mod output;
pub mod panics;
mod private_folder;
pub mod report;
pub mod run;
pub mod stack;
pub mod status;
pub mod symbolize;
pub mod top;
pub mod volume;

pub use error::Error;
pub use output::Output;
