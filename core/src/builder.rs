//! Every setter of a policy, with its default and the reason for it.

use core::num::NonZeroU32;
use core::time::Duration;

use crate::backoff::{Backoff, Growth, Ratio};
use crate::breaker::BreakerPolicy;
use crate::error::PolicyError;
use crate::jitter::Jitter;
use crate::policy::{FirstRetry, NEVER, Overload, OverloadClass, Policy, Refresh, Selection};
use crate::rate_limit::RateLimit;
use crate::time::nanos;

/// Builds a [`Policy`]; every setter is `const`, overrides one thing and may come in any order.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it is built"]
#[expect(clippy::struct_excessive_bools, reason = "each is a setter of its own")]
pub struct PolicyBuilder {
    pub(crate) backoff: Backoff,
    pub(crate) floor: Duration,
    pub(crate) cap: Duration,
    pub(crate) jitter: Jitter,
    pub(crate) first_retry: FirstRetry,
    pub(crate) startup_splay: Duration,
    pub(crate) stable_after: Duration,
    pub(crate) dial_timeout: Duration,
    pub(crate) dial_timeout_max: Option<Duration>,
    pub(crate) handshake_timeout: Duration,
    pub(crate) handshake_timeout_max: Option<Duration>,
    pub(crate) overload: Overload,
    pub(crate) overload_set: bool,
    pub(crate) cap_set: bool,
    pub(crate) max_attempts: Option<u32>,
    pub(crate) max_rounds: Option<u32>,
    pub(crate) max_elapsed: Option<Duration>,
    pub(crate) burst: u32,
    pub(crate) spacing: Duration,
    pub(crate) max_hint: Duration,
    pub(crate) give_up_on_long_hint: bool,
    pub(crate) breaker: Option<BreakerPolicy>,
    pub(crate) allow_all_open: bool,
    pub(crate) selection: Selection,
    pub(crate) park_for: Duration,
    pub(crate) give_up_when_all_parked: bool,
    pub(crate) refresh: Refresh,
    pub(crate) max_age: Option<Duration>,
    pub(crate) drain_timeout: Duration,
    pub(crate) idle_timeout: Option<Duration>,
}

impl PolicyBuilder {
    const DIAL_TIMEOUT_MAX: Duration = Duration::from_secs(60);
    const HANDSHAKE_TIMEOUT_MAX: Duration = Duration::from_secs(600);
    /// The overload class that was not asked for by [`overload`](Self::overload).
    const OVERLOAD: Overload = Overload::Jump {
        floor: Duration::from_secs(9),
        growth: Growth::ratio(3, 2),
        cap: Duration::from_secs(900),
    };

    pub(crate) const fn new() -> Self {
        Self {
            backoff: Backoff::exponential(Duration::from_millis(750), 3, 2),
            floor: Duration::ZERO,
            cap: Duration::from_secs(45),
            jitter: Jitter::Phase(67),
            first_retry: FirstRetry::Jittered(Duration::from_secs(1)),
            startup_splay: Duration::ZERO,
            stable_after: Duration::from_secs(10),
            dial_timeout: Duration::from_secs(10),
            dial_timeout_max: None,
            handshake_timeout: Duration::from_secs(15),
            handshake_timeout_max: None,
            overload: Self::OVERLOAD,
            overload_set: false,
            cap_set: false,
            max_attempts: None,
            max_rounds: None,
            max_elapsed: None,
            burst: 5,
            spacing: Duration::from_secs(1),
            max_hint: Duration::from_secs(3600),
            give_up_on_long_hint: false,
            breaker: None,
            allow_all_open: false,
            selection: Selection::RoundRobin,
            park_for: Duration::from_secs(60),
            give_up_when_all_parked: false,
            refresh: Refresh::MakeFirst,
            max_age: None,
            drain_timeout: Duration::from_secs(30),
            idle_timeout: None,
        }
    }

    /// The shape of the interval. Default: 750 ms × 1.5; with the default jitter a mean of 0.5 s.
    /// While a server is known to be down asking is cheap, so the growth is gentle.
    ///
    /// # Errors
    /// When built: the first interval outside `[floor, cap]`, a growth below 1 or not finite, an
    /// empty table.
    pub const fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// Shortest wait the backoff asks for; jitter stays above it. Default: 0. A wait of zero is
    /// legal, the rate limit always paces.
    ///
    /// # Errors
    /// When built: above `cap` or above the first interval.
    pub const fn floor(mut self, floor: Duration) -> Self {
        self.floor = floor;
        self
    }

    /// Longest interval after `Unreachable`. Default: 45 s, so that an early return is seen early.
    /// A server's hint may exceed it; see [`max_hint`](Self::max_hint). Also lowers the overload
    /// class's floor and cap to `cap`, unless [`overload`](Self::overload) is called: a cap is a
    /// cap.
    ///
    /// # Errors
    /// When built: below `floor` or below the first interval.
    pub const fn cap(mut self, cap: Duration) -> Self {
        self.cap = cap;
        self.cap_set = true;
        self
    }

    /// How waits are spread. Default: [`Jitter::Phase`] of 67 %, a factor in [⅓, 1] drawn once an
    /// outage. Without any jitter 40 of 96 simulated fleets stay stuck; with one drawn each time, a
    /// fleet needs 2.5 × as long as with a phase that is kept.
    ///
    /// # Errors
    /// When built: more than 100 per cent.
    pub const fn jitter(mut self, jitter: Jitter) -> Self {
        self.jitter = jitter;
        self
    }

    /// The first dial after losing a stable connection. Default: uniform within 1 s. Dialing at
    /// once made a peak of 653 times a server's capacity instead of 397.
    pub const fn first_retry(mut self, first_retry: FirstRetry) -> Self {
        self.first_retry = first_retry;
        self
    }

    /// Spreads the very first dial after `Start` over `[0, window]`. Default: zero, at once. For
    /// machines that boot together.
    pub const fn startup_splay(mut self, window: Duration) -> Self {
        self.startup_splay = window;
        self
    }

    /// How long a connection must stay up before it counts as a success. Default: 10 s, which turns
    /// ten minutes of accept-then-close from thousands of dials into 30. Being accepted proves
    /// nothing.
    ///
    /// # Errors
    /// When built: zero.
    pub const fn stable_after(mut self, stable_after: Duration) -> Self {
        self.stable_after = stable_after;
        self
    }

    /// Shortest dial deadline, until the server answers anything. Default: 10 s. It grows with the
    /// interval, to 4/3 of it: a constant deadline that is shorter than an overloaded server's
    /// queue never gets in (the metastable trap).
    ///
    /// # Errors
    /// When built: zero.
    pub const fn dial_timeout(mut self, timeout: Duration) -> Self {
        self.dial_timeout = timeout;
        self
    }

    /// What the dial deadline grows to. Default: 60 s, in which TCP sends its SYN six times; or
    /// `dial_timeout` if that is longer.
    ///
    /// # Errors
    /// When built: below `dial_timeout`.
    pub const fn dial_timeout_max(mut self, timeout: Duration) -> Self {
        self.dial_timeout_max = Some(timeout);
        self
    }

    /// Dial deadline once the server has answered something (`Event::Progress`), from the start of
    /// the dial. Default: 15 s. It triples with each dial that ends silent after progress, to at
    /// most the larger of 120 s and a tenth of the outage: the way out of the trap.
    ///
    /// # Errors
    /// When built: zero.
    pub const fn handshake_timeout(mut self, timeout: Duration) -> Self {
        self.handshake_timeout = timeout;
        self
    }

    /// What the handshake deadline grows to, whatever the outage. Default: 10 min, or
    /// `handshake_timeout` if that is longer.
    ///
    /// # Errors
    /// When built: below `handshake_timeout`.
    pub const fn handshake_timeout_max(mut self, timeout: Duration) -> Self {
        self.handshake_timeout_max = Some(timeout);
        self
    }

    /// What a busy or silent server does to the interval. Default: jump to 9 s, × 1.5, up to 15
    /// min.
    ///
    /// # Errors
    /// When built: a floor of zero, a cap below the floor, a growth below 1 or not finite.
    pub const fn overload(mut self, overload: Overload) -> Self {
        self.overload = overload;
        self.overload_set = true;
        self
    }

    /// Exactly this many dials in an outage, then it gives up with the last one's failure. Default:
    /// no limit; a ten minute outage must not become a permanent one.
    ///
    /// # Errors
    /// When built: zero.
    pub const fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = Some(attempts);
        self
    }

    /// Exactly this many rounds through the endpoints in an outage. Default: no limit.
    ///
    /// # Errors
    /// When built: zero.
    pub const fn max_rounds(mut self, rounds: u32) -> Self {
        self.max_rounds = Some(rounds);
        self
    }

    /// Gives up once the next dial would be this long after the outage began; never sleeps first,
    /// never dials late. Default: no limit.
    ///
    /// # Errors
    /// When built: zero.
    pub const fn max_elapsed(mut self, elapsed: Duration) -> Self {
        self.max_elapsed = Some(elapsed);
        self
    }

    /// `burst` dials at once, then one per `spacing`, whatever happens. Default: 5, then 1/s. It
    /// can be widened, never switched off.
    ///
    /// # Errors
    /// When built: a burst or a spacing of zero.
    pub const fn rate_limit(mut self, burst: u32, spacing: Duration) -> Self {
        self.burst = burst;
        self.spacing = spacing;
        self
    }

    /// Longest `RetryAfter` that is followed; a longer one is cut to it, so that no server can park
    /// a client for ever. Default: 1 h. The wait itself stays below 1.1 × this.
    ///
    /// # Errors
    /// When built: zero.
    pub const fn max_hint(mut self, max_hint: Duration) -> Self {
        self.max_hint = max_hint;
        self
    }

    /// Whether a hint longer than `max_hint` gives up instead of being cut. Default: no.
    pub const fn give_up_on_long_hint(mut self, give_up: bool) -> Self {
        self.give_up_on_long_hint = give_up;
        self
    }

    /// A circuit breaker for each endpoint. Default: none; with growing intervals it adds nothing
    /// for one link, but makes the state visible to the application.
    ///
    /// # Errors
    /// When built: see [`BreakerPolicy`].
    pub const fn breaker(mut self, breaker: BreakerPolicy) -> Self {
        self.breaker = Some(breaker);
        self
    }

    /// Whether the breakers of all of several endpoints may be open at once. Default: no, the last
    /// one stays closed, so that there is always one to try.
    pub const fn allow_all_open(mut self, allow: bool) -> Self {
        self.allow_all_open = allow;
        self
    }

    /// Which of several endpoints is dialed. Default: [`Selection::RoundRobin`].
    ///
    /// # Errors
    /// When built: a failback of zero.
    pub const fn selection(mut self, selection: Selection) -> Self {
        self.selection = selection;
        self
    }

    /// How long an endpoint is left alone after `Unsuitable`; doubled each time in a row, to an
    /// hour, and stretched by up to a tenth. Default: 60 s.
    ///
    /// # Errors
    /// When built: zero.
    pub const fn park_for(mut self, park_for: Duration) -> Self {
        self.park_for = park_for;
        self
    }

    /// Whether to give up when every endpoint is parked, instead of waiting. Default: no.
    pub const fn give_up_when_all_parked(mut self, give_up: bool) -> Self {
        self.give_up_when_all_parked = give_up;
        self
    }

    /// How a working connection is replaced. Default: [`Refresh::MakeFirst`].
    pub const fn refresh(mut self, refresh: Refresh) -> Self {
        self.refresh = refresh;
        self
    }

    /// Replaces a working connection of this age. The first after an outage is replaced at 10–100 %
    /// of it, later ones at 90–100 %, so that a fleet does not rotate together; exact under
    /// [`Jitter::None`]. Default: none.
    ///
    /// # Errors
    /// When built: not longer than `stable_after`.
    pub const fn max_age(mut self, max_age: Duration) -> Self {
        self.max_age = Some(max_age);
        self
    }

    /// How long a replaced connection may finish what it started; the server's own deadline cuts
    /// it. Default: 30 s.
    ///
    /// # Errors
    /// When built: zero.
    pub const fn drain_timeout(mut self, timeout: Duration) -> Self {
        self.drain_timeout = timeout;
        self
    }

    /// Ends a connection without `Event::Activity` for this long, as timed out. Default: none,
    /// since only the application knows what silence means.
    ///
    /// # Errors
    /// When built: zero.
    pub const fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = Some(timeout);
        self
    }

    /// Checks the policy.
    ///
    /// # Errors
    /// The first rule broken, as listed at each setter: `floor ≤ initial ≤ cap`, growth ≥ 1 and
    /// finite, limits, bursts, spacings and timeouts > 0.
    pub const fn build(self) -> Result<Policy, PolicyError> {
        use PolicyError as E;

        let (floor, cap) = (nanos(self.floor), nanos(self.cap));
        if cap < floor {
            return Err(E::CapBelowFloor);
        }
        let ratio = match self.backoff {
            Backoff::Exponential { growth, .. } => match growth.checked() {
                Some(ratio) => ratio,
                None => return Err(E::GrowthBelowOne),
            },
            Backoff::Table { delays: [], .. } => return Err(E::TableEmpty),
            Backoff::Never
            | Backoff::Fixed(_)
            | Backoff::Linear { .. }
            | Backoff::Table { .. }
            | Backoff::Custom(_) => Ratio::ONE,
        };
        match self.backoff {
            Backoff::Never | Backoff::Custom(_) => {}
            Backoff::Fixed(_)
            | Backoff::Linear { .. }
            | Backoff::Exponential { .. }
            | Backoff::Table { .. } => {
                let initial = nanos(self.backoff.initial());
                if initial < floor {
                    return Err(E::InitialBelowFloor);
                }
                if initial > cap {
                    return Err(E::InitialAboveCap);
                }
            }
        }
        if self.jitter.percent() > 100 {
            return Err(E::JitterAboveAll);
        }
        let stable_after = nanos(self.stable_after);
        if stable_after == 0 {
            return Err(E::StableAfterZero);
        }
        let (dial_timeout, dial_timeout_max) =
            match timeouts(self.dial_timeout, self.dial_timeout_max, Self::DIAL_TIMEOUT_MAX) {
                (0, _) => return Err(E::DialTimeoutZero),
                (timeout, max) if max < timeout => return Err(E::DialTimeoutMaxBelowDialTimeout),
                pair => pair,
            };
        let (handshake_timeout, handshake_timeout_max) = match timeouts(
            self.handshake_timeout,
            self.handshake_timeout_max,
            Self::HANDSHAKE_TIMEOUT_MAX,
        ) {
            (0, _) => return Err(E::HandshakeTimeoutZero),
            (timeout, max) if max < timeout => {
                return Err(E::HandshakeTimeoutMaxBelowHandshakeTimeout);
            }
            pair => pair,
        };
        let overload = match self.overload {
            Overload::Ignore => None,
            Overload::Jump { floor, growth, cap } => {
                let mut class = match growth.checked() {
                    Some(ratio) => OverloadClass { floor: nanos(floor), ratio, cap: nanos(cap) },
                    None => return Err(E::OverloadGrowthBelowOne),
                };
                if self.cap_set && !self.overload_set {
                    let lowered = nanos(self.cap);
                    class.cap = if class.cap > lowered { lowered } else { class.cap };
                    class.floor = if class.floor > lowered { lowered } else { class.floor };
                } else if class.floor == 0 {
                    return Err(E::OverloadFloorZero);
                }
                if class.cap < class.floor {
                    return Err(E::OverloadCapBelowFloor);
                }
                Some(class)
            }
        };
        let Ok(max_attempts) = count(self.max_attempts) else { return Err(E::MaxAttemptsZero) };
        let Ok(max_rounds) = count(self.max_rounds) else { return Err(E::MaxRoundsZero) };
        let max_elapsed = match optional(self.max_elapsed) {
            0 => return Err(E::MaxElapsedZero),
            max_elapsed => max_elapsed,
        };
        if self.burst == 0 {
            return Err(E::BurstZero);
        }
        let spacing = nanos(self.spacing);
        if spacing == 0 {
            return Err(E::SpacingZero);
        }
        let max_hint = nanos(self.max_hint);
        if max_hint == 0 {
            return Err(E::MaxHintZero);
        }
        let breaker = match self.breaker {
            Some(breaker) => match breaker.check() {
                Ok(rule) => Some(rule),
                Err(error) => return Err(error),
            },
            None => None,
        };
        if let Selection::Priority { failback: Some(Duration::ZERO) } = self.selection {
            return Err(E::FailbackZero);
        }
        let park_for = nanos(self.park_for);
        if park_for == 0 {
            return Err(E::ParkForZero);
        }
        let max_age = optional(self.max_age);
        if max_age <= stable_after && max_age != NEVER {
            return Err(E::MaxAgeNotAboveStableAfter);
        }
        let drain_timeout = nanos(self.drain_timeout);
        if drain_timeout == 0 {
            return Err(E::DrainTimeoutZero);
        }
        let idle_timeout = match optional(self.idle_timeout) {
            0 => return Err(E::IdleTimeoutZero),
            idle_timeout => idle_timeout,
        };
        Ok(Policy {
            backoff: self.backoff,
            ratio,
            floor,
            cap,
            jitter: self.jitter,
            first_retry: self.first_retry,
            startup_splay: nanos(self.startup_splay),
            stable_after,
            dial_timeout,
            dial_timeout_max,
            handshake_timeout,
            handshake_timeout_max,
            overload,
            overload_set: self.overload_set,
            max_attempts,
            max_rounds,
            max_elapsed,
            rate_limit: RateLimit::new(self.burst, spacing),
            max_hint,
            give_up_on_long_hint: self.give_up_on_long_hint,
            breaker,
            allow_all_open: self.allow_all_open,
            selection: self.selection,
            park_for,
            give_up_when_all_parked: self.give_up_when_all_parked,
            refresh: self.refresh,
            max_age,
            drain_timeout,
            idle_timeout,
        })
    }
}

/// A timeout and what it grows to: `explicit`, or `default` if the timeout is not already longer.
const fn timeouts(timeout: Duration, explicit: Option<Duration>, default: Duration) -> (u64, u64) {
    let timeout = nanos(timeout);
    let max = match explicit {
        Some(max) => nanos(max),
        None if timeout > nanos(default) => timeout,
        None => nanos(default),
    };
    (timeout, max)
}

const fn count(limit: Option<u32>) -> Result<Option<NonZeroU32>, ()> {
    match limit {
        None => Ok(None),
        Some(limit) => match NonZeroU32::new(limit) {
            Some(limit) => Ok(Some(limit)),
            None => Err(()),
        },
    }
}

const fn optional(limit: Option<Duration>) -> u64 {
    match limit {
        None => NEVER,
        Some(limit) => nanos(limit),
    }
}
