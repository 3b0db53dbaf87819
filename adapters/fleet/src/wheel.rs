//! A timer wheel: when to look at each of a million links, at a few instructions each.
//!
//! The one fact that makes the rest predictable: every timer is in the slot that its time falls into, and
//! whatever else is there is stale. So a timer that moves leaves its old entry behind, which is dropped
//! when its slot comes, and nothing is ever searched for. The slot that has begun is sorted.

use alloc::collections::BinaryHeap;
use alloc::vec::Vec;
use core::cmp::Reverse;

use redial::Timestamp;

use crate::cells::{Cells, Chain};
use crate::order::{Entry, Sorter};

/// Nanoseconds of a slot, as a power of two: 2²⁶ ns ≈ 67 ms.
const SLOT: u32 = 26;
/// Slots of this length that are kept apart, 69 s of them; most waits are shorter, and are filed once.
const NEAR: usize = 1024;
/// Slots as long as all of these together, 4.9 hours of them; and one for what is beyond this turn.
const FAR: usize = 256;
const SLOTS: usize = NEAR + FAR + 1;
const NEAR_BITS: u32 = NEAR.ilog2();
const TURN_BITS: u32 = NEAR_BITS + FAR.ilog2();
/// Words of one bit for each slot.
const WORDS: usize = SLOTS.div_ceil(64);
/// Timers that are announced together.
const AHEAD: usize = 16;
/// Not set.
const NEVER: u64 = u64::MAX;

/// Timers by index, each at most once.
#[derive(Clone, Debug)]
pub(crate) struct Wheel {
    /// When each timer is due, exactly.
    at: Vec<u64>,
    /// What is filed where; empty until something is.
    slots: Vec<Chain>,
    /// Slots in use, one bit each, and which of these words are not zero.
    used: [u64; WORDS],
    words: u32,
    cells: Cells,
    /// The slot that has begun.
    slot: u64,
    /// Its timers in order, and how many of them are done.
    soon: Vec<Entry>,
    done: usize,
    /// How many of them have been announced.
    announced: usize,
    sorter: Sorter,
    /// Timers that were set when it had begun.
    late: BinaryHeap<Reverse<Entry>>,
    /// Timers that are seldom reached, and are not filed before the next slot.
    fresh: Vec<(u64, u32)>,
    /// The first of these.
    fresh_first: u64,
}

impl Wheel {
    pub(crate) const fn new() -> Self {
        Self {
            at: Vec::new(),
            slots: Vec::new(),
            used: [0; WORDS],
            words: 0,
            cells: Cells::new(),
            slot: 0,
            soon: Vec::new(),
            done: 0,
            announced: 0,
            sorter: Sorter::new(),
            late: BinaryHeap::new(),
            fresh: Vec::new(),
            fresh_first: NEVER,
        }
    }

    /// Makes room for the timer `index`, unset.
    pub(crate) fn grow(&mut self, index: u32) {
        let len = index as usize + 1;
        if len > self.at.len() {
            self.at.resize(len, NEVER);
        }
        self.slots.resize(SLOTS, Chain::EMPTY);
    }

    /// Lets time begin at `now`, if no timer is filed yet.
    pub(crate) fn begin(&mut self, now: Timestamp) {
        if self.next() == Timestamp::MAX {
            self.slot = self.slot.max(now.as_nanos() >> SLOT);
        }
    }

    pub(crate) fn reserve(&mut self, additional: usize) {
        self.at.reserve_exact(additional);
    }

    /// When `index` is due.
    #[cfg(test)]
    pub(crate) fn at(&self, index: u32) -> Timestamp {
        Timestamp::from_nanos(self.at[index as usize])
    }

    /// Sets when `index` is due, in place of what was set; [`Timestamp::MAX`] for never.
    #[inline]
    pub(crate) fn set(&mut self, index: u32, at: Timestamp) {
        let at = at.as_nanos();
        let Some(timer) = self.at.get_mut(index as usize) else { return };
        if core::mem::replace(timer, at) != at && at != NEVER {
            self.file(index, at);
        }
    }

    /// As [`set`](Self::set), for a timer that will probably be set anew before it is due.
    #[inline]
    pub(crate) fn guard(&mut self, index: u32, at: Timestamp) {
        let at = at.as_nanos();
        if let Some(timer) = self.at.get_mut(index as usize) {
            if core::mem::replace(timer, at) != at && at != NEVER {
                self.fresh.push((at, index));
                self.fresh_first = self.fresh_first.min(at);
            }
        }
    }

    #[expect(clippy::inline_always, reason = "half of what it takes would be the call")]
    #[inline(always)]
    fn file(&mut self, index: u32, at: u64) {
        let due = at >> SLOT;
        let slot = match due ^ self.slot {
            _ if due <= self.slot => return self.hurry(index, at),
            apart if apart >> NEAR_BITS == 0 => Self::near(due),
            apart if apart >> TURN_BITS == 0 => NEAR + Self::far(due),
            // Looked at when the next turn begins.
            _ => SLOTS - 1,
        };
        let Some(chain) = self.slots.get_mut(slot) else { return };
        if *chain == Chain::EMPTY {
            self.used[slot / 64] |= 1 << (slot % 64);
            self.words |= 1 << (slot / 64);
        }
        self.cells.push(chain, index);
    }

    #[inline]
    fn near(slot: u64) -> usize {
        #[expect(clippy::cast_possible_truncation, reason = "the low bits are asked for")]
        let low = slot as usize;
        low % NEAR
    }

    #[inline]
    fn far(slot: u64) -> usize {
        (slot >> NEAR_BITS) as usize % FAR
    }

    /// Of the slot that has begun, or past.
    #[inline(never)]
    fn hurry(&mut self, index: u32, at: u64) {
        let within = at.saturating_sub(self.slot << SLOT);
        self.late.push(Reverse(Entry::new(within, index)));
    }

    /// A timer that is due at `now`, which is then unset.
    #[inline]
    pub(crate) fn pop(&mut self, now: Timestamp) -> Option<u32> {
        let now = now.as_nanos().min(NEVER - 1);
        loop {
            while let Some(entry) = self.soon.get(self.done).copied() {
                if (self.slot << SLOT) + entry.within() > now {
                    break;
                }
                self.done += 1;
                if self.is_due(entry, now) {
                    return Some(entry.index());
                }
            }
            if let Some(index) = self.pop_late(now) {
                return Some(index);
            }
            if !self.advance(now) {
                return None;
            }
        }
    }

    /// Once for every few of them, the timers that come up next.
    #[inline]
    pub(crate) fn ahead(&mut self) -> Option<&[Entry]> {
        if self.done <= self.announced {
            return None;
        }
        let begin = self.done;
        self.announced = (begin + AHEAD).min(self.soon.len());
        self.soon.get(begin..self.announced)
    }

    /// Whether the timer of an entry that comes up now is due, and not stale. It is then unset.
    #[inline]
    fn is_due(&mut self, entry: Entry, now: u64) -> bool {
        let timer = self.at.get_mut(entry.index() as usize).filter(|at| **at <= now);
        timer.map(|at| *at = NEVER).is_some()
    }

    #[inline]
    fn pop_late(&mut self, now: u64) -> Option<u32> {
        while let Some(&Reverse(entry)) = self.late.peek() {
            if (self.slot << SLOT) + entry.within() > now {
                break;
            }
            self.late.pop();
            if self.is_due(entry, now) {
                return Some(entry.index());
            }
        }
        None
    }

    /// Goes on when all that was due in this slot is done; false if nothing more is due at `now`.
    #[inline]
    fn advance(&mut self, now: u64) -> bool {
        if now >> SLOT == self.slot && now < self.fresh_first && !self.crowded() {
            return false;
        }
        self.turn(now)
    }

    /// Stale entries outnumber the timers by far: somebody moves timers without end.
    #[inline]
    fn crowded(&self) -> bool {
        let timers = self.at.len();
        self.cells.blocks() > 2 * SLOTS + timers
            || self.fresh.len().max(self.late.len()) > 2 * SLOTS + timers
    }

    /// Goes to the next slot in use that begins at or before `now`; false if there is none.
    #[inline(never)]
    fn turn(&mut self, now: u64) -> bool {
        if !self.fresh.is_empty() {
            self.settle();
            return true;
        }
        if self.crowded() {
            self.rebuild();
            return true;
        }
        let Some((place, begin)) = self.first().filter(|(_, begin)| *begin <= now >> SLOT) else {
            self.slot = self.slot.max(now >> SLOT);
            return false;
        };
        self.slot = begin;
        self.used[place / 64] &= !(1 << (place % 64));
        if self.used[place / 64] == 0 {
            self.words &= !(1 << (place / 64));
        }
        let Some(chain) = self.slots.get_mut(place) else { return false };
        let chain = core::mem::replace(chain, Chain::EMPTY);
        if place < NEAR {
            self.sort(chain);
        } else {
            self.spread(chain, place);
        }
        true
    }

    /// The timers of the slot that begins, in order.
    fn sort(&mut self, chain: Chain) {
        let Self { at, sorter, slot, .. } = self;
        sorter.begin(SLOT, self.soon.len());
        self.cells.drain(chain, |index| {
            if let Some(at) = at.get(index as usize).filter(|at| **at >> SLOT == *slot) {
                sorter.push(Entry::new(at % (1 << SLOT), index));
            }
        });
        sorter.finish(&mut self.soon);
        (self.done, self.announced) = (0, 0);
    }

    /// The timers of a long slot, or of the next turn, to where they belong now.
    fn spread(&mut self, mut chain: Chain, place: usize) {
        while let Some(index) = self.cells.pop(&mut chain) {
            let Some(at) = self.at.get(index as usize).copied() else { continue };
            let due = at >> SLOT;
            let beyond = place == SLOTS - 1 && due >= self.slot && at != NEVER;
            if beyond || (due ^ self.slot) >> NEAR_BITS == 0 {
                self.file(index, at);
            }
        }
    }

    /// Files what has stayed fresh.
    fn settle(&mut self) {
        for place in 0..self.fresh.len() {
            let Some((at, index)) = self.fresh.get(place).copied() else { break };
            if self.at.get(index as usize) == Some(&at) {
                self.file(index, at);
            }
        }
        self.fresh.clear();
        self.fresh_first = NEVER;
    }

    /// Files every timer anew, and none twice.
    #[cold]
    fn rebuild(&mut self) {
        self.slots.fill(Chain::EMPTY);
        (self.used, self.words) = ([0; WORDS], 0);
        self.cells = Cells::new();
        self.soon.clear();
        self.late.clear();
        for index in (0..).take(self.at.len()) {
            let at = self.at.get(index as usize).copied().unwrap_or(NEVER);
            if at != NEVER {
                self.file(index, at);
            }
        }
    }

    /// The place that begins first, and when.
    fn first(&self) -> Option<(usize, u64)> {
        // Those before the present one belong to no slot of this turn, and are empty. All that is near
        // is over before anything that is far begins.
        let word = self.words.trailing_zeros() as usize;
        let place = word * 64 + self.used.get(word)?.trailing_zeros() as usize;
        let begin = match place {
            _ if place < NEAR => (self.slot >> NEAR_BITS << NEAR_BITS) + place as u64,
            _ if place < NEAR + FAR => {
                (self.slot >> TURN_BITS << TURN_BITS) + ((place - NEAR) << NEAR_BITS) as u64
            }
            _ => ((self.slot >> TURN_BITS) + 1) << TURN_BITS,
        };
        Some((place, begin))
    }

    /// When to look next, at or before the first timer; [`Timestamp::MAX`] for never.
    pub(crate) fn next(&self) -> Timestamp {
        let begun = self.slot << SLOT;
        let soon = self.soon.get(self.done).map_or(NEVER, |entry| begun + entry.within());
        let late = self.late.peek().map_or(NEVER, |Reverse(entry)| begun + entry.within());
        let slot = self.first().map_or(NEVER, |(_, begin)| begin << SLOT);
        Timestamp::from_nanos(soon.min(late).min(slot).min(self.fresh_first))
    }

    /// Bytes on the heap.
    pub(crate) fn bytes(&self) -> usize {
        self.at.capacity() * size_of::<u64>()
            + self.slots.capacity() * size_of::<Chain>()
            + self.cells.capacity() * size_of::<u32>()
            + (self.soon.capacity() + self.late.capacity()) * size_of::<Entry>()
            + self.fresh.capacity() * size_of::<(u64, u32)>()
            + self.sorter.bytes()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::env;
    use std::hash::{BuildHasher, RandomState};
    use std::println;

    use super::*;

    /// The dull model: every timer in order of time.
    #[derive(Default)]
    struct Reference {
        timers: BTreeMap<u32, u64>,
    }

    impl Reference {
        fn set(&mut self, index: u32, at: u64) {
            self.timers.remove(&index);
            if at != u64::MAX {
                self.timers.insert(index, at);
            }
        }

        fn due(&mut self, now: u64) -> BTreeMap<u32, u64> {
            let due = self.timers.iter().filter(|(_, at)| **at <= now);
            let due: BTreeMap<u32, u64> = due.map(|(index, at)| (*index, *at)).collect();
            self.timers.retain(|_, at| *at > now);
            due
        }
    }

    struct Draws(u64);

    impl Draws {
        fn seeded() -> Self {
            let seed = env::var("REDIAL_SEED").ok().map(|seed| seed.parse().unwrap());
            let seed = seed.unwrap_or_else(|| RandomState::new().hash_one(0));
            println!("REDIAL_SEED={seed}");
            Self(seed)
        }

        fn below(&mut self, bound: u64) -> u64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            (mixed ^ (mixed >> 31)) % bound
        }

        /// From nanoseconds to years, all magnitudes alike.
        fn span(&mut self) -> u64 {
            let bits = self.below(58);
            self.below(1 << bits)
        }
    }

    fn collect(wheel: &mut Wheel, now: u64) -> BTreeMap<u32, u64> {
        let mut due = BTreeMap::new();
        while let Some(index) = wheel.pop(Timestamp::from_nanos(now)) {
            assert_eq!(due.insert(index, 0), None, "timer {index} fired twice");
        }
        due
    }

    #[test]
    fn agrees_with_a_tree_for_random_timers() {
        let mut draws = Draws::seeded();
        for _ in 0..60 {
            let (mut wheel, mut reference) = (Wheel::new(), Reference::default());
            let links = 1 + draws.below(200);
            (0..links).for_each(|index| wheel.grow(u32::try_from(index).unwrap()));
            let mut now = draws.span();
            wheel.begin(Timestamp::from_nanos(now));
            for _ in 0..400 {
                for _ in 0..draws.below(40) {
                    let index = u32::try_from(draws.below(links)).unwrap();
                    let at = match draws.below(12) {
                        0 => u64::MAX,
                        1 => now.saturating_sub(draws.span()),
                        2 => now,
                        _ => now.saturating_add(draws.span()),
                    };
                    let at_time = Timestamp::from_nanos(at);
                    if draws.below(2) == 0 {
                        wheel.set(index, at_time);
                    } else {
                        wheel.guard(index, at_time);
                    }
                    reference.set(index, at);
                }
                let first = reference.timers.values().min().copied().unwrap_or(u64::MAX);
                let next = wheel.next().as_nanos();
                assert!(next <= first.max(now), "would wake at {next}, after {first}");
                now = match draws.below(4) {
                    0 if first != u64::MAX => first.max(now),
                    1 if next != u64::MAX => next.max(now),
                    _ => (now + draws.span()).min(1 << 62),
                };
                let expected = reference.due(now);
                let due = collect(&mut wheel, now);
                assert!(due.keys().eq(expected.keys()), "at {now}: {due:?}, not {expected:?}");
                for (index, at) in &reference.timers {
                    assert_eq!(wheel.at(*index).as_nanos(), *at);
                }
            }
        }
    }

    #[test]
    fn jumping_from_wake_to_wake_reaches_every_timer() {
        let mut draws = Draws::seeded();
        let mut wheel = Wheel::new();
        let times: std::vec::Vec<u64> = (0..1000).map(|_| draws.span()).collect();
        for (index, at) in (0..).zip(&times) {
            wheel.grow(index);
            wheel.set(index, Timestamp::from_nanos(*at));
        }
        let (mut fired, mut steps) = (0, 0);
        while wheel.next() != Timestamp::MAX {
            let now = wheel.next();
            while let Some(index) = wheel.pop(now) {
                assert!(times[index as usize] <= now.as_nanos());
                fired += 1;
            }
            steps += 1;
            assert!(steps < 2_000_000, "stuck at {now}");
        }
        assert_eq!(fired, 1000);
    }

    #[test]
    fn a_timer_that_moves_to_and_fro_leaves_nothing_behind() {
        let mut wheel = Wheel::new();
        wheel.grow(0);
        let mut now = 0;
        for _ in 0..100_000_u64 {
            wheel.set(0, Timestamp::from_nanos(now + 10_000_000_000));
            wheel.set(0, Timestamp::from_nanos(now + 500_000_000));
            now += 500_000_000;
            assert_eq!(collect(&mut wheel, now).len(), 1);
        }
        // Twenty stale entries, in a few blocks, are all that ten seconds can leave.
        let cells = wheel.cells.capacity();
        assert!(cells < 128 * Cells::BLOCK, "{cells} cells");
    }

    #[test]
    fn timers_that_move_without_end_take_no_more_memory() {
        let mut wheel = Wheel::new();
        wheel.grow(0);
        for moved in 0..1_000_000 {
            wheel.set(0, Timestamp::from_nanos(3_600_000_000_000 + moved));
            if moved % 1000 == 0 {
                assert_eq!(collect(&mut wheel, moved * 100_000).len(), 0);
            }
        }
        let cells = wheel.cells.capacity();
        assert!(cells < 4 * SLOTS * Cells::BLOCK, "{cells} cells");
        assert_eq!(collect(&mut wheel, 3_601_000_000_000).len(), 1);
    }

    #[test]
    fn what_is_seldom_reached_is_reached_all_the_same() {
        for ahead in [1, 1 << SLOT, 40_000_000, 68_000_000, 10_000_000_000, 100_000_000_000_000] {
            let mut wheel = Wheel::new();
            wheel.grow(1);
            wheel.begin(Timestamp::from_nanos(12_345_678));
            wheel.guard(0, Timestamp::from_nanos(12_345_678 + ahead));
            wheel.guard(1, Timestamp::from_nanos(12_345_678 + ahead));
            wheel.set(1, Timestamp::MAX);
            assert!(wheel.next() <= Timestamp::from_nanos(12_345_678 + ahead));
            assert_eq!(collect(&mut wheel, 12_345_678 + ahead / 2).len(), 0, "{ahead}");
            assert_eq!(collect(&mut wheel, 12_345_678 + ahead - 1).len(), 0, "{ahead}");
            assert_eq!(collect(&mut wheel, 12_345_678 + ahead).len(), 1, "{ahead}");
        }
    }

    #[test]
    fn the_ends_of_turns_lose_nothing() {
        let turn = 1 << (TURN_BITS + SLOT);
        for begin in [turn - 1, turn - (1 << SLOT), turn, 2 * turn - 1, 4 * turn - (2 << SLOT)] {
            for ahead in [1, (1 << SLOT) - 1, 1 << SLOT, 2 << SLOT, turn - 1, turn, 5 * turn] {
                let mut wheel = Wheel::new();
                wheel.grow(0);
                wheel.begin(Timestamp::from_nanos(begin));
                wheel.set(0, Timestamp::from_nanos(begin + ahead));
                assert_eq!(collect(&mut wheel, begin + ahead - 1).len(), 0, "{begin} + {ahead}");
                assert_eq!(collect(&mut wheel, begin + ahead).len(), 1, "{begin} + {ahead}");
            }
        }
    }
}
