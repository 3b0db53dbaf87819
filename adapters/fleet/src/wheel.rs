//! A timer wheel: when to look at each of a million links, at a few instructions each.
//!
//! The one fact that makes the rest predictable: whoever owns a timer keeps its time, and what is filed
//! here is when to look again. So a timer that moves leaves its old entry behind, which is dropped when
//! its slot comes, and nothing is ever searched for. The slot that has begun is sorted.
//!
//! Most dials end long before their deadline. Theirs are *fresh*: they are filed only when the slot in
//! which they were set has ended, if the dial has not.

use alloc::collections::BinaryHeap;
use alloc::vec::Vec;
use core::cmp::Reverse;

use redial::Timestamp;

use crate::cells::{Cells, Chain};
use crate::order::{Entry, SLOT, Sorter};
use crate::ring::Ring;

/// Slots that are kept apart, 69 s of them; most waits are shorter, and are filed once.
const NEAR: usize = 1024;
/// Slots as long as all of these together, 4.9 hours of them; what is beyond is filed every so often.
const FAR: usize = 256;
const NEAR_BITS: u32 = NEAR.ilog2();
const TURN_BITS: u32 = NEAR_BITS + FAR.ilog2();
/// Timers that are announced together.
const AHEAD: usize = 32;
/// Blocks of entries that are not too many, beside one for each timer: every slot may have begun one.
const BLOCKS: usize = NEAR + FAR;
/// Not set.
pub(crate) const NEVER: u64 = u64::MAX;

/// Whoever owns the timers of a wheel.
pub(crate) trait Timers {
    /// When a timer is due; [`NEVER`] if it is not set.
    fn at(&self, index: u32) -> u64;

    /// When a timer is due if it is fresh, which it is not from now on.
    fn take_fresh(&mut self, index: u32) -> Option<u64>;
}

/// Where timers are filed, by index.
#[derive(Clone, Debug)]
pub(crate) struct Wheel {
    /// How many timers there may be.
    count: usize,
    /// The slot that has begun.
    slot: u64,
    /// Its timers in order, and how many of them are done.
    soon: Vec<Entry>,
    done: usize,
    /// How far they are due.
    ripe: Entry,
    /// How many of them have been announced.
    announced: usize,
    cells: Cells,
    near: Ring<NEAR, { NEAR / 64 }>,
    far: Ring<FAR, { FAR / 64 }>,
    /// What is looked at when the next turn of the far slots begins.
    beyond: Chain,
    /// How many timers are fresh, at most; and the first that is, or was.
    fresh: usize,
    fresh_first: u64,
    /// They are here, or among those of this slot that are done; of these, how many are not.
    guarded: Vec<u32>,
    settled: usize,
    /// Timers that were set when their slot had begun.
    late: BinaryHeap<Reverse<Entry>>,
    sorter: Sorter,
}

impl Wheel {
    pub(crate) fn new() -> Self {
        Self {
            count: 0,
            slot: 0,
            soon: Vec::new(),
            done: 0,
            ripe: Entry(0),
            announced: 0,
            cells: Cells::new(),
            near: Ring::new(),
            far: Ring::new(),
            beyond: Chain::EMPTY,
            fresh: 0,
            fresh_first: NEVER,
            guarded: Vec::new(),
            settled: 0,
            late: BinaryHeap::new(),
            sorter: Sorter::new(),
        }
    }

    /// There may be so many timers.
    pub(crate) fn grow(&mut self, count: usize) {
        self.count = self.count.max(count);
    }

    /// Lets time begin at `now`, if no timer is filed yet.
    pub(crate) fn begin(&mut self, now: Timestamp) {
        if self.next() == Timestamp::MAX {
            self.slot = self.slot.max(now.as_nanos() >> SLOT);
        }
    }

    /// Files a timer that is now due `at`; never is not filed.
    #[expect(clippy::inline_always, reason = "half of what it takes would be the call")]
    #[inline(always)]
    pub(crate) fn file(&mut self, at: u64, index: u32) {
        if at == NEVER {
            return;
        }
        let due = at >> SLOT;
        // After this slot, and before that which has its place next time.
        if due.wrapping_sub(self.slot + 1) < NEAR as u64 - 1 {
            self.near.push(&mut self.cells, due, Entry::new(at, index).0);
        } else {
            self.file_apart(at, index);
        }
    }

    /// As [`file`](Self::file), for a timer that will probably be set anew before it is due, and is fresh
    /// from now on: it is filed when this slot ends, if it is still fresh then.
    #[inline]
    pub(crate) fn guard(&mut self, at: u64, index: u32) {
        self.keep(at);
        self.guarded.push(index);
    }

    /// As [`guard`](Self::guard), for a timer that was popped just now.
    #[inline]
    pub(crate) fn keep(&mut self, at: u64) {
        self.fresh += 1;
        if at < self.fresh_first {
            self.fresh_first = at;
        }
    }

    /// A timer that is set in another way is not `fresh` any more.
    #[inline]
    pub(crate) fn unguard(&mut self, fresh: &mut bool) {
        self.fresh -= usize::from(core::mem::take(fresh));
    }

    /// Of the slot that has begun, or past, or far off.
    #[inline(never)]
    fn file_apart(&mut self, at: u64, index: u32) {
        let due = at >> SLOT;
        if due <= self.slot {
            let within = at.max(self.slot << SLOT);
            self.late.push(Reverse(Entry::new(within, index)));
        } else if (due >> NEAR_BITS) - (self.slot >> NEAR_BITS) < FAR as u64 {
            self.far.push(&mut self.cells, due >> NEAR_BITS, index.into());
        } else {
            if self.beyond.is_full() {
                self.beyond = self.cells.extend(self.beyond);
            }
            self.cells.push(&mut self.beyond, index.into());
        }
    }

    /// A timer that may be due: if it is not, this was a stale entry of it. Otherwise it is no longer
    /// filed. `None` if [`pop_next`](Self::pop_next) is to be asked.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<u32> {
        let entry = self.soon.get(self.done).filter(|entry| **entry < self.ripe)?;
        self.done += 1;
        Some(entry.index())
    }

    /// Once for every few timers, those that come up next.
    #[inline]
    pub(crate) fn ahead(&mut self) -> Option<&[Entry]> {
        if self.done < self.announced {
            return None;
        }
        let begin = self.done;
        self.announced = (begin + AHEAD).min(self.soon.len());
        self.soon.get(begin..self.announced)
    }

    /// As [`pop`](Self::pop), up to `now`; `None` if nothing more is due.
    #[inline(never)]
    pub(crate) fn pop_next(
        &mut self,
        now: u64,
        timers: &mut (impl Timers + ?Sized),
    ) -> Option<u32> {
        if now >> SLOT == self.slot {
            self.ripe = Entry::new(now, u32::MAX);
            if let Some(index) = self.pop() {
                return Some(index);
            }
            let late = self.late.peek().is_some_and(|entry| entry.0 < self.ripe);
            if !late && now < self.fresh_first && !self.crowded() {
                return None;
            }
        }
        self.pop_apart(now, timers)
    }

    /// As [`pop_next`](Self::pop_next), when that is not in order, or another slot begins.
    #[inline(never)]
    fn pop_apart(&mut self, now: u64, timers: &mut (impl Timers + ?Sized)) -> Option<u32> {
        loop {
            let over = now >> SLOT > self.slot;
            self.ripe = if over { Entry::LAST } else { Entry::new(now, u32::MAX) };
            if let Some(index) = self.pop() {
                return Some(index);
            }
            if let Some(Reverse(entry)) = self.late.peek().filter(|entry| entry.0 < self.ripe) {
                let index = entry.index();
                self.late.pop();
                self.guarded.push(index);
                return Some(index);
            }
            if !(over || now >= self.fresh_first || self.crowded()) || !self.turn(now, timers) {
                return None;
            }
        }
    }

    /// Stale entries outnumber the timers by far: somebody moves timers without end.
    fn crowded(&self) -> bool {
        let many = BLOCKS + self.count;
        self.cells.blocks() > many || self.guarded.len().max(self.late.len()) > many
    }

    /// Goes to the next slot in use that begins at or before `now`; false if there is none.
    fn turn(&mut self, now: u64, timers: &mut (impl Timers + ?Sized)) -> bool {
        if self.fresh > 0 || self.fresh_first != NEVER || !self.guarded.is_empty() {
            self.settle(timers);
            return true;
        }
        if self.crowded() {
            self.rebuild(timers);
            return true;
        }
        let present = now >> SLOT;
        let (near, far, beyond) = self.first();
        let first = near.min(far).min(beyond);
        if first > present {
            self.slot = self.slot.max(present);
            return false;
        }
        // What a longer slot holds may belong to the shorter one that begins with it.
        self.slot = first;
        if first == beyond {
            let chain = core::mem::replace(&mut self.beyond, Chain::EMPTY);
            self.spread(chain, true, timers);
        }
        if first == far {
            let chain = self.far.take(first >> NEAR_BITS);
            self.spread(chain, false, timers);
        }
        if first == near {
            let chain = self.near.take(first);
            self.sorter.sort(&mut self.cells, chain, &mut self.soon);
            (self.done, self.announced, self.settled) = (0, 0, 0);
        }
        true
    }

    /// The timers of a longer slot, to where they belong now; without `all`, only those that are still of
    /// it.
    fn spread(&mut self, mut chain: Chain, all: bool, timers: &(impl Timers + ?Sized)) {
        while let Some(entry) = self.cells.pop(&mut chain) {
            let index = Entry(entry).index();
            let at = timers.at(index);
            let due = at >> SLOT;
            let here = due >> NEAR_BITS == self.slot >> NEAR_BITS;
            if here || all && due >= self.slot {
                self.file(at, index);
            }
        }
    }

    /// Files what has stayed fresh: mostly the last.
    fn settle(&mut self, timers: &mut (impl Timers + ?Sized)) {
        while let (Some(index), true) = (self.guarded.pop(), self.fresh > 0) {
            self.file_fresh(index, timers);
        }
        self.guarded.clear();
        let soon = core::mem::take(&mut self.soon);
        let done = soon.get(self.settled..self.done).unwrap_or_default();
        for entry in done.iter().rev() {
            if self.fresh == 0 {
                break;
            }
            self.file_fresh(entry.index(), timers);
        }
        (self.soon, self.settled) = (soon, self.done);
        (self.fresh, self.fresh_first) = (0, NEVER);
    }

    #[inline]
    fn file_fresh(&mut self, index: u32, timers: &mut (impl Timers + ?Sized)) {
        if let Some(at) = timers.take_fresh(index) {
            self.fresh -= 1;
            self.file(at, index);
        }
    }

    /// Files every timer anew, and none twice.
    #[cold]
    fn rebuild(&mut self, timers: &mut (impl Timers + ?Sized)) {
        *self = Self { count: self.count, slot: self.slot, ..Self::new() };
        for index in (0..).take(self.count) {
            timers.take_fresh(index);
            self.file(timers.at(index), index);
        }
    }

    /// When the first slot of each length in use begins; [`NEVER`] if there is none.
    #[inline]
    fn first(&self) -> (u64, u64, u64) {
        let near = self.near.first(self.slot).unwrap_or(NEVER);
        let far = self.far.first(self.slot >> NEAR_BITS).map_or(NEVER, |slot| slot << NEAR_BITS);
        let beyond = match self.beyond {
            Chain::EMPTY => NEVER,
            _ => ((self.slot >> TURN_BITS) + 1) << TURN_BITS,
        };
        (near, far, beyond)
    }

    /// When to look next, at or before the first timer; [`Timestamp::MAX`] for never.
    pub(crate) fn next(&self) -> Timestamp {
        let begun = self.slot << SLOT;
        let late = self.late.peek().map_or(NEVER, |Reverse(entry)| begun + entry.within());
        let early = late.min(self.fresh_first);
        if let Some(entry) = self.soon.get(self.done) {
            return Timestamp::from_nanos(early.min(begun + entry.within()));
        }
        let (near, far, beyond) = self.first();
        let first = match near.min(far).min(beyond) {
            NEVER => NEVER,
            slot => slot << SLOT,
        };
        Timestamp::from_nanos(early.min(first))
    }

    /// Bytes on the heap.
    pub(crate) fn bytes(&self) -> usize {
        self.cells.bytes()
            + Ring::<NEAR, { NEAR / 64 }>::BYTES
            + Ring::<FAR, { FAR / 64 }>::BYTES
            + (self.soon.capacity() + self.late.capacity()) * size_of::<Entry>()
            + self.guarded.capacity() * size_of::<u32>()
            + Sorter::BYTES
    }
}

#[cfg(test)]
mod tests;
