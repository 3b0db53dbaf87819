//! Every setter of a policy, with its default and the reason for it.

use core::time::Duration;

use crate::backoff::{Backoff, Growth};
use crate::jitter::Jitter;
use crate::overload::Overload;
use crate::policy::{FirstRetry, Refresh, Selection};
use crate::rule::BreakerPolicy;

/// Builds a [`Policy`](crate::Policy); every setter is `const`, overrides one thing and may come in
/// any order.
///
/// ```
/// use core::time::Duration;
/// use redial::{Backoff, BreakerPolicy, FirstRetry, Policy, Selection};
///
/// // A client at a person's desk, with a primary server and a spare one.
/// let policy = Policy::builder()
///     .backoff(Backoff::exponential(Duration::from_millis(250), 2, 1))
///     .cap(Duration::from_secs(5))
///     .first_retry(FirstRetry::Immediate)
///     .max_elapsed(Duration::from_secs(3600))
///     .breaker(BreakerPolicy::consecutive(5))
///     .selection(Selection::Priority { failback: Some(Duration::from_secs(60)) })
///     .idle_timeout(Duration::from_secs(30))
///     .build()?;
/// assert_eq!(policy.cap(), Duration::from_secs(5));
///
/// // What cannot work is refused by name.
/// let error = policy.to_builder().cap(Duration::from_millis(100)).build().unwrap_err();
/// assert_eq!(error.to_string(), "backoff: initial is above cap");
/// # Ok::<(), redial::PolicyError>(())
/// ```
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
    /// The overload class that was not asked for by [`overload`](Self::overload).
    pub(crate) const OVERLOAD: Overload = Overload::Jump {
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
    /// outage. Without any jitter 41 of 96 simulated fleets stay stuck; with the factor drawn for
    /// each wait none does, but the slowest needs 2.5 × the ideal time instead of 2.2.
    ///
    /// # Errors
    /// When built: more than 100 per cent.
    pub const fn jitter(mut self, jitter: Jitter) -> Self {
        self.jitter = jitter;
        self
    }

    /// The first dial after losing a stable connection. Default: uniform within 1 s. Dialing at
    /// once made a peak of 659 times a server's capacity instead of 414.
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
    /// ten minutes of accept-then-close from 604 dials, all that the rate limit lets through, into 31.
    /// Being accepted proves nothing.
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
    /// `dial_timeout` if that is longer. With this and the deadlines after an answer kept at 10 s, the
    /// slowest of 96 simulated fleets needed 13 times the ideal time instead of 2.2.
    ///
    /// # Errors
    /// When built: below `dial_timeout`.
    pub const fn dial_timeout_max(mut self, timeout: Duration) -> Self {
        self.dial_timeout_max = Some(timeout);
        self
    }

    /// Dial deadline once the server has answered something (`Event::Progress`), from the start of
    /// the dial, if it is later than the one before. Default: 15 s. It triples with each dial that
    /// ends silent after progress, to at most the larger of 120 s and a tenth of the outage: the way
    /// out of the trap.
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

    /// Exactly this many rounds in an outage, each through all endpoints that may be dialed. One that has
    /// left out an endpoint because of its own backoff counts together with the next. Default: no limit.
    ///
    /// # Errors
    /// When built: zero.
    pub const fn max_rounds(mut self, rounds: u32) -> Self {
        self.max_rounds = Some(rounds);
        self
    }

    /// Gives up once the next dial would be this long after the outage began; never sleeps first,
    /// never dials late. Time offline or without an endpoint does not count; time on connections that end
    /// before they are stable does, so with a limit up to `stable_after` the first of them may be the last.
    /// So does the window of `startup_splay` or `first_retry`, and what is left of a wait that a failed
    /// handover has earned: with a limit within these, some links give up before they have dialed. Default: no
    /// limit.
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
}
