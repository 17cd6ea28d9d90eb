//! The client end of the link: does as the test commands, lies included.
#![no_std]
#![no_main]

use core::ptr::NonNull;

use on_target_rings::command::PEER;
use on_target_rings::{
    ARGUMENTS, ARM, COMMAND, DATA_BYTES, DIGEST, FILL, FLOOD, LAST, LINK_WORDS, Link, POKE, RANDOM,
    RECEIVE, RESTARTS, RESULT, Random, SEND, SEND_ONE, SLOTS, START, digest, fill,
};
use sel4_externally_shared::{ExternallySharedPtr, ExternallySharedRef};
use sel4_microkit::{ChannelSet, Handler, Infallible, memory_region_symbol, protection_domain};
use sel4_shared_ring_buffer::{ClientEnd, DataRegion, Descriptor, LinkError};
use test_harness::words;

#[protection_domain]
fn init() -> impl Handler {
    Peer { end: None }
}

type End = ClientEnd<'static, Descriptor, Descriptor, SLOTS>;

struct Peer {
    end: Option<End>,
}

impl Handler for Peer {
    type Error = Infallible;

    fn notified(&mut self, _: ChannelSet) -> Result<(), Infallible> {
        let command = words().get(COMMAND);
        let [first, second] = [0, 1].map(|index| words().get(ARGUMENTS + index));
        if command != 0 {
            words().set(RESULT, self.obey(command, first, second));
            words().set(COMMAND, 0);
        }
        Ok(())
    }
}

impl Peer {
    fn obey(&mut self, command: u64, first: u64, second: u64) -> u64 {
        match command {
            START => {
                // SAFETY: the system description maps it.
                let link = unsafe { ExternallySharedRef::new(link()) };
                self.end = Some(Link::from_shared(link).client(|| PEER.notify()));
                words().set(RESTARTS, 0);
                0
            }
            SEND => (first..)
                .zip(second..)
                .take(count(first))
                .map(|(_, cookie)| cookie)
                .fold(0, |sent, cookie| sent + self.send(Descriptor::new(0, 0, count(cookie)))),
            SEND_ONE => self.send(Descriptor::new(count(first), length(second), 0)),
            RECEIVE => self.receive(),
            ARM => self.end.as_mut().map_or(0, |end| u64::from(end.arm())),
            POKE => {
                poke(count(first), length(second));
                0
            }
            RANDOM => {
                let mut random = Random::new(first);
                for _ in 0..second {
                    let (word, value) = random.lie();
                    poke(word, value);
                }
                0
            }
            FLOOD => {
                (0..first).for_each(|_| PEER.notify());
                0
            }
            FILL => {
                let mut bytes = [0; DATA_BYTES];
                let bytes = &mut bytes[..count(second)];
                fill(first, bytes);
                let span = data().span(0, length(second));
                assert_eq!(span.and_then(|span| data().copy_in(span, bytes)), Ok(()));
                0
            }
            DIGEST => {
                let mut bytes = [0; DATA_BYTES];
                let span = data().span(length(first), length(second));
                let bytes = span.and_then(|span| data().copy_out(span, &mut bytes));
                bytes.map_or(0, |bytes| digest(bytes))
            }
            _ => panic!("command {command}"),
        }
    }

    fn send(&mut self, descriptor: Descriptor) -> u64 {
        let Some(end) = &mut self.end else { panic!("not started") };
        let sent = end.send(descriptor).is_ok();
        end.flush();
        u64::from(sent)
    }

    fn receive(&mut self) -> u64 {
        let Some(end) = &mut self.end else { panic!("not started") };
        let mut received = 0;
        for _ in 0..=SLOTS {
            match end.receive() {
                Ok(Some(descriptor)) => {
                    received += 1;
                    words().set(LAST, descriptor.cookie() as u64);
                }
                Ok(None) => break,
                Err(LinkError::PeerRestarted) => {
                    words().add(RESTARTS, 1);
                }
                Err(LinkError::PeerMisbehavior) => panic!("the test misbehaved"),
            }
        }
        end.flush();
        received
    }
}

fn count(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

fn length(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

fn data() -> DataRegion<'static> {
    let pointer = memory_region_symbol!(data: *mut [u8], n = DATA_BYTES);
    // SAFETY: the system description maps it.
    DataRegion::new(unsafe { ExternallySharedRef::new(pointer) })
}

fn link() -> NonNull<Link> {
    memory_region_symbol!(link: *mut Link)
}

fn poke(word: usize, value: u32) {
    // SAFETY: the system description maps it.
    let words = unsafe { ExternallySharedPtr::new(link().cast::<[u32; LINK_WORDS]>()) };
    words.as_slice().index(word).write(value);
}
