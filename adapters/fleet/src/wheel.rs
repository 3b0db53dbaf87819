//! A timer wheel: when to look at each of a million links, at a few instructions each.
//!
//! The one fact that makes the rest predictable: a link is never told too late and may be looked at too
//! early. So a timer that moves to a later time stays where it is filed and is filed anew when that
//! slot comes, and one that moves to an earlier time leaves a stale entry behind, which is dropped when
//! its slot comes.

use alloc::collections::BinaryHeap;
use alloc::vec::Vec;
use core::cmp::Reverse;

use redial::Timestamp;

use crate::cells::{Cells, Chain};

/// Nanoseconds of a tick, as a power of two: 2²⁰ ns ≈ 1.05 ms.
const TICK: u32 = 20;
/// Slots of a level, as a power of two.
const SLOT: usize = 8;
const SLOTS: usize = 1 << SLOT;
/// Words of one bit for each slot of a level.
const WORDS: usize = SLOTS / 64;
const LEVELS: usize = 3;
/// All ticks of one turn of the highest level, 4.9 hours.
const TURN: u64 = (1 << (SLOT * LEVELS)) - 1;
/// The bits of a tick that are kept: one more than a turn, so that it is known which of two is first.
const LOW: u32 = (1 << (SLOT * LEVELS + 1)) - 1;
/// In no slot.
const NOWHERE: u32 = u32::MAX;
/// Not set.
const NEVER: u64 = u64::MAX;

/// Timers by index, each at most once.
#[derive(Clone, Debug)]
pub(crate) struct Wheel {
    /// When each timer is due, exactly.
    at: Vec<u64>,
    /// The low bits of the tick under which it is filed.
    filed: Vec<u32>,
    /// The last level has one slot, for what is beyond this turn.
    levels: [[Chain; SLOTS]; LEVELS + 1],
    /// Slots in use, one bit each.
    used: [[u64; WORDS]; LEVELS + 1],
    cells: Cells,
    /// The tick that has begun.
    tick: u64,
    /// What is left of its slot.
    rest: Chain,
    /// Timers of this tick, to the nanosecond.
    near: BinaryHeap<Reverse<(u64, u32)>>,
}

impl Wheel {
    pub(crate) const fn new() -> Self {
        Self {
            at: Vec::new(),
            filed: Vec::new(),
            levels: [[Chain::EMPTY; SLOTS]; LEVELS + 1],
            used: [[0; WORDS]; LEVELS + 1],
            cells: Cells::new(),
            tick: 0,
            rest: Chain::EMPTY,
            near: BinaryHeap::new(),
        }
    }

    /// Makes room for the timer `index`, unset.
    pub(crate) fn grow(&mut self, index: u32) {
        let len = index as usize + 1;
        if len > self.at.len() {
            self.at.resize(len, NEVER);
            self.filed.resize(len, NOWHERE);
        }
    }

    /// Lets time begin at `now`, if no timer is filed yet.
    pub(crate) fn begin(&mut self, now: Timestamp) {
        if self.first().is_none() && self.rest == Chain::EMPTY && self.near.is_empty() {
            self.tick = self.tick.max(now.as_nanos() >> TICK);
        }
    }

    pub(crate) fn reserve(&mut self, additional: usize) {
        self.at.reserve_exact(additional);
        self.filed.reserve_exact(additional);
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
        let tick = self.tick;
        let (Some(timer), Some(filed)) =
            (self.at.get_mut(index as usize), self.filed.get(index as usize))
        else {
            return;
        };
        *timer = at;
        if at == NEVER {
            return;
        }
        // The filed tick is at most one turn away, so its low bits say how far.
        let ahead = u64::from(filed.wrapping_sub(low(tick)) & LOW);
        let due = (at >> TICK).saturating_sub(tick);
        let early = *filed != NOWHERE && due >= ahead && due > 0;
        if !early {
            self.file(index, at);
        }
    }

    fn file(&mut self, index: u32, at: u64) {
        let Some(filed) = self.filed.get_mut(index as usize) else { return };
        let mut due = at >> TICK;
        if due <= self.tick {
            *filed = low(self.tick);
            self.near.push(Reverse((at, index)));
            return;
        }
        let mut level = (due ^ self.tick).ilog2() as usize / SLOT;
        if level >= LEVELS {
            // Beyond this turn it is looked at when the next one begins.
            level = LEVELS;
            due = (self.tick | TURN) + 1;
        }
        *filed = low(due);
        #[expect(clippy::cast_possible_truncation, reason = "eight bits are asked for")]
        let slot = (due >> (level * SLOT)) as usize % SLOTS;
        let slot = if level == LEVELS { 0 } else { slot };
        self.used[level][slot / 64] |= 1 << (slot % 64);
        self.cells.push(&mut self.levels[level][slot], index);
    }

    /// A timer that is due at `now`, which is then unset. They do not come in order.
    pub(crate) fn pop(&mut self, now: Timestamp) -> Option<u32> {
        let now = now.as_nanos();
        loop {
            // First what is left of this tick's slot.
            while let Some(index) = self.cells.pop(&mut self.rest) {
                if self.due(index, now) {
                    return Some(index);
                }
            }
            while let Some(&Reverse((at, index))) = self.near.peek() {
                if at > now {
                    break;
                }
                self.near.pop();
                if self.due(index, now) {
                    return Some(index);
                }
            }
            if !self.advance(now >> TICK) {
                return None;
            }
        }
    }

    /// Whether an entry that comes up now is a timer that is due. One that is not is filed anew.
    #[inline]
    fn due(&mut self, index: u32, now: u64) -> bool {
        let (Some(at), Some(filed)) =
            (self.at.get_mut(index as usize), self.filed.get_mut(index as usize))
        else {
            return false;
        };
        if *filed != low(self.tick) {
            return false;
        }
        *filed = NOWHERE;
        if *at <= now {
            *at = NEVER;
            return true;
        }
        let at = *at;
        if at != NEVER {
            self.file(index, at);
        }
        false
    }

    /// Goes to the next slot that begins at or before `target`; false if there is none.
    fn advance(&mut self, target: u64) -> bool {
        let Some((level, slot, begin)) = self.first().filter(|(.., begin)| *begin <= target) else {
            // What was near is past when its tick is.
            self.tick = self.tick.max(target);
            return false;
        };
        self.tick = begin;
        self.used[level][slot / 64] &= !(1 << (slot % 64));
        let mut chain = core::mem::replace(&mut self.levels[level][slot], Chain::EMPTY);
        if level == 0 {
            self.rest = chain;
            return true;
        }
        // Nearer, by the times that hold now, without what was filed elsewhere since.
        let span = (1_u32 << (SLOT * level)) - 1;
        while let Some(index) = self.cells.pop(&mut chain) {
            let (Some(at), Some(filed)) =
                (self.at.get(index as usize), self.filed.get_mut(index as usize))
            else {
                continue;
            };
            if *filed == NOWHERE || (*filed ^ low(begin)) & !span != 0 {
                continue;
            }
            *filed = NOWHERE;
            let at = *at;
            if at != NEVER {
                self.file(index, at);
            }
        }
        true
    }

    /// The slot that begins first, and its tick. What is ahead on one level is over before anything on
    /// the next begins.
    #[inline]
    fn first(&self) -> Option<(usize, usize, u64)> {
        let used = self.used.as_flattened();
        let word = used.iter().position(|word| *word != 0)?;
        let level = word / WORDS;
        // Slots before the current one belong to no tick of this turn, and are empty.
        let slot = word % WORDS * 64 + used[word].trailing_zeros() as usize;
        let begin = if level == LEVELS {
            (self.tick | TURN) + 1
        } else {
            let shift = SLOT * level;
            self.tick >> (shift + SLOT) << (shift + SLOT) | (slot as u64) << shift
        };
        Some((level, slot, begin))
    }

    /// When to look next, at or before the first timer; [`Timestamp::MAX`] for never.
    pub(crate) fn next(&self) -> Timestamp {
        if self.rest != Chain::EMPTY {
            return Timestamp::from_nanos(self.tick << TICK);
        }
        let near = self.near.peek().map_or(NEVER, |Reverse((at, _))| *at);
        let slot = self.first().map_or(NEVER, |(.., begin)| begin << TICK);
        Timestamp::from_nanos(near.min(slot))
    }

    /// Bytes on the heap.
    pub(crate) fn bytes(&self) -> usize {
        self.at.capacity() * size_of::<u64>()
            + (self.filed.capacity() + self.cells.capacity()) * size_of::<u32>()
            + self.near.capacity() * size_of::<(u64, u32)>()
    }
}

#[inline]
const fn low(tick: u64) -> u32 {
    #[expect(clippy::cast_possible_truncation, reason = "the low bits are what is asked for")]
    let low = tick as u32 & LOW;
    low
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
                    wheel.set(index, Timestamp::from_nanos(at));
                    reference.set(index, at);
                }
                let first = reference.timers.values().min().copied().unwrap_or(u64::MAX);
                let next = wheel.next().as_nanos();
                assert!(next <= first, "would wake at {next}, after {first}");
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
    fn the_ends_of_turns_lose_nothing() {
        let turn = (TURN + 1) << TICK;
        for begin in [turn - 1, turn - (1 << TICK), turn, 2 * turn - 1, 4 * turn - (2 << TICK)] {
            for ahead in [1, (1 << TICK) - 1, 1 << TICK, 2 << TICK, turn - 1, turn, 5 * turn] {
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
