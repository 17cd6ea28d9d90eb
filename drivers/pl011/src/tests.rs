use super::*;
use std::{cell::RefCell, collections::VecDeque, rc::Rc};

#[derive(Debug, Default)]
struct Fake {
    fifo_room: usize,
    sent: Vec<u8>,
    line: VecDeque<u32>,
    mask: u32,
    cleared: u32,
    control: u32,
    stuck_flags: Option<u32>,
}

#[derive(Clone, Debug, Default)]
struct FakeUart(Rc<RefCell<Fake>>);

impl Registers for FakeUart {
    fn read(&self, offset: usize) -> u32 {
        let mut fake = self.0.borrow_mut();
        match offset {
            register::FLAGS => fake.stuck_flags.unwrap_or_else(|| {
                let full = if fake.fifo_room == 0 { FLAG_TRANSMIT_FULL } else { 0 };
                let empty = if fake.line.is_empty() { FLAG_RECEIVE_EMPTY } else { 0 };
                full | empty
            }),
            register::DATA => fake.line.pop_front().unwrap_or(0),
            _ => panic!("read of {offset:#x}"),
        }
    }

    fn write(&mut self, offset: usize, value: u32) {
        let mut fake = self.0.borrow_mut();
        match offset {
            register::DATA => {
                fake.fifo_room = fake.fifo_room.checked_sub(1).expect("FIFO overrun");
                fake.sent.push(u8::try_from(value).expect("one byte"));
            }
            register::INTERRUPT_MASK => fake.mask = value,
            register::INTERRUPT_CLEAR => fake.cleared |= value,
            register::CONTROL => fake.control = value,
            register::LINE_CONTROL => assert_eq!(value, LINE_8N1_FIFO),
            register::FIFO_LEVELS => assert_eq!(value, FIFO_LEVELS),
            _ => panic!("write of {offset:#x}"),
        }
    }
}

fn start() -> (FakeUart, Pl011<FakeUart>) {
    let fake = FakeUart::default();
    fake.0.borrow_mut().fifo_room = 16;
    (fake.clone(), Pl011::start(fake))
}

#[test]
fn start_leaves_only_receive_interrupts() {
    let (fake, _uart) = start();
    let fake = fake.0.borrow();
    assert_eq!((fake.mask, fake.cleared), (INTERRUPTS_RECEIVE, INTERRUPTS_CLEARED));
    assert_eq!(fake.control, CONTROL_ON);
}

#[test]
fn sends_what_fits_and_says_how_much() {
    let (fake, mut uart) = start();
    assert_eq!(uart.write(b"0123456789abcdefXYZ"), 16);
    assert_eq!(uart.write(b"XYZ"), 0);
    fake.0.borrow_mut().fifo_room = 16;
    assert_eq!(uart.write(b"XYZ"), 3);
    assert_eq!(fake.0.borrow().sent, b"0123456789abcdefXYZ");
}

#[test]
fn transmit_interrupt_follows_the_wish() {
    let (fake, mut uart) = start();
    uart.interrupt_on_transmit(true);
    assert_eq!(fake.0.borrow().mask, INTERRUPTS_RECEIVE | INTERRUPT_TRANSMIT);
    uart.interrupt_on_transmit(false);
    assert_eq!(fake.0.borrow().mask, INTERRUPTS_RECEIVE);
}

#[test]
fn reads_bytes_and_errors_in_order() {
    let (fake, mut uart) = start();
    fake.0.borrow_mut().line.extend([0x41, 0x400, 0x42]);
    assert_eq!(uart.read(), Some(Received::Byte(0x41)));
    assert_eq!(uart.read(), Some(Received::Error));
    assert_eq!(uart.read(), Some(Received::Byte(0x42)));
    assert_eq!(uart.read(), None);
}

#[test]
fn only_reading_ends_the_interrupt_of_the_receiver() {
    let (fake, mut uart) = start();
    uart.acknowledge_interrupt();
    assert_eq!(fake.0.borrow().cleared & INTERRUPTS_RECEIVE, 0);
    assert_ne!(fake.0.borrow().cleared & INTERRUPT_TRANSMIT, 0);
}

#[test]
fn a_stuck_device_costs_one_call() {
    let (fake, mut uart) = start();
    fake.0.borrow_mut().stuck_flags = Some(u32::MAX);
    assert_eq!(uart.write(b"hello"), 0);
    assert_eq!(uart.read(), None);
    fake.0.borrow_mut().stuck_flags = Some(0);
    assert_eq!(uart.read(), Some(Received::Byte(0)));
}
