//! `sabotage <pd> <harm> <generation or all> <address or milliseconds>`: a test's order to a child.

use cairn_pd::sabotage::{Order, order};

use crate::supervisor::{Children, Supervisor};

impl<C: Children> Supervisor<'_, C> {
    /// Obeys such a line; `false` if it is another one.
    pub(crate) fn sabotage(&mut self, line: &str) -> bool {
        let mut words = line.split_ascii_whitespace();
        let (Some("sabotage"), Some(pd), Some(harm)) = (words.next(), words.next(), words.next())
        else {
            return false;
        };
        let Some(index) = self.index(pd) else { return false };
        let generation = words.next().map_or(0, |word| word.parse().unwrap_or(u64::MAX));
        let argument = words.next().map_or(0, |word| word.parse().unwrap_or(0));
        order(Order { name: padded(pd), generation, harm: padded(harm), argument, number: 0 });
        self.wake(index);
        true
    }
}

fn padded<const N: usize>(text: &str) -> [u8; N] {
    let mut bytes = [0; N];
    for (to, from) in bytes.iter_mut().zip(text.bytes()) {
        *to = from;
    }
    bytes
}
