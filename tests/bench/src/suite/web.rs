//! Figures of the HTTP front, through QEMU's own network.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::{Suite, median_of};
use crate::images::{Images, Workshop};
use crate::load::http;
use crate::machine::{Machine, Parts};
use crate::row::{Goal, Row};

/// Length of one measurement of a rate.
const RATE_DURATION: Duration = Duration::from_millis(1000);
const NEW_CONNECTIONS: usize = 100;
/// 1 MiB files in one measurement of a throughput.
const LARGE_FILES: usize = 16;
const SMALL: &str = "/o/1k.bin";
const LARGE: &str = "/o/1m.bin";

impl Suite {
    pub(super) fn web(&mut self, workshop: &Workshop<'_>, images: &Images) {
        let server = Server::start(workshop, images);
        let mut row = |name, unit, goal, measure: &dyn Fn(&Server) -> std::io::Result<f64>| {
            let value = match &server {
                Ok(server) => median_of(|| measure(server).map_err(|error| error.to_string())),
                Err(problem) => Err(problem.clone()),
            };
            self.rows.push(Row::new(name, unit, goal, value));
        };
        for (name, connections, goal) in [
            ("HTTP, 1 KiB keep-alive, 1 connection", 1, 3900.0),
            ("HTTP, 1 KiB keep-alive, 8 connections", 8, 5500.0),
        ] {
            row(name, "req/s", Goal::AtLeast(goal), &|server| {
                http::rate(server.address, SMALL, &server.small, connections, RATE_DURATION)
            });
        }
        row("HTTP, new connection and 1 KiB", "ms", Goal::AtMost(2.0), &|server| {
            http::new_connection(server.address, SMALL, &server.small, NEW_CONNECTIONS)
        });
        row("HTTP, 1 MiB file", "MB/s", Goal::AtLeast(20.0), &|server| {
            http::throughput(server.address, LARGE, &server.large, LARGE_FILES)
        });
    }
}

/// A machine that serves the volume, and what it should serve.
struct Server {
    /// Ends when this is dropped.
    _machine: Machine,
    address: SocketAddr,
    small: Vec<u8>,
    large: Vec<u8>,
}

impl Server {
    fn start(workshop: &Workshop<'_>, images: &Images) -> Result<Self, String> {
        let disk = workshop.volume();
        let parts = Parts { image: &images.echo, disk: &disk, arguments: &[] };
        let mut machine = Machine::on_user_network(parts)?;
        machine.wait_until_ready()?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, machine.http_port()));
        http::wait(address).map_err(|error| format!("the server does not answer: {error}"))?;
        let (small, large) = (workshop.content("1k.bin")?, workshop.content("1m.bin")?);
        Ok(Self { _machine: machine, address, small, large })
    }
}
