//! When a breaker opens, and for how long: as the caller says it, and as it was checked.

use core::time::Duration;

use crate::error::PolicyError;
use crate::time::nanos;

/// When a breaker opens, and for how long.
///
/// ```
/// use core::time::Duration;
/// use redial::{Breaker, BreakerPolicy, Timestamp};
///
/// let policy = BreakerPolicy::consecutive(1).open_for(Duration::from_secs(10));
/// let breaker = Breaker::new(policy, 7)?;
/// breaker.allow(Timestamp::ORIGIN).unwrap().failure(Timestamp::ORIGIN);
/// let refused = breaker.allow(Timestamp::ORIGIN).unwrap_err();
/// assert!(refused.until >= Timestamp::from_origin(Duration::from_secs(10)));
/// # Ok::<(), redial::PolicyError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct BreakerPolicy {
    /// What opens it.
    pub trip: Trip,
    /// How long it stays open the first time; > 0. Stretched by up to a tenth, so that a fleet does
    /// not probe in step, except under [`Jitter::None`](crate::Jitter::None).
    pub open_for: Duration,
    /// What the open time grows to, doubling each time a probe fails; at least `open_for`.
    pub open_max: Duration,
}

/// What opens a breaker.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Trip {
    /// This many failures in a row; ≥ 1.
    Consecutive(u32),
    /// A share of failures among the last outcomes.
    Rate {
        /// How many outcomes are remembered, 1 to 64. The window slides: each outcome pushes the
        /// oldest out.
        last: u8,
        /// How many outcomes there must be before it can open, 1 to `last`.
        min: u8,
        /// The share of failures at which it opens, 1 to 100 per cent.
        percent: u8,
    },
}

impl BreakerPolicy {
    const OPEN_FOR: Duration = Duration::from_secs(10);
    const OPEN_MAX: Duration = Duration::from_secs(300);

    /// Opens after `failures` in a row; open for 10 s, doubling to 5 min.
    pub const fn consecutive(failures: u32) -> Self {
        Self {
            trip: Trip::Consecutive(failures),
            open_for: Self::OPEN_FOR,
            open_max: Self::OPEN_MAX,
        }
    }

    /// Opens when at least `percent` of the `last` outcomes are failures, and there are at least
    /// `min`; open for 10 s, doubling to 5 min.
    pub const fn rate(last: u8, min: u8, percent: u8) -> Self {
        Self {
            trip: Trip::Rate { last, min, percent },
            open_for: Self::OPEN_FOR,
            open_max: Self::OPEN_MAX,
        }
    }

    /// Sets `open_for`, and raises `open_max` to it if that is lower.
    #[must_use]
    pub const fn open_for(mut self, open_for: Duration) -> Self {
        self.open_for = open_for;
        if nanos(self.open_max) < nanos(open_for) {
            self.open_max = open_for;
        }
        self
    }

    /// Sets `open_max`; the same as `open_for` makes the open time constant.
    #[must_use]
    pub const fn open_max(mut self, open_max: Duration) -> Self {
        self.open_max = open_max;
        self
    }

    pub(crate) const fn check(self) -> Result<Rule, PolicyError> {
        match self.trip {
            Trip::Consecutive(0) => return Err(PolicyError::BreakerThresholdZero),
            Trip::Consecutive(_) => {}
            Trip::Rate { last, min, percent } => {
                if last == 0 || last > 64 {
                    return Err(PolicyError::BreakerWindowOutOfRange);
                }
                if min == 0 || min > last {
                    return Err(PolicyError::BreakerMinimumOutOfRange);
                }
                if percent == 0 || percent > 100 {
                    return Err(PolicyError::BreakerPercentOutOfRange);
                }
            }
        }
        let (open_for, open_max) = (nanos(self.open_for), nanos(self.open_max));
        if open_for == 0 {
            return Err(PolicyError::OpenForZero);
        }
        if open_max < open_for {
            return Err(PolicyError::OpenMaxBelowOpenFor);
        }
        Ok(Rule { trip: self.trip, open_for, open_max })
    }
}

/// A breaker policy that was checked, in nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Rule {
    pub(crate) trip: Trip,
    pub(crate) open_for: u64,
    pub(crate) open_max: u64,
}

impl Rule {
    pub(crate) const fn policy(&self) -> BreakerPolicy {
        BreakerPolicy {
            trip: self.trip,
            open_for: Duration::from_nanos(self.open_for),
            open_max: Duration::from_nanos(self.open_max),
        }
    }

    /// How long the `opens`-th opening in a row lasts, before it is stretched.
    pub(crate) fn open_time(&self, opens: u8) -> u64 {
        let doubled = 1_u64.checked_shl(u32::from(opens)).unwrap_or(u64::MAX);
        self.open_for.saturating_mul(doubled).min(self.open_max)
    }
}
