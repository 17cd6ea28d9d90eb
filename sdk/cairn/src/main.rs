//! Command line of `cairn`: parse, dispatch, exit code. Everything else is in the library.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use cairn::{Error, Output};
use clap::{Parser, Subcommand};

/// Composes Cairn systems, builds volumes and keeps signature chains.
///
/// Exit codes: 0 done, 1 refused (a proof, a lint or a file is bad), 2 usage, 3 I/O. They are the same
/// when the reader of the answer has gone away, as `head` does.
#[derive(Parser)]
#[command(name = "cairn", version)]
struct Cli {
    /// Print answers as JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Joins system.xml with a platform, checks it, and writes plain Microkit SDF.
    Compose(cairn::compose::Args),
    /// Draws the composed system.
    Graph(cairn::graph::Args),
    /// Boots an image in the board's emulator, whose exit code it passes on.
    Run(cairn::run::Args),
    /// Adds function names and source lines to crash records on standard input.
    Symbolize(cairn::symbolize::Args),
    /// Lists the panics that programs still link, and refuses those that are not allowed.
    Panics(cairn::panics::Args),
    /// Tells how much stack each PD can take, and refuses what may overflow.
    Stack(cairn::stack::Args),
    /// Tells how large each PD is, and what changed.
    Report(cairn::report::Args),
    /// Lists what runs in a system, over the network.
    Ps(cairn::status::Args),
    /// Watches what runs in a system, live.
    Top(cairn::top::Args),
    /// Keeps signature chains.
    #[command(subcommand)]
    Chain(cairn::chain::Command),
    /// Keeps transparency logs, proves what is in them, and witnesses those of others.
    #[command(subcommand)]
    Log(cairn::log::Command),
    /// Shows, checks and bundles what comes from the Nexus ledger.
    #[command(subcommand)]
    Nexus(cairn::nexus::Command),
    /// Makes and checks volumes.
    #[command(subcommand)]
    Volume(cairn::volume::Command),
}

fn run(cli: &Cli) -> Result<(), Error> {
    let output = Output::new(cli.json);
    match &cli.command {
        Command::Compose(args) => cairn::compose::run(args, &output),
        Command::Graph(args) => cairn::graph::run(args, &output),
        Command::Run(args) => cairn::run::run(args),
        Command::Symbolize(args) => cairn::symbolize::run(args),
        Command::Panics(args) => cairn::panics::run(args, &output),
        Command::Stack(args) => cairn::stack::run(args, &output),
        Command::Report(args) => cairn::report::run(args, &output),
        Command::Ps(args) => cairn::status::run(args, &output),
        Command::Top(args) => cairn::top::run(args),
        Command::Chain(command) => cairn::chain::run(command, &output),
        Command::Log(command) => cairn::log::run(command, &output),
        Command::Nexus(command) => cairn::nexus::run(command, &output),
        Command::Volume(command) => cairn::volume::run(command, &output),
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            cairn::output::say(format_args!("cairn: {error}"));
            ExitCode::from(error.exit_code())
        }
    }
}
