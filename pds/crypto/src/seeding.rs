//! Getting entropy.

use protocols::entropy::{BYTES_MAX, Completion, RING_SLOTS, Request, Status};
use sel4_shared_ring_buffer::{ClientEnd, LinkError};
use zeroize::Zeroize;

use crate::random::SEED_BYTES;

const _: () = assert!(SEED_BYTES <= BYTES_MAX);

/// Requests of clients between two seeds.
const RESEED_REQUESTS: u64 = 1 << 16;

/// The link to `entropy`.
pub type EntropyLink<'a, F> = ClientEnd<'a, Request, Completion, RING_SLOTS, F>;

/// What came of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seed {
    /// Entropy.
    Bytes([u8; SEED_BYTES]),
    /// There is none; the code is `entropy`'s.
    None(u16),
}

/// Asks `entropy` for seeds.
pub struct Seeding<'a, F: FnMut()> {
    link: EntropyLink<'a, F>,
    /// Requests that clients had made at the last question.
    asked_at: u64,
    has_answer: bool,
}

impl<'a, F: FnMut()> Seeding<'a, F> {
    /// Has asked for a first seed.
    pub fn new(link: EntropyLink<'a, F>) -> Self {
        let mut seeding = Self { link, asked_at: 0, has_answer: false };
        seeding.ask();
        seeding
    }

    /// Whether `entropy` has answered, if only that it has nothing.
    pub const fn has_answer(&self) -> bool {
        self.has_answer
    }

    /// Asks for a new seed when clients have made many requests since the last question.
    pub fn renew(&mut self, requests: u64) {
        if requests.saturating_sub(self.asked_at) >= RESEED_REQUESTS {
            self.asked_at = requests;
            self.ask();
        }
    }

    fn ask(&mut self) {
        let len = u32::try_from(SEED_BYTES).unwrap_or(0);
        // A full ring holds questions that have not been answered: one of them will be.
        let _ = self.link.send(Request { cookie: 0, len, reserved: 0 });
        self.link.flush();
    }

    /// The next answer; `None` when there is none yet and the link is prepared for sleep.
    pub fn answer(&mut self) -> Option<Seed> {
        loop {
            match self.link.receive() {
                Ok(Some(mut completion)) => {
                    let seed = seed(&completion);
                    completion.bytes.zeroize();
                    self.has_answer = true;
                    return Some(seed);
                }
                Ok(None) if self.link.arm() => return None,
                Ok(None) => {}
                Err(LinkError::PeerRestarted) => self.ask(),
                Err(LinkError::PeerMisbehavior) if self.link.arm() => return None,
                Err(LinkError::PeerMisbehavior) => {}
            }
        }
    }
}

fn seed(completion: &Completion) -> Seed {
    let is_whole =
        completion.status == Status::Ok.code() && usize::from(completion.len) == SEED_BYTES;
    match completion.bytes.first_chunk() {
        Some(bytes) if is_whole => Seed::Bytes(*bytes),
        _ => Seed::None(completion.status),
    }
}

#[cfg(test)]
mod tests {
    use sel4_shared_ring_buffer::RawLink;

    use super::*;

    #[test]
    fn takes_whole_seeds_only() {
        let rings = RawLink::<Request, Completion, RING_SLOTS>::new();
        let mut seeding = Seeding::new(rings.client(|| {}));
        let mut entropy = rings.server(|| {});
        assert_eq!(entropy.receive().unwrap().unwrap().len, 48);
        let good = Completion {
            cookie: 0,
            status: Status::Ok.code(),
            len: 48,
            reserved: 0,
            bytes: [5; 48],
        };
        let short = Completion { len: 47, ..good };
        let failed = Completion { status: Status::Unhealthy.code(), ..good };
        for completion in [short, failed, good] {
            entropy.send(completion).unwrap();
        }
        entropy.flush();
        assert_eq!(seeding.answer(), Some(Seed::None(Status::Ok.code())));
        assert_eq!(seeding.answer(), Some(Seed::None(Status::Unhealthy.code())));
        assert_eq!(seeding.answer(), Some(Seed::Bytes([5; 48])));
        assert_eq!(seeding.answer(), None);
    }

    #[test]
    fn asks_a_restarted_peer_again() {
        let rings = RawLink::<Request, Completion, RING_SLOTS>::new();
        let mut seeding = Seeding::new(rings.client(|| {}));
        let mut entropy = rings.server(|| {});
        assert!(entropy.receive().unwrap().is_some());
        assert_eq!(seeding.answer(), None);
        let mut entropy = rings.server(|| {});
        assert_eq!(seeding.answer(), None);
        assert!(entropy.receive().unwrap().is_some());
    }

    #[test]
    fn asks_anew_after_many_requests() {
        let rings = RawLink::<Request, Completion, RING_SLOTS>::new();
        let mut seeding = Seeding::new(rings.client(|| {}));
        let mut entropy = rings.server(|| {});
        let mut asked = |seeding: &mut Seeding<'_, _>, requests| {
            seeding.renew(requests);
            core::iter::from_fn(|| entropy.receive().unwrap()).count()
        };
        assert_eq!(asked(&mut seeding, RESEED_REQUESTS - 1), 1);
        assert_eq!(asked(&mut seeding, RESEED_REQUESTS), 1);
        assert_eq!(asked(&mut seeding, RESEED_REQUESTS + 1), 0);
        assert_eq!(asked(&mut seeding, 3 * RESEED_REQUESTS), 1);
        assert!(!seeding.has_answer());
    }
}
