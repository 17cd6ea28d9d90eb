//! Blocks: a real one, and made ones around it.

use ledger_verify::nexus::block::{
    BlockError, Channel, Evidence, Header, Linked, Reason, descend, merkle_root, verify_inclusion,
};
use ledger_verify::nexus::hash::{sk512, sk1024};

use crate::support::{hex, ledger_vectors};

/// What a header is made of, for those that this test makes.
#[derive(Clone)]
struct Fields {
    version: u32,
    previous: [u8; 128],
    merkle_root: [u8; 64],
    channel: u32,
    height: u32,
    bits: u32,
    nonce: u64,
    time: u64,
    offsets: Vec<u8>,
}

const STAKE: Fields = Fields {
    version: 8,
    previous: [1; 128],
    merkle_root: [2; 64],
    channel: 0,
    height: 3_000_000,
    bits: 4,
    nonce: 5,
    time: 6,
    offsets: Vec::new(),
};

impl Fields {
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.version.to_le_bytes().to_vec();
        bytes.extend(self.previous);
        bytes.extend(self.merkle_root);
        bytes.extend([self.channel, self.height, self.bits].map(u32::to_le_bytes).concat());
        bytes.extend(self.nonce.to_le_bytes());
        if self.version < 7 {
            bytes.extend(&self.time.to_le_bytes()[..4]);
        } else {
            bytes.extend(self.time.to_le_bytes());
            bytes.push(u8::try_from(self.offsets.len()).unwrap());
            bytes.extend(&self.offsets);
        }
        bytes
    }
}

/// A number as it is printed, in the order in which it is stored.
fn number<const BYTES: usize>(printed: &serde_json::Value) -> [u8; BYTES] {
    let mut bytes = hex(printed);
    bytes.reverse();
    bytes.try_into().unwrap()
}

/// Header, block hash and the only transaction of a real block.
fn real() -> (Vec<u8>, [u8; 128], [u8; 64]) {
    let block = &ledger_vectors()["block_4555100"];
    (hex(&block["header_hex"]), number(&block["block_hash"]), number(&block["txid"]))
}

#[test]
fn a_real_block_proves_its_transaction() {
    let (bytes, hash, txid) = real();
    let header = Header::parse(&bytes).unwrap();
    assert_eq!((header.version, header.channel, header.height), (8, Channel::Hash, 4_555_100));
    assert_eq!((header.bits, header.time), (0x7b06_e198, 0x62df_8c06));
    assert_eq!(header.hash(), hash);
    assert_eq!(header.evidence(), Ok(Evidence::Work));
    let expected = Linked { header, blocks: 1, blocks_with_work: 1 };
    assert_eq!(verify_inclusion(&hash, [&bytes[..]], &txid, 0, &[]), Ok(expected));
}

#[test]
fn every_flipped_bit_of_a_real_block_is_refused() {
    let (bytes, hash, txid) = real();
    for bit in 0..bytes.len() * 8 {
        let mut bytes = bytes.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let reason = verify_inclusion(&hash, [&bytes[..]], &txid, 0, &[]).unwrap_err().reason;
        let expected = match bit / 8 {
            0..4 => Reason::Version(8 ^ 1 << bit),
            // Channels 3 and 0 are there, too.
            196..200 if bit % 8 > 1 || bit / 8 > 196 => Reason::Channel(2 ^ 1 << (bit - 196 * 8)),
            224 => Reason::Length,
            _ => Reason::NotPinned,
        };
        assert_eq!(reason, expected, "bit {bit}");
        // The time is not worked for.
        let evidence = Header::parse(&bytes).and_then(|header| header.evidence());
        match bit / 8 {
            216..224 => assert_eq!(evidence, Ok(Evidence::Work)),
            196..200 => assert_ne!(evidence, Ok(Evidence::Work)),
            _ => assert!(evidence.is_err(), "bit {bit}"),
        }
    }
    for bit in 0..512 {
        let (mut other_hash, mut other_txid) = (hash, txid);
        other_hash[bit / 4] ^= 1 << (bit % 8);
        other_txid[bit / 8] ^= 1 << (bit % 8);
        let refused = |reason| Err(BlockError { header: 0, reason });
        let verify = |pinned, txid| verify_inclusion(pinned, [&bytes[..]], txid, 0, &[]);
        assert_eq!(verify(&other_hash, &txid), refused(Reason::NotPinned));
        assert_eq!(verify(&hash, &other_txid), refused(Reason::Root));
    }
    for length in 0..bytes.len() {
        assert_eq!(Header::parse(&bytes[..length]), Err(Reason::Length), "{length}");
    }
}

#[test]
fn versions_have_their_lengths() {
    for (version, length) in [(5, 220), (6, 220), (7, 225), (8, 225)] {
        let fields = Fields { version, time: 0xffff_ffff, ..STAKE };
        let mut bytes = fields.bytes();
        assert_eq!(bytes.len(), length);
        let header = Header::parse(&bytes).unwrap();
        assert_eq!((header.version, header.time, header.nonce), (version, 0xffff_ffff, 5));
        assert_eq!((header.previous, header.merkle_root), (&[1; 128], &[2; 64]));
        assert_eq!(header.hash(), sk1024(&bytes));
        assert_eq!(header.bytes(), bytes);
        bytes.push(0);
        assert_eq!(Header::parse(&bytes), Err(Reason::Length));
        assert_eq!(Header::split(&bytes), Ok((Header::parse(&bytes[..length]).unwrap(), &[0][..])));
    }
    for version in [0, 4, 9, 0x0800_0000] {
        let bytes = Fields { version, ..STAKE }.bytes();
        assert_eq!(Header::parse(&bytes), Err(Reason::Version(version)));
    }
    let bytes = Fields { channel: 4, ..STAKE }.bytes();
    assert_eq!(Header::parse(&bytes), Err(Reason::Channel(4)));
    let mut bytes = Fields { offsets: vec![9; 252], ..STAKE }.bytes();
    assert_eq!(bytes.len(), Header::BYTES_MAX);
    assert_eq!(Header::parse(&bytes).unwrap().offsets, [9; 252]);
    // What would be a length of three bytes.
    bytes[224] = 0xfd;
    bytes.push(0);
    assert_eq!(Header::parse(&bytes), Err(Reason::Length));
}

/// Headers from a pinned one down to a block with one transaction, and that transaction.
fn chain(blocks: u32) -> (Vec<Vec<u8>>, [u8; 64]) {
    let txid = [7; 64];
    let mut headers = Vec::new();
    let (mut previous, mut merkle_root) = ([1; 128], txid);
    for number in 0..blocks {
        // Whoever made it: this does not count here. Channel 2 would need work.
        let channel = [0, 3][number as usize % 2];
        let height = 3_000_000 + number;
        let bytes = Fields { previous, merkle_root, channel, height, ..STAKE }.bytes();
        (previous, merkle_root) = (sk1024(&bytes), [9; 64]);
        headers.insert(0, bytes);
    }
    (headers, txid)
}

fn verify<'a>(
    pinned: &[u8],
    headers: &'a [Vec<u8>],
    txid: &[u8; 64],
) -> Result<Linked<'a>, BlockError> {
    verify_inclusion(&sk1024(pinned), headers.iter().map(Vec::as_slice), txid, 0, &[])
}

#[test]
fn links_lead_down_from_the_pin_and_are_said_to_be_links() {
    let (headers, txid) = chain(20);
    let header = Header::parse(&headers[19]).unwrap();
    assert_eq!(header.height, 3_000_000);
    let expected = Linked { header, blocks: 20, blocks_with_work: 0 };
    assert_eq!(verify(&headers[0], &headers, &txid), Ok(expected));
    let expected = Linked { blocks: 12, ..expected };
    assert_eq!(verify(&headers[8], &headers[8..], &txid), Ok(expected));
    // Links lead to any block, with a known transaction or not.
    let slices = headers.iter().map(Vec::as_slice);
    let between = descend(&sk1024(&headers[0]), slices.take(7)).unwrap();
    assert_eq!((between.header.height, between.blocks), (3_000_013, 7));
}

#[test]
fn broken_links_are_refused_where_they_break() {
    let (headers, txid) = chain(20);
    let refused = |header, reason| Err(BlockError { header, reason });
    let pin = &headers[0];
    assert_eq!(verify(pin, &[], &txid), refused(0, Reason::Empty));
    assert_eq!(verify(pin, &headers[1..], &txid), refused(0, Reason::NotPinned));
    assert_eq!(verify(pin, &headers[..19], &txid), refused(18, Reason::Root));
    for place in 1..20 {
        let number = place as u64;
        let mut missing = headers.clone();
        missing.remove(place);
        let expected = if place == 19 { (18, Reason::Root) } else { (number, Reason::NotLinked) };
        assert_eq!(verify(pin, &missing, &txid), refused(expected.0, expected.1));
        let mut twice = headers.clone();
        twice.insert(place, headers[place - 1].clone());
        assert_eq!(verify(pin, &twice, &txid), refused(number, Reason::NotLinked));
        let mut cut = headers.clone();
        cut[place].pop();
        assert_eq!(verify(pin, &cut, &txid), refused(number, Reason::Length));
        for byte in [4, 132, 204, 216] {
            let mut changed = headers.clone();
            changed[place][byte] ^= 1;
            assert_eq!(verify(pin, &changed, &txid), refused(number, Reason::NotLinked));
        }
    }
    // A maker may write any height; the one above would not have been built on it.
    for wrong in [3_000_000, 2_999_998, 0] {
        let below = Fields { merkle_root: txid, height: wrong, ..STAKE }.bytes();
        let above = Fields { previous: sk1024(&below), height: 3_000_000, ..STAKE }.bytes();
        let headers = [above.clone(), below];
        assert_eq!(verify(&above, &headers, &txid), refused(1, Reason::Height));
    }
}

/// A tree as the ledger builds it, level by level.
fn tree(leaves: &[[u8; 64]]) -> Vec<Vec<[u8; 64]>> {
    let mut levels = vec![leaves.to_vec()];
    while levels[levels.len() - 1].len() > 1 {
        let below = &levels[levels.len() - 1];
        let nodes = below.chunks(2).map(|pair| sk512(&[pair[0], pair[pair.len() - 1]].concat()));
        let nodes = nodes.collect();
        levels.push(nodes);
    }
    levels
}

#[test]
fn branches_lead_to_the_root_of_any_tree() {
    for count in [1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 285] {
        let leaves: Vec<[u8; 64]> =
            (0..count).map(|leaf: u32| sk512(&leaf.to_le_bytes())).collect();
        let levels = tree(&leaves);
        let root = levels[levels.len() - 1][0];
        for (index, leaf) in (0..).zip(&leaves) {
            let siblings = levels[..levels.len() - 1].iter().enumerate().map(|(level, nodes)| {
                let place = index as usize >> level ^ 1;
                nodes[place.min(nodes.len() - 1)]
            });
            let branch: Vec<_> = siblings.collect();
            assert_eq!(merkle_root(leaf, index, &branch), Ok(root), "{index} of {count}");
            assert_eq!(
                merkle_root(leaf, index + (1 << branch.len()), &branch),
                Err(Reason::Branch)
            );
            if count > 1 {
                assert_ne!(merkle_root(leaf, index ^ 1, &branch), Ok(root));
                assert_ne!(merkle_root(&[0; 64], index, &branch), Ok(root));
            }
        }
    }
    assert!(merkle_root(&[1; 64], u32::MAX, &[[0; 64]; 32]).is_ok());
    assert_eq!(merkle_root(&[0; 64], 0, &[[0; 64]; 33]), Err(Reason::Branch));
}

/// Found by a program in another language, with its own arithmetic: primes at 0, 2 and 6.
fn prime_block() -> Fields {
    let offsets = [&[2, 4][..], &13_385_499_u32.to_le_bytes()].concat();
    Fields { channel: 1, bits: 30_000_000, nonce: 2_689_621, offsets, ..STAKE }
}

fn evidence(fields: &Fields) -> Result<Evidence, Reason> {
    let bytes = fields.bytes();
    let header = Header::parse(&bytes)?;
    let shown = header.evidence();
    assert_eq!(shown.unwrap_or(header.evidence_due()), header.evidence_due());
    shown
}

#[cfg(not(feature = "nexus-prime"))]
#[test]
fn primes_are_linked_only_without_their_feature() {
    assert_eq!(evidence(&prime_block()), Ok(Evidence::LinkOnly));
}

#[cfg(feature = "nexus-prime")]
#[test]
fn a_cluster_of_primes_is_work_and_everything_else_is_not() {
    assert_eq!(evidence(&prime_block()), Ok(Evidence::Work));
    assert_eq!(evidence(&Fields { time: 9, ..prime_block() }), Ok(Evidence::Work));
    // Headers before version 7 do not tell where the primes are.
    assert_eq!(evidence(&Fields { version: 6, ..prime_block() }), Ok(Evidence::LinkOnly));
    let spoilt = [
        Fields { nonce: 2_689_622, ..prime_block() },
        Fields { nonce: 2_689_623, ..prime_block() },
        Fields { nonce: u64::MAX, ..prime_block() },
        Fields { bits: 30_000_001, ..prime_block() },
        Fields { height: 3_000_001, ..prime_block() },
        Fields { previous: [2; 128], ..prime_block() },
    ];
    for fields in spoilt {
        assert_eq!(evidence(&fields), Err(Reason::Work));
    }
    let fraction = 13_385_499_u32;
    for offsets in [&[][..], &[2], &[4], &[6], &[2, 2], &[4, 2], &[2, 6], &[6, 2], &[2, 4, 12]] {
        let offsets = [offsets, &fraction.to_le_bytes()].concat();
        assert_eq!(evidence(&Fields { offsets, ..prime_block() }), Err(Reason::Work));
    }
    // One prime counted twice, a prime far away, a step back.
    for offsets in [&[0, 2, 4][..], &[2, 0, 4], &[2, 4, 0], &[1, 1, 4], &[2, 14], &[254, 4]] {
        let offsets = [offsets, &fraction.to_le_bytes()].concat();
        assert_eq!(evidence(&Fields { offsets, ..prime_block() }), Err(Reason::Work));
    }
    for fraction in [0, 1, 1_000_000, fraction - 1, fraction + 1, 0xff_ffff] {
        let offsets = [&[2, 4][..], &fraction.to_le_bytes()].concat();
        assert_eq!(evidence(&Fields { offsets, ..prime_block() }), Err(Reason::Work));
    }
    for length in 0..6 {
        let mut offsets = prime_block().offsets;
        offsets.truncate(length);
        assert_eq!(evidence(&Fields { offsets, ..prime_block() }), Err(Reason::Work));
    }
}

#[test]
fn targets_out_of_range_are_refused() {
    // Zero, below one, negative, 2^1007, beyond 2^1024.
    for bits in [0, 0x7b00_0000, 0x0000_00ff, 0x0100_ffff, 0x7b86_e198, 0x7f00_8000, 0xff00_0001] {
        let fields = Fields { channel: 2, bits, ..STAKE };
        assert_eq!(evidence(&fields), Err(Reason::Target), "{bits:08x}");
    }
    for bits in [0x0101_0000, 0x0300_0001, 0x2000_0001, 0x7e7f_ffff, 0x7f00_7fff] {
        let fields = Fields { channel: 2, bits, ..STAKE };
        assert_eq!(evidence(&fields), Err(Reason::Work), "{bits:08x}");
    }
}
