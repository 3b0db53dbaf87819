//! The wake rule: one pure function says when, where and why the next dial may start.
//!
//! A candidate's wake is the latest of its gates, so no two mechanisms ever sleep one after the
//! other. The selection picks among the candidates that may be dialed soonest.

use crate::action::WaitReason;
use crate::endpoint::{CHARGED, DUPLICATE, Endpoint, VISITED};
use crate::policy::Selection;
use crate::rng::draw;
use crate::time::NEVER;

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
    /// The endpoint that comes last, since its server goes away.
    pub(crate) last: u16,
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
    /// The last of the other gates.
    #[inline]
    fn blocked(&self, endpoint: &Endpoint) -> u64 {
        self.rate_limit.max(self.deferred).max(endpoint.blocked_until())
    }

    /// When `endpoint` may be dialed.
    #[inline]
    fn wake(&self, endpoint: &Endpoint) -> u64 {
        endpoint.paced(self.pace).max(self.blocked(endpoint)).max(self.now)
    }

    /// Whether `endpoint` may be dialed now.
    pub(crate) fn is_open(&self, endpoint: &Endpoint) -> bool {
        self.wake(endpoint) <= self.now
    }

    /// `endpoint` is chosen. On a tie the gate that is named first holds. A backoff of its own is a hint
    /// here, so that the many who have none pay nothing for it.
    #[inline]
    pub(crate) fn choice(&self, index: u16, endpoint: &Endpoint) -> Choice {
        let wake = endpoint.paced(self.pace);
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

    #[inline]
    fn candidates(self, endpoints: &[Endpoint]) -> &[Endpoint] {
        endpoints.get(..usize::from(self.below)).unwrap_or(endpoints)
    }

    /// The next dial: the first in order among the candidates with the least wake.
    pub(crate) fn choose(self, endpoints: &[Endpoint], gates: &Gates) -> Option<Choice> {
        let (mut best, mut soonest, mut first) = (None, NEVER, NEVER);
        let mut next: u16 = 0;
        for endpoint in self.candidates(endpoints) {
            let index = next;
            next = next.wrapping_add(1);
            if endpoint.has(VISITED | DUPLICATE) {
                continue;
            }
            let (wake, rank) = (gates.wake(endpoint), self.rank(index, endpoint));
            // One that may never be dialed is a candidate too, hence `<=`.
            if wake < soonest || (wake == soonest && rank <= first) {
                (best, soonest, first) = (Some((index, endpoint)), wake, rank);
            }
        }
        let (index, endpoint) = best?;
        let mut choice = gates.choice(index, endpoint);
        if choice.reason == WaitReason::Hint && endpoint.has(CHARGED) {
            choice.reason = WaitReason::Backoff;
        }
        Some(choice)
    }

    /// Its place in the order.
    #[inline]
    fn rank(self, index: u16, endpoint: &Endpoint) -> u64 {
        if index == self.last {
            return NEVER;
        }
        match self.selection {
            // Those before the cursor come last.
            Selection::RoundRobin => index.wrapping_sub(self.cursor).into(),
            Selection::Priority { .. } => index.into(),
            Selection::Shuffle => draw(self.shuffle, endpoint.key().into()),
        }
    }
}
