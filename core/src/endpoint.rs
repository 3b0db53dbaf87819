//! Endpoints: what is remembered about each address, under the caller's own key.

use crate::circuit::{BreakerState, Circuit};
use crate::time::Timestamp;

/// One place that can be dialed, named by the caller's `key`, with its health.
///
/// Addresses stay with the caller: actions name keys, and a key is looked up when it is dialed. A
/// failing endpoint is put behind the others, never removed. Made by [`new`](Self::new); the
/// reconnector keeps the rest.
///
/// ```
/// use redial::{Endpoint, Event, Failure, Policy, Reconnector, Timestamp};
///
/// let addresses = ["a.example.com:7000", "b.example.com:7000"];
/// let endpoints: Vec<_> = (0..).zip(&addresses).map(|(key, _)| Endpoint::new(key)).collect();
/// let mut link = Reconnector::with_endpoints(Policy::DEFAULT, 1, endpoints);
///
/// let now = Timestamp::ORIGIN;
/// let dial = link.handle(now, Event::Start).dial().unwrap();
/// assert_eq!(addresses[dial.endpoint as usize], "a.example.com:7000");
///
/// // In the wrong role: left alone for a minute or so.
/// link.handle(now, Event::DialFailed(dial.id, Failure::Unsuitable));
/// assert!(link.endpoints()[0].parked_until() > now);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Endpoint {
    key: u32,
    pub(crate) failures: u16,
    /// Times in a row that it was unsuitable.
    pub(crate) parks: u8,
    pub(crate) flags: u8,
    /// When a server's hint ends, or a backoff of its own; 0 for none. While there is one it replaces
    /// the backoff of all.
    pub(crate) hint: u64,
    pub(crate) parked: u64,
    pub(crate) breaker: BreakerState,
}

/// The index of one that is no longer in the list.
pub(crate) const REMOVED: u16 = u16::MAX;

/// Has failed in this round.
pub(crate) const VISITED: u8 = 1;
/// Has failed since a round was last counted.
pub(crate) const ASKED: u8 = 2;
/// A failback to it has failed since the connection was stable.
pub(crate) const TRIED: u8 = 4;
/// Its hint is no server's, but a backoff of its own.
pub(crate) const CHARGED: u8 = 8;
/// What outlives the process.
pub(crate) const SAVED: u8 = VISITED | ASKED | TRIED | CHARGED;
/// An earlier endpoint of the list has the same key; this one does not count.
pub(crate) const DUPLICATE: u8 = 16;

impl Endpoint {
    /// An endpoint of which nothing is known.
    pub const fn new(key: u32) -> Self {
        Self {
            key,
            failures: 0,
            parks: 0,
            flags: 0,
            hint: 0,
            parked: 0,
            breaker: BreakerState::CLOSED,
        }
    }

    /// The caller's name for it.
    pub const fn key(&self) -> u32 {
        self.key
    }

    /// Dials failed, and connections lost before they were stable or confirmed, since the last success;
    /// saturating.
    pub const fn failures(&self) -> u16 {
        self.failures
    }

    /// Its circuit at `now`; always closed if the policy has no breaker and nobody tripped it.
    pub fn circuit(&self, now: Timestamp) -> Circuit {
        self.breaker.circuit(now.as_nanos())
    }

    /// When the server's own `RetryAfter` ends, if one is to be followed; or a backoff that is this
    /// endpoint's alone, since failbacks to it have failed or another one was dialed by its hint.
    pub fn hinted_until(&self) -> Option<Timestamp> {
        (self.hint != 0).then_some(Timestamp::from_nanos(self.hint))
    }

    /// When it may be tried again after it was `Unsuitable`; in the past if it was not.
    pub const fn parked_until(&self) -> Timestamp {
        Timestamp::from_nanos(self.parked)
    }

    /// Whether it has any of these flags.
    pub(crate) fn has(&self, flags: u8) -> bool {
        self.flags & flags != 0
    }

    pub(crate) fn set(&mut self, flag: u8, on: bool) {
        self.flags = if on { self.flags | flag } else { self.flags & !flag };
    }

    /// When its breaker and its parking are past.
    pub(crate) fn blocked_until(&self) -> u64 {
        self.breaker.until.max(self.parked)
    }

    /// When the backoff lets it be dialed, if that of all does so at `pace`.
    #[inline]
    pub(crate) fn paced(&self, pace: u64) -> u64 {
        if self.hint == 0 { pace } else { self.hint }
    }

    /// Hint, breaker and parking are past.
    pub(crate) fn eligible(&self, now: u64) -> bool {
        self.hint <= now && self.blocked_until() <= now
    }

    /// Nothing dials it before; at a clock's origin, where no hint can end, a moment later.
    fn wait_until(&mut self, until: u64) {
        self.hint = until.max(1);
    }

    /// The server has said when.
    pub(crate) fn follow_hint(&mut self, until: u64) {
        self.wait_until(until);
        self.set(CHARGED, false);
    }

    /// Nothing dials it before `until`: a backoff that is its own, and stays when that of the others
    /// changes. A server's hint goes before it.
    pub(crate) fn charge(&mut self, until: u64) {
        if self.hint == 0 {
            self.wait_until(until);
            self.set(CHARGED, true);
        }
    }

    /// Whether a backoff of its own is not yet past.
    pub(crate) fn is_charged(&self, now: u64) -> bool {
        self.has(CHARGED) && self.hint > now
    }

    /// What [`charge`](Self::charge) has imposed is over.
    pub(crate) fn discharge(&mut self) {
        if self.has(CHARGED) {
            self.forget_hint();
        }
    }

    pub(crate) fn forget_hint(&mut self) {
        self.hint = 0;
        self.set(CHARGED, false);
    }

    /// A hint that is past no longer stands in for the backoff; but an endpoint that was asked to come back
    /// after its turn in this round has the first of the next.
    pub(crate) fn forget_past_hint(&mut self, now: u64) {
        let comes_back = self.flags & (VISITED | CHARGED) == VISITED;
        if self.hint <= now && !comes_back {
            self.hint = 0;
        }
    }

    /// It may be tried again.
    pub(crate) fn next_round(&mut self, now: u64) {
        self.forget_past_hint(now);
        self.set(VISITED, false);
    }

    /// Of an outage before nothing is left but a server's hint that has not ended.
    pub(crate) fn begin_anew(&mut self, now: u64) {
        if self.has(CHARGED) || self.hint <= now {
            self.hint = 0;
        }
        self.flags &= DUPLICATE;
    }

    pub(crate) fn succeeded(&mut self) {
        self.failures = 0;
        self.parks = 0;
        self.parked = 0;
    }
}

/// Marks every endpoint whose key an earlier one has.
pub(crate) fn mark_duplicates(endpoints: &mut [Endpoint]) {
    let mut rest = endpoints;
    while let Some((first, tail)) = rest.split_first_mut() {
        for other in tail.iter_mut().filter(|other| other.key == first.key) {
            other.set(DUPLICATE, true);
        }
        rest = tail;
    }
}

/// Those that are used: every index is one, and `REMOVED` is none.
pub(crate) fn used(endpoints: &[Endpoint]) -> &[Endpoint] {
    endpoints.get(..usize::from(REMOVED)).unwrap_or(endpoints)
}

/// [`used`], to be changed.
#[inline]
pub(crate) fn used_mut(endpoints: &mut [Endpoint]) -> &mut [Endpoint] {
    let count = endpoints.len().min(usize::from(REMOVED));
    endpoints.get_mut(..count).unwrap_or_default()
}

/// Index of the endpoint with this key.
pub(crate) fn position(endpoints: &[Endpoint], key: u32) -> Option<u16> {
    let index = endpoints.iter().position(|endpoint| endpoint.key == key)?;
    u16::try_from(index).ok()
}
