//! Chains: who may go on, from which pin, and what is left after a lie.

use ledger_verify::cbor::Problem;
use ledger_verify::nexus::bundle::{self, Feed, Item, MAGIC};
use ledger_verify::nexus::chain::{Chain, Commitment, Pin, fork};
use ledger_verify::nexus::hash::sk256;
use ledger_verify::nexus::register::{Kind, Track};
use ledger_verify::nexus::signature::KeyType;
use ledger_verify::nexus::transaction::Transaction;
use ledger_verify::nexus::{Number, Reason};
use ledger_verify::write::nexus::{Draft, SecretKey, Wallet, bundle, inclusion};
use proptest::prelude::*;

use crate::chains::{
    Replayed, TIME_S, address, continued, genesis, history, id_of, last_pin, pin_at, refusal,
    replay, root, wallet, write_raw,
};

fn key_hash(key: &SecretKey) -> Number<32> {
    Number(sk256(key.public()))
}

/// A stranger's transaction after a chain of four.
fn forged(change: impl FnOnce(&mut Draft)) -> Reason {
    let (mut wallet, _) = history(1);
    write_raw(&mut wallet, 31, 4);
    let mut draft = wallet.draft();
    change(&mut draft);
    continued(&draft.sign(&wallet.key(wallet.sequence)).0).map(|_| ()).unwrap_err()
}

#[test]
fn a_chain_proves_what_its_last_transaction_left() {
    let (wallet, raws) = history(1);
    for (pinned, raw) in (0..).zip(&raws) {
        let chain = replay(pin_at(&wallet, pinned, raw), &raws).unwrap();
        let proven = chain.proven().unwrap();
        assert_eq!(root(&proven, "volume/raw"), Some((21, 3)));
        assert_eq!(root(&proven, "volume/object"), Some((13, 2)));
        assert_eq!(root(&proven, "volume/other"), None);
        assert_eq!(proven.head().sequence, 3);
        assert_eq!(proven.pin(), last_pin(&wallet, &raws));
    }
}

#[test]
fn a_replay_may_begin_at_the_pin() {
    let (wallet, raws) = history(1);
    let chain = replay(pin_at(&wallet, 2, &raws[2]), &raws[2..]).unwrap();
    let proven = chain.proven().unwrap();
    assert_eq!(root(&proven, "volume/raw"), Some((21, 3)));
    assert_eq!(root(&proven, "volume/object"), Some((13, 2)));
    // A key's pin authenticates the transaction that the key signs.
    let key = key_hash(&wallet.key(3));
    let pin = Pin::new(wallet.genesis, 2, Commitment::NextKey(key)).unwrap();
    let chain = replay(pin, &raws[3..]).unwrap();
    assert_eq!(root(&chain.proven().unwrap(), "volume/raw"), Some((21, 3)));
    replay(pin, &raws).unwrap();
    let before = replay(pin, &raws[..3]).map(|_| ()).unwrap_err();
    assert_eq!((before.transaction, before.reason), (3, Reason::BeforePin));
    // Who commits to another key is refused at once, and not where that key signs.
    let other = Pin::new(wallet.genesis, 1, Commitment::NextKey(key)).unwrap();
    let refused = replay(other, &raws).map(|_| ()).unwrap_err();
    assert_eq!((refused.transaction, refused.reason), (1, Reason::NotPinned));
    // Neither the first nor the one that the pin authenticates.
    assert_eq!(replay(pin, &raws[2..]).map(|_| ()).unwrap_err().reason, Reason::Start);
    assert_eq!(replay(pin, &raws[1..]).map(|_| ()).unwrap_err().reason, Reason::Start);
}

#[test]
fn a_made_up_history_before_a_pinned_key_proves_nothing() {
    // The owner's next key, and a stranger who names it in a chain of their own.
    let (owner, raws) = history(1);
    let key = key_hash(&owner.key(3));
    let pin = Pin::new(owner.genesis, 2, Commitment::NextKey(key)).unwrap();
    let mut stranger = Wallet::new([66; 32], owner.genesis, TIME_S);
    let mut forged = vec![stranger.seal()];
    write_later(&mut stranger);
    forged.push(stranger.seal());
    write_later(&mut stranger);
    let mut draft = stranger.draft();
    draft.next = key;
    draft.recovery = key_hash(&stranger.recovery_key());
    let (raw, id) = draft.sign(&stranger.key(2));
    forged.push(raw);
    let refused = replay(pin, &forged).map(|_| ()).unwrap_err();
    assert_eq!((refused.transaction, refused.reason), (3, Reason::BeforePin));
    // Nor does it take up the owner's transaction, nor go on by its own recovery key.
    let joined = [forged.as_slice(), &raws[3..]].concat();
    assert_eq!(replay(pin, &joined).map(|_| ()).unwrap_err().reason, Reason::Previous);
    stranger.previous = id;
    stranger.sequence = 3;
    stranger.time_s += 600;
    write_later(&mut stranger);
    forged.push(stranger.seal_with(&stranger.recovery_key()));
    assert_eq!(replay(pin, &forged).map(|_| ()).unwrap_err().reason, Reason::NotPinned);
}

/// Anything for a transaction to do.
fn write_later(wallet: &mut Wallet) {
    let id = u8::try_from(wallet.sequence).unwrap() + 100;
    wallet.create(address(Kind::Raw, id), Kind::Raw, b"x");
}

#[test]
fn another_users_chain_is_refused() {
    let (wallet, raws) = history(1);
    let (_, others) = history(2);
    assert_eq!(
        replay(pin_at(&wallet, 0, &raws[0]), &others).map(|_| ()).unwrap_err().reason,
        Reason::OtherGenesis
    );
    // The same user name, other keys.
    let mut stranger = Wallet::new([66; 32], wallet.genesis, TIME_S);
    let strangers = [stranger.seal()];
    assert_eq!(
        replay(pin_at(&wallet, 0, &raws[0]), &strangers).map(|_| ()).unwrap_err().reason,
        Reason::NotPinned
    );
    assert_eq!(forged(|draft| draft.genesis = genesis(2)), Reason::OtherGenesis);
}

#[test]
fn each_transaction_follows_the_one_before() {
    assert_eq!(forged(|draft| draft.sequence += 1), Reason::Sequence);
    assert_eq!(forged(|draft| draft.sequence -= 1), Reason::Sequence);
    assert_eq!(forged(|draft| draft.sequence = 0), Reason::Sequence);
    assert_eq!(forged(|draft| draft.previous.0[9] ^= 1), Reason::Previous);
    assert_eq!(forged(|draft| draft.time_s -= 601), Reason::Time);
    assert_eq!(forged(|draft| draft.next = Number::ZERO), Reason::Encoding(Problem::OutOfRange));
    // Two at one time are in order.
    let (mut wallet, _) = history(1);
    wallet.time_s -= 600;
    write_raw(&mut wallet, 31, 4);
    assert!(continued(&wallet.seal()).is_ok());
    for version in [0, 5, u32::MAX] {
        assert_eq!(forged(|draft| draft.version = version), Reason::Version);
    }
    let (wallet, raws) = history(1);
    for at in 1..raws.len() {
        let mut without = raws.clone();
        without.remove(at);
        if at < 3 {
            assert_eq!(refusal(&wallet, &without), Reason::Sequence);
        }
        let mut twice = raws.clone();
        twice.insert(at, raws[at].clone());
        assert_eq!(refusal(&wallet, &twice), Reason::Sequence);
        let mut swapped = raws.clone();
        swapped.swap(at - 1, at);
        let pin = pin_at(&wallet, 0, &raws[0]);
        assert!(replay(pin, &swapped).is_err());
    }
}

#[test]
fn only_the_committed_key_signs() {
    let (mut wallet, raws) = history(1);
    let verdict = |raw: &[u8]| continued(raw).map(|_| ());
    let stranger = SecretKey::derive(KeyType::Brainpool, &[66; 32], 0);
    write_raw(&mut wallet, 31, 4);
    let draft = wallet.draft();
    for key in [&stranger, &wallet.key(0), &wallet.key(3), &wallet.key(5)] {
        assert_eq!(verdict(&draft.sign(key).0), Err(Reason::KeyNotCommitted));
    }
    // The right key, and the signature of another, or of another transaction.
    let right = draft.sign(&wallet.key(4)).0;
    for wrong in [draft.sign(&stranger).0, raws[3].clone()] {
        let spliced = [&right[..right.len() - 135], &wrong[wrong.len() - 135..]].concat();
        assert_eq!(verdict(&spliced), Err(Reason::BadSignature));
    }
    assert_eq!(verdict(&right), Ok(()));
}

#[test]
fn recovery_takes_the_recovery_key_and_nothing_else() {
    let (mut wallet, raws) = wallet(1);
    let pin = pin_at(&wallet, 0, &raws[0]);
    let verdict = |wallet: &Wallet, raws: &[Vec<u8>], next: &[u8]| {
        let raws = [raws, &[next.to_vec()]].concat();
        replay(pin, &raws).map(|chain| *chain.proven().unwrap().head()).map_err(|e| {
            assert_eq!(e.transaction, wallet.sequence);
            e.reason
        })
    };
    // Without a commitment there is no recovery: a key whose hash is zero does not exist.
    write_later(&mut wallet);
    let forged = wallet.draft().sign(&wallet.recovery_key()).0;
    assert_eq!(verdict(&wallet, &raws, &forged), Err(Reason::KeyNotCommitted));
    // The commitment is set with an ordinary key, once.
    wallet.recovery = key_hash(&wallet.recovery_key());
    write_later(&mut wallet);
    let raws = [raws.as_slice(), &[wallet.seal()]].concat();
    for recovery in [Number::ZERO, Number([7; 32])] {
        write_later(&mut wallet);
        let mut draft = wallet.draft();
        draft.recovery = recovery;
        let changed = draft.sign(&wallet.key(2)).0;
        assert_eq!(verdict(&wallet, &raws, &changed), Err(Reason::RecoveryChanged));
        // The recovery key may change both.
        let recovered = draft.sign(&wallet.recovery_key()).0;
        let head = verdict(&wallet, &raws, &recovered).unwrap();
        assert_eq!(head.recovery, recovery);
        // A recovery key signs what it signs, and after it the next key goes on.
        let raws = [raws.as_slice(), core::slice::from_ref(&recovered)].concat();
        let mut later = wallet.clone();
        later.recovery = recovery;
        later.previous = id_of(&recovered);
        later.sequence += 1;
        later.time_s += 600;
        write_later(&mut later);
        let draft = later.draft();
        assert!(verdict(&later, &raws, &draft.sign(&later.key(3)).0).is_ok());
        let again = draft.sign(&later.recovery_key()).0;
        assert_eq!(verdict(&later, &raws, &again), Err(Reason::KeyNotCommitted));
    }
}

#[test]
fn a_chain_that_ends_before_the_pin_proves_nothing() {
    let (wallet, raws) = history(1);
    for end in 0..raws.len() - 1 {
        let refused = replay(last_pin(&wallet, &raws), &raws[..=end]).map(|_| ()).unwrap_err();
        assert_eq!((refused.transaction, refused.reason), (3, Reason::BeforePin));
    }
    let text = replay(last_pin(&wallet, &raws), &raws[..2]).map(|_| ()).unwrap_err().to_string();
    assert_eq!(text, "nexus transaction 3: pinned, but missing");
    let nothing = replay(pin_at(&wallet, 0, &raws[0]), &[]).map(|_| ()).unwrap_err();
    assert_eq!((nothing.transaction, nothing.reason), (0, Reason::BeforePin));
}

/// The same chain, and the same with another third transaction.
fn forked() -> (Wallet, Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let (mut wallet, mut raws) = history(1);
    let mut other = wallet.clone();
    write_raw(&mut wallet, 31, 4);
    write_raw(&mut other, 32, 4);
    let mut others = raws.clone();
    raws.push(wallet.seal());
    others.push(other.seal());
    (wallet, raws, others)
}

#[test]
fn a_fork_at_the_pin_is_refused_and_two_transactions_prove_it() {
    let (wallet, raws, others) = forked();
    let pin = last_pin(&wallet, &raws);
    assert!(replay(pin, &raws).is_ok());
    assert_eq!(replay(pin, &others).map(|_| ()).unwrap_err().reason, Reason::NotPinned);
    let proof = fork(&raws[4], &others[4]).unwrap();
    assert_eq!((proof.genesis, proof.sequence), (wallet.genesis, 4));
    assert_eq!(proof.transactions, [id_of(&raws[4]), id_of(&others[4])]);
    assert_eq!(proof.key, key_hash(&wallet.key(4)));
    // No false accusations: the same twice, two places, a forged signature.
    assert_eq!(fork(&raws[4], &raws[4]), None);
    assert_eq!(fork(&raws[4], &raws[3]), None);
    let mut forged = others[4].clone();
    *forged.last_mut().unwrap() ^= 1;
    assert_eq!(fork(&raws[4], &forged), None);
    assert_eq!(fork(&forged, &raws[4]), None);
    assert_eq!(fork(&raws[4], &others[4][1..]), None);
    // Another who says to be this user, and one with the same key: each has a first transaction.
    let first = |seed, user| Wallet::new([seed; 32], genesis(user), TIME_S).seal();
    assert_eq!(fork(&first(1, 1), &first(66, 1)), None);
    assert_eq!(fork(&first(1, 1), &first(1, 2)), None);
    let mut later = Wallet::new([1; 32], genesis(1), TIME_S + 1);
    assert!(fork(&first(1, 1), &later.seal()).is_some());
}

#[test]
fn what_follows_a_refusal_is_never_looked_at() {
    let (wallet, raws) = history(1);
    let mut chain: Replayed = Chain::new(pin_at(&wallet, 0, &raws[0]), Track::All);
    chain.apply(&raws[0]).unwrap();
    assert!(chain.proven().is_ok());
    let refused = chain.apply(&raws[2]).unwrap_err();
    assert_eq!((refused.transaction, refused.reason), (1, Reason::Sequence));
    assert_eq!(chain.apply(&raws[1]), Err(refused));
    assert_eq!(chain.replay(&raws[1]), Err(refused));
    assert_eq!(chain.proven().map(|_| ()), Err(refused));
    let mut feed = Feed::new();
    assert_eq!(feed.push(&mut chain, MAGIC), Err(refused));
    assert_eq!(feed.end(&mut chain), Err(refused));
}

#[test]
fn a_first_transaction_does_little() {
    use ledger_verify::nexus::address::Address;
    let fresh = || Wallet::new([1; 32], genesis(1), TIME_S);
    let verdict = |mut wallet: Wallet| {
        let raw = wallet.seal();
        replay(pin_at(&wallet, 0, &raw), &[raw]).map(|_| ()).map_err(|error| error.reason)
    };
    let object = ledger_verify::write::nexus::field(
        "a",
        false,
        ledger_verify::nexus::register::object::Type::U8,
        &[1],
    );
    let user = genesis(1);
    let named = |name: &str| Address::name(name, &user);
    let mut most = fresh();
    for address in [named("a"), named("b"), Address::trust(&user), Address::crypto(&user)] {
        most.create(address, Kind::Object, &object);
    }
    assert_eq!(verdict(most.clone()), Ok(()));
    for address in [named("c"), Address::trust(&genesis(2)), Address::crypto(&genesis(2))] {
        let mut more = most.clone();
        more.create(address, Kind::Object, &object);
        assert_eq!(verdict(more), Err(Reason::FirstContracts));
    }
    let mut names = fresh();
    ["a", "b", "c"].iter().for_each(|name| names.create(named(name), Kind::Object, &object));
    assert_eq!(verdict(names), Err(Reason::FirstContracts));
    let mut data = fresh();
    data.create(address(Kind::Raw, 1), Kind::Raw, b"x");
    assert_eq!(verdict(data), Err(Reason::FirstContracts));
    let mut coinbase = fresh();
    coinbase.push(vec![0x12; 49], vec![]);
    assert_eq!(verdict(coinbase), Err(Reason::FirstContracts));
    // A private network lifts that.
    let mut hybrid = genesis(1);
    hybrid.0[31] = 0xa7;
    let mut wallet = Wallet::new([1; 32], hybrid, TIME_S);
    wallet.create(address(Kind::Raw, 1), Kind::Raw, b"x");
    assert_eq!(verdict(wallet), Ok(()));
}

#[test]
fn all_versions_are_replayed() {
    for version in 1..=4 {
        let mut wallet = Wallet::new([1; 32], genesis(1), TIME_S);
        wallet.version = version;
        let mut raws = vec![wallet.seal()];
        write_later(&mut wallet);
        raws.push(wallet.seal());
        assert!(replay(last_pin(&wallet, &raws), &raws).is_ok());
    }
}

fn fed(pin: Pin, bytes: &[u8], piece_bytes: usize) -> Result<(), ledger_verify::nexus::Error> {
    let mut chain: Replayed = Chain::new(pin, Track::All);
    let mut feed = Feed::new();
    bytes.chunks(piece_bytes).try_for_each(|piece| feed.push(&mut chain, piece))?;
    feed.end(&mut chain)?;
    chain.proven().map(|_| ())
}

/// A short chain in a bundle with an inclusion, and its last pin.
fn bundled() -> (Vec<u8>, Pin) {
    let (mut wallet, mut raws) = wallet(1);
    write_later(&mut wallet);
    raws.push(wallet.seal());
    let inclusion = inclusion(1, 7, &[[9; 64]; 2], &[&[1; 225], &[2; 225]]);
    ([bundle(&raws), inclusion].concat(), last_pin(&wallet, &raws))
}

#[test]
fn a_bundle_is_replayed_in_pieces_of_any_size() {
    let (bytes, pin) = bundled();
    for piece_bytes in [1, 7, 512, 4096, bytes.len()] {
        assert_eq!(fed(pin, &bytes, piece_bytes), Ok(()));
    }
    let items: Vec<_> = bundle::items(&bytes).unwrap().map(Result::unwrap).collect();
    let [Item::Transaction(first), Item::Transaction(_), Item::Inclusion(inclusion)] = &items[..]
    else {
        panic!("{items:?}");
    };
    assert_eq!(Transaction::parse_raw(first).unwrap().sequence, 0);
    assert_eq!((inclusion.sequence, inclusion.index), (1, 7));
    assert_eq!(inclusion.branch, [[9; 64]; 2]);
    assert_eq!(inclusion.headers().collect::<Vec<_>>(), [[1; 225], [2; 225]]);
}

#[test]
fn every_cut_extension_and_change_of_a_bundle_is_refused() {
    let (good, pin) = bundled();
    let without_inclusion = good.len() - (3 + 1 + 1 + 1 + 2 + 128 + 1 + 2 * 227);
    for end in 0..good.len() {
        // Blocks add nothing to what the pin proves.
        assert_eq!(fed(pin, &good[..end], 4096).is_ok(), end == without_inclusion, "{end}");
    }
    for byte in 0..=255 {
        assert!(fed(pin, &[good.as_slice(), &[byte]].concat(), 4096).is_err());
    }
    for at in 0..without_inclusion {
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        assert!(fed(pin, &bad, 4096).is_err(), "byte {at}");
    }
    let tail = &good[without_inclusion..];
    let transaction = &good[8..without_inclusion];
    let swapped = [MAGIC.as_slice(), tail, transaction].concat();
    assert_eq!(fed(pin, &swapped, 4096).unwrap_err().reason, Reason::Order);
    assert_eq!(fed(pin, &good[8..], 4096).unwrap_err().reason, Reason::Magic);
    assert!(bundle::items(&good[8..]).is_err());
}

#[test]
fn a_refused_bundle_tells_the_place() {
    let (good, pin) = bundled();
    let Some(Ok(Item::Transaction(first))) = bundle::items(&good).unwrap().next() else {
        panic!("no transaction");
    };
    // A head of three bytes stands before each transaction, one of five bytes before an inclusion's branch.
    let second = MAGIC.len() + 3 + first.len();
    let inclusion = good.len() - (3 + 1 + 1 + 1 + 2 + 128 + 1 + 2 * 227);
    let truncated = Reason::Encoding(Problem::Truncated);
    for (at, bytes, place, reason) in [
        (0, &b"X"[..], 0, Reason::Magic),
        (second, &[0x58, 5], second, Reason::Encoding(Problem::NotShortest)),
        (second, &[0x59, 0x80, 0x02], second, Reason::TooLong),
        (second, &[0x61], second, Reason::Encoding(Problem::WrongType)),
        (second + 3, &[4], second + 3, Reason::RawPrefix),
        (inclusion + 3, &[0x83], inclusion + 3, Reason::RawPrefix),
        (inclusion + 6, &[0x58, 127], inclusion + 6, Reason::Encoding(Problem::OutOfRange)),
        (inclusion + 136, &[0x83], good.len(), truncated),
    ] {
        let mut bad = good.clone();
        bad[at..at + bytes.len()].copy_from_slice(bytes);
        let listed = match bundle::items(&bad) {
            Err(error) => error,
            Ok(items) => items.filter_map(Result::err).next().unwrap(),
        };
        assert_eq!(listed, (place, reason));
        let refused = fed(pin, &bad, 100).unwrap_err();
        assert_eq!((refused.offset, refused.reason), (place as u64, reason));
    }
    // What a list of items does not look at: a transaction without contracts.
    let mut bad = good.clone();
    bad[second + 4] = 0;
    let refused = fed(pin, &bad, 100).unwrap_err();
    let out_of_range = Reason::Encoding(Problem::OutOfRange);
    assert_eq!((refused.offset, refused.reason), (second as u64 + 4, out_of_range));
    // In the middle of an item, and before the first.
    for end in [3, second + 1, second + 100] {
        let refused = fed(pin, &good[..end], 100).unwrap_err();
        assert_eq!((refused.offset, refused.reason), (end as u64, truncated));
    }
    let refused = fed(pin, &[], 100).unwrap_err();
    assert_eq!((refused.offset, refused.reason), (0, truncated));
}

#[test]
fn a_refused_transaction_tells_the_place() {
    let (wallet, raws) = history(1);
    let pin = pin_at(&wallet, 0, &raws[0]);
    let before = raws[0].len();
    let place = |at: usize, byte: u8| {
        let mut bad = raws.concat();
        bad[before + at] ^= byte;
        let mut chain: Replayed = Chain::new(pin, Track::All);
        let whole = chain.replay(&bad).unwrap_err();
        let mut chain: Replayed = Chain::new(pin, Track::All);
        let mut pieces = [&bad[..before], &bad[before..before + raws[1].len()]].into_iter();
        assert_eq!(pieces.try_for_each(|raw| chain.apply(raw)), Err(whole));
        (whole.offset - before as u64, whole.reason)
    };
    let end = raws[1].len();
    // From the end: signature, its length, key, its length, types, previous transaction, genesis, ...
    let signature = end as u64 - 136;
    let key = signature - 66;
    assert_eq!(place(end - 1, 1), (signature, Reason::BadSignature));
    assert_eq!(place(end - 136 - 1, 1), (key, Reason::KeyNotCommitted));
    assert_eq!(place(end - 136 - 66 - 2, 4), (key - 2, Reason::KeyType));
    assert_eq!(place(end - 136 - 66 - 2 - 1, 1), (key - 2 - 64, Reason::Previous));
    assert_eq!(place(end - 136 - 66 - 2 - 64 - 1, 1), (key - 2 - 96, Reason::OtherGenesis));
    assert_eq!(place(0, 1), (0, Reason::RawPrefix));
}

#[test]
fn what_began_is_forgotten_by_a_restart() {
    let (wallet, raws) = history(1);
    let bytes = bundle(&raws);
    let mut chain: Replayed = Chain::unpinned(Track::All);
    let mut feed = Feed::new();
    assert!(feed.push(&mut chain, &bytes).is_err());
    for (pinned, raw) in (0..).zip(&raws) {
        // In the middle of a transaction, behind a whole chain, and after a refusal.
        chain.restart(pin_at(&wallet, pinned, raw));
        feed.restart();
        feed.push(&mut chain, &bytes[..bytes.len() - 7 * pinned as usize]).unwrap();
        chain.restart(pin_at(&wallet, pinned, raw));
        feed.restart();
        feed.push(&mut chain, &bytes).and_then(|()| feed.end(&mut chain)).unwrap();
        let proven = chain.proven().unwrap();
        assert_eq!((proven.head().sequence, root(&proven, "volume/raw")), (3, Some((21, 3))));
        assert_eq!(chain.pin(), &pin_at(&wallet, pinned, raw));
        assert!(feed.push(&mut chain, b"more").is_err());
    }
}

#[test]
fn an_endless_item_is_refused_at_its_head() {
    let (good, pin) = bundled();
    let endless = [&good[..8], &[0x59, 0x80, 0x02], &[3; 100_000]].concat();
    assert_eq!(fed(pin, &endless, 11).unwrap_err().reason, Reason::TooLong);
    let other = [&good[..8], &[0x41, 0x07]].concat();
    assert_eq!(fed(pin, &other, 4096).unwrap_err().reason, Reason::RawPrefix);
}

#[test]
fn an_error_names_transaction_contract_and_place() {
    let (mut wallet, mut raws) = history(1);
    write_raw(&mut wallet, 31, 4);
    write_raw(&mut wallet, 41, 5);
    let mut draft = wallet.draft();
    // The second write starts from what the first one already changed.
    draft.contracts.remove(0);
    raws.push(draft.sign(&wallet.key(4)).0);
    let error = replay(pin_at(&wallet, 0, &raws[0]), &raws).map(|_| ()).unwrap_err();
    assert_eq!(error.to_string(), "nexus transaction 4, contract 0: pre-state differs");
    let before: usize = raws[..4].iter().map(Vec::len).sum();
    // Prefix, contract count, length of the operations.
    assert_eq!(error.offset, before as u64 + 1 + 1 + 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn arbitrary_bundles_prove_nothing(bytes: Vec<u8>, piece_bytes in 1..64_usize) {
        let (_, pin) = bundled();
        let headed = [MAGIC.as_slice(), &bytes].concat();
        for bytes in [&bytes, &headed] {
            prop_assert!(fed(pin, bytes, piece_bytes).is_err());
            let _ = bundle::items(bytes).map(Iterator::count);
        }
    }

    #[test]
    fn a_spoiled_bundle_proves_nothing(
        place in any::<prop::sample::Index>(),
        patch: [u8; 3],
        removed in 0..5_usize,
        piece_bytes in 1..600_usize,
    ) {
        let (good, pin) = bundled();
        let mut bad = good.clone();
        let start = place.index(good.len() - 600);
        bad.splice(start..start + removed, patch);
        prop_assert_eq!(fed(pin, &bad, piece_bytes).is_ok(), bad == good);
    }
}
