//! Draws that can be replayed, and policies with short times.

use std::time::Duration;

use redial::{
    Action, Backoff, BreakerPolicy, DialId, Event, Failure, FirstRetry, Jitter, Policy, Refresh,
    Timestamp,
};
use redial_testkit::{Random, seed};

/// Random numbers, from a seed that is printed.
pub(crate) struct Draws(Random);

impl Draws {
    pub(crate) fn seeded() -> Self {
        Self(Random::new(seed("draws")))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0.number()
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub(crate) fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// From nanoseconds to a day, all magnitudes alike.
    pub(crate) fn span(&mut self) -> u64 {
        let bits = self.below(46);
        self.below(1 << bits)
    }

    /// Something that might happen to a link with this action, sensible more often than not.
    pub(crate) fn event(&mut self, now: Timestamp, action: &Action) -> Event {
        let known = action.dial().map(|dial| dial.id).or(action.held());
        let id = match known {
            Some(id) if !self.one_in(8) => id,
            _ => DialId::new(1 + self.below(6)).unwrap(),
        };
        let soon = now.saturating_add(Duration::from_nanos(self.span()));
        match self.below(20) {
            0..4 => Event::DialFailed(id, self.failure()),
            4..8 => Event::Connected(id),
            8..11 => Event::Closed(id, self.failure()),
            11 => Event::Progress(id),
            12 => Event::Confirmed(id),
            13 => Event::Activity(id),
            14 => Event::GoingAway(id, self.one_in(2).then_some(soon)),
            15 => Event::Redial,
            16 => Event::DialAborted(id),
            17 if self.one_in(3) => Event::Stop,
            18 => [Event::Offline, Event::Online][usize::from(!self.one_in(3))],
            19 if self.one_in(3) => Event::Defer(soon),
            _ => Event::Start,
        }
    }

    fn failure(&mut self) -> Failure {
        let delay = Duration::from_nanos(self.span());
        match self.below(8) {
            0..4 => Failure::Unreachable,
            4 => Failure::TimedOut,
            5 => Failure::Overloaded,
            6 => Failure::RetryAfter { delay, spread: delay / 2 },
            _ => Failure::Unsuitable,
        }
    }
}

/// Policies that reach every state.
pub(crate) fn policies() -> Vec<Policy> {
    let (millis, seconds) = (Duration::from_millis, Duration::from_secs);
    let quick = Policy::builder()
        .backoff(Backoff::exponential(millis(1), 2, 1))
        .cap(millis(100))
        .stable_after(millis(50))
        .rate_limit(100, millis(1));
    vec![
        Policy::DEFAULT,
        quick.clone().build().unwrap(),
        quick
            .clone()
            .first_retry(FirstRetry::Immediate)
            .jitter(Jitter::None)
            .max_age(seconds(1))
            .idle_timeout(millis(300))
            .build()
            .unwrap(),
        quick
            .clone()
            .max_elapsed(seconds(2))
            .breaker(BreakerPolicy::consecutive(2).open_for(millis(100)))
            .refresh(Refresh::BreakFirst)
            .build()
            .unwrap(),
        quick.max_attempts(3).startup_splay(millis(40)).build().unwrap(),
    ]
}
