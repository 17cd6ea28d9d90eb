//! Just enough of a DHCP server (RFC 2131) for a namespace with one machine in it.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, UdpSocket};

/// Our end of the cable.
pub(crate) const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 1);
/// The machine.
pub(crate) const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 15);
/// Bits of the network part.
pub(crate) const PREFIX_LEN: u8 = 24;

const SERVER_PORT: u16 = 67;
const CLIENT_PORT: u16 = 68;
const COOKIE: [u8; 4] = [99, 130, 83, 99];
/// Where options begin, behind the cookie.
const OPTIONS_AT: usize = 240;
const MESSAGE_TYPE: u8 = 53;
const DISCOVER: u8 = 1;
const OFFER: u8 = 2;
const REQUEST: u8 = 3;
const ACK: u8 = 5;
const LEASE_SECONDS: u32 = 3600;

/// Answers every request with the one address there is, until it is ended.
pub(crate) fn serve() -> io::Result<Infallible> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, SERVER_PORT))?;
    socket.set_broadcast(true)?;
    let mut request = [0; 1500];
    loop {
        let len = socket.recv(&mut request)?;
        if let Some(answer) = request.get(..len).and_then(answer) {
            socket.send_to(&answer, (Ipv4Addr::BROADCAST, CLIENT_PORT))?;
        }
    }
}

fn answer(request: &[u8]) -> Option<Vec<u8>> {
    let answer_type = match message_type(request.get(OPTIONS_AT..)?)? {
        DISCOVER => OFFER,
        REQUEST => ACK,
        _ => return None,
    };
    let mut answer = vec![0; OPTIONS_AT];
    // Hardware type, its address length, transaction and flags as in the request.
    answer[..12].copy_from_slice(&request[..12]);
    answer[0] = 2;
    answer[16..20].copy_from_slice(&CLIENT.octets());
    answer[20..24].copy_from_slice(&SERVER.octets());
    answer[28..44].copy_from_slice(&request[28..44]);
    answer[236..240].copy_from_slice(&COOKIE);
    answer.extend([MESSAGE_TYPE, 1, answer_type]);
    for (option, value) in [
        (1, (u32::MAX << (32 - PREFIX_LEN)).to_be_bytes()),
        (3, SERVER.octets()),
        (51, LEASE_SECONDS.to_be_bytes()),
        (54, SERVER.octets()),
    ] {
        answer.extend([option, 4]);
        answer.extend(value);
    }
    answer.push(255);
    Some(answer)
}

fn message_type(mut options: &[u8]) -> Option<u8> {
    loop {
        options = match options {
            [MESSAGE_TYPE, 1, message_type, ..] => return Some(*message_type),
            [0, rest @ ..] => rest,
            [_, len, rest @ ..] => rest.get(usize::from(*len)..)?,
            _ => return None,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_requests_only() {
        let mut request = vec![7; OPTIONS_AT];
        assert_eq!(answer(&request), None);
        request.extend([0, 12, 2, 65, 66, MESSAGE_TYPE, 1, DISCOVER, 255]);
        let offer = answer(&request).unwrap();
        assert_eq!((offer[0], &offer[16..20]), (2, &CLIENT.octets()[..]));
        assert_eq!(message_type(&offer[OPTIONS_AT..]), Some(OFFER));
        let end = request.len();
        request[end - 2] = REQUEST;
        assert_eq!(message_type(&answer(&request).unwrap()[OPTIONS_AT..]), Some(ACK));
        request[end - 2] = ACK;
        assert_eq!(answer(&request), None);
        assert_eq!(answer(&[]), None);
        assert_eq!(message_type(&[12, 200, 1]), None);
    }
}
