//! Limits of a whole fleet, and the one queue before them.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::num::NonZeroU32;
use core::time::Duration;

use redial::Timestamp;

const SECOND: u64 = 1_000_000_000;
/// The finest guess of how long a place in the queue takes.
const STEP: u64 = 1 << 20;

/// Places of the queue that may be void before it is compacted, beside as many as are not.
const VOID: usize = 64;
/// How often a link asks whether its turn has come, within the time after which it gives up.
const ASKS: u32 = 64;

/// How late an event loop may be without losing any of the rate.
const LATENESS: u64 = SECOND / 20;

/// At most so many dials in any second.
///
/// The generic cell rate algorithm. Its tolerance is what an event loop may be late, and its spacing is
/// widened by as much, so that a second with a late start still has no more.
#[derive(Clone, Copy, Debug)]
struct Rate {
    spacing: u64,
    /// The theoretical arrival time.
    arrival: u64,
}

impl Rate {
    fn new(per_second: NonZeroU32, arrival: u64) -> Self {
        let spacing = (SECOND + LATENESS).div_ceil(u64::from(per_second.get()));
        Self { spacing, arrival }
    }

    fn ready(&self) -> u64 {
        self.arrival.saturating_sub(LATENESS)
    }
}

/// Who waits for a dial, and what holds them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Limits {
    any: bool,
    rate: Option<Rate>,
    max_in_flight: Option<NonZeroU32>,
    /// Link and ticket, in the order of their tickets. An entry whose link has another ticket is void.
    queue: VecDeque<(u32, u32)>,
    /// Each link's ticket; 0 for none. Empty without limits.
    tickets: Vec<u32>,
    last: u32,
    /// How many links have a ticket.
    queued: u32,
    /// When somebody last got through, or began to wait for that; and how long it usually takes.
    granted: u64,
    gap: u64,
    /// Until when the application itself defers a link.
    deferred: BTreeMap<u32, u64>,
}

impl Limits {
    pub(crate) fn set_rate(&mut self, per_second: NonZeroU32) {
        self.any = true;
        // What was spent stays spent.
        let arrival = self.rate.map_or(0, |rate| rate.arrival);
        self.rate = Some(Rate::new(per_second, arrival));
    }

    pub(crate) fn set_in_flight(&mut self, max: NonZeroU32) {
        self.any = true;
        self.max_in_flight = Some(max);
    }

    #[inline]
    pub(crate) fn any(&self) -> bool {
        self.any
    }

    /// Nothing stands before a dial at `now`, not even another link.
    pub(crate) fn open(&self, now: Timestamp, in_flight: u32) -> bool {
        self.queue.is_empty() && self.permitted(now, in_flight)
    }

    /// The limits allow a dial at `now`, with so many in flight.
    pub(crate) fn permitted(&self, now: Timestamp, in_flight: u32) -> bool {
        self.max_in_flight.is_none_or(|max| in_flight < max.get())
            && self.rate.is_none_or(|rate| rate.ready() <= now.as_nanos())
    }

    /// A dial has begun.
    pub(crate) fn spend(&mut self, now: Timestamp) {
        let now = now.as_nanos();
        if let Some(rate) = &mut self.rate {
            rate.arrival = rate.arrival.max(now).saturating_add(rate.spacing);
        }
        let gap = now.saturating_sub(self.granted);
        self.gap = if self.queue.is_empty() { 0 } else { self.gap - self.gap / 8 + gap / 8 };
        self.granted = now;
    }

    /// A ticket for `link`, which has none, behind all others.
    pub(crate) fn join(&mut self, link: u32, now: Timestamp) -> u32 {
        if self.queue.is_empty() {
            self.granted = self.granted.max(now.as_nanos());
        }
        if self.last == u32::MAX || self.queue.len() > 2 * self.queued as usize + VOID {
            self.compact();
        }
        self.last += 1;
        self.queued += 1;
        self.queue.push_back((link, self.last));
        if self.tickets.len() <= link as usize {
            self.tickets.resize(link as usize + 1, 0);
        }
        if let Some(ticket) = self.tickets.get_mut(link as usize) {
            *ticket = self.last;
        }
        self.last
    }

    /// Drops what is void, and numbers the tickets anew.
    #[cold]
    fn compact(&mut self) {
        let Self { queue, tickets, last, .. } = self;
        *last = 0;
        queue.retain_mut(|(link, ticket)| {
            match tickets.get_mut(*link as usize).filter(|held| **held == *ticket) {
                Some(held) => {
                    *last += 1;
                    (*held, *ticket) = (*last, *last);
                    true
                }
                None => false,
            }
        });
    }

    /// The ticket of `link`; 0 for none.
    pub(crate) fn ticket(&self, link: u32) -> u32 {
        self.tickets.get(link as usize).copied().unwrap_or(0)
    }

    /// Gives a ticket up, if there is one.
    pub(crate) fn drop_ticket(&mut self, link: u32) {
        let ticket = self.tickets.get_mut(link as usize).map_or(0, core::mem::take);
        self.queued -= u32::from(ticket != 0);
    }

    /// How many links have a ticket.
    pub(crate) fn queued(&self) -> u32 {
        self.queued
    }

    pub(crate) fn first(&self) -> Option<(u32, u32)> {
        self.queue.front().copied()
    }

    pub(crate) fn leave(&mut self) {
        self.queue.pop_front();
        if self.queue.is_empty() {
            self.queue = VecDeque::new();
        }
    }

    /// How many links are before the holder of `ticket`, at least.
    fn ahead(&self, ticket: u32) -> u64 {
        let first = self.queue.front().map_or(ticket, |(_, first)| *first);
        let void = self.queue.len() - self.queued as usize;
        u64::from(ticket.saturating_sub(first)).saturating_sub(void as u64)
    }

    /// When the holder of `ticket` may expect to dial; after `now`.
    pub(crate) fn expected(&self, ticket: u32, now: Timestamp) -> Timestamp {
        let place = self.ahead(ticket) + 1;
        let (spacing, ready) = self.rate.map_or((STEP, 0), |rate| (rate.spacing, rate.ready()));
        let begin = now.as_nanos().max(ready);
        let expected = begin.saturating_add(place.saturating_mul(self.gap.max(spacing)));
        Timestamp::from_nanos(expected)
    }

    /// Until when the holder of `ticket`, who gives up after `patience`, need not ask again; after `now`.
    ///
    /// No guess: who is told a time past the end gives up at once.
    pub(crate) fn surely(&self, ticket: u32, now: Timestamp, patience: Duration) -> Timestamp {
        let ask = (patience / ASKS).max(Duration::from_nanos(1));
        let earliest = self.rate.map_or(0, |rate| {
            let wait = self.ahead(ticket).saturating_mul(rate.spacing);
            rate.arrival.max(now.as_nanos()).saturating_add(wait).saturating_sub(LATENESS)
        });
        Timestamp::from_nanos(earliest).max(now.saturating_add(ask))
    }

    /// When the first in the queue can be let through, if time is all it takes.
    pub(crate) fn wake(&self, in_flight: u32) -> Timestamp {
        if self.queue.is_empty() || self.max_in_flight.is_some_and(|max| in_flight >= max.get()) {
            return Timestamp::MAX;
        }
        Timestamp::from_nanos(self.rate.map_or(0, |rate| rate.ready()))
    }

    /// The application's own gate, which the fleet's does not lift.
    pub(crate) fn defer(&mut self, link: u32, until: Timestamp, now: Timestamp) {
        if until > now {
            self.deferred.insert(link, until.as_nanos());
        } else {
            self.deferred.remove(&link);
        }
    }

    pub(crate) fn deferred(&mut self, link: u32, now: Timestamp) -> bool {
        match self.deferred.get(&link) {
            Some(until) if *until > now.as_nanos() => true,
            Some(_) => {
                self.deferred.remove(&link);
                false
            }
            None => false,
        }
    }

    pub(crate) fn forget(&mut self, link: u32) {
        self.deferred.remove(&link);
    }

    /// Bytes on the heap, without those of the application's own gates.
    pub(crate) fn bytes(&self) -> usize {
        self.queue.capacity() * size_of::<(u32, u32)>() + self.tickets.capacity() * size_of::<u32>()
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    #[test]
    fn no_second_has_more_than_the_rate() {
        for per_second in [1, 2, 19, 20, 60, 999, 1000, 12_345] {
            let mut limits = Limits::default();
            limits.set_rate(NonZeroU32::new(per_second).unwrap());
            // An event loop that is late by up to 40 ms.
            let (mut now, mut dials) = (0_u64, Vec::new());
            while now < 5 * SECOND {
                while limits.permitted(Timestamp::from_nanos(now), 0) {
                    limits.spend(Timestamp::from_nanos(now));
                    dials.push(now);
                }
                now += (now.wrapping_mul(2_654_435_761) % 40_000_000).max(1);
            }
            for (first, begin) in dials.iter().enumerate() {
                let end = dials.partition_point(|at| *at < begin + SECOND);
                assert!(end - first <= per_second as usize, "{per_second}/s from {begin}");
            }
            let sustained = dials.len() as u64;
            assert!(sustained * 100 >= u64::from(per_second) * 5 * 94, "{per_second}: {sustained}");
        }
    }
}
