//! Time is an argument: a [`Timestamp`] is a count of nanoseconds since an origin the caller picks.
//!
//! Nothing in this crate reads a clock. A timestamp has no `now()` and no panicking arithmetic;
//! every operation saturates, and [`Timestamp::MAX`] means *never*.

use core::fmt;
use core::time::Duration;

const NANOS_PER_SEC: u64 = 1_000_000_000;

/// A point in time: nanoseconds since an origin the caller picks (boot, program start, …).
///
/// The range is 584 years. The clock should not go backwards; if it does, the machine acts as if it
/// had stood still, and counts it.
///
/// ```
/// use core::time::Duration;
/// use redial::Timestamp;
///
/// let start = Timestamp::ORIGIN;
/// let later = start.saturating_add(Duration::from_millis(1500));
/// assert_eq!(later.since_origin(), Duration::from_millis(1500));
/// assert_eq!(start.saturating_since(later), Duration::ZERO);
/// assert_eq!(later.to_string(), "1.5s");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The origin itself: zero nanoseconds.
    pub const ORIGIN: Self = Self(0);
    /// Never. A deadline of `MAX` does not fire, whatever the time.
    pub const MAX: Self = Self(u64::MAX);

    /// The point `elapsed` after the origin; [`MAX`](Self::MAX) if that is past 584 years.
    pub const fn from_origin(elapsed: Duration) -> Self {
        Self(nanos(elapsed))
    }

    /// The point `nanos` nanoseconds after the origin.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the origin.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Time since the origin.
    pub const fn since_origin(self) -> Duration {
        Duration::from_nanos(self.0)
    }

    /// This point plus `delay`, at most [`MAX`](Self::MAX).
    #[must_use]
    pub const fn saturating_add(self, delay: Duration) -> Self {
        Self(self.0.saturating_add(nanos(delay)))
    }

    /// How long after `earlier` this is; zero if it is not after it.
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::MAX {
            f.write_str("never")
        } else {
            fmt::Debug::fmt(&self.since_origin(), f)
        }
    }
}

/// No limit, no deadline: further away than any time.
pub(crate) const NEVER: u64 = u64::MAX;

/// A duration in nanoseconds, saturating at 584 years.
pub(crate) const fn nanos(duration: Duration) -> u64 {
    duration.as_secs().saturating_mul(NANOS_PER_SEC).saturating_add(duration.subsec_nanos() as u64)
}
