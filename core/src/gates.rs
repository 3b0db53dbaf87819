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
    /// Seed of the shuffle for this dial.
    pub(crate) shuffle: u64,
    /// Only endpoints before this index (a failback wants a better one).
    pub(crate) below: u16,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Choice {
    pub(crate) index: u16,
    /// When it may be dialed, which may be past.
    pub(crate) wake: u64,
    /// The gate that opens then.
    pub(crate) reason: WaitReason,
}

impl Gates {
    /// The backoff's gate, or the hint that replaces it.
    #[inline]
    fn paced(&self, endpoint: &Endpoint) -> u64 {
        if endpoint.hint == 0 { self.pace } else { endpoint.hint }
    }

    /// The last of the other gates.
    #[inline]
    fn blocked(&self, endpoint: &Endpoint) -> u64 {
        self.rate_limit.max(self.deferred).max(endpoint.blocked_until())
    }

    /// When `endpoint` may be dialed.
    #[inline]
    fn wake(&self, endpoint: &Endpoint) -> u64 {
        self.paced(endpoint).max(self.blocked(endpoint)).max(self.now)
    }

    /// `endpoint` is chosen. On a tie the gate that is named first holds.
    #[inline]
    pub(crate) fn choice(&self, index: u16, endpoint: &Endpoint) -> Choice {
        let wake = self.paced(endpoint);
        let reason = if endpoint.hint == 0 { self.pace_reason } else { WaitReason::Hint };
        if wake < self.blocked(endpoint) {
            return self.blocked_choice(index, endpoint);
        }
        Choice { index, wake, reason }
    }

    /// [`choice`](Self::choice), where the backoff's gate is not the last.
    #[cold]
    fn blocked_choice(&self, index: u16, endpoint: &Endpoint) -> Choice {
        let wake = self.blocked(endpoint);
        let reason = if endpoint.breaker.until == wake {
            WaitReason::Breaker
        } else if endpoint.parked == wake {
            WaitReason::Parked
        } else if self.rate_limit == wake {
            WaitReason::RateLimit
        } else {
            WaitReason::Deferred
        };
        Choice { index, wake, reason }
    }
}

impl Field {
    /// Whether this round has an endpoint left that may be dialed as far as it is concerned.
    #[inline]
    pub(crate) fn unvisited(self, endpoints: &[Endpoint], now: u64) -> bool {
        let left =
            |endpoint: &Endpoint| !endpoint.has(VISITED | DUPLICATE) && endpoint.eligible(now);
        match (endpoints, self.below) {
            ([only], 1..) => left(only),
            _ => self.candidates(endpoints).iter().any(left),
        }
    }

    fn candidates(self, endpoints: &[Endpoint]) -> &[Endpoint] {
        endpoints.get(..usize::from(self.below)).unwrap_or(endpoints)
    }

    /// The next dial: the first in order among the candidates with the least wake.
    pub(crate) fn choose(self, endpoints: &[Endpoint], gates: &Gates) -> Option<Choice> {
        let all = self.candidates(endpoints);
        let mut best: Option<(u64, u16, &Endpoint)> = None;
        let mut consider = |index: u16, endpoint| {
            let wake = gates.wake(endpoint);
            match best {
                Some((soonest, _, other))
                    if wake > soonest || (wake == soonest && !self.is_before(endpoint, other)) => {}
                _ => best = Some((wake, index, endpoint)),
            }
        };
        let start = match self.selection {
            Selection::RoundRobin => self.cursor,
            Selection::Priority { .. } | Selection::Shuffle => 0,
        };
        // In order: those before the start come last.
        let (last, first) = all.split_at_checked(start.into()).unwrap_or((all, &[]));
        for (part, start) in [(first, start), (last, 0)] {
            let mut index = start;
            for endpoint in part {
                if !endpoint.has(VISITED | DUPLICATE) {
                    consider(index, endpoint);
                }
                index = index.wrapping_add(1);
            }
        }
        best.map(|(_, index, endpoint)| gates.choice(index, endpoint))
    }

    /// Whether `endpoint`, which comes after `other`, is before it in the order that was drawn.
    fn is_before(self, endpoint: &Endpoint, other: &Endpoint) -> bool {
        let rank = |endpoint: &Endpoint| draw(self.shuffle, u64::from(endpoint.key()));
        self.selection == Selection::Shuffle && rank(endpoint) < rank(other)
    }
}
