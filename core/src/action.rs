//! An action is the whole truth about what should exist now, and nothing else should.

use core::fmt;
use core::time::Duration;

use crate::failure::Failure;
use crate::id::DialId;
use crate::time::Timestamp;

/// What should exist in the world now: at most one dial, two connections and one timer.
///
/// A dial, connection or timer that the current action does not name is to be dropped. Nothing is
/// lost when an action is lost: [`action()`](crate::Reconnector::action) says it again.
///
/// Exhaustive on purpose: an ignored action is a hang, so a new one must break the build.
///
/// A driver that runs more than one thing at a time compares the world with four questions, and
/// mends the difference:
///
/// ```
/// use redial::{Action, DialId};
///
/// #[derive(Default)]
/// struct World {
///     dialing: Option<DialId>,
///     /// The connection in use, and the replaced one.
///     connected: Vec<DialId>,
/// }
///
/// impl World {
///     fn reconcile(&mut self, action: &Action) {
///         let dial = action.dial();
///         if self.dialing != dial.map(|dial| dial.id) {
///             // Drops the old dial, whatever it was, and starts this one.
///             self.dialing = dial.map(|dial| dial.id);
///         }
///         let named = [action.held(), action.draining().map(|old| old.id)];
///         self.connected.retain(|id| named.contains(&Some(*id)));
///         // And then waits, for something to happen or until `action.wake()`.
///     }
/// }
///
/// # use redial::{Event, Policy, Reconnector, Timestamp};
/// let mut link = Reconnector::new(Policy::DEFAULT, 1);
/// let mut world = World::default();
/// world.reconcile(&link.handle(Timestamp::ORIGIN, Event::Start));
/// let id = world.dialing.take().unwrap();
/// world.connected.push(id);
/// world.reconcile(&link.handle(Timestamp::ORIGIN, Event::Connected(id)));
/// assert_eq!((world.dialing, world.connected), (None, vec![id]));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Action {
    /// Nothing, until the application speaks: not started, stopped, offline, or without an
    /// endpoint.
    Idle,
    /// This dial should be in flight.
    Dial(Dial),
    /// No dial and no connection; tick at `until`.
    SleepUntil(Wait),
    /// This connection is the link.
    Hold(Hold),
    /// It is over, until `Start`.
    GiveUp(GiveUp),
}

/// A dial that should be in flight. Start it if it is not; it may be reported several times.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct Dial {
    /// Names this dial, and the connection that comes of it.
    pub id: DialId,
    /// The caller's key of the endpoint to dial.
    pub endpoint: u32,
    /// Which dial of this outage it is, from 1; 0 for one that replaces a working connection, which
    /// does not count.
    pub attempt: u32,
    /// When this dial fails, never later than the end of the outage.
    pub deadline: Timestamp,
    /// When to tick; at or before the deadline.
    pub wake: Timestamp,
    /// The connection that is the link until this dial replaces it.
    pub serving: Option<DialId>,
}

/// A wait with neither dial nor connection.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct Wait {
    /// When to tick. [`Timestamp::MAX`] is never: every endpoint was tripped by hand, or the caller has
    /// deferred for ever.
    pub until: Timestamp,
    /// The gate that holds the longest.
    pub reason: WaitReason,
}

/// A connection that should exist.
///
/// ```
/// # use core::time::Duration;
/// # use redial::{Action, Event, Policy, Reconnector, Timestamp};
/// # let at = |secs| Timestamp::from_origin(Duration::from_secs(secs));
/// # let mut link = Reconnector::new(Policy::DEFAULT, 1);
/// # let first = link.handle(at(0), Event::Start).dial().unwrap();
/// # link.handle(at(0), Event::Connected(first.id));
/// // The server is to be restarted in a minute: a new connection is dialed beside the old one.
/// let action = link.handle(at(100), Event::GoingAway(first.id, Some(at(160))));
/// let second = action.dial().unwrap();
/// assert_eq!(second.serving, Some(first.id));
///
/// // It is the link as soon as it is up, and the old one has some time to finish.
/// let Action::Hold(hold) = link.handle(at(101), Event::Connected(second.id)) else { panic!() };
/// assert_eq!(hold.id, second.id);
/// assert_eq!(hold.draining.unwrap().id, first.id);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct Hold {
    /// The connection, by its dial.
    pub id: DialId,
    /// When to tick, if ever.
    pub wake: Option<Timestamp>,
    /// The replaced connection, while it finishes what it started.
    pub draining: Option<Draining>,
}

/// A replaced connection that finishes what it started.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct Draining {
    /// The connection, by its dial.
    pub id: DialId,
    /// When it is no longer named.
    pub deadline: Timestamp,
}

/// The end of a link, until `Start`.
///
/// ```
/// use redial::{Action, Event, Failure, GiveUpReason, Policy, Reconnector, Timestamp};
///
/// let now = Timestamp::ORIGIN;
/// let mut link = Reconnector::new(Policy::DEFAULT, 1);
/// let dial = link.handle(now, Event::Start).dial().unwrap();
/// let action = link.handle(now, Event::DialFailed(dial.id, Failure::Fatal));
/// let Action::GiveUp(end) = action else { panic!() };
/// assert_eq!(end.reason, GiveUpReason::Fatal);
/// assert_eq!(end.to_string(), "gave up: fatal failure after 1 attempt in 0ns, last failure: fatal");
///
/// // The password was changed. A new outage begins, with fresh counters.
/// assert_eq!(link.handle(now, Event::Start).dial().unwrap().attempt, 1);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct GiveUp {
    /// Which limit ended it.
    pub reason: GiveUpReason,
    /// Dials of this outage.
    pub attempts: u32,
    /// Length of the outage.
    pub elapsed: Duration,
    /// The last failure, if there was one since the last connection.
    pub last: Option<Failure>,
}

/// The gate that makes a wait as long as it is. When several hold equally long, the first in this
/// order is named.
///
/// ```
/// use core::time::Duration;
/// use redial::{Action, Event, Failure, Policy, Reconnector, Timestamp, WaitReason};
///
/// let now = Timestamp::ORIGIN;
/// let mut link = Reconnector::new(Policy::DEFAULT, 1);
/// let dial = link.handle(now, Event::Start).dial().unwrap();
/// let hint = Failure::RetryAfter { delay: Duration::from_secs(60), spread: Duration::ZERO };
/// let Action::SleepUntil(wait) = link.handle(now, Event::DialFailed(dial.id, hint)) else { panic!() };
/// assert_eq!(wait.reason, WaitReason::Hint);
/// println!("next dial at {}: {}", wait.until, wait.reason);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum WaitReason {
    /// The interval that the failures have earned.
    Backoff,
    /// The window before the first dial after losing a stable connection.
    FirstRetry,
    /// The same window before the next endpoint of a round.
    NextEndpoint,
    /// The startup splay.
    Splay,
    /// A backoff that `Online` has cut.
    Online,
    /// The server said when.
    Hint,
    /// The circuit is open.
    Breaker,
    /// The endpoint was unsuitable.
    Parked,
    /// Too many dials in too short a time.
    RateLimit,
    /// The caller said `Defer`.
    Deferred,
}

/// Why a link gave up. When several limits hold, the first in this order is named.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum GiveUpReason {
    /// The driver reported `Failure::Fatal`.
    Fatal,
    /// The server's hint was longer than `max_hint`, and the policy says to give up then.
    HintTooLong,
    /// `max_attempts` dials, or `max_rounds` rounds, have failed.
    MaxAttempts,
    /// The backoff is `Never`, its table is exhausted, or the custom one said `None`.
    PolicyNever,
    /// Every endpoint is parked, and the policy says to give up then.
    AllParked,
    /// The next dial would be at or past `max_elapsed`.
    MaxElapsed,
}

/// What a driver reconciles on, without matching.
impl Action {
    /// The dial that should be in flight.
    pub const fn dial(&self) -> Option<Dial> {
        match self {
            Self::Dial(dial) => Some(*dial),
            Self::Idle | Self::SleepUntil(_) | Self::Hold(_) | Self::GiveUp(_) => None,
        }
    }

    /// The connection that is the link.
    pub const fn held(&self) -> Option<DialId> {
        match self {
            Self::Dial(dial) => dial.serving,
            Self::Hold(hold) => Some(hold.id),
            Self::Idle | Self::SleepUntil(_) | Self::GiveUp(_) => None,
        }
    }

    /// The replaced connection that may still finish what it started.
    pub const fn draining(&self) -> Option<Draining> {
        match self {
            Self::Hold(hold) => hold.draining,
            Self::Idle | Self::Dial(_) | Self::SleepUntil(_) | Self::GiveUp(_) => None,
        }
    }

    /// The one deadline to arm: when to report a `Tick` if nothing else happens. It replaces the
    /// last one. [`Timestamp::MAX`] is never.
    pub const fn wake(&self) -> Timestamp {
        match self {
            Self::Dial(dial) => dial.wake,
            Self::SleepUntil(wait) => wait.until,
            Self::Hold(Hold { wake: Some(wake), .. }) => *wake,
            Self::Hold(Hold { wake: None, .. }) | Self::Idle | Self::GiveUp(_) => Timestamp::MAX,
        }
    }

    /// How long it is at `now` until [`wake`](Self::wake): zero if that has come, `None` if it never does.
    /// As `poll`, `recv_timeout` and the like want it.
    ///
    /// ```
    /// use core::time::Duration;
    /// use redial::{Event, Policy, Reconnector, Timestamp};
    ///
    /// let mut link = Reconnector::new(Policy::DEFAULT, 1);
    /// assert_eq!(link.action().timeout(Timestamp::ORIGIN), None);
    /// let dial = link.handle(Timestamp::ORIGIN, Event::Start);
    /// assert_eq!(dial.timeout(Timestamp::ORIGIN), Some(Duration::from_secs(10)));
    /// ```
    pub fn timeout(&self, now: Timestamp) -> Option<Duration> {
        let wake = self.wake();
        (wake != Timestamp::MAX).then(|| wake.saturating_since(now))
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Idle => f.write_str("idle"),
            Self::Dial(dial) => fmt::Display::fmt(dial, f),
            Self::SleepUntil(wait) => fmt::Display::fmt(wait, f),
            Self::Hold(hold) => fmt::Display::fmt(hold, f),
            Self::GiveUp(end) => fmt::Display::fmt(end, f),
        }
    }
}

impl fmt::Display for Dial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "dial {} to endpoint {}", self.id, self.endpoint)?;
        match self.serving {
            Some(serving) => write!(f, " in place of {serving}")?,
            None => write!(f, ", attempt {}", self.attempt)?,
        }
        write!(f, ", until {}", self.deadline)
    }
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sleep until {} ({})", self.until, self.reason)
    }
}

impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "hold {}", self.id)?;
        match self.draining {
            Some(old) => write!(f, ", draining {} until {}", old.id, old.deadline),
            None => Ok(()),
        }
    }
}

/// So many, in words.
pub(crate) struct Attempts(pub(crate) u32);

impl fmt::Display for Attempts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.0 == 1 { "" } else { "s" };
        write!(f, "{} attempt{plural}", self.0)
    }
}

impl fmt::Display for GiveUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let attempts = Attempts(self.attempts);
        write!(f, "gave up: {} after {attempts} in {:?}", self.reason, self.elapsed)?;
        match self.last {
            Some(last) => write!(f, ", last failure: {last}"),
            None => Ok(()),
        }
    }
}

impl core::error::Error for GiveUp {}

impl fmt::Display for WaitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Backoff => "backoff",
            Self::FirstRetry => "first retry",
            Self::NextEndpoint => "next endpoint",
            Self::Splay => "startup splay",
            Self::Online => "back online",
            Self::Hint => "server's hint",
            Self::Breaker => "circuit open",
            Self::Parked => "endpoint parked",
            Self::RateLimit => "rate limit",
            Self::Deferred => "deferred",
        })
    }
}

impl fmt::Display for GiveUpReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fatal => "fatal failure",
            Self::HintTooLong => "server's hint is longer than max_hint",
            Self::MaxAttempts => "max_attempts reached",
            Self::PolicyNever => "the policy does not dial again",
            Self::AllParked => "every endpoint is parked",
            Self::MaxElapsed => "max_elapsed reached",
        })
    }
}

impl core::error::Error for GiveUpReason {}

impl WaitReason {
    pub(crate) const ALL: [Self; 10] = [
        Self::Backoff,
        Self::FirstRetry,
        Self::NextEndpoint,
        Self::Splay,
        Self::Online,
        Self::Hint,
        Self::Breaker,
        Self::Parked,
        Self::RateLimit,
        Self::Deferred,
    ];
}
