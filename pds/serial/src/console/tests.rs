use std::cell::RefCell;
use std::rc::Rc;

use super::*;
use protocols::serial::TEXT_BYTES_MAX;
use sel4_shared_ring_buffer::{InitialState, InitializationStrategy, RawRingBuffer, roles::Write};

type Raw = RawRingBuffer<LogLine, RING_SLOTS>;
type Writer = RingBuffer<'static, Write, LogLine, RING_SLOTS>;
type RawInput = RawRingBuffer<LogLine, INPUT_SLOTS>;
type Notify = fn();

/// A UART with a FIFO of `room` bytes that the test empties.
#[derive(Clone, Debug, Default)]
struct FakeUart(Rc<RefCell<State>>);

#[derive(Debug, Default)]
struct State {
    room: usize,
    sent: Vec<u8>,
    typed: std::collections::VecDeque<u8>,
    mask: u32,
    /// The receiver's interrupt was cleared, so the UART never raises it for what is there.
    is_forgotten: bool,
}

impl Registers for FakeUart {
    fn read(&self, offset: usize) -> u32 {
        let mut state = self.0.borrow_mut();
        match offset {
            0x18 => u32::from(state.room == 0) << 5 | u32::from(state.typed.is_empty()) << 4,
            0 => state.typed.pop_front().unwrap().into(),
            _ => 0,
        }
    }

    fn write(&mut self, offset: usize, value: u32) {
        let mut state = self.0.borrow_mut();
        match offset {
            0 => {
                state.room -= 1;
                state.sent.push(u8::try_from(value).unwrap());
            }
            0x38 => state.mask = value,
            0x44 => state.is_forgotten |= value & 1 << 4 != 0,
            _ => {}
        }
    }
}

impl FakeUart {
    fn printed(&self) -> String {
        String::from_utf8(core::mem::take(&mut self.0.borrow_mut().sent)).unwrap()
    }

    fn wants_transmit_interrupt(&self) -> bool {
        self.0.borrow().mask & 1 << 5 != 0
    }

    fn has_received(&self) -> bool {
        let state = self.0.borrow();
        !state.typed.is_empty() && !state.is_forgotten
    }

    fn set_room(&self, bytes: usize) {
        self.0.borrow_mut().room = bytes;
    }
}

fn raw_input() -> &'static RawInput {
    Box::leak(Box::new(RawInput::new()))
}

fn client<'n>(
    name: &'n str,
    log: &'static Raw,
    input: &'static RawInput,
) -> (&'n str, Rings<'static>, Notify) {
    let from_memory = InitializationStrategy::ReadState;
    let log = LogRing::new(log.as_shared(), from_memory);
    let input = InputRing::new(input.as_shared(), from_memory);
    (name, Rings { log, input, meter: Box::leak(Box::new(Meter::new())) }, || ())
}

fn bench(
    names: &[&str],
) -> (FakeUart, Console<'static, FakeUart, Notify>, Vec<Writer>, Vec<&'static Raw>) {
    let uart = FakeUart::default();
    uart.set_room(usize::MAX);
    let raws: Vec<&'static Raw> = names.iter().map(|_| &*Box::leak(Box::new(Raw::new()))).collect();
    let from_memory = InitializationStrategy::ReadState;
    let clients = names.iter().zip(&raws).map(|(name, raw)| client(name, raw, raw_input()));
    let console = Console::new(Pl011::start(uart.clone()), clients, false);
    let writers = raws.iter().map(|raw| Writer::new(raw.as_shared(), from_memory)).collect();
    (uart, console, writers, raws)
}

fn say(writer: &mut Writer, text: &str) {
    let mut bytes = [0; TEXT_BYTES_MAX];
    bytes[..text.len()].copy_from_slice(text.as_bytes());
    let len = u16::try_from(text.len()).unwrap();
    let line = LogLine { len, level: 3, reserved: 0, text: bytes };
    writer.enqueue_and_commit(line).unwrap().unwrap();
}

#[test]
fn clients_take_turns() {
    let (uart, mut console, mut writers, _) = bench(&["a", "b", "c"]);
    for n in 0..3 {
        say(&mut writers[0], &n.to_string());
    }
    say(&mut writers[1], "x");
    say(&mut writers[2], "y");
    console.run();
    assert_eq!(uart.printed(), "[a] 0\r\n[b] x\r\n[c] y\r\n[a] 1\r\n[a] 2\r\n");
    assert_eq!(console.counters().lines, 5);
    assert!(!uart.wants_transmit_interrupt());
}

#[test]
fn a_full_uart_is_continued_by_its_interrupt() {
    let (uart, mut console, mut writers, _) = bench(&["a"]);
    say(&mut writers[0], "hello");
    say(&mut writers[0], "world");
    uart.set_room(3);
    console.run();
    assert!(uart.wants_transmit_interrupt());
    console.run();
    assert_eq!(uart.printed(), "[a]");
    let mut all = String::from("[a]");
    for _ in 0..8 {
        uart.set_room(3);
        console.interrupt();
        all += &uart.printed();
    }
    assert_eq!(all, "[a] hello\r\n[a] world\r\n");
    assert!(!uart.wants_transmit_interrupt());
}

#[test]
fn a_client_that_jumps_its_index_is_named_and_goes_on() {
    let (uart, mut console, mut writers, raws) = bench(&["bad", "good"]);
    say(&mut writers[0], "1");
    say(&mut writers[0], "2");
    console.run();
    assert_eq!(uart.printed(), "[bad] 1\r\n[bad] 2\r\n");
    // A second writer that starts from zero moves the index backwards.
    let from_zero = InitializationStrategy::UseState(Default::default());
    say(&mut Writer::new(raws[0].as_shared(), from_zero), "3");
    say(&mut writers[1], "still here");
    console.run();
    let expected = "[serial] error: bad broke its log ring: lines are lost\r\n";
    assert_eq!(uart.printed(), format!("[good] still here\r\n{expected}").as_str());
    say(&mut writers[0], "4");
    console.run();
    assert!(uart.printed().ends_with("[bad] 4\r\n"));
    assert_eq!(console.counters().violations, 1);
}

#[test]
fn a_client_whose_lines_make_no_sense_is_named_once() {
    let (uart, mut console, mut writers, _) = bench(&["bad"]);
    let line = LogLine { len: 500, level: 3, reserved: 0, text: [0; TEXT_BYTES_MAX] };
    let expected = "[serial] error: bad broke its log ring: lines are lost\r\n";
    for _ in 0..2 {
        for _ in 0..20 {
            writers[0].enqueue_and_commit(line).unwrap().unwrap();
        }
        say(&mut writers[0], "more");
        console.run();
        assert_eq!(uart.printed(), format!("{expected}[bad] more\r\n"));
    }
    assert_eq!((console.counters().lines, console.counters().violations), (2, 2));
}

#[test]
fn either_end_may_start_anew_and_no_line_is_lost() {
    let (uart, mut console, mut writers, raws) = bench(&["a"]);
    say(&mut writers[0], "1");
    console.run();
    say(&mut writers[0], "2");
    let from_memory = InitializationStrategy::ReadState;
    let clients = [client("a", raws[0], raw_input())];
    let mut console = Console::new(Pl011::start(uart.clone()), clients, true);
    say(&mut Writer::new(raws[0].as_shared(), from_memory), "3");
    console.run();
    assert_eq!(uart.printed(), "[a] 1\r\n\r\n[a] 2\r\n[a] 3\r\n");
}

#[test]
fn whatever_is_typed_at_once_arrives() {
    let (uart, raw) = (FakeUart::default(), raw_input());
    uart.set_room(usize::MAX);
    let log: &Raw = Box::leak(Box::new(Raw::new()));
    // While nobody served the UART, which a new life starts with.
    uart.0.borrow_mut().typed = b"restart gateway\r".repeat(7).into();
    let clients = [client("supervisor", log, raw)];
    let mut console = Console::new(Pl011::start(uart.clone()), clients, true);
    while uart.has_received() {
        console.interrupt();
    }
    let mut reader: RingBuffer<'_, Read, LogLine, INPUT_SLOTS> =
        RingBuffer::new(raw.as_shared(), InitializationStrategy::ReadState);
    let lines = core::iter::from_fn(|| reader.dequeue().unwrap());
    let lines = lines.filter(|line| &line.text[..15] == b"restart gateway").count();
    assert_eq!(lines, INPUT_SLOTS - 1);
}

#[test]
fn a_ring_of_typed_lines_that_an_earlier_life_broke_begins_anew() {
    let raw = raw_input();
    let strategy = InitializationStrategy::ReadState;
    let mut reader: RingBuffer<'_, Read, LogLine, INPUT_SLOTS> =
        RingBuffer::new(raw.as_shared(), strategy);
    let far = InitializationStrategy::UseAndWriteState(InitialState::new(7, 500));
    let _ = InputRing::new(raw.as_shared(), far);
    let (uart, log) = (FakeUart::default(), Box::leak(Box::new(Raw::new())));
    uart.set_room(usize::MAX);
    let notified = Rc::new(RefCell::new(0));
    let (name, rings, _) = client("supervisor", log, raw);
    let count = Rc::clone(&notified);
    let clients = [(name, rings, move || *count.borrow_mut() += 1)];
    let mut console = Console::new(Pl011::start(uart.clone()), clients, true);
    assert_eq!(*notified.borrow(), 1);
    assert!(reader.dequeue().is_err());
    reader.recover();
    uart.0.borrow_mut().typed = b"ps\r".iter().copied().collect();
    console.interrupt();
    assert_eq!(&reader.dequeue().unwrap().unwrap().text[..2], b"ps");
}

#[test]
fn a_typed_line_reaches_its_owner_and_shows() {
    let (uart, raw) = (FakeUart::default(), raw_input());
    uart.set_room(usize::MAX);
    let logs: [&Raw; 2] = std::array::from_fn(|_| &*Box::leak(Box::new(Raw::new())));
    let clients = [client("a", logs[0], raw_input()), client("supervisor", logs[1], raw)];
    let mut console = Console::new(Pl011::start(uart.clone()), clients, false);
    uart.0.borrow_mut().typed = b"stop mx\x7f\x7fnet\r".iter().copied().collect();
    console.interrupt();
    assert_eq!(uart.printed(), "stop mx\x08 \x08\x08 \x08net\r\n");
    let mut reader: RingBuffer<'_, Read, LogLine, INPUT_SLOTS> =
        RingBuffer::new(raw.as_shared(), InitializationStrategy::ReadState);
    let line = reader.dequeue().unwrap().unwrap();
    assert_eq!(&line.text[..usize::from(line.len)], b"stop net");
    assert_eq!(reader.dequeue(), Ok(None));
}

#[test]
fn what_is_typed_is_counted_and_a_flood_bounded() {
    let (uart, mut console, _, _) = bench(&["a"]);
    uart.0.borrow_mut().typed = [0x61; 5].into();
    console.interrupt();
    assert_eq!(console.counters().received_bytes, 5);
    uart.0.borrow_mut().typed = vec![0x61; 1_000_000].into();
    console.interrupt();
    assert_eq!(console.counters().received_bytes, 5 + 32);
}
