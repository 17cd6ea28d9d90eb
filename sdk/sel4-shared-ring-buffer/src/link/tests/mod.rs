#![allow(clippy::unwrap_used, reason = "clippy sees tests only in functions marked as such")]

mod hostile;
mod restarts;
mod threads;

use core::cell::Cell;
use std::vec::Vec;

use super::*;

type Link = RawLink<u64, u64, 4>;

#[test]
fn carries_requests_and_completions() {
    let link = Link::new();
    let (mut client, mut server) = (link.client(|| ()), link.server(|| ()));
    for round in 0..20 {
        client.send(round).unwrap();
        assert_eq!(server.receive(), Ok(None), "not flushed");
        client.flush();
        assert_eq!(server.receive(), Ok(Some(round)));
        server.send(round + 100).unwrap();
        server.flush();
        assert_eq!(client.receive(), Ok(Some(round + 100)));
        assert_eq!(client.receive(), Ok(None));
    }
}

#[test]
fn what_a_client_sends_before_the_server_first_runs_is_delivered() {
    let link = Link::new();
    let mut client = link.client(|| ());
    for message in 0..4 {
        client.send(message).unwrap();
    }
    assert_eq!(client.send(4), Err(SendError::Full));
    client.flush();
    let mut server = link.server(|| ());
    let mut received = [0; 8];
    assert_eq!(server.receive_batch(&mut received), Ok(4));
    assert_eq!(received[..4], [0, 1, 2, 3]);
    assert_eq!(client.receive(), Ok(None), "a first start is no restart");
    client.send(4).unwrap();
}

#[test]
fn a_restart_is_reported_once_and_drops_the_old_life() {
    let link = Link::new();
    let mut client = link.client(|| ());
    {
        let mut server = link.server(|| ());
        client.send(1).unwrap();
        client.flush();
        server.send(2).unwrap();
        server.flush();
    }
    let mut server = link.server(|| ());
    assert_eq!(server.receive(), Ok(None), "request 1 was not for this life");
    server.send(3).unwrap();
    server.flush();
    assert_eq!(client.receive(), Err(LinkError::PeerRestarted));
    assert_eq!(client.receive(), Ok(Some(3)));
    client.send(4).unwrap();
    client.flush();
    assert_eq!(server.receive(), Ok(Some(4)));
}

#[test]
fn notifies_a_sleeper_once_per_sleep() {
    let link = Link::new();
    let woken = Cell::new(0);
    let mut client = link.client(|| woken.set(woken.get() + 1));
    let mut server = link.server(|| ());
    client.send(1).unwrap();
    client.flush();
    assert_eq!(woken.get(), 0, "the server is awake");
    assert!(!server.arm(), "there is a request");
    assert_eq!(server.receive(), Ok(Some(1)));
    assert_eq!(server.receive(), Ok(None));
    assert!(server.arm());
    for message in 2..5 {
        client.send(message).unwrap();
        client.flush();
    }
    assert_eq!(woken.get(), 1);
    let messages: Vec<u64> = core::iter::from_fn(|| server.receive().unwrap()).collect();
    assert_eq!(messages, [2, 3, 4]);
    assert!(server.arm());
    client.send(5).unwrap();
    client.flush();
    assert_eq!(woken.get(), 2);
}

#[test]
fn a_sender_that_found_no_room_is_woken_by_reading() {
    let link = Link::new();
    let woken = Cell::new(0);
    let mut client = link.client(|| ());
    let mut server = link.server(|| woken.set(woken.get() + 1));
    for message in 0..4 {
        client.send(message).unwrap();
    }
    assert!(client.arm(), "nothing to wait for but completions");
    assert_eq!(server.receive(), Ok(Some(0)));
    server.flush();
    assert_eq!(woken.get(), 0, "the client did not ask for room");
    client.send(4).unwrap();
    assert_eq!(client.send(5), Err(SendError::Full));
    assert!(client.arm());
    assert_eq!(server.receive(), Ok(Some(1)));
    server.flush();
    assert_eq!(woken.get(), 1);
    client.send(5).unwrap();
}

#[test]
fn a_sender_without_room_does_not_accuse_a_restarted_reader() {
    let link = Link::new();
    let mut client = link.client(|| ());
    let mut server = link.server(|| ());
    for message in 0..4 {
        client.send(message).unwrap();
    }
    client.flush();
    assert_eq!(server.receive_batch(&mut [0; 2]), Ok(2));
    for message in 4..6 {
        client.send(message).unwrap();
    }
    // The reader's index falls from 2 to 0, with a new generation.
    let mut server = link.server(|| ());
    assert_eq!(client.send(6), Err(SendError::Full));
    assert!(!client.arm(), "there is a restart to report");
    assert_eq!(client.receive(), Err(LinkError::PeerRestarted));
    client.send(7).unwrap();
    client.flush();
    assert_eq!(server.receive(), Ok(Some(7)));
}

#[test]
fn a_restart_wakes_a_sleeping_peer() {
    let link = Link::new();
    let woken = Cell::new(0);
    let mut client = link.client(|| ());
    link.server(|| ());
    client.send(1).unwrap();
    assert!(client.arm());
    link.server(|| woken.set(woken.get() + 1));
    assert_eq!(woken.get(), 1);
    assert_eq!(client.receive(), Err(LinkError::PeerRestarted));
}

#[test]
fn a_jumping_index_cuts_the_peer_off() {
    for jump in [5, u32::MAX, 1 << 31, 4 + 1] {
        let link = Link::new();
        let (mut client, mut server) = (link.client(|| ()), link.server(|| ()));
        assert_eq!(server.receive(), Ok(None));
        link.requests.write_index.store(jump, Ordering::Relaxed);
        for _ in 0..2 {
            assert_eq!(server.receive(), Err(LinkError::PeerMisbehavior));
            assert_eq!(server.send(1), Err(SendError::PeerMisbehavior));
            assert!(server.is_cut_off());
        }
        server.reset();
        assert_eq!(client.receive(), Err(LinkError::PeerRestarted));
        client.send(7).unwrap();
        client.flush();
        assert_eq!(server.receive(), Ok(Some(7)));
    }
}

#[test]
fn a_reader_that_claims_more_than_was_published_is_cut_off() {
    let link = Link::new();
    let (mut client, mut server) = (link.client(|| ()), link.server(|| ()));
    assert_eq!(server.receive(), Ok(None));
    for message in 0..3 {
        client.send(message).unwrap();
    }
    client.flush();
    client.send(3).unwrap();
    link.requests.read_index.store(4, Ordering::Relaxed);
    assert_eq!(client.send(4), Err(SendError::PeerMisbehavior));
    assert_eq!(client.receive(), Err(LinkError::PeerMisbehavior));
}

#[test]
fn arming_tells_of_unread_messages_once_per_look_and_arrival() {
    let link = Link::new();
    let (mut client, mut server) = (link.client(|| ()), link.server(|| ()));
    client.send(1).unwrap();
    client.send(2).unwrap();
    client.flush();
    assert!(!server.arm() && server.arm(), "1 and 2 are there, left alone on purpose");
    client.send(3).unwrap();
    client.flush();
    assert!(!server.arm() && server.arm(), "3 has come");
    assert_eq!(server.receive(), Ok(Some(1)));
    assert!(!server.arm() && server.arm(), "2 and 3 are left by an end that reads");
    assert_eq!(server.receive_batch(&mut [0; 4]), Ok(2));
    assert!(server.arm());
}

#[test]
fn a_batch_takes_what_is_there_and_frees_it() {
    let link = Link::new();
    let (mut client, mut server) = (link.client(|| ()), link.server(|| ()));
    let mut batch = [0; 3];
    for round in 0..5 {
        for message in 0..4 {
            client.send(10 * round + message).unwrap();
        }
        client.flush();
        assert_eq!(server.receive_batch(&mut []), Ok(0));
        assert_eq!((server.receive_batch(&mut batch), batch[0]), (Ok(3), 10 * round));
        assert_eq!((server.receive_batch(&mut batch), batch[0]), (Ok(1), 10 * round + 3));
        assert_eq!(server.receive_batch(&mut batch), Ok(0));
    }
}

#[test]
fn a_meter_shows_what_waits_and_what_the_peer_breaks() {
    let (link, meter) = (Link::new(), Meter::new());
    let (mut client, mut server) = (link.client(|| ()), link.server(|| ()).metered(&meter));
    for message in 0..3 {
        client.send(message).unwrap();
    }
    client.flush();
    assert_eq!(meter.words(), [4, 0, 0, 0], "nobody has looked");
    assert_eq!(server.receive(), Ok(Some(0)));
    assert_eq!(meter.words(), [4, 3, 3, 0]);
    assert!(!server.arm() && server.arm(), "two are left");
    assert_eq!(meter.words(), [4, 2, 3, 0]);
    assert_eq!(server.receive_batch(&mut [0; 4]), Ok(2));
    assert_eq!(server.receive(), Ok(None));
    assert_eq!(meter.words(), [4, 0, 3, 0]);
    server.blame();
    link.requests.write_index.store(1 << 31, Ordering::Relaxed);
    for _ in 0..2 {
        assert_eq!(server.receive(), Err(LinkError::PeerMisbehavior));
    }
    assert_eq!(meter.words(), [4, 0, 3, 2], "a cut-off counts once");

    let other = Link::new();
    let (mut client, server) = (other.client(|| ()), other.server(|| ()));
    let mut server = server.blaming(&meter);
    client.send(1).unwrap();
    client.flush();
    assert_eq!(server.receive(), Ok(Some(1)));
    server.blame();
    assert_eq!(meter.words(), [4, 0, 3, 3], "another link's messages do not count");
}

#[test]
fn a_region_must_be_large_enough_and_aligned() {
    use core::ptr::NonNull;
    use std::boxed::Box;

    let mut link = Box::new((Link::new(), [0_u8; 64]));
    let start = NonNull::from(&mut *link).cast::<u8>();
    let region = |skip: usize, length: usize| {
        // SAFETY: at most 64 bytes into the box.
        let bytes = NonNull::slice_from_raw_parts(unsafe { start.add(skip) }, length);
        // SAFETY: within the box, which is exclusively ours and outlives the reference.
        unsafe { ExternallySharedRef::new(bytes) }
    };
    assert!(Link::in_region(region(0, size_of::<Link>())).is_some());
    assert!(Link::in_region(region(0, size_of::<Link>() - 1)).is_none());
    assert!(Link::in_region(region(8, size_of::<Link>())).is_none());
}

#[test]
fn generations_wrap_without_becoming_nobody() {
    let side = Side::new();
    side.acknowledge(Epoch { generation: u32::MAX, acknowledged: 7 });
    assert_eq!(side.begin(), Epoch::FIRST);
}

#[test]
fn room_for_two_is_found_whatever_was_known_before() {
    let link = RawLink::<u64, u64, 4>::new();
    let (mut client, mut server) = (link.client(|| {}), link.server(|| {}));
    for round in 0..20 {
        assert!(client.has_room(2), "round {round}");
        client.send(round).unwrap();
        client.flush();
        assert_eq!(server.receive(), Ok(Some(round)));
    }
    for value in 0..3 {
        client.send(value).unwrap();
    }
    client.flush();
    assert!(!client.has_room(2));
    assert!(client.arm(), "nothing was read, so nothing is new");
    assert_eq!(server.receive(), Ok(Some(0)));
    server.flush();
    assert!(!client.arm(), "room was waited for, and is there");
    assert!(client.has_room(2));
}
