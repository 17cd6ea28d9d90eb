//! A peer that breaks the protocol in every way it can: what it writes anywhere never makes this PD
//! fault, hang, or believe what is not so.
#![no_std]
#![no_main]

use on_target_rings::command::{PEER, SCRIBBLER, peer};
use on_target_rings::{
    DATA_BYTES, FLOOD, Link, POKE, RANDOM, RECEIVE, SCRIBBLE, SCRIBBLED, SEND, SEND_ONE, SLOTS,
    START, word,
};
use sel4_externally_shared::ExternallySharedRef;
use sel4_microkit::{Never, memory_region_symbol, protection_domain};
use sel4_shared_ring_buffer::{
    BufferError, BufferGrid, BufferPool, DataRegion, Descriptor, LinkError, SendError, ServerEnd,
    SpanError,
};
use test_harness::{nanos_from_ticks, tests, ticks, words};

#[protection_domain]
fn init() -> Never {
    test_harness::run(tests![
        a_jump_of_the_write_index_cuts_the_peer_off,
        a_step_back_of_the_write_index_cuts_the_peer_off,
        a_read_index_beyond_what_was_sent_cuts_the_peer_off,
        a_cut_off_peer_is_not_heard,
        a_slot_rewritten_after_it_was_sent_is_read_once,
        garbage_in_slots_is_only_garbage,
        offsets_and_lengths_past_the_region_are_refused,
        a_buffer_handed_in_twice_is_refused,
        a_buffer_that_does_not_exist_is_refused,
        our_own_words_are_not_believed,
        an_acknowledgement_taken_back_cuts_the_peer_off,
        flapping_generations_are_one_report_each,
        a_flood_of_notifications_is_one_wake_up,
        unread_completions_let_us_sleep,
        a_lying_sleep_word_costs_one_notification,
        random_lies_between_our_steps_do_no_harm,
        random_lies_within_our_steps_do_no_harm,
    ])
}

type Server = ServerEnd<'static, Descriptor, Descriptor, SLOTS>;

/// More messages than the ring holds.
const TOO_MANY: u32 = 17;
const _: () = assert!(TOO_MANY as usize == SLOTS + 1);

/// Slot 1 of a PD without children and callers is its notification.
const OWN_NOTIFICATION: sel4::cap::Notification = sel4::Cap::from_bits(1);

fn link() -> &'static Link {
    // SAFETY: the system description maps it.
    Link::from_shared(unsafe { ExternallySharedRef::new(memory_region_symbol!(link: *mut Link)) })
}

/// Both ends, fresh, whatever earlier tests left in memory.
fn pair() -> Server {
    let mut server: Server = link().server(|| PEER.notify());
    meet(&mut server);
    server
}

/// An honest life of the peer begins; both ends find each other.
fn meet(server: &mut Server) {
    peer(START, 0, 0);
    // In the first test after boot both lives are first ones.
    assert!(matches!(server.receive(), Err(LinkError::PeerRestarted) | Ok(None)));
    peer(RECEIVE, 0, 0);
    assert_eq!(server.receive(), Ok(None));
    OWN_NOTIFICATION.poll();
}

/// After all that, an honest peer is served.
fn recover(mut server: Server) {
    server.reset();
    meet(&mut server);
    for round in 0..3 {
        assert_eq!(peer(SEND, SLOTS as u64, 0), SLOTS as u64);
        for cookie in 0..SLOTS {
            let Ok(Some(request)) = server.receive() else { panic!("round {round}: {cookie}") };
            assert_eq!(request.cookie(), cookie);
            assert_eq!(server.send(request), Ok(()));
        }
        server.flush();
        assert_eq!(peer(RECEIVE, 0, 0), SLOTS as u64);
    }
    assert!(server.arm());
}

fn poke(word: u64, value: u32) {
    peer(POKE, word, value.into());
}

fn a_jump_of_the_write_index_cuts_the_peer_off() {
    for jump in [TOO_MANY, 1 << 16, 1 << 31, u32::MAX] {
        let mut server = pair();
        poke(word::REQUESTS_WRITTEN, jump);
        assert_eq!(server.receive(), Err(LinkError::PeerMisbehavior));
        recover(server);
    }
}

fn a_step_back_of_the_write_index_cuts_the_peer_off() {
    let mut server = pair();
    peer(SEND, 3, 0);
    assert!(matches!(server.receive_batch(&mut [Descriptor::new(0, 0, 0); 3]), Ok(3)));
    poke(word::REQUESTS_WRITTEN, 2);
    assert_eq!(server.receive(), Err(LinkError::PeerMisbehavior));
    recover(server);
}

fn a_read_index_beyond_what_was_sent_cuts_the_peer_off() {
    for lie in [TOO_MANY, u32::MAX, 1 << 31] {
        let mut server = pair();
        (0..SLOTS).for_each(|_| assert_eq!(server.send(Descriptor::new(0, 0, 0)), Ok(())));
        server.flush();
        poke(word::COMPLETIONS_READ, lie);
        assert_eq!(server.send(Descriptor::new(0, 0, 0)), Err(SendError::PeerMisbehavior));
        assert_eq!(server.receive(), Err(LinkError::PeerMisbehavior));
        recover(server);
    }
}

fn a_cut_off_peer_is_not_heard() {
    let mut server = pair();
    poke(word::REQUESTS_WRITTEN, 1000);
    assert_eq!(server.receive(), Err(LinkError::PeerMisbehavior));
    poke(word::REQUESTS_WRITTEN, 0);
    peer(START, 0, 0);
    peer(SEND, 5, 0);
    assert_eq!(server.receive(), Err(LinkError::PeerMisbehavior));
    assert_eq!(server.send(Descriptor::new(0, 0, 0)), Err(SendError::PeerMisbehavior));
    assert!(server.is_cut_off());
    recover(server);
}

fn a_slot_rewritten_after_it_was_sent_is_read_once() {
    let mut server = pair();
    peer(SEND_ONE, 64, 32);
    let Ok(Some(copy)) = server.receive() else { panic!("nothing came") };
    let span = data().span_of(&copy);
    (0..6).for_each(|index| poke(word::REQUESTS + index, u32::MAX));
    assert_eq!((copy.encoded_addr(), copy.len()), (64, 32));
    assert_eq!(data().span_of(&copy), span);
}

fn garbage_in_slots_is_only_garbage() {
    let mut server = pair();
    peer(SEND, SLOTS as u64, 0);
    for index in 0..SLOTS as u64 * 6 {
        poke(word::REQUESTS + index, 0xdead_0000 | u32::try_from(index).unwrap_or(0));
    }
    for _ in 0..SLOTS {
        let Ok(Some(garbage)) = server.receive() else { panic!("the index was honest") };
        assert_eq!(data().span_of(&garbage), Err(SpanError::OutOfRange));
    }
    assert_eq!(server.receive(), Ok(None));
    recover(server);
}

fn data() -> DataRegion<'static> {
    let pointer = memory_region_symbol!(data: *mut [u8], n = DATA_BYTES);
    // SAFETY: the system description maps it.
    DataRegion::new(unsafe { ExternallySharedRef::new(pointer) })
}

/// What the peer asks for, as it arrives.
fn ask(server: &mut Server, offset: u64, length: u64) -> Descriptor {
    assert_eq!(peer(SEND_ONE, offset, length), 1);
    match server.receive() {
        Ok(Some(request)) => request,
        other => panic!("{other:?}"),
    }
}

fn offsets_and_lengths_past_the_region_are_refused() {
    let mut server = pair();
    let end = DATA_BYTES as u64;
    for (offset, length) in [
        (end, 1),
        (0, end + 1),
        (end - 1, 2),
        (u64::from(u32::MAX), 1),
        (1, u64::from(u32::MAX)),
        (u64::MAX, 0),
        (u64::MAX, u64::from(u32::MAX)),
        (1 << 32, 1),
    ] {
        let request = ask(&mut server, offset, length);
        assert_eq!(data().span_of(&request), Err(SpanError::OutOfRange));
    }
    let request = ask(&mut server, end - 1, 1);
    assert!(data().span_of(&request).is_ok());
}

fn pool() -> BufferPool<1> {
    let Some(grid) = BufferGrid::new(DATA_BYTES, 0x800) else { panic!("no grid") };
    BufferPool::empty(grid)
}

fn hand_in(server: &mut Server, pool: &mut BufferPool<1>, offset: u64) -> Option<BufferError> {
    let request = ask(server, offset, 0x800);
    pool.give_back(u32::try_from(request.encoded_addr()).unwrap_or(u32::MAX)).err()
}

fn a_buffer_handed_in_twice_is_refused() {
    let (mut server, mut pool) = (pair(), pool());
    assert_eq!(hand_in(&mut server, &mut pool, 0x1000), None);
    assert_eq!(hand_in(&mut server, &mut pool, 0x1000), Some(BufferError::NotLent));
    let Some(buffer) = pool.take() else { panic!("it was handed in") };
    assert_eq!(pool.grid().offset_of(buffer), 0x1000);
    assert_eq!(hand_in(&mut server, &mut pool, 0x1000), None, "it was given back in between");
    peer(START, 0, 0);
    assert_eq!(server.receive(), Err(LinkError::PeerRestarted));
    pool.own_none();
    assert_eq!(hand_in(&mut server, &mut pool, 0x1000), None, "a new life owns its buffers");
}

fn a_buffer_that_does_not_exist_is_refused() {
    let (mut server, mut pool) = (pair(), pool());
    for (offset, error) in [
        (1, BufferError::Misaligned),
        (0x1001, BufferError::Misaligned),
        (0x17ff, BufferError::Misaligned),
        (DATA_BYTES as u64, BufferError::OutOfRange),
        (u64::from(u32::MAX), BufferError::OutOfRange),
        (u64::MAX, BufferError::OutOfRange),
    ] {
        assert_eq!(hand_in(&mut server, &mut pool, offset), Some(error));
    }
    assert_eq!(pool.held_count(), 0);
}

fn our_own_words_are_not_believed() {
    for value in [0, 1, 7, 1 << 31, u32::MAX] {
        let mut server = pair();
        peer(SEND, 4, 0);
        for word in [word::REQUESTS_READ, word::COMPLETIONS_WRITTEN, word::SERVER_SLEEP] {
            poke(word, value);
        }
        for cookie in 0..4 {
            let Ok(Some(request)) = server.receive() else { panic!("{value:#x}: {cookie}") };
            assert_eq!(request.cookie(), cookie);
            assert_eq!(server.send(request), Ok(()));
        }
        server.flush();
        assert_eq!(server.receive(), Ok(None));
        poke(word::SERVER_ACKNOWLEDGED, value);
        assert_eq!(server.receive(), Ok(None));
        recover(server);
    }
}

fn an_acknowledgement_taken_back_cuts_the_peer_off() {
    let mut server = pair();
    poke(word::CLIENT_ACKNOWLEDGED, 0);
    assert_eq!(server.receive(), Err(LinkError::PeerMisbehavior));
    recover(server);
}

fn flapping_generations_are_one_report_each() {
    let mut server = pair();
    for generation in 1_000_000..1_001_000 {
        poke(word::CLIENT_GENERATION, generation);
        assert_eq!(server.receive(), Err(LinkError::PeerRestarted));
        assert_eq!(server.receive(), Ok(None));
        assert!(server.arm());
    }
    recover(server);
}

fn a_flood_of_notifications_is_one_wake_up() {
    let mut server = pair();
    assert!(server.arm());
    peer(FLOOD, 10_000, 0);
    assert_eq!(OWN_NOTIFICATION.poll(), 1 << PEER.index());
    assert_eq!(server.receive(), Ok(None));
    assert!(server.arm());
    assert_eq!(OWN_NOTIFICATION.poll(), 0);
    recover(server);
}

fn unread_completions_let_us_sleep() {
    let mut server = pair();
    let mut turns = 0;
    for _ in 0..3 {
        peer(SEND, SLOTS as u64, 0);
        loop {
            turns += 1;
            for _ in 0..server.room() {
                let Ok(Some(request)) = server.receive() else { break };
                assert_eq!(server.send(request), Ok(()));
            }
            if server.arm() {
                break;
            }
        }
    }
    assert!(turns <= 6, "kept awake for {turns} turns");
    assert_eq!(server.room(), 0);
    recover(server);
}

fn a_lying_sleep_word_costs_one_notification() {
    for value in 0..64 {
        poke(word::CLIENT_SLEEP, value);
        let mut count = 0;
        let mut server = link().server(|| count += 1);
        (0..SLOTS).for_each(|_| {
            let _ = server.send(Descriptor::new(0, 0, 0));
            server.flush();
        });
        assert!(count <= 1, "{count}");
    }
}

/// Every operation once; what it returns depends on the lies of the moment.
/// One turn; answers whether it found a lie.
fn work(server: &mut Server, messages: &mut [Descriptor; SLOTS]) -> bool {
    let _ = server.receive();
    let _ = server.send(Descriptor::new(0, 0, 0));
    let _ = server.receive_batch(messages);
    server.flush();
    let _ = server.room();
    let is_cut_off = server.is_cut_off();
    let _ = server.arm();
    is_cut_off
}

fn random_lies_between_our_steps_do_no_harm() {
    let mut server = pair();
    let mut messages = [Descriptor::new(0, 0, 0); SLOTS];
    let mut cut_off = 0;
    for seed in 0..3000 {
        if seed % 4 == 0 {
            // Lies work best in an established session.
            peer(START, 0, 0);
            work(&mut server, &mut messages);
        }
        peer(RANDOM, seed, 1 + seed % 8);
        if work(&mut server, &mut messages) {
            cut_off += 1;
            server.reset();
        }
    }
    assert!(cut_off > 100, "the lies were harmless: {cut_off}");
    recover(server);
}

fn random_lies_within_our_steps_do_no_harm() {
    const NANOS: u64 = 800_000_000;
    let mut server = pair();
    let mut messages = [Descriptor::new(0, 0, 0); SLOTS];
    words().set(SCRIBBLED, 0);
    words().set(SCRIBBLE, 1);
    SCRIBBLER.notify();
    let start = ticks();
    let mut cut_off = 0;
    while nanos_from_ticks(ticks() - start) < NANOS {
        // Lies work best in an established session.
        peer(START, 0, 0);
        if work(&mut server, &mut messages) {
            cut_off += 1;
            server.reset();
        }
    }
    words().set(SCRIBBLE, 0);
    // It notices within a period.
    test_harness::spin_for_nanos(1_000_000);
    let lies = words().get(SCRIBBLED);
    assert!(lies > 1000 && cut_off > 10, "{lies} lies, {cut_off} cut off");
    recover(server);
}
