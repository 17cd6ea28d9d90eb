//! Links, data regions and buffers between PDs that keep the protocol, through sleep and restarts.
#![no_std]
#![no_main]

use on_target_rings::command::{PEER, peer};
use on_target_rings::{
    ARM, DATA_BYTES, DIGEST, FILL, LAST, Link, RECEIVE, RESTARTS, SEND, SLOTS, START, digest, fill,
};
use sel4_externally_shared::ExternallySharedRef;
use sel4_microkit::{Never, ipc, memory_region_symbol, protection_domain};
use sel4_shared_ring_buffer::{DataRegion, Descriptor, LinkError, SendError, ServerEnd};
use test_harness::{phase, restart, tests, words};

#[protection_domain]
fn init() -> Never {
    test_harness::run(tests![
        messages_go_there_and_back_in_order,
        a_full_ring_takes_no_more,
        a_sleeper_is_woken_once_for_many_messages,
        nobody_is_notified_while_awake,
        room_wakes_a_sender_that_lacked_it,
        what_a_client_sends_early_is_not_lost,
        a_restart_of_the_peer_is_reported_once,
        our_restart_is_reported_to_the_peer,
        our_restart_wakes_a_sleeping_peer,
        restarts_of_both_ends_leave_a_working_link,
        a_hundred_restarts_lose_nothing_new,
        bytes_are_copied_out_at_any_offset,
        bytes_are_copied_in_at_any_offset,
    ])
}

type Server = ServerEnd<'static, Descriptor, Descriptor, SLOTS>;

/// Slot 1 of a PD without children and callers is its notification.
const OWN_NOTIFICATION: sel4::cap::Notification = sel4::Cap::from_bits(1);

fn link() -> &'static Link {
    // SAFETY: the system description maps it.
    Link::from_shared(unsafe { ExternallySharedRef::new(memory_region_symbol!(link: *mut Link)) })
}

fn server() -> Server {
    link().server(|| PEER.notify())
}

/// Both ends, fresh, with nothing left of earlier tests.
fn pair() -> Server {
    peer(START, 0, 0);
    let mut server = server();
    peer(RECEIVE, 0, 0);
    assert_eq!(server.receive(), Ok(None));
    words().set(RESTARTS, 0);
    OWN_NOTIFICATION.poll();
    server
}

fn expect_cookies(server: &mut Server, cookies: core::ops::Range<usize>) {
    for cookie in cookies {
        let received = server.receive().map(|message| message.map(|message| message.cookie()));
        assert_eq!(received, Ok(Some(cookie)));
    }
    assert_eq!(server.receive(), Ok(None));
}

fn complete(server: &mut Server, cookie: usize) {
    assert_eq!(server.send(Descriptor::new(0, 0, cookie)), Ok(()));
}

fn messages_go_there_and_back_in_order() {
    let mut server = pair();
    for round in 0..200 {
        let first = 10 * round;
        assert_eq!(peer(SEND, 10, first as u64), 10);
        expect_cookies(&mut server, first..first + 10);
        (first..first + 10).for_each(|cookie| complete(&mut server, cookie));
        server.flush();
        assert_eq!(peer(RECEIVE, 0, 0), 10);
        assert_eq!(words().get(LAST), first as u64 + 9);
    }
}

fn a_full_ring_takes_no_more() {
    let mut server = pair();
    assert_eq!(peer(SEND, 20, 0), SLOTS as u64);
    expect_cookies(&mut server, 0..SLOTS);
    (0..SLOTS).for_each(|cookie| complete(&mut server, cookie));
    assert_eq!(server.send(Descriptor::new(0, 0, 0)), Err(SendError::Full));
    server.flush();
    assert_eq!(peer(RECEIVE, 0, 0), SLOTS as u64);
    assert_eq!(server.room(), SLOTS);
}

/// Notifications that are waiting for us.
fn pending() -> u64 {
    OWN_NOTIFICATION.poll()
}

fn a_sleeper_is_woken_once_for_many_messages() {
    let mut server = pair();
    assert!(server.arm());
    assert_eq!(peer(SEND, 1, 0), 1);
    let ipc::Event::Notified(channels) = ipc::recv() else { panic!("not a notification") };
    assert!(channels.contains(PEER));
    assert_eq!(peer(SEND, 3, 1), 3);
    assert_eq!(pending(), 0, "woken before");
    expect_cookies(&mut server, 0..4);
}

fn nobody_is_notified_while_awake() {
    let mut server = pair();
    assert_eq!(peer(SEND, 3, 0), 3);
    assert_eq!(pending(), 0);
    assert!(!server.arm(), "there are messages");
    expect_cookies(&mut server, 0..3);
}

fn room_wakes_a_sender_that_lacked_it() {
    let mut server = pair();
    (0..SLOTS).for_each(|cookie| complete(&mut server, cookie));
    server.flush();
    assert!(server.arm());
    peer(RECEIVE, 0, 0);
    assert_eq!(pending(), 0, "room was not asked for");
    (0..SLOTS).for_each(|cookie| complete(&mut server, cookie));
    assert_eq!(server.room(), 0);
    assert!(server.arm());
    peer(RECEIVE, 0, 0);
    assert_eq!(pending(), 1 << PEER.index());
    assert_eq!(server.room(), SLOTS);
}

fn what_a_client_sends_early_is_not_lost() {
    // The first life of this end in this test has not been acknowledged yet.
    let mut server = server();
    complete(&mut server, 7);
    server.flush();
    peer(START, 0, 0);
    assert_eq!(peer(SEND, 2, 0), 2);
    assert_eq!(server.receive(), Err(LinkError::PeerRestarted));
    expect_cookies(&mut server, 0..2);
    assert_eq!(peer(RECEIVE, 0, 0), 0, "7 was for an earlier life");
}

fn a_restart_of_the_peer_is_reported_once() {
    let mut server = pair();
    assert_eq!(peer(SEND, 2, 0), 2);
    peer(START, 0, 0);
    assert_eq!(peer(SEND, 2, 50), 2);
    assert_eq!(server.receive(), Err(LinkError::PeerRestarted));
    expect_cookies(&mut server, 50..52);
    complete(&mut server, 50);
    server.flush();
    assert_eq!(peer(RECEIVE, 0, 0), 1);
}

fn our_restart_is_reported_to_the_peer() {
    if phase() == 0 {
        let mut server = pair();
        assert_eq!(peer(SEND, 3, 0), 3);
        complete(&mut server, 1);
        server.flush();
        restart();
    }
    let mut server = server();
    assert_eq!(server.receive(), Ok(None), "sent to the last life");
    complete(&mut server, 90);
    server.flush();
    assert_eq!(peer(RECEIVE, 0, 0), 1, "90, and not 1");
    assert_eq!((words().get(LAST), words().get(RESTARTS)), (90, 1));
    assert_eq!(peer(SEND, 2, 60), 2);
    expect_cookies(&mut server, 60..62);
}

fn our_restart_wakes_a_sleeping_peer() {
    if phase() == 0 {
        let _server = pair();
        assert_eq!(peer(ARM, 0, 0), 1);
        restart();
    }
    // A client that sleeps is notified by the start of our end; it is `peer` that then would look.
    let mut notified = false;
    link().server(|| notified = true);
    assert!(notified);
}

fn restarts_of_both_ends_leave_a_working_link() {
    if phase() == 0 {
        let mut server = pair();
        complete(&mut server, 1);
        assert_eq!(peer(SEND, 3, 0), 3);
        peer(START, 0, 0);
        restart();
    }
    let mut server = server();
    let (mut reports, mut received) = (0, 0);
    peer(RECEIVE, 0, 0);
    assert_eq!(peer(SEND, 4, 30), 4);
    for _ in 0..6 {
        match server.receive() {
            Ok(Some(_)) => received += 1,
            Ok(None) => break,
            Err(_) => reports += 1,
        }
    }
    assert_eq!((reports, received), (0, 4));
}

fn a_hundred_restarts_lose_nothing_new() {
    let mut server = server();
    if phase() > 0 {
        assert_eq!(server.receive(), Ok(None));
        assert_eq!(peer(RECEIVE, 0, 0), 0);
        assert_eq!(words().get(RESTARTS), u64::from(phase()), "one for each of our lives");
    } else {
        peer(START, 0, 0);
        peer(RECEIVE, 0, 0);
        assert_eq!(server.receive(), Err(LinkError::PeerRestarted));
    }
    let first = 100 * phase() as usize;
    assert_eq!(peer(SEND, 5, first as u64), 5);
    expect_cookies(&mut server, first..first + 5);
    // Left unread, and void in the next life.
    assert_eq!(peer(SEND, 5, 1), 5);
    if phase() < 100 {
        restart();
    }
}

fn data() -> DataRegion<'static> {
    let pointer = memory_region_symbol!(data: *mut [u8], n = DATA_BYTES);
    // SAFETY: the system description maps it.
    DataRegion::new(unsafe { ExternallySharedRef::new(pointer) })
}

/// Offsets and lengths around word, pair and loop sizes.
fn pieces() -> impl Iterator<Item = (u32, u32)> {
    let lengths = [0, 1, 2, 3, 4, 7, 8, 15, 16, 17, 31, 33, 63, 64, 65, 127, 129, 1000, 4096];
    (0..17).chain([4095]).flat_map(move |offset| lengths.map(|length| (offset, length)))
}

fn bytes_are_copied_out_at_any_offset() {
    peer(FILL, 3, DATA_BYTES as u64);
    let mut expected = [0; DATA_BYTES];
    fill(3, &mut expected);
    let mut private = [0; 4200];
    for (offset, length) in pieces() {
        for shift in [0, 1, 8] {
            private.fill(0xee);
            let end = shift + length as usize;
            let span = data().span(offset, length);
            let copied = span.and_then(|span| data().copy_out(span, &mut private[shift..]));
            let start = offset as usize;
            assert_eq!(copied.as_deref(), Ok(&expected[start..start + length as usize]));
            let untouched = private[..shift].iter().chain(&private[end..]);
            assert!(untouched.into_iter().all(|&byte| byte == 0xee));
        }
    }
}

fn bytes_are_copied_in_at_any_offset() {
    peer(FILL, 4, DATA_BYTES as u64);
    let mut expected = [0; DATA_BYTES];
    fill(4, &mut expected);
    let mut private = [0; 4200];
    fill(5, &mut private);
    for (round, (offset, length)) in pieces().enumerate() {
        let piece = &private[round % 13..][..length as usize];
        let span = data().span(offset, length);
        assert_eq!(span.and_then(|span| data().copy_in(span, piece)), Ok(()));
        expected[offset as usize..][..length as usize].copy_from_slice(piece);
    }
    assert_eq!(peer(DIGEST, 0, DATA_BYTES as u64), digest(&expected));
}
