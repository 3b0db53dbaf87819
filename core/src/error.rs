//! Why a policy is refused, or a snapshot: each error names the field.

use core::fmt;

/// Why a policy was refused when it was built: the field, and the rule it breaks.
///
/// ```
/// use core::time::Duration;
/// use redial::{Policy, PolicyError};
///
/// let error = Policy::builder().floor(Duration::from_secs(1)).build().unwrap_err();
/// assert_eq!(error, PolicyError::InitialBelowFloor);
/// assert_eq!(error.to_string(), "backoff: initial is below floor");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum PolicyError {
    /// `backoff`: the first interval is below `floor`.
    InitialBelowFloor,
    /// `backoff`: the first interval is above `cap`.
    InitialAboveCap,
    /// `cap` is below `floor`.
    CapBelowFloor,
    /// `backoff`: the growth is below 1, not finite, or a float above 4294.
    GrowthBelowOne,
    /// `backoff`: the table has no interval.
    TableEmpty,
    /// `jitter`: more than 100 per cent.
    JitterAboveAll,
    /// `stable_after` is zero, which would call every connection stable that is accepted.
    StableAfterZero,
    /// `dial_timeout` is zero.
    DialTimeoutZero,
    /// `dial_timeout_max` is below `dial_timeout`.
    DialTimeoutMaxBelowDialTimeout,
    /// `handshake_timeout` is zero.
    HandshakeTimeoutZero,
    /// `handshake_timeout_max` is below `handshake_timeout`.
    HandshakeTimeoutMaxBelowHandshakeTimeout,
    /// `overload`: the floor is zero.
    OverloadFloorZero,
    /// `overload`: the cap is below the floor.
    OverloadCapBelowFloor,
    /// `overload`: the growth is below 1, not finite, or a float above 4294.
    OverloadGrowthBelowOne,
    /// `max_attempts` is zero; for no limit, do not set it.
    MaxAttemptsZero,
    /// `max_elapsed` is zero; for no limit, do not set it.
    MaxElapsedZero,
    /// `max_rounds` is zero; for no limit, do not set it.
    MaxRoundsZero,
    /// `rate_limit`: the burst is zero, so nothing could ever be dialed.
    BurstZero,
    /// `rate_limit`: the spacing is zero, which is no limit at all.
    SpacingZero,
    /// `max_hint` is zero.
    MaxHintZero,
    /// `breaker`: the number of consecutive failures is zero.
    BreakerThresholdZero,
    /// `breaker`: the window is not 1 to 64 outcomes.
    BreakerWindowOutOfRange,
    /// `breaker`: the minimum of outcomes is not between 1 and the window.
    BreakerMinimumOutOfRange,
    /// `breaker`: the share of failures is not 1 to 100 per cent.
    BreakerPercentOutOfRange,
    /// `breaker`: `open_for` is zero.
    OpenForZero,
    /// `breaker`: `open_max` is below `open_for`.
    OpenMaxBelowOpenFor,
    /// `park_for` is zero.
    ParkForZero,
    /// `failback` is zero.
    FailbackZero,
    /// `max_age` is not longer than `stable_after`.
    MaxAgeNotAboveStableAfter,
    /// `drain_timeout` is zero.
    DrainTimeoutZero,
    /// `idle_timeout` is zero.
    IdleTimeoutZero,
}

impl PolicyError {
    /// Name of the field that broke the rule, as the builder's setter is called.
    pub const fn field(self) -> &'static str {
        match self {
            Self::InitialBelowFloor
            | Self::InitialAboveCap
            | Self::GrowthBelowOne
            | Self::TableEmpty => "backoff",
            Self::CapBelowFloor => "cap",
            Self::JitterAboveAll => "jitter",
            Self::StableAfterZero => "stable_after",
            Self::DialTimeoutZero => "dial_timeout",
            Self::DialTimeoutMaxBelowDialTimeout => "dial_timeout_max",
            Self::HandshakeTimeoutZero => "handshake_timeout",
            Self::HandshakeTimeoutMaxBelowHandshakeTimeout => "handshake_timeout_max",
            Self::OverloadFloorZero
            | Self::OverloadCapBelowFloor
            | Self::OverloadGrowthBelowOne => "overload",
            Self::MaxAttemptsZero => "max_attempts",
            Self::MaxElapsedZero => "max_elapsed",
            Self::MaxRoundsZero => "max_rounds",
            Self::BurstZero | Self::SpacingZero => "rate_limit",
            Self::MaxHintZero => "max_hint",
            Self::BreakerThresholdZero
            | Self::BreakerWindowOutOfRange
            | Self::BreakerMinimumOutOfRange
            | Self::BreakerPercentOutOfRange
            | Self::OpenForZero
            | Self::OpenMaxBelowOpenFor => "breaker",
            Self::ParkForZero => "park_for",
            Self::FailbackZero => "failback",
            Self::MaxAgeNotAboveStableAfter => "max_age",
            Self::DrainTimeoutZero => "drain_timeout",
            Self::IdleTimeoutZero => "idle_timeout",
        }
    }

    /// The rule that was broken, without the field.
    pub const fn rule(self) -> &'static str {
        match self {
            Self::InitialBelowFloor => "initial is below floor",
            Self::InitialAboveCap => "initial is above cap",
            Self::CapBelowFloor => "is below floor",
            Self::GrowthBelowOne | Self::OverloadGrowthBelowOne => {
                "growth is below 1, not finite, or a float above 4294"
            }
            Self::TableEmpty => "table is empty",
            Self::JitterAboveAll => "is above 100 per cent",
            Self::StableAfterZero
            | Self::DialTimeoutZero
            | Self::HandshakeTimeoutZero
            | Self::MaxHintZero
            | Self::ParkForZero
            | Self::FailbackZero
            | Self::DrainTimeoutZero
            | Self::IdleTimeoutZero => "is zero",
            Self::DialTimeoutMaxBelowDialTimeout => "is below dial_timeout",
            Self::HandshakeTimeoutMaxBelowHandshakeTimeout => "is below handshake_timeout",
            Self::OverloadFloorZero => "floor is zero",
            Self::OverloadCapBelowFloor => "cap is below floor",
            Self::MaxAttemptsZero | Self::MaxElapsedZero | Self::MaxRoundsZero => {
                "is zero; for no limit, leave it unset"
            }
            Self::BurstZero => "burst is zero",
            Self::SpacingZero => "spacing is zero",
            Self::BreakerThresholdZero => "consecutive failures are zero",
            Self::BreakerWindowOutOfRange => "window is not 1 to 64 outcomes",
            Self::BreakerMinimumOutOfRange => "minimum is not between 1 and the window",
            Self::BreakerPercentOutOfRange => "share of failures is not 1 to 100 per cent",
            Self::OpenForZero => "open_for is zero",
            Self::OpenMaxBelowOpenFor => "open_max is below open_for",
            Self::MaxAgeNotAboveStableAfter => "is not longer than stable_after",
        }
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field(), self.rule())
    }
}

impl core::error::Error for PolicyError {}

/// Why bytes are not a snapshot.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum SnapshotError {
    /// There are too few bytes, or too many.
    Length {
        /// How many there should be.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// They do not begin as this version's snapshots do: something else, or from a newer version.
    Version,
    /// The checksum does not match: they were damaged.
    Checksum,
    /// This field has a value that no link could have written.
    Field(&'static str),
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { expected, found } => {
                write!(f, "snapshot: length is {found} bytes instead of {expected}")
            }
            Self::Version => f.write_str("snapshot: version is not known"),
            Self::Checksum => f.write_str("snapshot: checksum does not match"),
            Self::Field(field) => write!(f, "snapshot: {field} is out of range"),
        }
    }
}

impl core::error::Error for SnapshotError {}
