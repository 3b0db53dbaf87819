//! The timers of one slot in order, at a few instructions each: they are spread about evenly.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::cells::{Cells, Chain};

/// Nanoseconds of a slot, as a power of two: 2²⁶ ns ≈ 67 ms.
pub(crate) const SLOT: u32 = 26;
/// Where a timer's time begins in its entry.
const TIME: u32 = u64::BITS - SLOT;

/// A timer of a slot: its time in it above its index, so that entries compare as their times.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Entry(pub(crate) u64);

impl Entry {
    pub(crate) const LAST: Self = Self(u64::MAX);

    /// The slot is the one that `at` falls into.
    #[inline]
    pub(crate) fn new(at: u64, index: u32) -> Self {
        Self((at << TIME) | u64::from(index))
    }

    #[inline]
    pub(crate) fn within(self) -> u64 {
        self.0 >> TIME
    }

    #[inline]
    pub(crate) fn index(self) -> u32 {
        #[expect(clippy::cast_possible_truncation, reason = "the low half is the index")]
        let index = self.0 as u32;
        index
    }
}

/// Into how many parts a slot is split, at most.
const PARTS: usize = 2048;

/// Room to sort in, kept from slot to slot.
#[derive(Clone, Debug)]
pub(crate) struct Sorter {
    /// How many entries there are for each part of the slot; and then where the next of each goes.
    parts: Box<[u32; PARTS]>,
}

impl Sorter {
    pub(crate) fn new() -> Self {
        Self { parts: Box::new([0; PARTS]) }
    }

    /// Bytes on the heap.
    pub(crate) const BYTES: usize = size_of::<[u32; PARTS]>();

    /// Moves a chain to `sorted`, in order; as many as were there are expected.
    pub(crate) fn sort(&mut self, cells: &mut Cells, chain: Chain, sorted: &mut Vec<Entry>) {
        let parts = (sorted.len() / 2).max(2).next_power_of_two().min(PARTS);
        let shift = u64::BITS - parts.ilog2();
        #[expect(clippy::cast_possible_truncation, reason = "there are few parts")]
        let part = |entry: u64| (entry >> shift) as usize % PARTS;
        let all = &mut *self.parts;
        let mut count = 0;
        cells.read(chain, |entries| {
            count += entries.len();
            for entry in entries {
                all[part(*entry)] += 1;
            }
        });
        let mut place = 0;
        for part in all.iter_mut().take(parts) {
            place += core::mem::replace(part, place);
        }
        sorted.resize(count, Entry(0));
        cells.drain(chain, |entries| {
            for entry in entries {
                let next = &mut all[part(*entry)];
                let place = *next as usize;
                *next += 1;
                if let Some(to) = sorted.get_mut(place) {
                    *to = Entry(*entry);
                }
            }
        });
        all.iter_mut().take(parts).for_each(|part| *part = 0);
        settle(sorted);
    }
}

/// Sorts what is nearly in order, by insertion; what is not is sorted as anything else.
fn settle(entries: &mut [Entry]) {
    let mut moves = 4 * entries.len();
    let mut last = Entry(0);
    for end in 0..entries.len() {
        let entry = entries[end];
        if last <= entry {
            last = entry;
            continue;
        }
        let mut place = end;
        while place > 0 && entries[place - 1] > entry {
            entries[place] = entries[place - 1];
            place -= 1;
        }
        entries[place] = entry;
        moves = moves.saturating_sub(end - place);
        if moves == 0 {
            return entries.sort_unstable();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_out_in_order_however_they_are_spread() {
        let (mut sorter, mut cells) = (Sorter::new(), Cells::new());
        let mut draw = 1_u64;
        for (expected, count, bits) in [
            (0, 0, 26),
            (5, 1, 26),
            (0, 100, 26),
            (1000, 700, 26),
            (700, 5000, 26),
            (9000, 5000, 26),
            (3000, 3000, 9),
        ] {
            let (mut chain, mut pushed) = (Chain::EMPTY, Vec::new());
            for index in 0..count {
                draw = draw.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let entry = Entry::new((draw >> 32) % (1 << bits), index);
                if chain.is_full() {
                    chain = cells.extend(chain);
                }
                cells.push(&mut chain, entry.0);
                pushed.push(entry);
            }
            let mut sorted: Vec<Entry> = (0..expected).map(Entry).collect();
            sorter.sort(&mut cells, chain, &mut sorted);
            pushed.sort_unstable();
            assert!(sorted == pushed, "{count} entries, {expected} expected");
            assert_eq!(cells.blocks(), 0);
        }
    }
}
