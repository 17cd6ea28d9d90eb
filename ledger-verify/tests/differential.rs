//! Signatures and log proofs against other implementations, valid ones and spoiled ones.
//!
//! `CASES=100000` runs as many; without it a few, for the ordinary test run.
#![allow(clippy::unwrap_used, reason = "a test")]
#![cfg(feature = "write")]

mod random;
#[path = "../fuzz/src/rfc6962.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared with the fuzzers, which need more of it")]
mod rfc6962;

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use ct_merkle::{ConsistencyProof, InclusionProof, RootHash};
use ledger_verify::Digest;
use ledger_verify::algorithm::Algorithm;
use ledger_verify::log::tree::{verify_consistency, verify_inclusion};
use ledger_verify::write::SecretKey;
use random::{Random, cases};
use sha2::Sha256;

#[test]
fn ed25519_agrees_with_ed25519_dalek_and_ed25519_compact() {
    use ed25519_compact::{PublicKey, Signature};
    let mut random = Random::new("ed25519");
    let mut valid_count = 0;
    let count = cases(400);
    for case in 0..count {
        let key = SecretKey::derive(&random.bytes(), case);
        let mut message = random.bytes::<53>();
        let mut signature: [u8; 64] = key.sign(&message).try_into().unwrap();
        let mut public: [u8; 32] = key.public().bytes.try_into().unwrap();
        match random.below(4) {
            0 => random.spoil(&mut message),
            1 => random.spoil(&mut public),
            _ => random.spoil(&mut signature),
        }
        let ours = Algorithm::Ed25519.verify(&public, &message, &signature);
        let theirs = PublicKey::new(public).verify(message, &Signature::new(signature)).is_ok();
        assert_eq!(ours, theirs, "case {case}");
        let strict = ed25519_dalek::VerifyingKey::from_bytes(&public).is_ok_and(|key| {
            let signature = ed25519_dalek::Signature::from_bytes(&signature);
            key.verify_strict(&message, &signature).is_ok()
        });
        assert_eq!(ours, strict, "case {case}");
        valid_count += u64::from(ours);
    }
    assert!(valid_count > 0 && valid_count < count, "{valid_count} valid");
}

fn ml_dsa_agrees<P: ml_dsa::MlDsaParams>(algorithm: Algorithm) {
    let mut random = Random::new("ml-dsa");
    let count = cases(60);
    let mut valid_count = 0;
    for case in 0..count {
        let key = SecretKey::derive_for(algorithm, &random.bytes(), case);
        let mut public = key.public().bytes;
        let mut message = random.bytes::<53>();
        let mut signature = key.sign(&message);
        match random.below(6) {
            0 => random.spoil(&mut message),
            1 => random.spoil(&mut public),
            // The hints, where encodings could be ambiguous.
            2 | 3 => {
                let hints = signature.len() - 84;
                random.spoil(&mut signature[hints..]);
            }
            _ => random.spoil(&mut signature),
        }
        let ours = algorithm.verify(&public, &message, &signature);
        let decoded = signature.as_slice().try_into().ok().and_then(ml_dsa::Signature::<P>::decode);
        let public = ml_dsa::VerifyingKey::<P>::decode(public.as_slice().try_into().unwrap());
        let theirs = decoded.is_some_and(|s| public.verify_with_context(&message, &[], &s));

        assert_eq!(ours, theirs, "case {case}");
        valid_count += u64::from(ours);
    }
    assert!(valid_count > 0 && valid_count < count, "{valid_count} valid");
}

#[test]
fn ml_dsa_44_agrees_with_the_ml_dsa_crate() {
    ml_dsa_agrees::<ml_dsa::MlDsa44>(Algorithm::MlDsa44);
}

#[test]
fn ml_dsa_65_agrees_with_the_ml_dsa_crate() {
    ml_dsa_agrees::<ml_dsa::MlDsa65>(Algorithm::MlDsa65);
}

// ---- Log proofs: ct-merkle makes them, and it and a recursive reading of RFC 6962 judge them ----

type Tree = MemoryBackedTree<Sha256, Vec<u8>>;

/// Trees of every size up to this are grown once, entry by entry, with their roots.
const SIZE_MAX: usize = 600;

fn hashes(proof: &[u8]) -> Vec<Digest> {
    proof.as_chunks().0.iter().copied().map(Digest).collect()
}

fn root_hash(root: &Digest, size: u64) -> RootHash<Sha256> {
    RootHash::new(root.0.into(), size)
}

/// Spoils what is judged, mostly in one place: a hash, the length, a size or an index.
fn spoil_proof(random: &mut Random, proof: &mut Vec<Digest>, numbers: &mut [u64; 2]) {
    match random.below(12) {
        0..4 => {}
        4 | 5 if !proof.is_empty() => {
            let place = random.below(proof.len());
            random.spoil(&mut proof[place].0);
        }
        6 if proof.len() > 1 => {
            let place = random.below(proof.len() - 1);
            proof.swap(place, place + 1);
        }
        7 => drop(proof.pop()),
        8 => proof.push(Digest(random.bytes())),
        9 => numbers[random.below(2)] ^= 1 << random.below(10),
        10 => numbers[0] = random.below(SIZE_MAX) as u64,
        _ => numbers[1] = random.below(SIZE_MAX) as u64,
    }
}

/// The trees' roots by size, and all of their entries in one tree per size that is asked for.
struct Forest {
    leaves: Vec<Digest>,
    roots: Vec<Digest>,
}

impl Forest {
    fn grow() -> Self {
        let leaves: Vec<_> = (0..SIZE_MAX).map(|i| rfc6962::leaf(&entry(i))).collect();
        let mut tree = Tree::new();
        let mut roots = vec![rfc6962::root(&[])];
        for size in 1..=SIZE_MAX {
            tree.push(entry(size - 1));
            let root = hashes(tree.root().as_bytes())[0];
            assert_eq!(root, rfc6962::root(&leaves[..size]), "{size}");
            roots.push(root);
        }
        Self { leaves, roots }
    }
}

fn entry(index: usize) -> Vec<u8> {
    index.to_le_bytes()[..index % 8].to_vec()
}

fn tree_of(size: usize) -> Tree {
    let mut tree = Tree::new();
    (0..size).for_each(|index| tree.push(entry(index)));
    tree
}

#[test]
fn inclusion_agrees_with_ct_merkle_and_the_definition() {
    let (mut random, forest) = (Random::new("inclusion"), Forest::grow());
    let (count, mut valid_count) = (cases(3000), 0);
    let mut tree = tree_of(1);
    for case in 0..count {
        if case % 100 == 0 {
            tree = tree_of(random.below(SIZE_MAX - 1) + 1);
        }
        let size = usize::try_from(tree.len()).unwrap();
        let index = random.below(size);
        let mut proof = hashes(tree.prove_inclusion(index).as_bytes());
        assert_eq!(proof, rfc6962::path(index, &forest.leaves[..size]));
        let mut numbers = [index as u64, size as u64];
        let entry = entry(if random.below(10) == 0 { random.below(size) } else { index });
        spoil_proof(&mut random, &mut proof, &mut numbers);
        let ([index, judged_size], root, leaf) =
            (numbers, forest.roots[size], rfc6962::leaf(&entry));
        let ours =
            verify_inclusion(index, judged_size, &leaf, proof.iter().copied(), &root).is_ok();
        let defined = rfc6962::includes(index, judged_size, &leaf, &proof, &root);
        assert_eq!(ours, defined, "case {case}");
        let bytes = proof.iter().flat_map(|hash| hash.0).collect();
        let theirs = index < judged_size
            && InclusionProof::<Sha256>::try_from_bytes(bytes).is_ok_and(|proof| {
                root_hash(&root, judged_size).verify_inclusion(&entry, index, &proof).is_ok()
            });
        assert_eq!(ours, theirs, "case {case}");
        valid_count += u64::from(ours);
    }
    assert!(valid_count > count / 5 && valid_count < count * 4 / 5, "{valid_count} valid");
}

#[test]
fn consistency_agrees_with_ct_merkle_and_the_definition() {
    let (mut random, forest) = (Random::new("consistency"), Forest::grow());
    let (count, mut valid_count) = (cases(3000), 0);
    let mut tree = tree_of(1);
    for case in 0..count {
        if case % 100 == 0 {
            tree = tree_of(random.below(SIZE_MAX - 1) + 1);
        }
        let size = usize::try_from(tree.len()).unwrap();
        let old = random.below(size) + 1;
        let mut proof = hashes(tree.prove_consistency(size - old).as_bytes());
        assert_eq!(proof, rfc6962::subproof(old, &forest.leaves[..size], true));
        let mut numbers = [old as u64, size as u64];
        let mut roots = [forest.roots[old], forest.roots[size]];
        if random.below(8) == 0 {
            roots[random.below(2)] = forest.roots[random.below(SIZE_MAX)];
        }
        spoil_proof(&mut random, &mut proof, &mut numbers);
        let ([old, size], [old_root, new_root]) = (numbers, roots);
        let ours =
            verify_consistency(old, size, &old_root, &new_root, proof.iter().copied()).is_ok();
        let defined = rfc6962::continues(old, size, &old_root, &new_root, &proof);
        assert_eq!(ours, defined, "case {case}");
        // ct-merkle has no proofs that end in an empty tree or begin with one.
        if old > 0 && size > 0 {
            let bytes = proof.iter().flat_map(|hash| hash.0).collect();
            let theirs = ConsistencyProof::<Sha256>::try_from_bytes(bytes).is_ok_and(|proof| {
                let (old_root, new_root) = (root_hash(&old_root, old), root_hash(&new_root, size));
                new_root.verify_consistency(&old_root, &proof).is_ok()
            });
            assert_eq!(ours, theirs, "case {case}: {old} {size}");
        }
        valid_count += u64::from(ours);
    }
    assert!(valid_count > count / 5 && valid_count < count * 4 / 5, "{valid_count} valid");
}
