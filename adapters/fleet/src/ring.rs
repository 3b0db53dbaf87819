//! The slots of one circle of a wheel, and which of them hold anything.

use alloc::boxed::Box;

use crate::cells::{Cells, Chain};

/// The next `N` slots, each at its number modulo `N`: `WORDS` × 64, a power of two, at most 1024.
#[derive(Clone, Debug)]
pub(crate) struct Ring<const N: usize, const WORDS: usize> {
    chains: Box<[Chain; N]>,
    /// Slots in use, one bit each, and which of these words are not zero.
    used: [u64; WORDS],
    words: u32,
}

impl<const N: usize, const WORDS: usize> Ring<N, WORDS> {
    pub(crate) fn new() -> Self {
        const { assert!(N.is_power_of_two() && N == 64 * WORDS && WORDS <= 16) }
        Self { chains: Box::new([Chain::EMPTY; N]), used: [0; WORDS], words: 0 }
    }

    /// Bytes on the heap.
    pub(crate) const BYTES: usize = size_of::<[Chain; N]>();

    #[inline]
    fn place(slot: u64) -> usize {
        #[expect(clippy::cast_possible_truncation, reason = "the low bits are asked for")]
        let low = slot as usize;
        low % N
    }

    #[expect(clippy::inline_always, reason = "half of what it takes would be the call")]
    #[inline(always)]
    pub(crate) fn push(&mut self, cells: &mut Cells, slot: u64, entry: u64) {
        let place = Self::place(slot);
        if self.chains[place].is_full() {
            return self.extend(cells, place, entry);
        }
        cells.push(&mut self.chains[place], entry);
    }

    #[inline(never)]
    fn extend(&mut self, cells: &mut Cells, place: usize, entry: u64) {
        let chain = &mut self.chains[place];
        *chain = cells.extend(*chain);
        cells.push(chain, entry);
        self.used[place / 64] |= 1 << (place % 64);
        self.words |= 1 << (place / 64);
    }

    /// Takes all that is in a slot.
    pub(crate) fn take(&mut self, slot: u64) -> Chain {
        let place = Self::place(slot);
        self.used[place / 64] &= !(1 << (place % 64));
        if self.used[place / 64] == 0 {
            self.words &= !(1 << (place / 64));
        }
        core::mem::replace(&mut self.chains[place], Chain::EMPTY)
    }

    /// The first slot in use, from `slot` on.
    pub(crate) fn first(&self, slot: u64) -> Option<u64> {
        if self.words == 0 {
            return None;
        }
        let place = Self::place(slot);
        let here = self.used[place / 64] >> (place % 64);
        if here != 0 {
            return Some(slot + u64::from(here.trailing_zeros()));
        }
        // The words after this one, and in the end what is before `place` in it.
        let next = place / 64 + 1;
        let turned = (self.words >> next) | (self.words << (WORDS - next));
        let word = (next + turned.trailing_zeros() as usize) % WORDS;
        let found = word * 64 + self.used[word].trailing_zeros() as usize;
        Some(slot + (found.wrapping_sub(place) % N) as u64)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_first_in_use_is_found_from_any_slot_on() {
        let (mut ring, mut cells) = (Ring::<256, 4>::new(), Cells::new());
        let (mut slots, mut now, mut draw) = (BTreeSet::new(), 1_000_000_u64, 1_u64);
        for _ in 0..20_000 {
            draw = draw.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            assert_eq!(ring.first(now), slots.first().copied(), "from {now}");
            let ahead = (draw >> 40) % 256;
            if draw >> 62 == 0 {
                let first = slots.pop_first().unwrap_or(now + ahead);
                let chain = ring.take(first);
                cells.drain(chain, |entries| assert!(entries.iter().all(|entry| *entry == first)));
                now = first;
            } else if slots.len() < 20 {
                ring.push(&mut cells, now + ahead, now + ahead);
                slots.insert(now + ahead);
            }
        }
    }
}
