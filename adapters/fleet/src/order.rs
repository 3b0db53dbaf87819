//! The timers of one slot in order, at a few instructions each: they are spread about evenly.

use alloc::vec::Vec;

/// A timer of a slot: its time in it, and its index.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Entry(u64);

impl Entry {
    /// `within` is below 2³².
    #[inline]
    pub(crate) fn new(within: u64, index: u32) -> Self {
        Self((within << 32) | u64::from(index))
    }

    #[inline]
    pub(crate) fn within(self) -> u64 {
        self.0 >> 32
    }

    #[inline]
    pub(crate) fn index(self) -> u32 {
        #[expect(clippy::cast_possible_truncation, reason = "the low half is the index")]
        let index = self.0 as u32;
        index
    }
}

/// Room to sort in, kept from slot to slot.
#[derive(Clone, Debug)]
pub(crate) struct Sorter {
    entries: Vec<Entry>,
    /// How many entries there are for each part of the slot, half as many parts as there were entries in
    /// the last one; and then where the next of each goes.
    parts: Vec<u32>,
    shift: u32,
}

impl Sorter {
    pub(crate) const fn new() -> Self {
        Self { entries: Vec::new(), parts: Vec::new(), shift: 0 }
    }

    /// Begins a slot of `bits` bits, with about `expected` entries.
    pub(crate) fn begin(&mut self, bits: u32, expected: usize) {
        let parts = (expected / 2).max(1).next_power_of_two().min(1 << bits);
        self.shift = bits - parts.ilog2();
        self.parts.clear();
        self.parts.resize(parts, 0);
        self.entries.clear();
    }

    #[inline]
    fn part(&mut self, entry: Entry) -> Option<&mut u32> {
        #[expect(clippy::cast_possible_truncation, reason = "it is below 2³²")]
        let part = (entry.within() >> self.shift) as usize;
        self.parts.get_mut(part)
    }

    #[inline]
    pub(crate) fn push(&mut self, entry: Entry) {
        if let Some(count) = self.part(entry) {
            *count += 1;
        }
        self.entries.push(entry);
    }

    /// All that were pushed, in order.
    pub(crate) fn finish(&mut self, sorted: &mut Vec<Entry>) {
        let mut place = 0;
        for part in &mut self.parts {
            place += core::mem::replace(part, place);
        }
        sorted.clear();
        sorted.resize(self.entries.len(), Entry(0));
        for index in 0..self.entries.len() {
            let Some(entry) = self.entries.get(index).copied() else { break };
            let Some(part) = self.part(entry) else { break };
            let place = *part as usize;
            *part += 1;
            if let Some(to) = sorted.get_mut(place) {
                *to = entry;
            }
        }
        settle(sorted);
    }

    /// Bytes on the heap.
    pub(crate) fn bytes(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>() + self.parts.capacity() * size_of::<u32>()
    }
}

/// Sorts what is nearly in order, by insertion; what is not is sorted as anything else.
fn settle(entries: &mut [Entry]) {
    let mut moves = 4 * entries.len();
    let mut last = Entry(0);
    for end in 0..entries.len() {
        let Some(entry) = entries.get(end).copied() else { break };
        if last <= entry {
            last = entry;
            continue;
        }
        let before = entries.get(..end).unwrap_or_default();
        let place = before.iter().rposition(|other| *other <= entry).map_or(0, |place| place + 1);
        if let Some(after) = entries.get_mut(place..=end) {
            after.rotate_right(1);
        }
        moves = moves.saturating_sub(end - place);
        if moves == 0 {
            return entries.sort_unstable();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    #[test]
    fn entries_come_out_in_order_however_they_are_spread() {
        let mut sorter = Sorter::new();
        let mut draw = 1_u64;
        for (expected, count, bits) in [
            (0, 0, 26),
            (5, 1, 26),
            (0, 100, 26),
            (1000, 700, 26),
            (700, 5000, 26),
            (3000, 3000, 9),
        ] {
            sorter.begin(26, expected);
            let mut pushed = Vec::new();
            for index in 0..count {
                draw = draw.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let entry = Entry::new((draw >> 32) % (1 << bits), index);
                sorter.push(entry);
                pushed.push(entry);
            }
            let mut sorted = Vec::new();
            sorter.finish(&mut sorted);
            pushed.sort_unstable();
            assert!(sorted == pushed, "{count} entries, {expected} expected");
        }
    }
}
