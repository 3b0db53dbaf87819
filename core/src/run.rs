//! A run of failures: what it has earned so far, and so how long the next wait and dial may be.
//!
//! The run outlives single connections. It is forgotten only when a connection was stable.

use core::time::Duration;

use crate::action::WaitReason;
use crate::backoff::{Exponential, Failures};
use crate::policy::Policy;
use crate::rng::take_draw;

/// The handshake deadline may always grow this far, however young the outage.
const HANDSHAKE_FREE: u64 = 120_000_000_000;

/// How much a failure says about the server, from nothing to "too busy".
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub(crate) enum Class {
    /// Nothing failed, or the server said when: no reason to grow.
    Clear,
    Unreachable,
    TimedOut,
    Overloaded,
}

impl Class {
    pub(crate) const ALL: [Self; 4] =
        [Self::Clear, Self::Unreachable, Self::TimedOut, Self::Overloaded];
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Run {
    /// The current interval before jitter; 0 before the first.
    pub(crate) base: u64,
    /// Intervals asked for.
    pub(crate) failures: u32,
    /// The factor of [`Jitter::Phase`](crate::Jitter::Phase); 0 until it is drawn.
    pub(crate) phase: u32,
    /// Rounds through the endpoints that have failed.
    pub(crate) rounds: u32,
    /// Dials that ended silent after progress.
    pub(crate) stalls: u8,
    /// What the pace of the next dial stands for.
    pub(crate) paced_by: WaitReason,
    /// The worst class that has set `base`.
    pub(crate) class: Class,
    /// The worst class of the present round.
    pub(crate) worst: Class,
}

impl Run {
    pub(crate) const NEW: Self = Self {
        base: 0,
        failures: 0,
        phase: 0,
        rounds: 0,
        stalls: 0,
        paced_by: WaitReason::Backoff,
        class: Class::Clear,
        worst: Class::Clear,
    };

    /// Grows the interval by the worst class of the round that ended; `None` if the policy stops
    /// here.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "on the way of every failed dial")]
    pub(crate) fn grow(
        &mut self,
        policy: &Policy,
        exponential: Option<Exponential>,
        worst: Class,
        elapsed: impl Fn() -> u64,
        seed: u64,
        draws: &mut u32,
    ) -> Option<()> {
        if worst == Class::Clear {
            return Some(());
        }
        self.failures = self.failures.saturating_add(1);
        let previous = self.base;
        let shaped = match exponential {
            Some(exponential) => exponential.after(previous),
            None => self.shaped(policy, elapsed(), seed, draws)?,
        };
        let mut base = shaped.min(policy.cap).max(policy.floor);
        let overload = if worst >= Class::TimedOut { policy.overload.as_ref() } else { None };
        match overload {
            Some(class) => {
                let cap = if worst == Class::Overloaded {
                    class.cap
                } else {
                    class.silent_cap(policy.cap, elapsed())
                };
                base = class.grown(previous).min(cap).max(policy.floor);
                self.class = self.class.max(worst);
            }
            None => self.class = self.class.max(Class::Unreachable),
        }
        // Being merely unreachable does not disprove an overload: until a connection is stable, the
        // interval does not shrink again.
        self.base = if self.class >= Class::TimedOut { base.max(previous) } else { base };
        Some(())
    }

    /// What the policy's backoff says, whatever its shape.
    #[cold]
    fn shaped(&self, policy: &Policy, elapsed: u64, seed: u64, draws: &mut u32) -> Option<u64> {
        let (count, previous) = (self.failures, self.base);
        policy.backoff.next(count, || Failures {
            count,
            previous: Duration::from_nanos(previous),
            elapsed: Duration::from_nanos(elapsed),
            draw: take_draw(seed, draws),
        })
    }

    /// Deadline of a dial started at `start` that the server has not answered yet.
    pub(crate) fn dial_deadline(&self, policy: &Policy, start: u64) -> u64 {
        let grown = (self.base / 3).saturating_mul(4);
        start.saturating_add(grown.min(policy.dial_timeout_max).max(policy.dial_timeout))
    }

    /// Deadline of a dial started at `start` that the server has answered, `elapsed` into the
    /// outage.
    pub(crate) fn handshake_deadline(&self, policy: &Policy, start: u64, elapsed: u64) -> u64 {
        let grown =
            policy.handshake_timeout.saturating_mul(3_u64.saturating_pow(u32::from(self.stalls)));
        let limit = HANDSHAKE_FREE.max(elapsed / 10).max(policy.handshake_timeout);
        start.saturating_add(grown.min(limit).min(policy.handshake_timeout_max))
    }

    /// Whether `Online` may cut the current wait. Our own network explains silence, but only if it
    /// was gone; and never a server that said it is too busy.
    pub(crate) fn online_cuts(&self, was_offline: bool) -> bool {
        self.paced_by == WaitReason::Backoff
            && match self.class {
                Class::Clear | Class::Unreachable => true,
                Class::TimedOut => was_offline,
                Class::Overloaded => false,
            }
    }
}
