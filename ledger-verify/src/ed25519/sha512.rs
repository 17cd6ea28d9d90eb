//! SHA-512 (FIPS 180-4). The usual crate unrolls it to more code than the rest of Ed25519 needs.

/// The first 64 bits of the fractional parts of the square roots of the first eight primes.
const START: [u64; 8] = [
    0x6a09_e667_f3bc_c908,
    0xbb67_ae85_84ca_a73b,
    0x3c6e_f372_fe94_f82b,
    0xa54f_f53a_5f1d_36f1,
    0x510e_527f_ade6_82d1,
    0x9b05_688c_2b3e_6c1f,
    0x1f83_d9ab_fb41_bd6b,
    0x5be0_cd19_137e_2179,
];

/// The same of the cube roots of the first eighty primes.
const ROUNDS: [u64; 80] = [
    0x428a_2f98_d728_ae22,
    0x7137_4491_23ef_65cd,
    0xb5c0_fbcf_ec4d_3b2f,
    0xe9b5_dba5_8189_dbbc,
    0x3956_c25b_f348_b538,
    0x59f1_11f1_b605_d019,
    0x923f_82a4_af19_4f9b,
    0xab1c_5ed5_da6d_8118,
    0xd807_aa98_a303_0242,
    0x1283_5b01_4570_6fbe,
    0x2431_85be_4ee4_b28c,
    0x550c_7dc3_d5ff_b4e2,
    0x72be_5d74_f27b_896f,
    0x80de_b1fe_3b16_96b1,
    0x9bdc_06a7_25c7_1235,
    0xc19b_f174_cf69_2694,
    0xe49b_69c1_9ef1_4ad2,
    0xefbe_4786_384f_25e3,
    0x0fc1_9dc6_8b8c_d5b5,
    0x240c_a1cc_77ac_9c65,
    0x2de9_2c6f_592b_0275,
    0x4a74_84aa_6ea6_e483,
    0x5cb0_a9dc_bd41_fbd4,
    0x76f9_88da_8311_53b5,
    0x983e_5152_ee66_dfab,
    0xa831_c66d_2db4_3210,
    0xb003_27c8_98fb_213f,
    0xbf59_7fc7_beef_0ee4,
    0xc6e0_0bf3_3da8_8fc2,
    0xd5a7_9147_930a_a725,
    0x06ca_6351_e003_826f,
    0x1429_2967_0a0e_6e70,
    0x27b7_0a85_46d2_2ffc,
    0x2e1b_2138_5c26_c926,
    0x4d2c_6dfc_5ac4_2aed,
    0x5338_0d13_9d95_b3df,
    0x650a_7354_8baf_63de,
    0x766a_0abb_3c77_b2a8,
    0x81c2_c92e_47ed_aee6,
    0x9272_2c85_1482_353b,
    0xa2bf_e8a1_4cf1_0364,
    0xa81a_664b_bc42_3001,
    0xc24b_8b70_d0f8_9791,
    0xc76c_51a3_0654_be30,
    0xd192_e819_d6ef_5218,
    0xd699_0624_5565_a910,
    0xf40e_3585_5771_202a,
    0x106a_a070_32bb_d1b8,
    0x19a4_c116_b8d2_d0c8,
    0x1e37_6c08_5141_ab53,
    0x2748_774c_df8e_eb99,
    0x34b0_bcb5_e19b_48a8,
    0x391c_0cb3_c5c9_5a63,
    0x4ed8_aa4a_e341_8acb,
    0x5b9c_ca4f_7763_e373,
    0x682e_6ff3_d6b2_b8a3,
    0x748f_82ee_5def_b2fc,
    0x78a5_636f_4317_2f60,
    0x84c8_7814_a1f0_ab72,
    0x8cc7_0208_1a64_39ec,
    0x90be_fffa_2363_1e28,
    0xa450_6ceb_de82_bde9,
    0xbef9_a3f7_b2c6_7915,
    0xc671_78f2_e372_532b,
    0xca27_3ece_ea26_619c,
    0xd186_b8c7_21c0_c207,
    0xeada_7dd6_cde0_eb1e,
    0xf57d_4f7f_ee6e_d178,
    0x06f0_67aa_7217_6fba,
    0x0a63_7dc5_a2c8_98a6,
    0x113f_9804_bef9_0dae,
    0x1b71_0b35_131c_471b,
    0x28db_77f5_2304_7d84,
    0x32ca_ab7b_40c7_2493,
    0x3c9e_be0a_15c9_bebc,
    0x431d_67c4_9c10_0d4c,
    0x4cc5_d4be_cb3e_42b6,
    0x597f_299c_fc65_7e2a,
    0x5fcb_6fab_3ad6_faec,
    0x6c44_198c_4a47_5817,
];

const BLOCK_BYTES: usize = 128;

/// SHA-512 of the parts of `head` and of `rest`, one after the other.
#[inline(never)]
pub(super) fn sha512(head: [&[u8]; 2], rest: &[&[u8]]) -> [u8; 64] {
    let mut state = START;
    let mut block = [0; BLOCK_BYTES];
    let mut filled = 0;
    let mut length_bytes = 0_u64;
    for part in head.iter().chain(rest) {
        length_bytes = length_bytes.wrapping_add(part.len() as u64);
        for byte in *part {
            put(&mut block, filled, *byte);
            filled = (filled + 1) % BLOCK_BYTES;
            if filled == 0 {
                compress(&mut state, &block);
            }
        }
    }
    put(&mut block, filled, 0x80);
    block.iter_mut().skip(filled + 1).for_each(|byte| *byte = 0);
    // The length takes sixteen bytes, of which the upper eight are zero here.
    if filled >= BLOCK_BYTES - 16 {
        compress(&mut state, &block);
        block = [0; BLOCK_BYTES];
    }
    if let Some(place) = block.last_chunk_mut() {
        *place = (length_bytes << 3).to_be_bytes();
    }
    compress(&mut state, &block);
    let mut digest = [0; 64];
    for (place, word) in digest.as_chunks_mut().0.iter_mut().zip(state) {
        *place = word.to_be_bytes();
    }
    digest
}

fn put(block: &mut [u8; BLOCK_BYTES], place: usize, byte: u8) {
    if let Some(place) = block.get_mut(place) {
        *place = byte;
    }
}

/// Section 6.4.2, with the message schedule in a ring of sixteen words.
#[inline(never)]
fn compress(state: &mut [u64; 8], block: &[u8; BLOCK_BYTES]) {
    let mut w = [0; 16];
    for (word, bytes) in w.iter_mut().zip(block.as_chunks().0) {
        *word = u64::from_be_bytes(*bytes);
    }
    let mut v = *state;
    for (k16, is_last) in ROUNDS.as_chunks::<16>().0.iter().zip([false, false, false, false, true])
    {
        for (i, k) in k16.iter().enumerate() {
            let [a, b, c, d, e, f, g, h] = v;
            let sum1 = e.rotate_right(14) ^ e.rotate_right(18) ^ e.rotate_right(41);
            let choice = (e & (f ^ g)) ^ g;
            let t1 = h.wrapping_add(sum1).wrapping_add(choice).wrapping_add(*k).wrapping_add(w[i]);
            let sum0 = a.rotate_right(28) ^ a.rotate_right(34) ^ a.rotate_right(39);
            let t2 = sum0.wrapping_add(majority(a, b, c));
            v = [t1.wrapping_add(t2), a, b, c, d.wrapping_add(t1), e, f, g];
        }
        if is_last {
            break;
        }
        for i in 0..16 {
            let (w1, w14) = (w[(i + 1) % 16], w[(i + 14) % 16]);
            let s0 = w1.rotate_right(1) ^ w1.rotate_right(8) ^ (w1 >> 7);
            let s1 = w14.rotate_right(19) ^ w14.rotate_right(61) ^ (w14 >> 6);
            w[i] = w[i].wrapping_add(s0).wrapping_add(w[(i + 9) % 16]).wrapping_add(s1);
        }
    }
    for (word, v) in state.iter_mut().zip(v) {
        *word = word.wrapping_add(v);
    }
}

const fn majority(a: u64, b: u64, c: u64) -> u64 {
    (a & b) ^ (a & c) ^ (b & c)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest as _, Sha512};
    use std::vec::Vec;

    #[test]
    fn agrees_with_the_sha2_crate_at_every_length() {
        let input: Vec<u8> = (0..=250).cycle().take(520).collect();
        for length in (0..input.len()).step_by(if cfg!(miri) { 65 } else { 1 }) {
            let expected: [u8; 64] = Sha512::digest(&input[..length]).into();
            assert_eq!(sha512([&input[..length], &[]], &[]), expected, "{length}");
            let (first, second) = input[..length].split_at(length / 3);
            assert_eq!(sha512([first, &[]], &[&[], second]), expected, "{length}");
        }
    }
}
