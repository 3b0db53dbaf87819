//! What a server that is too busy earns.

use core::time::Duration;

use crate::backoff::{Growth, Ratio};
use crate::rng::percent_of;

/// What a server that is too busy, or silent, does to the interval. *Down is not overloaded*: every
/// dial to an overloaded server costs it work that it will throw away.
///
/// ```
/// use core::time::Duration;
/// use redial::{Event, Failure, Growth, Jitter, Overload, Policy, Reconnector, Timestamp};
///
/// let secs = Duration::from_secs;
/// let busy = Overload::Jump { floor: secs(20), growth: Growth::ratio(2, 1), cap: secs(600) };
/// let policy = Policy::builder().overload(busy).jitter(Jitter::None).build()?;
/// let wait_after = |failure| {
///     let mut link = Reconnector::new(&policy, 1);
///     let dial = link.handle(Timestamp::ORIGIN, Event::Start).dial().unwrap();
///     link.handle(Timestamp::ORIGIN, Event::DialFailed(dial.id, failure)).wake().since_origin()
/// };
/// assert_eq!(wait_after(Failure::Unreachable), Duration::from_millis(750));
/// assert_eq!(wait_after(Failure::Overloaded), secs(20));
/// # Ok::<(), redial::PolicyError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Overload {
    /// Nothing: `Overloaded` and `TimedOut` count as `Unreachable`. Leaves a fleet stuck in 4 of 96
    /// simulated overloads.
    Ignore,
    /// An interval below `floor` jumps to it, otherwise it grows by `growth`: up to `cap` when the
    /// server said that it is overloaded, and when it is only silent up to the larger of the
    /// policy's cap and 15 % of the outage so far, if that is less.
    Jump {
        /// Shortest interval after such a failure; > 0.
        floor: Duration,
        /// Growth above the floor; at least 1.
        growth: Growth,
        /// Longest interval; at least `floor`.
        cap: Duration,
    },
}

/// [`Overload::Jump`], checked, in nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct OverloadClass {
    pub(crate) floor: u64,
    pub(crate) ratio: Ratio,
    pub(crate) cap: u64,
}

impl OverloadClass {
    pub(crate) const fn rule(&self) -> Overload {
        Overload::Jump {
            floor: Duration::from_nanos(self.floor),
            growth: self.ratio.growth(),
            cap: Duration::from_nanos(self.cap),
        }
    }

    /// The interval after `previous`, but for its cap.
    #[inline]
    pub(crate) fn grown(&self, previous: u64) -> u64 {
        if previous < self.floor { self.floor } else { self.ratio.grow(previous) }
    }

    /// Longest interval after a server that was only silent, `elapsed` into the outage, under a
    /// policy with this `cap`.
    #[inline]
    pub(crate) fn silent_cap(&self, cap: u64, elapsed: u64) -> u64 {
        cap.max(percent_of(elapsed, 15)).min(self.cap)
    }
}
