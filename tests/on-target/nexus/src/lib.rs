//! A transaction of the real ledger, for the subject.

#![no_std]
#![forbid(unsafe_code)]

/// The coinbase of block 4,555,100 of Nexus's main network.
pub const REAL: &[u8; 433] =
    include_bytes!("../../../../ledger-verify/tests/vectors/nexus_4555100.bin");

/// Its id, as Nexus prints it.
pub const REAL_ID: &str = "017ff70158049886f8bad93cfe15285bae34d0e643991088e00769228161868a\
                           60230551724ac0ad5c7a98fabfdbebca88dffedf1a9e5ff095524b7565bccee1";
