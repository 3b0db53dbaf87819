use std::collections::BTreeMap;
use std::vec;

use redial_testkit::{Random, seed};

use super::*;

/// Bytes of a block.
const BLOCK: usize = Cells::BLOCK * size_of::<u64>();

/// A wheel, and its timers.
struct Owner {
    wheel: Wheel,
    timers: Vec<Timer>,
}

#[derive(Clone, Copy)]
struct Timer {
    at: u64,
    fresh: bool,
}

impl Timers for [Timer] {
    fn at(&self, index: u32) -> u64 {
        self[index as usize].at
    }

    fn take_fresh(&mut self, index: u32) -> Option<u64> {
        let timer = &mut self[index as usize];
        core::mem::take(&mut timer.fresh).then_some(timer.at)
    }
}

impl Owner {
    fn new(count: u64) -> Self {
        let mut wheel = Wheel::new();
        let count = usize::try_from(count).unwrap();
        wheel.grow(count);
        Self { wheel, timers: vec![Timer { at: NEVER, fresh: false }; count] }
    }

    fn begin(&mut self, now: u64) {
        self.wheel.begin(Timestamp::from_nanos(now));
    }

    fn set(&mut self, index: u32, at: u64) {
        let timer = &mut self.timers[index as usize];
        if timer.at != at {
            timer.at = at;
            self.wheel.unguard(&mut timer.fresh);
            self.wheel.file(at, index);
        }
    }

    fn guard(&mut self, index: u32, at: u64) {
        let timer = &mut self.timers[index as usize];
        if timer.at != at {
            *timer = Timer { at, fresh: true };
            self.wheel.guard(at, index);
        }
    }

    fn next(&self) -> u64 {
        self.wheel.next().as_nanos()
    }

    /// A timer that is due at `now`. It is then unset, or set to what is later by `keep`.
    fn pop(&mut self, now: u64, keep: Option<u64>) -> Option<u32> {
        loop {
            let wheel = &mut self.wheel;
            let index = wheel.pop().or_else(|| wheel.pop_next(now, &mut *self.timers))?;
            let timer = &mut self.timers[index as usize];
            if timer.at <= now {
                timer.at = NEVER;
                self.wheel.unguard(&mut timer.fresh);
                if let Some(later) = keep {
                    *timer = Timer { at: now.saturating_add(later), fresh: true };
                    self.wheel.keep(timer.at);
                }
                return Some(index);
            }
        }
    }
}

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

struct Draws(Random);

impl Draws {
    fn seeded() -> Self {
        Self(Random::new(seed("timers")))
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0.number() % bound
    }

    /// From nanoseconds to years, all magnitudes alike.
    fn span(&mut self) -> u64 {
        let bits = self.below(58);
        self.below(1 << bits)
    }
}

fn collect(timers: &mut Owner, now: u64) -> BTreeMap<u32, u64> {
    let mut due = BTreeMap::new();
    while let Some(index) = timers.pop(now, None) {
        assert_eq!(due.insert(index, 0), None, "timer {index} fired twice");
    }
    due
}

#[test]
fn agrees_with_a_tree_for_random_timers() {
    let mut draws = Draws::seeded();
    for _ in 0..60 {
        let links = 1 + draws.below(200);
        let (mut timers, mut reference) = (Owner::new(links), Reference::default());
        let mut now = draws.span();
        timers.begin(now);
        for _ in 0..400 {
            for _ in 0..draws.below(40) {
                let index = u32::try_from(draws.below(links)).unwrap();
                let at = match draws.below(12) {
                    0 => u64::MAX,
                    1 => now.saturating_sub(draws.span()),
                    2 => now,
                    _ => now.saturating_add(draws.span()),
                };
                if draws.below(2) == 0 {
                    timers.set(index, at);
                } else {
                    timers.guard(index, at);
                }
                reference.set(index, at);
            }
            let first = reference.timers.values().min().copied().unwrap_or(u64::MAX);
            let next = timers.next();
            assert!(next <= first.max(now), "would wake at {next}, after {first}");
            now = match draws.below(4) {
                0 if first != u64::MAX => first.max(now),
                1 if next != u64::MAX => next.max(now),
                _ => (now + draws.span()).min(1 << 62),
            };
            let expected = reference.due(now);
            let mut due = BTreeMap::new();
            while let Some(index) = {
                let keep = (draws.below(4) == 0).then(|| 1 + draws.span());
                timers.pop(now, keep)
            } {
                assert_eq!(due.insert(index, 0), None, "timer {index} fired twice");
                let kept = timers.timers[index as usize].at;
                reference.set(index, kept);
            }
            assert!(due.keys().eq(expected.keys()), "at {now}: {due:?}, not {expected:?}");
            for (index, at) in &reference.timers {
                assert_eq!(timers.timers[*index as usize].at, *at);
            }
        }
    }
}

#[test]
fn jumping_from_wake_to_wake_reaches_every_timer() {
    let mut draws = Draws::seeded();
    let times: Vec<u64> = (0..1000).map(|_| draws.span()).collect();
    let mut timers = Owner::new(1000);
    for (index, at) in (0..).zip(&times) {
        timers.set(index, *at);
    }
    let (mut fired, mut steps) = (0, 0);
    while timers.next() != NEVER {
        let now = timers.next();
        while let Some(index) = timers.pop(now, None) {
            assert!(times[index as usize] <= now);
            fired += 1;
        }
        steps += 1;
        assert!(steps < 2_000_000, "stuck at {now}");
    }
    assert_eq!(fired, 1000);
}

#[test]
fn a_timer_that_moves_to_and_fro_leaves_nothing_behind() {
    let mut timers = Owner::new(1);
    let mut now = 0;
    for _ in 0..100_000_u64 {
        timers.set(0, now + 10_000_000_000);
        timers.set(0, now + 500_000_000);
        now += 500_000_000;
        assert_eq!(collect(&mut timers, now).len(), 1);
    }
    // Twenty stale entries, in a few blocks, are all that ten seconds can leave.
    let blocks = timers.wheel.cells.bytes() / BLOCK;
    assert!(blocks < 128, "{blocks} blocks");
}

#[test]
fn timers_that_move_without_end_take_no_more_memory() {
    let mut timers = Owner::new(1);
    for moved in 0..1_000_000 {
        timers.set(0, 3_600_000_000_000 + moved);
        if moved % 1000 == 0 {
            assert_eq!(collect(&mut timers, moved * 100_000).len(), 0);
        }
    }
    let blocks = timers.wheel.cells.bytes() / BLOCK;
    assert!(blocks < 4 * (NEAR + FAR), "{blocks} blocks");
    assert_eq!(collect(&mut timers, 3_601_000_000_000).len(), 1);
}

#[test]
fn what_is_seldom_reached_is_reached_all_the_same() {
    for ahead in [1, 1 << SLOT, 40_000_000, 68_000_000, 10_000_000_000, 100_000_000_000_000] {
        let mut timers = Owner::new(2);
        timers.begin(12_345_678);
        timers.guard(0, 12_345_678 + ahead);
        timers.guard(1, 12_345_678 + ahead);
        timers.set(1, NEVER);
        assert!(timers.next() <= 12_345_678 + ahead);
        assert_eq!(collect(&mut timers, 12_345_678 + ahead / 2).len(), 0, "{ahead}");
        assert_eq!(collect(&mut timers, 12_345_678 + ahead - 1).len(), 0, "{ahead}");
        assert_eq!(collect(&mut timers, 12_345_678 + ahead).len(), 1, "{ahead}");
    }
}

#[test]
fn the_ends_of_turns_lose_nothing() {
    let turn = 1 << (TURN_BITS + SLOT);
    for begin in [turn - 1, turn - (1 << SLOT), turn, 2 * turn - 1, 4 * turn - (2 << SLOT)] {
        for ahead in [1, (1 << SLOT) - 1, 1 << SLOT, 2 << SLOT, turn - 1, turn, 5 * turn] {
            let mut timers = Owner::new(1);
            timers.begin(begin);
            timers.set(0, begin + ahead);
            assert_eq!(collect(&mut timers, begin + ahead - 1).len(), 0, "{begin} + {ahead}");
            assert_eq!(collect(&mut timers, begin + ahead).len(), 1, "{begin} + {ahead}");
        }
    }
}

#[test]
fn a_slot_that_begins_with_a_longer_one_is_not_passed_over() {
    let long = 1 << (NEAR_BITS + SLOT);
    let mut timers = Owner::new(2);
    // In the longer one while that is far away, and in the shorter one when it is near.
    timers.set(0, 2 * long + 5);
    assert_eq!(collect(&mut timers, long + 7).len(), 0);
    timers.set(1, 2 * long + 3);
    assert_eq!(collect(&mut timers, 2 * long + 4).into_keys().next(), Some(1));
    assert_eq!(collect(&mut timers, 2 * long + 5).into_keys().next(), Some(0));
}

#[test]
fn a_dial_that_ends_in_time_is_never_filed() {
    let mut timers = Owner::new(1);
    let mut now = 0;
    for _ in 0..100_000_u64 {
        timers.guard(0, now + 10_000_000_000);
        timers.set(0, NEVER);
        now += 1_000_000;
        assert_eq!(collect(&mut timers, now).len(), 0);
    }
    assert_eq!(timers.wheel.cells.bytes(), 0);
    assert_eq!(collect(&mut timers, now + (1 << SLOT)).len(), 0);
    assert_eq!(timers.next(), NEVER);
}

#[test]
fn a_dial_without_a_deadline_has_no_timer() {
    let mut timers = Owner::new(1);
    for now in [0, 1 << SLOT, 5 << SLOT] {
        timers.set(0, now);
        assert_eq!(timers.pop(now, Some(NEVER)), Some(0));
        timers.set(0, now + (2 << SLOT));
        timers.set(0, NEVER);
    }
}
