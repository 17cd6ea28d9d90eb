//! `docs/ledger.md` says how much memory a device has to give; here it is measured.

use std::format;
use std::path::Path;
use std::string::{String, ToString};
use std::vec::Vec;

use crate::bundle::Reader;
use crate::chain::{Chain, Feed};
use crate::registers::{BinaryCheck, Table};

/// What ML-DSA adds to whatever verifies signatures.
const ML_DSA: usize = {
    #[cfg(feature = "ml-dsa")]
    {
        size_of::<crate::ml_dsa::Verification>()
    }
    #[cfg(not(feature = "ml-dsa"))]
    {
        0
    }
};

#[test]
#[cfg_attr(not(target_pointer_width = "64"), ignore = "the sizes are those of 64-bit targets")]
fn state_is_as_large_as_the_documentation_says() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/ledger.md");
    let docs = std::fs::read_to_string(docs).unwrap();
    #[allow(unused_mut, reason = "Nexus adds to it")]
    let mut sizes = Vec::from([
        ("chain::Chain", size_of::<Chain>(), 0),
        ("registers::Table", size_of::<Table>(), 0),
        ("chain::Feed", size_of::<Feed>(), ML_DSA),
        ("bundle::Reader", size_of::<Reader<'_>>(), ML_DSA),
        ("registers::BinaryCheck", size_of::<BinaryCheck>(), 0),
    ]);
    #[cfg(feature = "nexus")]
    sizes.extend([
        ("nexus::chain::Chain<16>", size_of::<crate::nexus::chain::Chain<16>>(), 0),
        ("nexus::bundle::Feed", size_of::<crate::nexus::bundle::Feed>(), 0),
    ]);
    for (name, bytes, ml_dsa) in sizes {
        let row = format!("| `{name}` |");
        let row = docs.lines().find_map(|line| line.strip_prefix(&row));
        let mut cells = row.unwrap_or_else(|| panic!("{name} is not there")).split('|').skip(1);
        let mut cell = || cells.next().map(|cell| cell.trim().replace(',', ""));
        let (classic, both): (Option<String>, _) = (cell(), cell());
        assert_eq!(classic, Some((bytes - ml_dsa).to_string()), "{name}");
        if cfg!(feature = "ml-dsa") {
            assert_eq!(both, Some(bytes.to_string()), "{name} with ML-DSA");
        }
    }
}
