use std::cell::RefCell;
use std::rc::Rc;

use super::*;
use crate::command::Command;
use crate::{Service, Wiring};
use cairn_pd::Alarm;
use protocols::system::Condition;
use protocols::timer::{self, Completion, RING_SLOTS, Request};
use sel4::MessageInfo;
use sel4_microkit::Channel;
use sel4_shared_ring_buffer::RawLink;
use zerocopy::FromZeros;

/// What happens to a PD.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Wake(usize),
    Stop(usize),
    Resume(usize),
    Start(usize),
}

#[derive(Default)]
struct World {
    pages: Vec<Option<Page>>,
    acts: Vec<Act>,
    /// What each PD consumes between two questions.
    consumes_us: u64,
    /// What every PD says about each of its peers.
    peers: Option<lifecycle::Peer>,
    /// Where the part of the stacks begins that was in use.
    stack_from: u64,
}

#[derive(Clone, Default)]
struct Fake(Rc<RefCell<World>>);

impl Children for Fake {
    fn page(&self, index: usize) -> Option<Page> {
        self.0.borrow().pages[index]
    }

    fn peer(&self, index: usize, _: u8) -> Option<lifecycle::Peer> {
        self.page(index).and(self.0.borrow().peers)
    }

    fn generation(&self, index: usize) -> Option<u64> {
        self.page(index).map(|page| page.generation)
    }

    fn heartbeat(&self, index: usize) -> u64 {
        self.page(index).map_or(0, |page| page.heartbeat)
    }

    fn stack_word(&self, _: usize, offset: u64) -> Option<u64> {
        let is_unused = offset < self.0.borrow().stack_from;
        (offset < 64).then_some(if is_unused { 0 } else { offset })
    }

    fn consumed_us(&mut self, _: usize) -> u64 {
        self.0.borrow().consumes_us
    }

    fn wake(&mut self, index: usize) {
        self.0.borrow_mut().acts.push(Act::Wake(index));
    }

    fn stop(&mut self, index: usize) -> Option<UserContext> {
        self.0.borrow_mut().acts.push(Act::Stop(index));
        Some(UserContext::new())
    }

    fn resume(&mut self, index: usize) {
        self.0.borrow_mut().acts.push(Act::Resume(index));
    }

    fn start(&mut self, index: usize) {
        self.0.borrow_mut().acts.push(Act::Start(index));
    }
}

impl Fake {
    /// The PD says something about its life.
    fn say(&self, index: usize, generation: u64, state: State) {
        self.0.borrow_mut().pages[index] = page(generation, state);
    }

    fn beat(&self, index: usize) {
        if let Some(page) = &mut self.0.borrow_mut().pages[index] {
            page.heartbeat += 1;
        }
    }

    fn acts(&self) -> Vec<Act> {
        core::mem::take(&mut self.0.borrow_mut().acts)
    }
}

const NET: usize = 1;
const STORE: usize = 2;

fn entry(name: &str, child: u8) -> PdEntry {
    let mut entry = PdEntry::new_zeroed();
    entry.name[..name.len()].copy_from_slice(name.as_bytes());
    (entry.child, entry.channel) = (child, child);
    entry.lifecycle_vaddr = u64::from(child != 0xff);
    entry.peer_channels = [0xff; STATUS_PDS_MAX];
    (entry.stack_vaddr, entry.stack_view_vaddr, entry.stack_bytes) = (0x2000_0000, 0x3000_0000, 64);
    (entry.restarts_max, entry.window_ms) = (3, 1000);
    entry
}

fn page(generation: u64, state: State) -> Option<Page> {
    let mut page = Page::new_zeroed();
    page.state = state.code();
    page.generation = generation;
    Some(page)
}

fn with_supervisor(test: impl FnOnce(&Fake, Supervisor<'_, Fake>)) {
    let mut status = Box::new(Status::new_zeroed());
    let mut memory = Box::new(Memory::EMPTY);
    let fake = Fake::default();
    fake.0.borrow_mut().pages =
        vec![None, page(1, State::Initialising), page(1, State::Initialising)];
    let mut table = [entry("supervisor", 0xff), entry("net", 1), entry("store", 2)];
    table[NET].peer_channels[STORE] = 5;
    table[STORE].peer_channels[NET] = 6;
    // It has no page, so it says nothing.
    table[0].peer_channels[NET] = 7;
    let shared = ExternallySharedRef::from_mut_ref(&mut *status);
    test(&fake, Supervisor::new(table, fake.clone(), &mut memory, shared));
}

/// As [`with_supervisor`], with everybody up at 10 µs.
fn with_running(test: impl FnOnce(&Fake, Supervisor<'_, Fake>)) {
    with_supervisor(|fake, mut supervisor| {
        fake.say(NET, 1, State::Running);
        fake.say(STORE, 1, State::Running);
        supervisor.refresh(10);
        fake.acts();
        test(fake, supervisor);
    });
}

fn status(supervisor: &Supervisor<'_, Fake>) -> Status {
    supervisor.page.as_ptr().read()
}

#[test]
fn the_most_that_a_stack_was_in_use_is_remembered() {
    with_running(|fake, mut supervisor| {
        let mut used = |from: u64| {
            fake.0.borrow_mut().stack_from = from;
            // A piece of one stack at each pulse, and one to begin anew.
            for _ in 0..2 * (STORE + 2) {
                fake.beat(NET);
                fake.beat(STORE);
                supervisor.pulse(20);
            }
            supervisor.refresh(20);
            status(&supervisor).pds.map(|pd| pd.stack_used_bytes)
        };
        assert_eq!(used(40)[..3], [24; 3]);
        assert_eq!(used(16)[..3], [48; 3]);
        assert_eq!(used(56)[..3], [48; 3], "what was in use once stays counted");
    });
}

fn state(supervisor: &Supervisor<'_, Fake>, index: usize) -> &'static str {
    state_name(status(supervisor).pds[index].state)
}

/// The states that a PD went through, and why.
fn history(supervisor: &Supervisor<'_, Fake>, index: usize) -> Vec<(&'static str, String)> {
    let status = status(supervisor);
    let events = status.events.iter().take(usize::try_from(status.event_count).unwrap());
    let of_pd = events.filter(|event| usize::from(event.pd) == index);
    of_pd
        .map(|event| (state_name(event.to), said(&event.text, event.text_len).to_owned()))
        .collect()
}

fn null_write() -> Fault {
    let mrs = [0x20_0100, 0, 0, 0x93df_8046];
    Fault::decode(MessageInfo::new(6, 0, 0, mrs.len()), &mrs)
}

fn order(supervisor: &mut Supervisor<'_, Fake>, line: &str) -> Result<(), String> {
    let command = Command::parse(line).unwrap();
    supervisor.command(command, 1_000_000).map_err(|refusal| refusal.to_string())
}

#[test]
fn is_ready_when_nobody_initialises_any_more() {
    with_supervisor(|fake, mut supervisor| {
        supervisor.refresh(10);
        assert_eq!(status(&supervisor).boot_us, 0);
        fake.say(NET, 1, State::Running);
        fake.say(STORE, 1, State::Degraded);
        supervisor.refresh(20);
        supervisor.refresh(30);
        assert_eq!((status(&supervisor).boot_us, status(&supervisor).pd_count), (20, 3));
        assert_eq!(status(&supervisor).sequence % 2, 0);
    });
}

#[test]
fn a_faulted_pd_starts_again_at_once() {
    with_running(|fake, mut supervisor| {
        supervisor.fault(1, null_write(), 5_000);
        assert_eq!(fake.acts(), [Act::Stop(NET), Act::Start(NET)]);
        assert_eq!(state(&supervisor, NET), "initialising");
        supervisor.refresh(5_001);
        assert_eq!(state(&supervisor, NET), "initialising", "its page still shows the old life");
        fake.say(NET, 2, State::Running);
        supervisor.refresh(5_002);
        let pd = status(&supervisor).pds[NET];
        assert_eq!((pd.generation, pd.faults, pd.restarts), (2, 1, 1));
        let names: Vec<_> = history(&supervisor, NET).into_iter().map(|(state, _)| state).collect();
        assert_eq!(names, ["running", "failed", "initialising", "running"]);
        assert!(history(&supervisor, NET)[1].1.starts_with("null write to 0x0"));
    });
}

#[test]
fn a_crash_loop_is_slowed_down_then_held() {
    with_running(|fake, mut supervisor| {
        supervisor.fault(1, null_write(), 5_000);
        for (life, at_us) in [(2, 55_000), (3, 105_000)] {
            fake.say(NET, life, State::Initialising);
            fake.acts();
            supervisor.fault(1, null_write(), at_us - 45_000);
            assert_eq!(fake.acts(), [Act::Stop(NET)], "not yet");
            supervisor.pulse(at_us - 1);
            assert!(!fake.acts().contains(&Act::Start(NET)));
            supervisor.pulse(at_us);
            assert!(fake.acts().contains(&Act::Start(NET)));
        }
        fake.say(NET, 4, State::Initialising);
        supervisor.fault(1, null_write(), 200_000);
        assert_eq!(state(&supervisor, NET), "held");
        let pd = status(&supervisor).pds[NET];
        let text = said(&pd.text, pd.text_len);
        assert!(text.starts_with("3 restarts in 1000 ms, last: null write"), "{text}");
        fake.acts();
        supervisor.pulse(9_000_000);
        assert!(!fake.acts().contains(&Act::Start(NET)), "for good");
        assert_eq!(state(&supervisor, STORE), "running");
    });
}

#[test]
fn a_panic_says_its_message_and_only_in_its_own_life() {
    with_running(|fake, mut supervisor| {
        let mut panicked = page(1, State::Panicked).unwrap();
        panicked.text[..3].copy_from_slice(b"oh!");
        panicked.text_len = 3;
        fake.0.borrow_mut().pages[NET] = Some(panicked);
        supervisor.fault(1, null_write(), 5_000);
        assert_eq!(history(&supervisor, NET)[1], ("failed", "oh!".to_owned()));
        // The next life faults before it has written its page.
        supervisor.fault(1, null_write(), 100_000);
        let last = history(&supervisor, NET).into_iter().rfind(|(state, _)| *state == "failed");
        assert!(last.is_some_and(|(_, why)| why.starts_with("null write")));
    });
}

#[test]
fn an_idle_pd_is_woken_and_a_spinning_one_starts_again() {
    with_running(|fake, mut supervisor| {
        fake.0.borrow_mut().consumes_us = 12_000;
        for pulse in 1..=20 {
            supervisor.pulse(pulse * 10_000);
            if fake.0.borrow().acts.contains(&Act::Wake(STORE)) {
                fake.beat(STORE);
            }
        }
        let acts = fake.acts();
        assert!(acts.contains(&Act::Wake(NET)) && acts.contains(&Act::Start(NET)), "{acts:?}");
        assert!(!acts.contains(&Act::Start(STORE)), "{acts:?}");
        assert_eq!(history(&supervisor, NET)[1], ("failed", "missed heartbeat".to_owned()));
    });
}

#[test]
fn a_pd_without_cpu_time_is_not_called_hung() {
    with_running(|fake, mut supervisor| {
        for pulse in 1..=100 {
            supervisor.pulse(pulse * 10_000);
        }
        assert!(!fake.acts().iter().any(|act| matches!(act, Act::Start(_))));
    });
}

#[test]
fn stops_after_the_turn_and_starts_by_command() {
    with_running(|fake, mut supervisor| {
        assert_eq!(order(&mut supervisor, "stop net"), Ok(()));
        assert_eq!((state(&supervisor, NET), fake.acts()), ("terminating", vec![Act::Wake(NET)]));
        fake.beat(NET);
        supervisor.pulse(1_010_000);
        assert_eq!((state(&supervisor, NET), fake.acts()), ("terminated", vec![Act::Stop(NET)]));
        assert_eq!(
            order(&mut supervisor, "stop net").unwrap_err(),
            "cannot stop a PD that is terminated"
        );
        assert_eq!(order(&mut supervisor, "start net"), Ok(()));
        assert_eq!((state(&supervisor, NET), fake.acts()), ("initialising", vec![Act::Start(NET)]));
    });
}

#[test]
fn a_pd_that_does_not_end_its_turn_is_stopped_all_the_same() {
    with_running(|fake, mut supervisor| {
        assert_eq!(order(&mut supervisor, "stop net"), Ok(()));
        supervisor.pulse(1_010_000);
        supervisor.pulse(1_020_000);
        assert_eq!(state(&supervisor, NET), "terminated");
        // A fault that was on its way changes nothing.
        fake.acts();
        supervisor.fault(1, null_write(), 1_030_000);
        assert_eq!((state(&supervisor, NET), fake.acts()), ("terminated", vec![Act::Stop(NET)]));
    });
}

#[test]
fn pauses_and_resumes_where_it_was() {
    with_running(|fake, mut supervisor| {
        fake.say(NET, 1, State::Degraded);
        supervisor.refresh(20);
        assert_eq!(order(&mut supervisor, "pause net"), Ok(()));
        assert_eq!(state(&supervisor, NET), "paused");
        fake.say(NET, 1, State::Running);
        supervisor.refresh(30);
        assert_eq!(state(&supervisor, NET), "paused", "its page says nothing now");
        for pulse in 1..=1000 {
            supervisor.pulse(pulse * 10_000);
        }
        assert_eq!(
            order(&mut supervisor, "pause net").unwrap_err(),
            "cannot pause a PD that is paused"
        );
        assert_eq!(
            order(&mut supervisor, "start net").unwrap_err(),
            "cannot start a PD that is paused"
        );
        assert_eq!(order(&mut supervisor, "resume net"), Ok(()));
        assert_eq!(state(&supervisor, NET), "degraded");
        assert!(fake.acts().contains(&Act::Resume(NET)));
    });
}

#[test]
fn refuses_what_makes_no_sense() {
    with_running(|fake, mut supervisor| {
        assert_eq!(order(&mut supervisor, "stop nett").unwrap_err(), "there is no PD nett");
        let itself = "supervisor cannot do that to itself";
        assert_eq!(order(&mut supervisor, "stop supervisor").unwrap_err(), itself);
        assert_eq!(
            order(&mut supervisor, "resume net").unwrap_err(),
            "cannot resume a PD that is running"
        );
        assert_eq!(
            order(&mut supervisor, "start net").unwrap_err(),
            "cannot start a PD that is running"
        );
        assert!(fake.acts().is_empty());
    });
}

#[test]
fn a_failed_pd_does_not_hold_up_the_others() {
    with_supervisor(|fake, mut supervisor| {
        fake.say(STORE, 1, State::Running);
        for _ in 0..4 {
            supervisor.fault(1, null_write(), 7);
            supervisor.pulse(60_000);
            supervisor.pulse(120_000);
        }
        supervisor.refresh(130_000);
        assert_eq!(state(&supervisor, NET), "held");
        assert_ne!(status(&supervisor).boot_us, 0);
    });
}

#[test]
fn a_flood_of_notifications_is_a_fault() {
    with_running(|fake, mut supervisor| {
        let from_net = |channel| channel == 1;
        for _ in 0..NOTIFICATIONS_MAX {
            supervisor.notified(from_net, 20);
        }
        assert!(fake.acts().is_empty());
        supervisor.pulse(30);
        for _ in 0..=NOTIFICATIONS_MAX {
            supervisor.notified(from_net, 40);
        }
        assert_eq!(fake.acts(), [Act::Stop(NET), Act::Start(NET)]);
        assert!(history(&supervisor, NET)[1].1.contains("floods"));
    });
}

#[test]
fn pulses_that_come_too_early_are_no_time_but_a_flood() {
    with_running(|fake, supervisor| {
        let raw = RawLink::new();
        let pulse = Channel::new(NET);
        let (status_reader, console, alarm) = (None, None, Alarm::new(raw.client(|| ())));
        let wiring = Wiring { status_reader, pulse: Some(pulse), alarm, console };
        let mut service = Service::new(supervisor, wiring);
        for n in 0..1000 {
            fake.0.borrow_mut().consumes_us = 100_000;
            service.notified(|channel| channel == pulse, 10_000 + n);
        }
        let acts = fake.acts();
        assert!(acts.contains(&Act::Stop(NET)), "{acts:?}");
        let is_store = |act: &Act| matches!(act, Act::Stop(STORE) | Act::Wake(STORE));
        assert!(!acts.iter().any(is_store), "{acts:?}");
        for n in 2..8 {
            service.notified(|channel| channel == pulse, n * 10_000);
        }
        assert!(fake.acts().iter().any(is_store), "time passes");
    });
}

/// Runs a second in which NET, which is `pulse`, pulses for 100 ms, `timer` rings when it is asked to, and
/// whoever is woken answers, but for NET; everybody consumes so much between two looks. Answers when NET
/// was stopped, and how often STORE was woken after NET fell silent.
fn after_the_last_pulse(consumes_us: u64) -> (Vec<u64>, usize) {
    let (mut stopped, mut woken) = (Vec::new(), 0);
    with_running(|fake, supervisor| {
        let raw = RawLink::<Request, Completion, RING_SLOTS>::new();
        let mut timer = raw.server(|| ());
        let pulse = Channel::new(NET);
        let (status_reader, console, alarm) = (None, None, Alarm::new(raw.client(|| ())));
        let wiring = Wiring { status_reader, pulse: Some(pulse), alarm, console };
        let mut service = Service::new(supervisor, wiring);
        service.watch_pulse(0);
        fake.0.borrow_mut().consumes_us = consumes_us;
        let mut deadline_us = None;
        for now_us in (1_000..1_000_000).step_by(1_000) {
            let pulses = now_us <= 100_000 && now_us % 10_000 == 0;
            if pulses {
                fake.beat(NET);
            }
            if let Ok(Some(request)) = timer.receive() {
                deadline_us = Some(request.deadline_ns / 1000);
            }
            if deadline_us.take_if(|deadline_us| *deadline_us <= now_us).is_some() {
                let status = timer::Status::Expired.code();
                timer.send(Completion { cookie: 0, status, reserved: [0; 6] }).unwrap();
                timer.flush();
            }
            service.notified(|channel| pulses && channel == pulse, now_us);
            let acts = fake.acts();
            if acts.contains(&Act::Wake(STORE)) {
                fake.beat(STORE);
                woken += usize::from(now_us > 100_000);
            }
            if acts.contains(&Act::Stop(NET)) {
                stopped.push(now_us);
            }
            assert!(!acts.contains(&Act::Stop(STORE)), "{now_us}");
        }
    });
    (stopped, woken)
}

#[test]
fn a_pulse_that_spins_is_stopped_and_timer_takes_its_place() {
    let (stopped, woken) = after_the_last_pulse(9_000);
    assert_eq!(stopped[0], 170_000);
    // As often as before: every third look, each 10 ms.
    assert!((28..=30).contains(&woken), "{woken}");
}

#[test]
fn a_pulse_that_has_no_cpu_time_is_left_alone_and_timer_takes_its_place() {
    let (stopped, woken) = after_the_last_pulse(0);
    assert_eq!(stopped, []);
    assert!((28..=30).contains(&woken), "{woken}");
}

#[test]
fn who_is_needed_to_start_others_is_never_held() {
    with_running(|fake, mut supervisor| {
        supervisor.entries[NET].name = entry("pulse", 1).name;
        let mut started = Vec::new();
        for now_us in (10_000..5_000_000).step_by(10_000) {
            supervisor.pulse(now_us);
            supervisor.fault(1, null_write(), now_us);
            if fake.acts().contains(&Act::Start(NET)) {
                started.push(now_us);
            }
            assert_ne!(state(&supervisor, NET), "held");
        }
        // Three in each second, and at least 50 ms between two.
        assert!(started.len() >= 13, "{started:?}");
        assert!(started.windows(4).all(|four| four[3] - four[0] >= 1_000_000), "{started:?}");
        assert!(started.windows(2).all(|two| two[1] - two[0] >= 50_000), "{started:?}");
    });
}

#[test]
fn a_page_that_says_another_state_each_time_is_read_a_bounded_number_of_times() {
    with_running(|fake, mut supervisor| {
        for n in 0..1000 {
            fake.say(NET, 1, if n % 2 == 0 { State::Running } else { State::Degraded });
            supervisor.notified(|channel| channel == 1, n);
        }
        let events = status(&supervisor).event_count;
        assert!(events <= 3 + 5 * u64::from(NOTIFICATIONS_MAX), "{events}");
    });
}

#[test]
fn a_forged_fault_of_an_unknown_child_changes_nothing() {
    with_running(|_, mut supervisor| {
        let before = status(&supervisor);
        supervisor.fault(61, Fault::Unknown { label: 99 }, 2);
        assert_eq!(status(&supervisor), before);
    });
}

#[test]
fn a_life_that_nobody_began_is_a_fault() {
    let looks: [fn(&mut Supervisor<'_, Fake>); 3] = [
        |supervisor| supervisor.pulse(20),
        |supervisor| supervisor.refresh(20),
        |supervisor| supervisor.notified(|channel| channel == 1, 20),
    ];
    for look in looks {
        with_running(|fake, mut supervisor| {
            fake.say(NET, 9, State::Running);
            look(&mut supervisor);
            assert_eq!(fake.acts(), [Act::Stop(NET), Act::Start(NET)]);
            assert!(history(&supervisor, NET)[1].1.contains("nonsense"));
            // What it left behind says nothing about its next life, which may begin anywhere.
            supervisor.refresh(30);
            assert_eq!(state(&supervisor, NET), "initialising");
            fake.say(NET, 10, State::Running);
            supervisor.refresh(40);
            supervisor.pulse(50);
            assert_eq!(state(&supervisor, NET), "running");
            assert!(!fake.acts().contains(&Act::Stop(NET)));
            assert_eq!(status(&supervisor).pds[NET].generation, 10);
        });
    }
}

/// It says nothing before, and nobody asks for the status.
#[test]
fn who_rewrites_its_page_from_its_start_on_is_stopped_by_the_pulse() {
    with_running(|fake, mut supervisor| {
        supervisor.fault(NET, null_write(), 20);
        assert_eq!(fake.acts(), [Act::Stop(NET), Act::Start(NET)]);
        fake.beat(STORE);
        supervisor.pulse(30);
        for (generation, heartbeat) in [(77, 5), (78, 6)] {
            assert_eq!(fake.acts(), []);
            fake.say(NET, generation, State::Initialising);
            fake.0.borrow_mut().pages[NET].as_mut().unwrap().heartbeat = heartbeat;
            fake.beat(STORE);
            supervisor.pulse(40);
        }
        assert_eq!(fake.acts(), [Act::Stop(NET)]);
        assert!(history(&supervisor, NET).last().unwrap().1.contains("nonsense"));
    });
}

#[test]
fn garbage_in_a_page_is_survived() {
    with_supervisor(|fake, mut supervisor| {
        let mut garbage = Page::new_zeroed();
        (garbage.state, garbage.generation) = (0xffff, 1);
        garbage.text_len = 0xffff;
        garbage.text = [0xff; 128];
        fake.0.borrow_mut().pages[NET] = Some(garbage);
        supervisor.refresh(1);
        assert_eq!(status(&supervisor).pds[NET].state, Condition::Loaded.code());
        garbage.state = State::Degraded.code();
        fake.0.borrow_mut().pages[NET] = Some(garbage);
        supervisor.refresh(2);
        assert_eq!(history(&supervisor, NET), [("degraded", "(unreadable)".to_owned())]);
        garbage.state = State::Panicked.code();
        fake.0.borrow_mut().pages[NET] = Some(garbage);
        supervisor.fault(1, null_write(), 3);
        assert!(status(&supervisor).pds[NET].text_len <= 128);
    });
}

#[test]
fn what_pds_say_about_their_peers_is_shown_as_far_as_it_can_be_true() {
    with_running(|fake, mut supervisor| {
        let mut look = |capacity, waiting, most, violations| {
            let said = lifecycle::Peer { capacity, waiting, most, violations };
            fake.0.borrow_mut().peers = Some(said);
            supervisor.refresh(20);
            let status = status(&supervisor);
            let peers = [0, NET, STORE].map(|pd| {
                let peers = status.peers_of(pd).map(|(name, seen)| (name.to_owned(), *seen));
                peers.collect::<Vec<_>>()
            });
            let [(peer, seen)] = &peers[NET][..] else { panic!("{peers:?}") };
            assert_eq!((peer.as_str(), peers[STORE][0].0.as_str()), ("store", "net"));
            assert!(peers[0].is_empty());
            (seen.capacity, seen.waiting, seen.most, seen.violations)
        };
        assert_eq!(look(64, 3, 9, 2), (64, 3, 9, 2));
        assert_eq!(look(4, 9, 7, u32::MAX), (4, 4, 4, u32::MAX));
        assert_eq!(look(u32::MAX, u32::MAX, 5, 0), (u32::MAX, 5, 5, 0));
        supervisor.list();
    });
}

#[test]
fn more_peers_than_there_is_room_for_are_left_out() {
    let (mut page, mut memory) = (Box::new(Status::EMPTY), Box::new(Memory::EMPTY));
    let fake = Fake::default();
    fake.0.borrow_mut().pages = vec![self::page(1, State::Running); PDS_MAX];
    fake.0.borrow_mut().peers = Some(lifecycle::Peer::new_zeroed());
    let mut everybody = entry("everybody", 1);
    everybody.peer_channels = [5; STATUS_PDS_MAX];
    let shared = ExternallySharedRef::from_mut_ref(&mut *page);
    let mut supervisor = Supervisor::new([everybody; PDS_MAX], fake, &mut memory, shared);
    supervisor.refresh(1);
    let status = status(&supervisor);
    let shown: Vec<_> = (0..PDS_MAX).map(|pd| status.peers_of(pd).count()).collect();
    assert_eq!(shown.iter().sum::<usize>(), status.peers.len(), "{shown:?}");
}
