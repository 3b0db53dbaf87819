//! Backoff: the interval that a run of failures has earned, before jitter.

use core::fmt;
use core::num::NonZeroU64;
use core::time::Duration;

use crate::time::nanos;

/// The shape of the growing interval between dials.
///
/// The interval is state, clamped before it grows, so the four-billionth failure costs what the
/// first did and nothing overflows. Every shape is clamped to the policy's `[floor, cap]`, then
/// jittered.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Backoff {
    /// Never dial again: the first failure or loss gives up, with `GiveUpReason::PolicyNever`, however
    /// many endpoints there are and whatever the server asks for; only a handover's dial that is in
    /// flight goes on. For processes that a supervisor restarts.
    Never,
    /// The same interval every time.
    Fixed(Duration),
    /// `initial`, `initial + step`, `initial + 2 × step`, …
    Linear {
        /// The first interval.
        initial: Duration,
        /// What each further failure adds.
        step: Duration,
    },
    /// `initial`, `initial × growth`, `initial × growth²`, …
    Exponential {
        /// The first interval.
        initial: Duration,
        /// What each further failure multiplies by; at least 1. An interval of so few nanoseconds
        /// that the product rounds down to it does not grow.
        growth: Growth,
    },
    /// The intervals of a table, in order, and then what `then` says.
    Table {
        /// At least one interval.
        delays: &'static [Duration],
        /// What happens after the last one.
        then: After,
    },
    /// A pure function from what happened so far to the next interval, `None` to give up (not while a
    /// connection works, see [`After::Stop`]).
    ///
    /// Fibonacci from its previous interval, and decorrelated jitter (AWS Architecture Blog, 2015)
    /// from the draw, with [`Jitter::None`](crate::Jitter::None) since it brings its own:
    ///
    /// ```
    /// use core::time::Duration;
    /// use redial::{Backoff, Jitter, Policy};
    ///
    /// let golden = Backoff::Custom(|f| Some((f.previous * 1618 / 1000).max(Duration::from_secs(1))));
    /// let decorrelated = Backoff::Custom(|f| {
    ///     let base = Duration::from_millis(100);
    ///     let width = (f.previous * 3).max(base) - base;
    ///     Some(base + width.mul_f64(f.draw as f64 / u64::MAX as f64))
    /// });
    /// # for backoff in [golden, decorrelated] {
    /// Policy::builder().backoff(backoff).jitter(Jitter::None).build()?;
    /// # }
    /// # Ok::<(), redial::PolicyError>(())
    /// ```
    Custom(fn(Failures) -> Option<Duration>),
}

/// What a [`Backoff::Custom`] decides from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Failures {
    /// How many intervals this run of failures has asked for, this one included; at least 1,
    /// saturating. Reset when a connection was stable.
    pub count: u32,
    /// The interval before this one, clamped, before jitter; zero at the first.
    pub previous: Duration,
    /// Age of the outage; see the crate's words.
    pub elapsed: Duration,
    /// Uniform over all of `u64`; the same in every replay.
    pub draw: u64,
}

impl Failures {
    /// For testing a custom shape of your own; the machine makes its own.
    ///
    /// ```
    /// use core::time::Duration;
    /// use redial::Failures;
    ///
    /// let fibonacci = |f: Failures| f.previous.max(Duration::from_secs(1)) * 1618 / 1000;
    /// let third = Failures::new(3, Duration::from_secs(2), Duration::from_secs(9), 0);
    /// assert_eq!(fibonacci(third), Duration::from_millis(3236));
    /// ```
    pub const fn new(count: u32, previous: Duration, elapsed: Duration, draw: u64) -> Self {
        Self { count, previous, elapsed, draw }
    }
}

/// What follows the last interval of a [`Backoff::Table`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum After {
    /// The last interval is repeated for ever.
    Last,
    /// The link gives up, with `GiveUpReason::PolicyNever`. Not while a connection works: there the next
    /// try to replace it comes one `cap` later, and the table begins anew. A server's hint stands in for an
    /// interval and uses none up; what ends a link that is only ever told to come back is `max_attempts`.
    Stop,
}

/// A ratio of at least 1 by which an interval grows.
///
/// Kept as a fraction, since the arithmetic is in integers: 1.6 is 8/5.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Growth {
    num: u32,
    den: u32,
}

impl Growth {
    /// `num / den`. Checked when the policy is built: `den` > 0 and `num ≥ den`.
    pub const fn ratio(num: u32, den: u32) -> Self {
        Self { num, den }
    }

    /// The ratio nearest to `factor` in millionths. Checked when the policy is built: NaN,
    /// infinite, below 1 or above 4,294 are errors there.
    ///
    /// ```
    /// use redial::Growth;
    /// assert_eq!(Growth::from_f64(1.6).to_string(), "1.6");
    /// ```
    #[expect(
        clippy::float_arithmetic,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "read once, before the machine runs; the range is checked in the line before"
    )]
    pub const fn from_f64(factor: f64) -> Self {
        if factor.is_nan() || factor < 1.0 || factor > 4294.0 {
            return Self { num: 0, den: 1 };
        }
        Self { num: (factor * 1e6 + 0.5) as u32, den: 1_000_000 }
    }

    /// The number above the line.
    pub const fn numerator(self) -> u32 {
        self.num
    }

    /// The number below the line; zero only if it was never checked.
    pub const fn denominator(self) -> u32 {
        self.den
    }

    pub(crate) const fn checked(self) -> Option<Ratio> {
        match NonZeroU64::new(self.den as u64) {
            Some(den) if self.num >= self.den => Some(Ratio { num: self.num as u64, den }),
            _ => None,
        }
    }
}

impl fmt::Debug for Growth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.num, self.den)
    }
}

impl fmt::Display for Growth {
    /// As a decimal number where six places are enough, else as a fraction.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (num, den) = (u64::from(self.num), u64::from(self.den));
        let millionths = num.saturating_mul(1_000_000).checked_div(den);
        match millionths {
            Some(m) if m.saturating_mul(den) == num.saturating_mul(1_000_000) => {
                let (whole, mut part, mut width) = (m / 1_000_000, m % 1_000_000, 6_usize);
                if part == 0 {
                    return write!(f, "{whole}");
                }
                while part % 10 == 0 {
                    part /= 10;
                    width = width.saturating_sub(1);
                }
                write!(f, "{whole}.{part:0width$}")
            }
            _ => fmt::Debug::fmt(self, f),
        }
    }
}

/// An exponential backoff that was checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Exponential {
    pub(crate) first: u64,
    pub(crate) ratio: Ratio,
}

impl Exponential {
    /// The interval that follows `previous`, which is 0 before the first. Not yet clamped.
    #[inline]
    pub(crate) fn after(self, previous: u64) -> u64 {
        if previous == 0 { self.first } else { self.ratio.grow(previous) }
    }
}

/// A growth that was checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Ratio {
    num: u64,
    den: NonZeroU64,
}

impl Ratio {
    /// `base × num / den`, saturating, without 128-bit arithmetic.
    #[inline]
    pub(crate) fn grow(self, base: u64) -> u64 {
        base.checked_mul(self.num)
            .map_or_else(|| self.grow_long(base), |product| product / self.den)
    }

    #[inline]
    fn grow_long(self, base: u64) -> u64 {
        // `part < den < 2³²`, so no product but the first can overflow.
        let (whole, part) = (base / self.den, base % self.den);
        whole.saturating_mul(self.num).saturating_add(part.saturating_mul(self.num) / self.den)
    }

    pub(crate) const fn growth(self) -> Growth {
        #[expect(clippy::cast_possible_truncation, reason = "both came from u32")]
        let growth = Growth { num: self.num as u32, den: self.den.get() as u32 };
        growth
    }
}

impl Backoff {
    /// [`Backoff::Fixed`].
    pub const fn fixed(delay: Duration) -> Self {
        Self::Fixed(delay)
    }

    /// [`Backoff::Linear`].
    pub const fn linear(initial: Duration, step: Duration) -> Self {
        Self::Linear { initial, step }
    }

    /// [`Backoff::Exponential`] with growth `num / den`: `exponential(d, 2, 1)` doubles.
    ///
    /// ```
    /// use core::time::Duration;
    /// use redial::{Backoff, Policy};
    ///
    /// const GRPC: Backoff = Backoff::exponential(Duration::from_secs(1), 8, 5);
    /// let policy = Policy::builder().backoff(GRPC).cap(Duration::from_secs(120)).build()?;
    /// # Ok::<(), redial::PolicyError>(())
    /// ```
    pub const fn exponential(initial: Duration, num: u32, den: u32) -> Self {
        Self::Exponential { initial, growth: Growth::ratio(num, den) }
    }

    /// [`Backoff::Exponential`] with the growth as a float; see [`Growth::from_f64`].
    pub const fn exponential_f64(initial: Duration, factor: f64) -> Self {
        Self::Exponential { initial, growth: Growth::from_f64(factor) }
    }

    /// [`Backoff::Table`].
    pub const fn table(delays: &'static [Duration], then: After) -> Self {
        Self::Table { delays, then }
    }

    /// The first interval, before the policy's floor and cap. A custom shape is asked only when it
    /// runs, so this is zero for one.
    pub const fn initial(&self) -> Duration {
        match self {
            Self::Fixed(initial)
            | Self::Linear { initial, .. }
            | Self::Exponential { initial, .. } => *initial,
            Self::Table { delays, .. } => match delays.first() {
                Some(first) => *first,
                None => Duration::ZERO,
            },
            Self::Never | Self::Custom(_) => Duration::ZERO,
        }
    }

    /// The `count`-th interval in nanoseconds, or `None` to give up. Not yet clamped. What comes
    /// after the first exponential one is [`Exponential::after`]'s.
    pub(crate) fn next(&self, count: u32, rest: impl FnOnce() -> Failures) -> Option<u64> {
        match self {
            Self::Never => None,
            Self::Fixed(delay) => Some(nanos(*delay)),
            Self::Linear { initial, step } => {
                let steps = u64::from(count.saturating_sub(1));
                Some(nanos(*initial).saturating_add(nanos(*step).saturating_mul(steps)))
            }
            Self::Exponential { initial, .. } => Some(nanos(*initial)),
            Self::Table { delays, then } => {
                let index = usize::try_from(count.saturating_sub(1)).unwrap_or(usize::MAX);
                match (delays.get(index), then) {
                    (Some(delay), _) => Some(nanos(*delay)),
                    (None, After::Last) => delays.last().copied().map(nanos),
                    (None, After::Stop) => None,
                }
            }
            Self::Custom(next) => next(rest()).map(nanos),
        }
    }
}

impl PartialEq for Backoff {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Never, Self::Never) => true,
            (Self::Fixed(a), Self::Fixed(b)) => a == b,
            (Self::Linear { initial: a, step: s }, Self::Linear { initial: b, step: t }) => {
                a == b && s == t
            }
            (
                Self::Exponential { initial: a, growth: g },
                Self::Exponential { initial: b, growth: h },
            ) => a == b && g == h,
            (Self::Table { delays: a, then: t }, Self::Table { delays: b, then: u }) => {
                a == b && t == u
            }
            (Self::Custom(a), Self::Custom(b)) => core::ptr::fn_addr_eq(*a, *b),
            (
                Self::Never
                | Self::Fixed(_)
                | Self::Linear { .. }
                | Self::Exponential { .. }
                | Self::Table { .. }
                | Self::Custom(_),
                _,
            ) => false,
        }
    }
}

impl Eq for Backoff {}

impl fmt::Display for Backoff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Never => f.write_str("never"),
            Self::Fixed(delay) => write!(f, "{delay:?}"),
            Self::Linear { initial, step } => write!(f, "{initial:?} + {step:?}"),
            Self::Exponential { initial, growth } => write!(f, "{initial:?} ×{growth}"),
            Self::Table { delays, then } => {
                write!(f, "{delays:?} then {}", if *then == After::Last { "last" } else { "stop" })
            }
            Self::Custom(_) => f.write_str("custom"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_never_overflows_and_rounds_down() {
        let double = Growth::ratio(2, 1).checked().unwrap();
        assert_eq!(double.grow(u64::MAX), u64::MAX);
        let grpc = Growth::ratio(8, 5).checked().unwrap();
        assert_eq!(grpc.grow(1_000_000_000), 1_600_000_000);
        assert_eq!(grpc.grow(7), 11);
        let odd = Growth::ratio(u32::MAX, u32::MAX).checked().unwrap();
        assert_eq!(odd.grow(u64::MAX), u64::MAX);
    }

    #[test]
    fn growth_below_one_is_refused() {
        for bad in [Growth::ratio(1, 2), Growth::ratio(0, 0), Growth::ratio(1, 0)] {
            assert!(bad.checked().is_none(), "{bad:?}");
        }
        for bad in [f64::NAN, f64::INFINITY, -2.0, 0.999, 1e300] {
            assert!(Growth::from_f64(bad).checked().is_none(), "{bad}");
        }
    }
}
