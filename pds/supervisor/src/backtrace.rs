//! Return addresses on a child's stack.

use sel4::UserContext;

/// Frames at most.
pub(crate) const FRAMES_MAX: usize = 16;

/// Follows the frame records from x29 on: each holds the caller's x29 and the return address (Arm
/// AAPCS64, 6.4.6). `word` reads the stack and answers `None` outside it. A child may have written
/// anything there: the walk ends where a record does not lie above the one before.
pub(crate) fn backtrace(
    registers: &UserContext,
    word: impl Fn(u64) -> Option<u64>,
) -> heapless::Vec<u64, FRAMES_MAX> {
    let mut found = heapless::Vec::new();
    let mut frame = registers.fp();
    while !found.is_full() {
        let (Some(caller), Some(address)) = (word(frame), word(frame.wrapping_add(8))) else {
            break;
        };
        // The first frame of all has no caller.
        if address == 0 {
            break;
        }
        // There is room.
        let _ = found.push(address);
        if caller <= frame {
            break;
        }
        frame = caller;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registers(fp: u64) -> UserContext {
        let mut registers = UserContext::new();
        *registers.gpr_mut(29).unwrap() = fp;
        registers
    }

    fn walk(fp: u64, stack: &[u64]) -> Vec<u64> {
        let word = |address: u64| {
            let offset = address.checked_sub(0x1000).filter(|offset| offset % 8 == 0)?;
            stack.get(usize::try_from(offset / 8).ok()?).copied()
        };
        backtrace(&registers(fp), word).to_vec()
    }

    #[test]
    fn follows_frame_records_to_the_first() {
        let stack = [0, 0, 0x1020, 0x20_0100, 0x1030, 0x20_0200, 0, 0];
        assert_eq!(walk(0x1010, &stack), [0x20_0100, 0x20_0200]);
    }

    #[test]
    fn garbage_ends_the_walk() {
        assert!(walk(0, &[1; 8]).is_empty());
        assert!(walk(0x1004, &[1; 8]).is_empty());
        assert!(walk(u64::MAX - 3, &[1; 8]).is_empty());
        assert_eq!(walk(0x1010, &[0, 0, 0x1010, 7]), [7], "a record that names itself");
        assert_eq!(walk(0x1010, &[0x1000, 9, 0x1000, 7]), [7], "a record that leads back");
        let long: Vec<u64> = (0..64).flat_map(|n| [0x1010 + n * 16, n + 1]).collect();
        assert_eq!(walk(0x1000, &long).len(), FRAMES_MAX);
    }
}
