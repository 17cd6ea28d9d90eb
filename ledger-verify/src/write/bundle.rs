//! The writing side of proof bundles.

use std::vec::Vec;

use crate::bundle::{SIGNATURE_BYTES_MIN, SIGNATURES_MAX, VERSION};
use crate::cbor::{Sink, array, bytes, null, text, unsigned};
use crate::chain::split;
use crate::log::note::SIGNATURE_BYTES_MAX;
use crate::log::proof::Proof;
use crate::registers::Table;
use crate::registers::wire::put_register;

/// All registers of a chain, each encoded, for [`bundle`] and [`crate::chain::Chain::take_register`].
#[must_use]
pub fn registers(table: &Table) -> Vec<Vec<u8>> {
    let encoded = |(name, value)| {
        let mut register = Vec::new();
        put_register(&mut register, name, value);
        register
    };
    table.named().map(encoded).collect()
}

/// Makes a bundle of `events`, whole events back to back. [`registers`] are those after the first of
/// them, if that is not the chain's first; `proof` is that the last of them is logged.
///
/// `None` when `events` are not whole events, or the proof has no signature that a verifier reads, or more
/// than it reads.
#[must_use]
pub fn bundle(
    registers: Option<&[Vec<u8>]>,
    events: &[u8],
    proof: Option<&Proof<'_>>,
) -> Option<Vec<u8>> {
    let mut count = 0;
    let mut rest = events;
    while !rest.is_empty() {
        (_, rest) = split(rest).ok()?;
        count += 1;
    }
    let mut bundle = Vec::new();
    array(&mut bundle, 4);
    unsigned(&mut bundle, VERSION);
    match registers {
        Some(registers) => {
            array(&mut bundle, registers.len());
            registers.iter().for_each(|register| bytes(&mut bundle, register));
        }
        None => null(&mut bundle),
    }
    array(&mut bundle, count);
    bundle.put(events);
    match proof {
        Some(proof) => put_proof(&mut bundle, proof)?,
        None => null(&mut bundle),
    }
    Some(bundle)
}

fn put_proof(sink: &mut Vec<u8>, proof: &Proof<'_>) -> Option<()> {
    let hashes: Vec<_> = proof.hashes().collect();
    // Longer and shorter ones are by nobody that a policy can name.
    let signatures: Vec<_> = proof
        .note()
        .signatures()
        .filter_map(|line| {
            let mut buffer = [0; SIGNATURE_BYTES_MAX];
            let signature = line.decode(&mut buffer)?;
            (signature.len() >= SIGNATURE_BYTES_MIN).then(|| (line.name, signature.to_vec()))
        })
        .collect();
    if !(1..=SIGNATURES_MAX).contains(&signatures.len()) {
        return None;
    }
    array(sink, 4);
    unsigned(sink, proof.index);
    bytes(sink, proof.note().text().as_bytes());
    array(sink, hashes.len());
    hashes.iter().for_each(|hash| bytes(sink, &hash.0));
    array(sink, signatures.len());
    for (name, signature) in &signatures {
        array(sink, 2);
        text(sink, name);
        bytes(sink, signature);
    }
    Some(())
}
