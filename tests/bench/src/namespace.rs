//! A network namespace with a tap: a cable between a machine and a load that nothing else uses.

use std::env;
use std::ffi::OsStr;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use crate::commands::{output, run};
use crate::load::dhcp;

/// The tap in the namespace.
pub(crate) const TAP: &str = "tap0";

/// A namespace; it goes when this is dropped.
pub(crate) struct Namespace {
    name: String,
    dhcp: Option<Child>,
}

impl Namespace {
    /// Makes a namespace, if this user and this host may.
    pub(crate) fn new() -> Result<Self, String> {
        let name = format!("cairn-bench-{}", std::process::id());
        run(Command::new("ip").args(["netns", "add", &name]))?;
        let mut namespace = Self { name, dhcp: None };
        for step in [
            format!("tuntap add {TAP} mode tap"),
            format!("addr add {}/{} dev {TAP}", dhcp::SERVER, dhcp::PREFIX_LEN),
            format!("link set {TAP} up"),
            format!("route add 255.255.255.255 dev {TAP}"),
        ] {
            run(namespace.command("ip").args(step.split(' ')))?;
        }
        let mut dhcp = namespace.load_command(&["dhcp".into()])?;
        let dhcp = dhcp.stdin(Stdio::null()).spawn().map_err(|error| error.to_string())?;
        namespace.dhcp = Some(dhcp);
        Ok(namespace)
    }

    /// A program in the namespace.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name]).arg(program);
        command
    }

    /// A port of the machine.
    pub(crate) fn address(port: u16) -> SocketAddr {
        (dhcp::CLIENT, port).into()
    }

    /// Runs a load of this program inside; what it prints.
    pub(crate) fn load(&self, arguments: &[String]) -> Result<String, String> {
        output(&mut self.load_command(arguments)?)
    }

    fn load_command(&self, arguments: &[String]) -> Result<Command, String> {
        let program = env::current_exe().map_err(|error| error.to_string())?;
        let mut command = self.command(program);
        command.arg("load").args(arguments);
        Ok(command)
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        if let Some(dhcp) = &mut self.dhcp {
            // It may have ended by itself.
            let _ = dhcp.kill();
            let _ = dhcp.wait();
        }
        // One that is left over is in nobody's way.
        let _ = run(Command::new("ip").args(["netns", "delete", &self.name]));
    }
}
