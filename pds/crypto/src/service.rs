//! The state machine: requests in, answers out.

use protocols::crypto::{Algorithm, Completion, KEYS_PER_CLIENT, Op, RING_SLOTS, Request, Status};
use protocols::system::NAME_BYTES;
use sel4_externally_shared::access::ReadOnly;
use sel4_shared_ring_buffer::{DataRegion, LinkError, ServerEnd};
use zeroize::Zeroize;

use crate::keys::{self, Key, OUTPUT_BYTES_MAX};
use crate::policy::Policy;
use crate::random::{Random, SEED_BYTES};

/// Clients at most.
pub const CLIENTS_MAX: usize = 6;
/// Longest input of one request in bytes, except for `Hash`, which takes a whole region.
pub const INPUT_BYTES_MAX: usize = 2048;
/// Random bytes are made and a long input is hashed in pieces of so many bytes.
const PIECE_BYTES: usize = 512;

/// The rings between `crypto` and one client.
pub type Link<'a, F> = ServerEnd<'a, Request, Completion, RING_SLOTS, F>;

/// A client, what is shared with it, and its keys.
pub struct Client<'a, F: FnMut()> {
    name: heapless::String<NAME_BYTES>,
    policy: Policy,
    link: Link<'a, F>,
    input: DataRegion<'a, ReadOnly>,
    output: DataRegion<'a>,
    keys: [Option<Key>; KEYS_PER_CLIENT],
    is_cut_off: bool,
}

impl<'a, F: FnMut()> Client<'a, F> {
    /// A client without keys.
    pub fn new(
        name: &str,
        policy: Policy,
        link: Link<'a, F>,
        input: DataRegion<'a, ReadOnly>,
        output: DataRegion<'a>,
    ) -> Self {
        let keys = [const { None }; KEYS_PER_CLIENT];
        // A name longer than the composition admits only shortens a log line.
        let name = name.try_into().unwrap_or_default();
        Self { name, policy, link, input, output, keys, is_cut_off: false }
    }
}

/// The PD's whole state.
pub struct Crypto<'a, F: FnMut()> {
    random: Option<Random>,
    clients: heapless::Vec<Client<'a, F>, CLIENTS_MAX>,
    /// Requests answered.
    pub requests: u64,
    /// Requests answered with an error.
    pub errors: u64,
    /// Times that a client broke its link.
    pub violations: u64,
}

/// What a request leads to.
#[derive(Default)]
struct Answer {
    key: u32,
    len: u32,
}

impl<'a, F: FnMut()> Crypto<'a, F> {
    /// A service for `clients`, without entropy yet.
    pub fn new(clients: heapless::Vec<Client<'a, F>, CLIENTS_MAX>) -> Self {
        Self { random: None, clients, requests: 0, errors: 0, violations: 0 }
    }

    /// Seeds the generator, or mixes the entropy in.
    pub fn seed(&mut self, entropy: &[u8; SEED_BYTES]) {
        match &mut self.random {
            Some(random) => random.reseed(entropy),
            None => self.random = Some(Random::new(entropy)),
        }
    }

    /// Has entropy come?
    #[must_use]
    pub fn is_seeded(&self) -> bool {
        self.random.is_some()
    }

    /// Answers everything that was asked and prepares the links for sleep. Calls `beat` before each answer:
    /// clients that go on asking keep it in one turn.
    pub fn step(&mut self, mut beat: impl FnMut()) {
        loop {
            let mut is_idle = true;
            for client in 0..self.clients.len() {
                self.serve(client, &mut beat);
                is_idle &= self.clients.get_mut(client).is_none_or(|client| client.link.arm());
            }
            if is_idle {
                return;
            }
        }
    }

    fn serve(&mut self, index: usize, beat: &mut impl FnMut()) {
        for _ in 0..RING_SLOTS {
            beat();
            let Some(client) = self.clients.get_mut(index) else { return };
            if client.link.room() == 0 {
                return;
            }
            match client.link.receive() {
                Ok(None) => return,
                Ok(Some(request)) => {
                    let result = perform(client, &mut self.random, &request);
                    self.requests += 1;
                    self.errors += u64::from(result.is_err());
                    // Room was seen above; a client that broke its ring meanwhile is found out by
                    // the next `receive`.
                    let _ = client.link.send(completion(request.cookie, result));
                }
                Err(LinkError::PeerRestarted) => {
                    client.is_cut_off = false;
                    client.keys = [const { None }; KEYS_PER_CLIENT];
                }
                Err(LinkError::PeerMisbehavior) => {
                    if !client.is_cut_off {
                        client.is_cut_off = true;
                        self.violations += 1;
                        client.keys = [const { None }; KEYS_PER_CLIENT];
                        log::warn!("{}: broke its link, its keys are gone", client.name);
                    }
                    return;
                }
            }
        }
    }
}

fn completion(cookie: u64, result: Result<Answer, Status>) -> Completion {
    let (status, answer) = match result {
        Ok(answer) => (Status::Ok, answer),
        Err(status) => (status, Answer::default()),
    };
    Completion {
        cookie,
        status: status.code(),
        reserved: 0,
        key: answer.key,
        len: answer.len,
        reserved2: 0,
    }
}

fn perform<F: FnMut()>(
    client: &mut Client<'_, F>,
    random: &mut Option<Random>,
    request: &Request,
) -> Result<Answer, Status> {
    let op = Op::from_code(request.op).ok_or(Status::BadRequest)?;
    if request.reserved != 0 {
        return Err(Status::BadRequest);
    }
    if !client.policy.allows(op) {
        return Err(Status::Denied);
    }
    match op {
        Op::Random => fill_random(client, random, request),
        Op::Forget => {
            *key_slot(client, request.key)? = None;
            Ok(Answer::default())
        }
        Op::Hash => hash(client, request),
        Op::Generate => generate(client, random, request),
        Op::Verify => check_signature(client, request),
        Op::PublicKey | Op::Sign | Op::Agree | Op::Encapsulate | Op::Decapsulate => {
            compute(client, random, request, op)
        }
    }
}

/// The operations that turn a short input into a short output.
fn compute<F: FnMut()>(
    client: &mut Client<'_, F>,
    random: &mut Option<Random>,
    request: &Request,
    op: Op,
) -> Result<Answer, Status> {
    let algorithm = algorithm(request)?;
    let mut buffer = [0; INPUT_BYTES_MAX];
    let input = read(client, request.input_offset, request.input_len, &mut buffer)?;
    let mut output = [0; OUTPUT_BYTES_MAX];
    let result = if op == Op::Encapsulate {
        let random = random.as_mut().ok_or(Status::NoEntropy)?;
        keys::encapsulate(algorithm, input, random, &mut output)
    } else {
        let key = key_slot(client, request.key)?.as_ref().ok_or(Status::NoKey)?;
        match op {
            // A key is used with its own algorithm or not at all.
            _ if key.algorithm() != algorithm => Err(Status::BadRequest),
            Op::PublicKey => key.public(&mut output),
            Op::Sign => key.sign(input, &mut output),
            Op::Agree => key.agree(input, &mut output),
            _ => key.decapsulate(input, &mut output),
        }
    };
    let answer =
        result.and_then(|len| write(client, request, output.get(..len).unwrap_or_default()));
    output.zeroize();
    answer
}

fn fill_random<F: FnMut()>(
    client: &Client<'_, F>,
    random: &mut Option<Random>,
    request: &Request,
) -> Result<Answer, Status> {
    let span = client.output.span(request.output_offset, request.output_len);
    let span = span.map_err(|_| Status::BadRequest)?;
    let random = random.as_mut().ok_or(Status::NoEntropy)?;
    let mut piece = [0; PIECE_BYTES];
    let mut done = 0;
    while done < span.len() {
        let len = (span.len() - done).min(u32::try_from(PIECE_BYTES).unwrap_or(u32::MAX));
        let bytes = piece.get_mut(..len as usize).ok_or(Status::BadRequest)?;
        random.fill(bytes);
        let part = span.part(done, len).map_err(|_| Status::BadRequest)?;
        client.output.copy_in(part, bytes).map_err(|_| Status::BadRequest)?;
        done += len;
    }
    piece.zeroize();
    Ok(Answer { key: 0, len: done })
}

fn hash<F: FnMut()>(client: &Client<'_, F>, request: &Request) -> Result<Answer, Status> {
    if algorithm(request)? != Algorithm::Blake3 {
        return Err(Status::Unsupported);
    }
    let span = client.input.span(request.input_offset, request.input_len);
    let span = span.map_err(|_| Status::BadRequest)?;
    let mut hasher = blake3::Hasher::new();
    let mut piece = [0; PIECE_BYTES];
    let mut done = 0;
    while done < span.len() {
        let len = (span.len() - done).min(u32::try_from(PIECE_BYTES).unwrap_or(u32::MAX));
        let part = span.part(done, len).map_err(|_| Status::BadRequest)?;
        hasher.update(client.input.copy_out(part, &mut piece).map_err(|_| Status::BadRequest)?);
        done += len;
    }
    write(client, request, hasher.finalize().as_bytes())
}

fn generate<F: FnMut()>(
    client: &mut Client<'_, F>,
    random: &mut Option<Random>,
    request: &Request,
) -> Result<Answer, Status> {
    let algorithm = algorithm(request)?;
    let free = client.keys.iter().position(Option::is_none).ok_or(Status::NoRoom)?;
    let random = random.as_mut().ok_or(Status::NoEntropy)?;
    let key = Key::generate(algorithm, random)?;
    // Handles count from 1: zero is never a key.
    let handle = u32::try_from(free + 1).map_err(|_| Status::NoRoom)?;
    *key_slot(client, handle)? = Some(key);
    Ok(Answer { key: handle, len: 0 })
}

/// The input is the public key and the message behind it, the second input the signature.
fn check_signature<F: FnMut()>(
    client: &Client<'_, F>,
    request: &Request,
) -> Result<Answer, Status> {
    let mut buffer = [0; INPUT_BYTES_MAX];
    let input = read(client, request.input_offset, request.input_len, &mut buffer)?;
    let (public, message) = input.split_at_checked(32).ok_or(Status::BadRequest)?;
    let mut signature = [0; 64];
    let signature = read(client, request.second_offset, request.second_len, &mut signature)?;
    keys::verify(algorithm(request)?, public, message, signature)?;
    Ok(Answer::default())
}

fn algorithm(request: &Request) -> Result<Algorithm, Status> {
    Algorithm::from_code(request.algorithm).ok_or(Status::Unsupported)
}

fn key_slot<'c, F: FnMut()>(
    client: &'c mut Client<'_, F>,
    handle: u32,
) -> Result<&'c mut Option<Key>, Status> {
    let index = usize::try_from(handle).ok().and_then(|handle| handle.checked_sub(1));
    index.and_then(|index| client.keys.get_mut(index)).ok_or(Status::NoKey)
}

/// Copies input out of the client's region, once.
fn read<'b, F: FnMut()>(
    client: &Client<'_, F>,
    offset: u32,
    len: u32,
    buffer: &'b mut [u8],
) -> Result<&'b [u8], Status> {
    let span = client.input.span(offset, len).map_err(|_| Status::BadRequest)?;
    client.input.copy_out(span, buffer).map(|bytes| &*bytes).map_err(|_| Status::BadRequest)
}

/// Copies a result to where the client wants it.
fn write<F: FnMut()>(
    client: &Client<'_, F>,
    request: &Request,
    bytes: &[u8],
) -> Result<Answer, Status> {
    let len = u32::try_from(bytes.len()).map_err(|_| Status::BadRequest)?;
    if len > request.output_len {
        return Err(Status::BadRequest);
    }
    let span = client.output.span(request.output_offset, len).map_err(|_| Status::BadRequest)?;
    client.output.copy_in(span, bytes).map_err(|_| Status::BadRequest)?;
    Ok(Answer { key: 0, len })
}

#[cfg(test)]
mod tests {
    use protocols::crypto::{Algorithm, Op};
    use sel4_externally_shared::ExternallySharedRef;
    use sel4_shared_ring_buffer::{ClientEnd, RawLink};
    use zeroize::Zeroize;

    use super::*;

    const REGION_BYTES: usize = 4096;

    type RawRings = RawLink<Request, Completion, RING_SLOTS>;

    /// A client's side of the link, with its view of both regions.
    struct Peer<'a> {
        link: ClientEnd<'a, Request, Completion, RING_SLOTS>,
        input: DataRegion<'a>,
        output: DataRegion<'a>,
    }

    fn ignore() {}

    fn region() -> DataRegion<'static> {
        let bytes: &mut [u8] = Box::leak(Box::new([0; REGION_BYTES]));
        DataRegion::new(ExternallySharedRef::from_mut_ref(bytes))
    }

    fn pair<'a>(name: &'a str, policy: Policy) -> (Client<'a, fn()>, Peer<'a>) {
        let rings: &'static RawRings = Box::leak(Box::new(RawRings::new()));
        let input = region();
        let output = region();
        let client =
            Client::new(name, policy, rings.server(ignore as fn()), input.read_only(), output);
        (client, Peer { link: rings.client(ignore as fn()), input, output })
    }

    fn service<'a>(clients: Vec<Client<'a, fn()>>) -> Crypto<'a, fn()> {
        let mut crypto = Crypto::new(clients.into_iter().collect());
        crypto.seed(&[7; SEED_BYTES]);
        crypto
    }

    fn request(op: Op, algorithm: Option<Algorithm>) -> Request {
        Request {
            cookie: 42,
            op: op.code(),
            algorithm: algorithm.map_or(0, Algorithm::code),
            key: 0,
            input_offset: 0,
            input_len: 0,
            second_offset: 0,
            second_len: 0,
            output_offset: 0,
            output_len: u32::try_from(REGION_BYTES).unwrap(),
            reserved: 0,
        }
    }

    impl Peer<'_> {
        fn put(&self, offset: u32, bytes: &[u8]) -> u32 {
            let len = u32::try_from(bytes.len()).unwrap();
            self.input.copy_in(self.input.span(offset, len).unwrap(), bytes).unwrap();
            len
        }

        fn get(&self, len: u32) -> Vec<u8> {
            let mut bytes = vec![0; len as usize];
            self.output.copy_out(self.output.span(0, len).unwrap(), &mut bytes).unwrap();
            bytes
        }

        fn ask(&mut self, crypto: &mut Crypto<'_, fn()>, request: Request) -> Completion {
            self.link.send(request).unwrap();
            self.link.flush();
            crypto.step(|| ());
            let completion = self.link.receive().unwrap().unwrap();
            assert_eq!(completion.cookie, request.cookie);
            completion
        }

        fn bytes(&mut self, crypto: &mut Crypto<'_, fn()>, request: Request) -> Vec<u8> {
            let completion = self.ask(crypto, request);
            assert_eq!(Status::from_code(completion.status), Some(Status::Ok), "{request:?}");
            self.get(completion.len)
        }

        fn key(&mut self, crypto: &mut Crypto<'_, fn()>, algorithm: Algorithm) -> u32 {
            let completion = self.ask(crypto, request(Op::Generate, Some(algorithm)));
            assert_eq!(Status::from_code(completion.status), Some(Status::Ok));
            completion.key
        }

        fn refused(&mut self, crypto: &mut Crypto<'_, fn()>, request: Request) -> Status {
            Status::from_code(self.ask(crypto, request).status).unwrap()
        }
    }

    #[test]
    fn signs_and_verifies_strictly() {
        let (client, mut peer) = pair("tester", Policy::ALL);
        let mut crypto = service(vec![client]);
        let key = peer.key(&mut crypto, Algorithm::Ed25519);
        let ed25519 = Some(Algorithm::Ed25519);
        let public = peer.bytes(&mut crypto, Request { key, ..request(Op::PublicKey, ed25519) });
        let input_len = peer.put(0, b"message");
        let sign = Request { key, input_len, ..request(Op::Sign, ed25519) };
        let mut signature = peer.bytes(&mut crypto, sign);
        assert_eq!(signature.len(), 64);

        let input_len = peer.put(0, &[&public[..], b"message"].concat());
        let second_len = peer.put(1024, &signature);
        let verify =
            Request { input_len, second_offset: 1024, second_len, ..request(Op::Verify, ed25519) };
        assert_eq!(peer.refused(&mut crypto, verify), Status::Ok);
        signature[0] ^= 1;
        peer.put(1024, &signature);
        assert_eq!(peer.refused(&mut crypto, verify), Status::Invalid);
        let short = Request { second_len: 63, ..verify };
        assert_eq!(peer.refused(&mut crypto, short), Status::BadRequest);
    }

    #[test]
    fn two_clients_agree_on_a_secret() {
        let (one, mut alice) = pair("alice", Policy::ALL);
        let (other, mut bob) = pair("bob", Policy::ALL);
        let mut crypto = service(vec![one, other]);
        let x25519 = Some(Algorithm::X25519);
        let key = alice.key(&mut crypto, Algorithm::X25519);
        assert_eq!(bob.key(&mut crypto, Algorithm::X25519), key, "handles are per client");
        let of_alice = alice.bytes(&mut crypto, Request { key, ..request(Op::PublicKey, x25519) });
        let of_bob = bob.bytes(&mut crypto, Request { key, ..request(Op::PublicKey, x25519) });
        assert_ne!(of_alice, of_bob);
        let agree = Request { key, input_len: 32, ..request(Op::Agree, x25519) };
        alice.put(0, &of_bob);
        bob.put(0, &of_alice);
        assert_eq!(alice.bytes(&mut crypto, agree), bob.bytes(&mut crypto, agree));
        alice.put(0, &[0; 32]);
        assert_eq!(alice.refused(&mut crypto, agree), Status::Invalid, "small order");
    }

    fn kem_round_trip(algorithm: Algorithm) {
        let (client, mut peer) = pair("tester", Policy::ALL);
        let mut crypto = service(vec![client]);
        let kem = Some(algorithm);
        let key = peer.key(&mut crypto, algorithm);
        let public = peer.bytes(&mut crypto, Request { key, ..request(Op::PublicKey, kem) });
        let input_len = peer.put(0, &public);
        let encapsulate = Request { input_len, ..request(Op::Encapsulate, kem) };
        let both = peer.bytes(&mut crypto, encapsulate);
        let (ciphertext, shared) = both.split_at(1088);
        let input_len = peer.put(0, ciphertext);
        let decapsulate = Request { key, input_len, ..request(Op::Decapsulate, kem) };
        assert_eq!(peer.bytes(&mut crypto, decapsulate), shared);
        let mut forged = ciphertext.to_vec();
        forged[5] ^= 4;
        peer.put(0, &forged);
        assert_ne!(peer.bytes(&mut crypto, decapsulate), shared, "implicit rejection");
        let short = Request { input_len: 1087, ..decapsulate };
        assert_eq!(peer.refused(&mut crypto, short), Status::BadRequest);
    }

    #[test]
    fn encapsulates_with_ml_kem() {
        kem_round_trip(Algorithm::MlKem768);
    }

    #[cfg(feature = "kyber768")]
    #[test]
    fn encapsulates_with_kyber() {
        kem_round_trip(Algorithm::Kyber768);
    }

    #[cfg(not(feature = "kyber768"))]
    #[test]
    fn kyber_is_not_in_this_build() {
        let (client, mut peer) = pair("tester", Policy::ALL);
        let mut crypto = service(vec![client]);
        let generate = request(Op::Generate, Some(Algorithm::Kyber768));
        assert_eq!(peer.refused(&mut crypto, generate), Status::Unsupported);
    }

    #[test]
    fn hashes_a_whole_region() {
        let (client, mut peer) = pair("net", Policy::PUBLIC);
        let mut crypto = service(vec![client]);
        let message = vec![0xa5; REGION_BYTES];
        let input_len = peer.put(0, &message);
        let hash = Request { input_len, ..request(Op::Hash, Some(Algorithm::Blake3)) };
        assert_eq!(peer.bytes(&mut crypto, hash), blake3::hash(&message).as_bytes());
        let outside = Request { input_offset: 1, ..hash };
        assert_eq!(peer.refused(&mut crypto, outside), Status::BadRequest);
    }

    #[test]
    fn random_bytes_need_entropy_and_differ() {
        let (client, mut peer) = pair("net", Policy::PUBLIC);
        let mut crypto = Crypto::new([client].into_iter().collect());
        let random = request(Op::Random, None);
        assert_eq!(peer.refused(&mut crypto, random), Status::NoEntropy);
        crypto.seed(&[1; SEED_BYTES]);
        let first = peer.bytes(&mut crypto, random);
        assert_eq!(first.len(), REGION_BYTES);
        assert_ne!(first, peer.bytes(&mut crypto, random));
    }

    #[test]
    fn refuses_what_the_policy_does_not_allow() {
        let (client, mut peer) = pair("gateway", Policy::of("gateway"));
        let mut crypto = service(vec![client]);
        let generate = request(Op::Generate, Some(Algorithm::Ed25519));
        assert_eq!(peer.refused(&mut crypto, generate), Status::Denied);
    }

    #[test]
    fn a_key_serves_its_own_algorithm_and_owner_only() {
        let (one, mut owner) = pair("owner", Policy::ALL);
        let (other, mut thief) = pair("thief", Policy::ALL);
        let mut crypto = service(vec![one, other]);
        let key = owner.key(&mut crypto, Algorithm::Ed25519);
        let sign = Request { key, ..request(Op::Sign, Some(Algorithm::Ed25519)) };
        assert_eq!(thief.refused(&mut crypto, sign), Status::NoKey);
        let confused = Request { key, ..request(Op::Agree, Some(Algorithm::X25519)) };
        assert_eq!(owner.refused(&mut crypto, confused), Status::BadRequest);
        for key in [0, 9, u32::MAX] {
            let sign = Request { key, ..sign };
            assert_eq!(owner.refused(&mut crypto, sign), Status::NoKey);
        }
        owner.refused(&mut crypto, Request { key, ..request(Op::Forget, None) });
        assert_eq!(owner.refused(&mut crypto, sign), Status::NoKey);
    }

    #[test]
    fn the_key_table_is_bounded() {
        let (client, mut peer) = pair("tester", Policy::ALL);
        let mut crypto = service(vec![client]);
        for _ in 0..KEYS_PER_CLIENT {
            peer.key(&mut crypto, Algorithm::X25519);
        }
        let one_more = request(Op::Generate, Some(Algorithm::X25519));
        assert_eq!(peer.refused(&mut crypto, one_more), Status::NoRoom);
    }

    #[test]
    fn a_restarted_client_has_no_keys() {
        let rings: &'static RawRings = Box::leak(Box::new(RawRings::new()));
        let input = region();
        let output = region();
        let server = rings.server(ignore as fn());
        let mut crypto =
            service(vec![Client::new("it", Policy::ALL, server, input.read_only(), output)]);
        let mut peer = Peer { link: rings.client(ignore as fn()), input, output };
        let key = peer.key(&mut crypto, Algorithm::Ed25519);
        peer.link = rings.client(ignore as fn());
        crypto.step(|| ());
        let sign = Request { key, ..request(Op::Sign, Some(Algorithm::Ed25519)) };
        assert_eq!(peer.refused(&mut crypto, sign), Status::NoKey);
    }

    #[test]
    fn who_sends_nothing_gets_random_bytes() {
        let rings: &'static RawRings = Box::leak(Box::new(RawRings::new()));
        let nothing = DataRegion::new(ExternallySharedRef::from_ref(&[][..]));
        let (server, output) = (rings.server(ignore as fn()), region());
        let mut crypto = service(vec![Client::new("it", Policy::ALL, server, nothing, output)]);
        let mut peer = Peer { link: rings.client(ignore as fn()), input: region(), output };
        assert_ne!(peer.bytes(&mut crypto, request(Op::Random, None)), [0; REGION_BYTES]);
        let hash = Request { input_len: 1, ..request(Op::Hash, Some(Algorithm::Blake3)) };
        assert_eq!(peer.refused(&mut crypto, hash), Status::BadRequest);
    }

    #[test]
    fn garbage_is_answered_and_harms_nobody() {
        let (bad, mut attacker) = pair("attacker", Policy::ALL);
        let (good, mut bystander) = pair("bystander", Policy::ALL);
        let mut crypto = service(vec![bad, good]);
        let mut seed = 1_u64;
        for _ in 0..2000 {
            let mut words = [0_u64; 6];
            for word in &mut words {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                *word = seed >> (seed % 60);
            }
            let mut garbage: Request = request(Op::Hash, None);
            garbage.op = u16::try_from(words[0] % 12).unwrap();
            garbage.algorithm = u16::try_from(words[1] % 7).unwrap();
            garbage.key = u32::try_from(words[2] % 10).unwrap();
            garbage.input_offset = u32::try_from(words[3] & 0xffff_ffff).unwrap();
            garbage.input_len = u32::try_from(words[4] & 0xffff_ffff).unwrap();
            garbage.output_offset = u32::try_from(words[5] & 0xffff_ffff).unwrap();
            let completion = attacker.ask(&mut crypto, garbage);
            assert!(Status::from_code(completion.status).is_some());
        }
        let first = bystander.bytes(&mut crypto, request(Op::Random, None));
        assert_eq!(first.len(), REGION_BYTES);
    }

    #[test]
    fn secrets_are_wiped() {
        let mut key = Key::Ed25519([9; 32]);
        key.zeroize();
        assert!(matches!(key, Key::Ed25519(bytes) if bytes == [0; 32]));
    }
}
