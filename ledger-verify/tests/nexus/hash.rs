//! The SK hashes against the real ledger's vectors, and in pieces.

use ledger_verify::nexus::hash::{
    Sk, Sk32, Sk64, Sk256, Sk512, Sk576, Sk1024, sk32, sk64, sk256, sk512, sk576, sk1024,
};

use crate::support::{hex, ledger_vectors};

#[test]
fn hashes_agree_with_the_ledger() {
    let vectors = ledger_vectors();
    let vectors = vectors["sk"].as_array().unwrap();
    assert_eq!(vectors.len(), 4);
    for vector in vectors {
        let message = hex(&vector["msg_hex"]);
        assert_eq!(sk32(&message).to_vec(), hex(&vector["SK32_le"]));
        assert_eq!(sk64(&message).to_vec(), hex(&vector["SK64_le"]));
        assert_eq!(sk256(&message).to_vec(), hex(&vector["SK256_le"]));
        assert_eq!(sk512(&message).to_vec(), hex(&vector["SK512_le"]));
        assert_eq!(sk576(&message).to_vec(), hex(&vector["SK576_le"]));
        assert_eq!(sk1024(&message).to_vec(), hex(&vector["SK1024_le"]));
    }
}

#[test]
fn a_real_transaction_and_real_headers_have_their_hashes() {
    let vectors = ledger_vectors();
    let block = &vectors["block_4555100"];
    let printed = |digest: &[u8]| digest.iter().rev().copied().collect::<Vec<_>>();
    assert_eq!(printed(&sk1024(&hex(&block["header_hex"]))), hex(&block["block_hash"]));
    assert_eq!(printed(&sk1024(&hex(&block["header_hex"])[..216])), hex(&block["proof_hash"]));
    let mut txid = sk512(&hex(&block["unsigned_hex"]));
    txid[63] = 1;
    assert_eq!(printed(&txid), hex(&block["txid"]));
    let genesis = &vectors["mainnet_genesis_v1"];
    assert_eq!(printed(&sk1024(&hex(&genesis["header_hex"])[..216])), hex(&genesis["hash_be"]));
}

fn pieces_do_not_matter<const W: usize, const B: usize, const R: usize, const S: u8>() {
    let input: Vec<u8> = (0..=250).cycle().take(600).collect();
    for length in [0, 1, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 257, 600] {
        let input = &input[..length];
        let whole = Sk::<W, B, R, S>::digest(&[input]);
        for size in [1, 7, 32, 64, 100, 128, 129] {
            let mut hash = Sk::<W, B, R, S>::default();
            input.chunks(size).for_each(|piece| _ = hash.update(piece));
            hash.update(&[]);
            assert_eq!(hash.finalize(), whole, "{length} bytes in pieces of {size}");
            assert_eq!(hash.finalize(), whole, "asked twice");
        }
        let (front, back) = input.split_at(length / 2);
        assert_eq!(Sk::<W, B, R, S>::digest(&[front, &[], back]), whole);
    }
}

#[test]
fn pieces_do_not_matter_to_any_hash() {
    pieces_do_not_matter::<4, 32, 136, 0x06>();
    pieces_do_not_matter::<8, 64, 72, 0x06>();
    pieces_do_not_matter::<16, 128, 72, 0x05>();
}

#[test]
fn every_bit_and_every_length_counts() {
    fn all(input: &[u8]) -> Vec<Vec<u8>> {
        let pieces = &[input];
        vec![
            Sk32::digest(pieces).to_vec(),
            Sk64::digest(pieces).to_vec(),
            Sk256::digest(pieces).to_vec(),
            Sk512::digest(pieces).to_vec(),
            Sk576::digest(pieces).to_vec(),
            Sk1024::digest(pieces).to_vec(),
        ]
    }
    let zeros = [0; 130];
    let mut seen = std::collections::BTreeSet::new();
    let mut count = 0;
    for length in 0..=zeros.len() {
        all(&zeros[..length]).into_iter().for_each(|digest| _ = seen.insert(digest));
        count += 6;
    }
    for bit in 0..zeros.len() * 8 {
        let mut input = zeros;
        input[bit / 8] ^= 1 << (bit % 8);
        all(&input).into_iter().for_each(|digest| _ = seen.insert(digest));
        count += 6;
    }
    assert_eq!(seen.len(), count);
}
