//! Deadlines of operations. Callers have no timer of their own; the loop does.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use redial::Timestamp;

/// When something is to end, once the loop has read the clock.
#[derive(Clone, Copy, Debug)]
enum Due {
    Within(Duration),
    At(Timestamp),
}

#[derive(Debug, Default)]
pub(crate) struct Deadlines {
    pending: BTreeMap<u64, Due>,
    armed: BTreeSet<(Timestamp, u64)>,
    /// Not armed yet.
    new: Vec<u64>,
    count: u64,
}

impl Deadlines {
    pub(crate) fn add(&mut self, within: Duration) -> u64 {
        self.count += 1;
        self.pending.insert(self.count, Due::Within(within));
        self.new.push(self.count);
        self.count
    }

    pub(crate) fn remove(&mut self, number: u64) {
        if let Some(Due::At(at)) = self.pending.remove(&number) {
            self.armed.remove(&(at, number));
        }
    }

    pub(crate) fn is_expired(&self, number: u64) -> bool {
        !self.pending.contains_key(&number)
    }

    /// Arms what is new; true if anything has expired.
    pub(crate) fn tend(&mut self, now: Timestamp) -> bool {
        for number in self.new.drain(..) {
            if let Some(due) = self.pending.get_mut(&number) {
                if let Due::Within(within) = *due {
                    let at = now.saturating_add(within);
                    *due = Due::At(at);
                    self.armed.insert((at, number));
                }
            }
        }
        let mut expired = false;
        while let Some((_, number)) = self.armed.first().filter(|(at, _)| *at <= now) {
            self.pending.remove(number);
            self.armed.pop_first();
            expired = true;
        }
        expired
    }

    pub(crate) fn next(&self) -> Timestamp {
        self.armed.first().map_or(Timestamp::MAX, |(at, _)| *at)
    }
}
