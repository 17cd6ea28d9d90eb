//! Load on a machine's network, bounded in time and count. It runs as a program of its own where it has
//! to be inside a network namespace.

pub(crate) mod dhcp;
pub(crate) mod http;
pub(crate) mod tcp;
pub(crate) mod udp;

use std::io;
use std::time::Duration;

/// An answer that takes longer is none.
const PATIENCE: Duration = Duration::from_secs(5);

/// Runs the load that `arguments` name and prints what it finds.
pub(crate) fn main(arguments: &[String]) -> Result<(), String> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let number = |text: &str| text.parse::<usize>().map_err(|error| format!("`{text}`: {error}"));
    let found = match words[..] {
        ["dhcp"] => dhcp::serve().map(|never| match never {}),
        ["status", address] => http::Connection::open(parse(address)?)
            .and_then(|mut connection| connection.get("/status"))
            .map(|body| String::from_utf8_lossy(&body).into_owned()),
        ["udp-wait", address] => udp::wait(parse(address)?).map(|()| String::new()),
        ["udp-round-trip", address, bytes, count] => {
            shown(udp::round_trip(parse(address)?, number(bytes)?, number(count)?))
        }
        ["udp-rate", address, bytes, outstanding, millis] => {
            let duration = Duration::from_millis(number(millis)? as u64);
            shown(udp::rate(parse(address)?, number(bytes)?, number(outstanding)?, duration))
        }
        ["tcp", address, mib] => shown(tcp::throughput(parse(address)?, number(mib)?)),
        _ => return Err(format!("no such load: {words:?}")),
    };
    println!("{}", found.map_err(|error| error.to_string())?);
    Ok(())
}

fn shown(figure: io::Result<f64>) -> io::Result<String> {
    figure.map(|figure| figure.to_string())
}

fn parse(address: &str) -> Result<std::net::SocketAddr, String> {
    address.parse().map_err(|error| format!("`{address}`: {error}"))
}

/// The middle one of some values; `None` of none.
pub(crate) fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_one() {
        assert_eq!(median(&mut [5.0, 1.0, 3.0]), Some(3.0));
        assert_eq!(median(&mut []), None);
    }
}
