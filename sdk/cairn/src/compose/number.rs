//! Numbers as SDF writes them.

/// Decimal, or hexadecimal after `0x`; `_` may separate digits.
pub fn parse(text: &str) -> Option<u64> {
    let digits = text.replace('_', "");
    match digits.strip_prefix("0x") {
        Some(hex) if !hex.starts_with('+') => u64::from_str_radix(hex, 16).ok(),
        None if !digits.starts_with('+') => digits.parse().ok(),
        _ => None,
    }
}

/// The way `compose` writes addresses and sizes.
pub fn hex(value: u64) -> String {
    format!("{value:#x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_sdf_allows() {
        assert_eq!(parse("0x1_000"), Some(0x1000));
        assert_eq!(parse("4_096"), Some(4096));
        for bad in ["", "0x", "-1", "+1", "0x+1", "1k", "0x1_0000_0000_0000_0000"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
