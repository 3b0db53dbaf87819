//! What the driver knows about why a dial or connection ended, and so about trying again.

use core::fmt;
use core::time::Duration;

/// Why a dial failed or a connection ended, in the only terms that matter for dialing again.
///
/// Map your protocol's errors to these by kind, never by their text;
/// [`manual::failures`](crate::manual::failures) has a table for common protocols. When in doubt,
/// say [`Unreachable`](Self::Unreachable).
///
/// ```
/// use core::time::Duration;
/// use redial::Failure;
///
/// /// An HTTP server's answer to an upgrade that it did not grant.
/// fn refused(status: u16, retry_after: Option<u64>) -> Failure {
///     match (status, retry_after) {
///         (429 | 503, Some(secs)) => {
///             Failure::RetryAfter { delay: Duration::from_secs(secs), spread: Duration::ZERO }
///         }
///         (429 | 503, None) => Failure::Overloaded,
///         (504, _) => Failure::TimedOut,
///         (401 | 403, _) => Failure::Fatal,
///         (421, _) => Failure::Unsuitable,
///         _ => Failure::Unreachable,
///     }
/// }
/// assert_eq!(refused(503, None).to_string(), "overloaded");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Failure {
    /// Refused, reset, no route, closed: nobody is there, and asking was cheap. The interval grows
    /// gently to the policy's cap, so that an early return is seen early.
    Unreachable,
    /// No answer in time: dead, or too busy to answer. The interval jumps to the overload floor,
    /// but grows only in proportion to the outage, since silence proves nothing. A stable connection that
    /// falls silent counts as [`Unreachable`](Self::Unreachable).
    TimedOut,
    /// The server said that it is too busy (HTTP 503, gRPC `RESOURCE_EXHAUSTED`, MQTT 0x97, …). The
    /// interval jumps to the overload floor and grows to the overload cap.
    Overloaded,
    /// The server said when to come back: somewhere in `[delay, delay + spread]`. The spread is
    /// widened to at least a tenth of the delay; a delay shorter than the backoff's initial one
    /// counts as [`Overloaded`](Self::Overloaded), so that no server can switch the backoff off.
    RetryAfter {
        /// The earliest moment, counted from now. Cut to the policy's `max_hint`, before it is compared.
        delay: Duration,
        /// How far after `delay` the dial may fall; each link draws its own moment.
        spread: Duration,
    },
    /// This endpoint will not do for now (wrong role, bad certificate); another may. Parks it for
    /// `park_for`.
    Unsuitable,
    /// Trying again cannot help (bad credentials). Gives up at once; where a working connection
    /// was to be replaced, which is kept, it only parks the endpoint.
    Fatal,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable => f.write_str("unreachable"),
            Self::TimedOut => f.write_str("timed out"),
            Self::Overloaded => f.write_str("overloaded"),
            Self::RetryAfter { delay, spread } if spread.is_zero() => {
                write!(f, "retry after {delay:?}")
            }
            Self::RetryAfter { delay, spread } => {
                write!(f, "retry after {delay:?}, spread over {spread:?}")
            }
            Self::Unsuitable => f.write_str("unsuitable"),
            Self::Fatal => f.write_str("fatal"),
        }
    }
}
