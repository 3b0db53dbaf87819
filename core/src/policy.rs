//! A policy is checked once, when it is built; after that nothing about it can be wrong.

use core::fmt;
use core::num::NonZeroU32;
use core::time::Duration;

use crate::backoff::{Backoff, Exponential, Failures};
use crate::jitter::Jitter;
use crate::overload::{Overload, OverloadClass};
use crate::rate_limit::RateLimit;
use crate::rng::{scale, stretch};
use crate::rule::{BreakerPolicy, Rule};
use crate::time::{NEVER, nanos};

/// The longest an unsuitable endpoint stays parked, unless `park_for` itself is longer.
const PARK_MAX: Duration = Duration::from_secs(3600);

/// When the first dial after losing a stable connection happens.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum FirstRetry {
    /// At once. For a single client; a fleet that does this arrives in one instant.
    Immediate,
    /// Uniform in `[0, window]`, and the same window before the next endpoint of a round: a
    /// restarted server drops its whole fleet in the same instant. At once under [`Jitter::None`].
    Jittered(Duration),
    /// After the first backoff interval, as if the loss had been a failed dial.
    Backoff,
}

/// Which endpoint is dialed next, among those that may be dialed soonest.
///
/// ```
/// use core::time::Duration;
/// use redial::{Endpoint, Event, Failure, Policy, Reconnector, Selection, Timestamp};
///
/// let primary_first = Selection::Priority { failback: Some(Duration::from_secs(60)) };
/// let policy = Policy::builder().selection(primary_first).build()?;
/// let mut link = Reconnector::with_endpoints(policy, 1, [Endpoint::new(7), Endpoint::new(8)]);
///
/// let mut now = Timestamp::ORIGIN;
/// let primary = link.handle(now, Event::Start).dial().unwrap();
/// now = link.handle(now, Event::DialFailed(primary.id, Failure::Unreachable)).wake();
/// let spare = link.handle(now, Event::Tick).dial().unwrap();
/// assert_eq!((primary.endpoint, spare.endpoint), (7, 8));
///
/// // A minute with the spare one, and the primary is dialed beside it.
/// link.handle(now, Event::Connected(spare.id));
/// now = now.saturating_add(Duration::from_secs(90));
/// let back = link.handle(now, Event::Tick).dial().unwrap();
/// assert_eq!((back.endpoint, back.serving), (7, Some(spare.id)));
/// # Ok::<(), redial::PolicyError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Selection {
    /// In list order from the one in use, which is kept for as long as it works.
    RoundRobin,
    /// The first of the list.
    Priority {
        /// Return to a better endpoint when the connection has been stable, and the better one's
        /// breaker not open, for this long (stretched by up to a tenth); `None` to stay. A reset by
        /// hand is as if it had never been open. Under [`Refresh::BreakFirst`] each try costs the
        /// connection that works: give the endpoints a breaker.
        failback: Option<Duration>,
    },
    /// In an order drawn anew each round: each dial picks among those the round has not tried.
    Shuffle,
}

/// How a connection that works is replaced.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Refresh {
    /// The new connection first, then the old one drains: nothing is lost.
    MakeFirst,
    /// The old connection is dropped first, for protocols in which a second connection evicts the
    /// first (MQTT client ids).
    BreakFirst,
}

/// When to dial, how often, how long, and when to stop. Made by [`Policy::builder`], checked by
/// [`build`](crate::PolicyBuilder::build).
///
/// ```
/// use core::time::Duration;
/// use redial::{Backoff, Jitter, Policy};
///
/// // Checked at compile time: a bad constant does not build.
/// const POLICY: Policy = match Policy::builder()
///     .backoff(Backoff::exponential(Duration::from_millis(100), 2, 1))
///     .cap(Duration::from_secs(5))
///     .jitter(Jitter::Equal)
///     .build()
/// {
///     Ok(policy) => policy,
///     Err(_) => panic!("bad policy"),
/// };
/// assert_eq!(POLICY.cap(), Duration::from_secs(5));
/// ```
#[derive(Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setter of its own")]
pub struct Policy {
    pub(crate) backoff: Backoff,
    /// How the interval grows, if that is exponentially.
    pub(crate) exponential: Option<Exponential>,
    pub(crate) floor: u64,
    pub(crate) cap: u64,
    pub(crate) jitter: Jitter,
    pub(crate) first_retry: FirstRetry,
    /// Window before the first retry and before the next endpoint of a round; 0 for at once.
    pub(crate) window: u64,
    pub(crate) startup_splay: u64,
    pub(crate) stable_after: u64,
    pub(crate) dial_timeout: u64,
    pub(crate) dial_timeout_max: u64,
    pub(crate) handshake_timeout: u64,
    pub(crate) handshake_timeout_max: u64,
    pub(crate) overload: Option<OverloadClass>,
    /// The overload class was asked for, so a later cap leaves it alone.
    pub(crate) overload_set: bool,
    pub(crate) max_attempts: Option<NonZeroU32>,
    pub(crate) max_rounds: Option<NonZeroU32>,
    /// [`NEVER`] for no limit.
    pub(crate) max_elapsed: u64,
    pub(crate) rate_limit: RateLimit,
    pub(crate) max_hint: u64,
    pub(crate) give_up_on_long_hint: bool,
    pub(crate) breaker: Option<Rule>,
    pub(crate) allow_all_open: bool,
    pub(crate) selection: Selection,
    pub(crate) park_for: u64,
    pub(crate) give_up_when_all_parked: bool,
    pub(crate) refresh: Refresh,
    /// [`NEVER`] for no limit.
    pub(crate) max_age: u64,
    pub(crate) drain_timeout: u64,
    /// [`NEVER`] for no limit.
    pub(crate) idle_timeout: u64,
}

impl Default for Policy {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// What differs from [`Policy::DEFAULT`], under the names of the setters.
impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut policy = f.debug_struct("Policy");
        macro_rules! differing {
            ($($field:ident)*) => {
                $(if self.$field() != Self::DEFAULT.$field() {
                    policy.field(stringify!($field), &self.$field());
                })*
            };
        }
        differing! {
            backoff floor cap jitter first_retry startup_splay stable_after dial_timeout
            dial_timeout_max handshake_timeout handshake_timeout_max overload max_attempts max_rounds
            max_elapsed rate_limit max_hint give_up_on_long_hint breaker allow_all_open selection
            park_for give_up_when_all_parked refresh max_age drain_timeout idle_timeout
        }
        policy.finish_non_exhaustive()
    }
}

impl Policy {
    /// The longest wait this policy can impose on a link: the largest of every gate, hints and
    /// breaker included. A caller's own `Defer`, and endpoints tripped by hand, are apart.
    ///
    /// ```
    /// use core::time::Duration;
    /// use redial::Policy;
    /// // A hostile hint: an hour, and the tenth that spreads it.
    /// assert_eq!(Policy::DEFAULT.longest_wait(), Duration::from_secs(3960));
    /// ```
    pub const fn longest_wait(&self) -> Duration {
        let mut longest = self.cap;
        let gates = [
            match self.overload {
                Some(class) => class.cap,
                None => 0,
            },
            self.window,
            self.startup_splay,
            stretch(self.max_hint, NEVER),
            match self.breaker {
                Some(rule) => stretch(rule.open_max, NEVER),
                None => 0,
            },
            stretch(self.park_max(), NEVER),
            self.rate_limit.spacing,
        ];
        let mut rest = gates.as_slice();
        while let Some((gate, tail)) = rest.split_first() {
            if *gate > longest {
                longest = *gate;
            }
            rest = tail;
        }
        // Stretching draws from a half-open range; the bound itself is a tenth, rounded up.
        Duration::from_nanos(longest.saturating_add(if longest == NEVER { 0 } else { 1 }))
    }
}

/// Readers, one per setter of [`PolicyBuilder`](crate::PolicyBuilder), in its order and with its units.
impl Policy {
    /// The shape of the growing interval.
    pub const fn backoff(&self) -> &Backoff {
        &self.backoff
    }

    /// Shortest wait that backoff asks for.
    pub const fn floor(&self) -> Duration {
        Duration::from_nanos(self.floor)
    }

    /// Longest interval after `Unreachable`.
    pub const fn cap(&self) -> Duration {
        Duration::from_nanos(self.cap)
    }

    /// How waits are spread.
    pub const fn jitter(&self) -> Jitter {
        self.jitter
    }

    /// When a lost stable connection is first dialed again.
    pub const fn first_retry(&self) -> FirstRetry {
        self.first_retry
    }

    /// Window of the very first dial; zero for at once.
    pub const fn startup_splay(&self) -> Duration {
        Duration::from_nanos(self.startup_splay)
    }

    /// How long a connection must stay up to be stable.
    pub const fn stable_after(&self) -> Duration {
        Duration::from_nanos(self.stable_after)
    }

    /// Shortest dial deadline.
    pub const fn dial_timeout(&self) -> Duration {
        Duration::from_nanos(self.dial_timeout)
    }

    /// Longest dial deadline before the server has answered anything.
    pub const fn dial_timeout_max(&self) -> Duration {
        Duration::from_nanos(self.dial_timeout_max)
    }

    /// Shortest dial deadline once the server has answered something.
    pub const fn handshake_timeout(&self) -> Duration {
        Duration::from_nanos(self.handshake_timeout)
    }

    /// Longest dial deadline of all.
    pub const fn handshake_timeout_max(&self) -> Duration {
        Duration::from_nanos(self.handshake_timeout_max)
    }

    /// What overload does to the interval.
    pub const fn overload(&self) -> Overload {
        match &self.overload {
            None => Overload::Ignore,
            Some(class) => class.rule(),
        }
    }

    /// Dials per outage, if limited.
    pub const fn max_attempts(&self) -> Option<NonZeroU32> {
        self.max_attempts
    }

    /// Rounds through the endpoints per outage, if limited.
    pub const fn max_rounds(&self) -> Option<NonZeroU32> {
        self.max_rounds
    }

    /// Length of an outage, if limited.
    pub const fn max_elapsed(&self) -> Option<Duration> {
        limit(self.max_elapsed)
    }

    /// Burst and spacing of the rate limit.
    pub const fn rate_limit(&self) -> (u32, Duration) {
        (self.rate_limit.burst, Duration::from_nanos(self.rate_limit.spacing))
    }

    /// Longest hint that is followed.
    pub const fn max_hint(&self) -> Duration {
        Duration::from_nanos(self.max_hint)
    }

    /// Whether a longer hint gives up instead of being cut.
    pub const fn give_up_on_long_hint(&self) -> bool {
        self.give_up_on_long_hint
    }

    /// The breaker of each endpoint, if any.
    pub const fn breaker(&self) -> Option<BreakerPolicy> {
        match &self.breaker {
            Some(rule) => Some(rule.policy()),
            None => None,
        }
    }

    /// Whether the breakers of all of several endpoints may be open at once.
    pub const fn allow_all_open(&self) -> bool {
        self.allow_all_open
    }

    /// How endpoints are chosen.
    pub const fn selection(&self) -> Selection {
        self.selection
    }

    /// How long an unsuitable endpoint is parked the first time.
    pub const fn park_for(&self) -> Duration {
        Duration::from_nanos(self.park_for)
    }

    /// Whether to give up when every endpoint is parked.
    pub const fn give_up_when_all_parked(&self) -> bool {
        self.give_up_when_all_parked
    }

    /// How a working connection is replaced.
    pub const fn refresh(&self) -> Refresh {
        self.refresh
    }

    /// Age at which a connection is replaced, if limited.
    pub const fn max_age(&self) -> Option<Duration> {
        limit(self.max_age)
    }

    /// How long a replaced connection may drain.
    pub const fn drain_timeout(&self) -> Duration {
        Duration::from_nanos(self.drain_timeout)
    }

    /// How long a connection may be silent, if limited.
    pub const fn idle_timeout(&self) -> Option<Duration> {
        limit(self.idle_timeout)
    }
}

impl Policy {
    /// The first interval, in nanoseconds and clamped.
    pub(crate) fn initial(&self) -> u64 {
        let first = Failures {
            count: 1,
            previous: Duration::ZERO,
            elapsed: Duration::ZERO,
            draw: NEVER / 2,
        };
        self.backoff.next(1, || first).unwrap_or(0).min(self.cap).max(self.floor)
    }

    pub(crate) const fn park_max(&self) -> u64 {
        let park_max = nanos(PARK_MAX);
        if self.park_for > park_max { self.park_for } else { park_max }
    }

    /// Age at which a connection is replaced, for a uniform `draw`; `fresh` if it ended an outage.
    pub(crate) fn aged(&self, fresh: bool, draw: u64) -> u64 {
        if self.jitter == Jitter::None {
            return self.max_age;
        }
        let tenth = self.max_age / 10;
        let shortest = if fresh { tenth } else { self.max_age.saturating_sub(tenth) };
        let shortest = shortest.max(self.stable_after);
        shortest.saturating_add(scale(self.max_age.saturating_sub(shortest), draw))
    }

    /// How much of `max_age` a connection has reached that had reached `spent` before, and has lasted for
    /// `more` since; in 65,536ths.
    pub(crate) fn spent(&self, spent: u16, more: u64) -> u16 {
        let more = more.checked_div(self.max_age >> 16).unwrap_or(0);
        spent.saturating_add(u16::try_from(more).unwrap_or(u16::MAX))
    }

    /// The age that is [`spent`](Self::spent) so.
    pub(crate) fn age(&self, spent: u16) -> u64 {
        (self.max_age >> 16).saturating_mul(spent.into())
    }

    /// `after`, stretched by a uniform `draw`.
    pub(crate) fn failback(&self, after: Duration, draw: u64) -> u64 {
        let after = nanos(after);
        if self.jitter == Jitter::None { after } else { stretch(after, draw) }
    }
}

const fn limit(nanos: u64) -> Option<Duration> {
    if nanos == NEVER { None } else { Some(Duration::from_nanos(nanos)) }
}
