//! The wake rule: one pure function says when, where and why the next dial may start.
//!
//! A candidate's wake is the latest of its gates, so no two mechanisms ever sleep one after the
//! other. The selection picks among the candidates that may be dialed soonest.

use crate::action::WaitReason;
use crate::endpoint::{DUPLICATE, Endpoint, VISITED};
use crate::policy::Selection;
use crate::rng::draw;

/// The gates that are the same for every endpoint.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gates {
    pub(crate) now: u64,
    /// Backoff, or what stands in its place.
    pub(crate) pace: u64,
    pub(crate) pace_reason: WaitReason,
    pub(crate) rate_limit: u64,
    pub(crate) deferred: u64,
}

/// Who may be chosen, and in which order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    pub(crate) selection: Selection,
    /// Where the round robin stands.
    pub(crate) cursor: u16,
    /// Seed of this round's shuffle.
    pub(crate) shuffle: u64,
    /// Only endpoints before this index (a failback wants a better one).
    pub(crate) below: u16,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Choice {
    pub(crate) index: u16,
    /// Now, or when to look again.
    pub(crate) wake: u64,
    pub(crate) reason: WaitReason,
}

impl Gates {
    /// When `endpoint` may be dialed, and the gate that says so. On a tie the first named holds.
    fn wake(&self, endpoint: &Endpoint) -> (u64, WaitReason) {
        let mut wake = if endpoint.hint == 0 {
            (self.pace, self.pace_reason)
        } else {
            (endpoint.hint, WaitReason::Hint)
        };
        for gate in [
            (endpoint.breaker.ready(), WaitReason::Breaker),
            (endpoint.parked, WaitReason::Parked),
            (self.rate_limit, WaitReason::RateLimit),
            (self.deferred, WaitReason::Deferred),
        ] {
            if gate.0 > wake.0 {
                wake = gate;
            }
        }
        (wake.0.max(self.now), wake.1)
    }
}

impl Field {
    /// The endpoints that count, with their indices.
    fn indexed(self, endpoints: &[Endpoint]) -> impl Iterator<Item = (u16, &Endpoint)> {
        (0..self.below).zip(endpoints).filter(|(_, endpoint)| !endpoint.has(DUPLICATE))
    }

    /// Whether this round has an endpoint left that may be dialed as far as it is concerned.
    pub(crate) fn unvisited(self, endpoints: &[Endpoint], now: u64) -> bool {
        self.indexed(endpoints)
            .any(|(_, endpoint)| !endpoint.has(VISITED) && endpoint.eligible(now))
    }

    /// How late in the order an endpoint comes.
    fn rank(self, index: u16, endpoint: &Endpoint) -> u64 {
        match self.selection {
            // Those before the cursor come after all others.
            Selection::RoundRobin => u64::from(index.wrapping_sub(self.cursor)),
            Selection::Priority { .. } => u64::from(index),
            Selection::Shuffle => draw(self.shuffle, u64::from(endpoint.key())),
        }
    }

    /// The next dial: the first in order among the candidates with the least wake.
    pub(crate) fn choose(self, endpoints: &[Endpoint], gates: &Gates) -> Option<Choice> {
        let mut best: Option<(Choice, u64)> = None;
        for (index, endpoint) in self.indexed(endpoints) {
            if endpoint.has(VISITED) {
                continue;
            }
            let (wake, reason) = gates.wake(endpoint);
            let rank = self.rank(index, endpoint);
            if best.is_none_or(|(other, other_rank)| (wake, rank) < (other.wake, other_rank)) {
                best = Some((Choice { index, wake, reason }, rank));
            }
        }
        best.map(|(choice, _)| choice)
    }
}
