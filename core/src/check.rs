//! From a builder to a policy, each rule checked once, and back.

use core::num::NonZeroU32;
use core::time::Duration;

use crate::backoff::{Backoff, Exponential};
use crate::builder::PolicyBuilder;
use crate::error::PolicyError;
use crate::overload::{Overload, OverloadClass};
use crate::policy::{FirstRetry, Policy, Selection};
use crate::rate_limit::RateLimit;
use crate::time::{NEVER, nanos};

const DIAL_TIMEOUT_MAX: Duration = Duration::from_secs(60);
const HANDSHAKE_TIMEOUT_MAX: Duration = Duration::from_secs(600);

impl PolicyBuilder {
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
        let exponential = match self.backoff {
            Backoff::Exponential { initial, growth } => match growth.checked() {
                Some(ratio) => Some(Exponential { first: nanos(initial), ratio }),
                None => return Err(E::GrowthBelowOne),
            },
            Backoff::Table { delays: [], .. } => return Err(E::TableEmpty),
            Backoff::Never
            | Backoff::Fixed(_)
            | Backoff::Linear { .. }
            | Backoff::Table { .. }
            | Backoff::Custom(_) => None,
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
            match timeouts(self.dial_timeout, self.dial_timeout_max, DIAL_TIMEOUT_MAX) {
                (0, _) => return Err(E::DialTimeoutZero),
                (timeout, max) if max < timeout => return Err(E::DialTimeoutMaxBelowDialTimeout),
                pair => pair,
            };
        let (handshake_timeout, handshake_timeout_max) = match timeouts(
            self.handshake_timeout,
            self.handshake_timeout_max,
            HANDSHAKE_TIMEOUT_MAX,
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
                } else if class.floor == 0 && self.overload_set {
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
            exponential,
            floor,
            cap,
            jitter: self.jitter,
            first_retry: self.first_retry,
            window: match self.first_retry {
                FirstRetry::Jittered(window) => nanos(window),
                FirstRetry::Immediate | FirstRetry::Backoff => 0,
            },
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

impl Policy {
    /// A policy that never gets a fleet stuck: no give-up, no breaker, and every figure chosen by
    /// simulating fleets through 96 kinds of outage (8 server behaviours × 4 lengths × 3
    /// capacities). Each setter of [`PolicyBuilder`] says its default and why.
    pub const DEFAULT: Self = match PolicyBuilder::new().build() {
        Ok(policy) => policy,
        Err(_) => unreachable!(),
    };

    /// A builder that starts from [`Policy::DEFAULT`]; each setter overrides one thing.
    pub const fn builder() -> PolicyBuilder {
        PolicyBuilder::new()
    }

    /// A builder that starts from this policy. What no setter has asked for is derived anew:
    /// `dial_timeout_max` and `handshake_timeout_max` where a timeout is longer, and an overload class
    /// that a low `cap` lowers.
    pub const fn to_builder(&self) -> PolicyBuilder {
        let (overload, cap_set) = if self.overload_set {
            (self.overload(), false)
        } else {
            (PolicyBuilder::OVERLOAD, self.has_lowered_overload())
        };
        PolicyBuilder {
            backoff: self.backoff,
            floor: self.floor(),
            cap: self.cap(),
            jitter: self.jitter,
            first_retry: self.first_retry,
            startup_splay: self.startup_splay(),
            stable_after: self.stable_after(),
            dial_timeout: self.dial_timeout(),
            dial_timeout_max: explicit_max(
                self.dial_timeout,
                self.dial_timeout_max,
                DIAL_TIMEOUT_MAX,
            ),
            handshake_timeout: self.handshake_timeout(),
            handshake_timeout_max: explicit_max(
                self.handshake_timeout,
                self.handshake_timeout_max,
                HANDSHAKE_TIMEOUT_MAX,
            ),
            overload,
            overload_set: self.overload_set,
            cap_set,
            max_attempts: match self.max_attempts {
                Some(limit) => Some(limit.get()),
                None => None,
            },
            max_rounds: match self.max_rounds {
                Some(limit) => Some(limit.get()),
                None => None,
            },
            max_elapsed: self.max_elapsed(),
            burst: self.rate_limit.burst,
            spacing: Duration::from_nanos(self.rate_limit.spacing),
            max_hint: self.max_hint(),
            give_up_on_long_hint: self.give_up_on_long_hint,
            breaker: self.breaker(),
            allow_all_open: self.allow_all_open,
            selection: self.selection,
            park_for: Duration::from_nanos(self.park_for),
            give_up_when_all_parked: self.give_up_when_all_parked,
            refresh: self.refresh,
            max_age: self.max_age(),
            drain_timeout: Duration::from_nanos(self.drain_timeout),
            idle_timeout: self.idle_timeout(),
        }
    }

    /// Whether the cap has lowered the overload class that nobody has set.
    const fn has_lowered_overload(&self) -> bool {
        match (PolicyBuilder::OVERLOAD, self.overload) {
            (Overload::Jump { cap, .. }, Some(class)) => class.cap < nanos(cap),
            (Overload::Jump { .. } | Overload::Ignore, _) => false,
        }
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

/// What [`timeouts`] is to be told for this `max`: nothing, if it comes by itself.
const fn explicit_max(timeout: u64, max: u64, default: Duration) -> Option<Duration> {
    let (_, derived) = timeouts(Duration::from_nanos(timeout), None, default);
    if max == derived { None } else { Some(Duration::from_nanos(max)) }
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
