//! `microkit`: makes `loader.img` and `report.txt` out of a system description.

#![forbid(unsafe_code)]

mod cli;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let args = cli::Args::parse();
    match cli::run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("microkit: error: {error}");
            ExitCode::FAILURE
        }
    }
}
