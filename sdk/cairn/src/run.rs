//! `cairn run`: boots an image in the board's emulator and shows its console, crash records with names.
//!
//! The emulator takes the place of this process, so that it has the terminal, its exit code is the
//! command's, and whoever ends this process ends it. The console goes through `cairn symbolize` in a
//! process of its own, which ends with the emulator.

use std::env;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};

use crate::Error;
use crate::symbolize::Symbolizer;

/// `cairn run`.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// The image's folder: loader.img, run.sh, system.xml and the programs.
    build: PathBuf,
    /// The volume, attached read-only.
    #[arg(long)]
    disk: PathBuf,
    /// Port on 127.0.0.1 that leads to the guest's port 80.
    #[arg(long, default_value_t = 8080, value_parser = clap::value_parser!(u16).range(1..))]
    http_port: u16,
    /// Further arguments for the emulator.
    #[arg(last = true)]
    arguments: Vec<OsString>,
}

/// Runs `cairn run`; comes back only if the emulator could not be started.
///
/// # Errors
/// `Io` if a file is missing or the port is taken.
pub fn run(args: &Args) -> Result<(), Error> {
    let (image, script) = (args.build.join("loader.img"), args.build.join("run.sh"));
    for file in [&image, &script, &args.disk] {
        File::open(file).map_err(Error::io(file))?;
    }
    port_is_free(args.http_port)?;
    let console = symbolized(&args.build)?;
    let failure = Command::new("sh")
        .arg(script)
        .args(&args.arguments)
        .env("IMAGE", image)
        .env("DISK", &args.disk)
        .env("HTTP_PORT", args.http_port.to_string())
        .stdout(console)
        .exec();
    Err(Error::io("sh")(failure))
}

/// The emulator would say so, too, but not what to do about it.
fn port_is_free(port: u16) -> Result<(), Error> {
    let place = format!("port {port} of 127.0.0.1");
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            let reason = "something else listens there; take another: `make run HTTP_PORT=8081`";
            Err(Error::io(place)(io::Error::new(error.kind(), reason)))
        }
        Err(error) => Err(Error::io(place)(error)),
    }
}

/// Where console text goes in to come out on standard output with names.
fn symbolized(build: &Path) -> Result<ChildStdin, Error> {
    // What that process would refuse is refused before there is a console to lose.
    Symbolizer::new(build)?;
    let program = env::current_exe().map_err(Error::io("cairn"))?;
    let mut command = Command::new(&program);
    command.arg("symbolize").arg(build).stdin(Stdio::piped());
    let mut filter = command.spawn().map_err(Error::io(&program))?;
    filter.stdin.take().ok_or_else(|| Error::io(&program)(io::ErrorKind::BrokenPipe.into()))
}
