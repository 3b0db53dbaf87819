//! What a run of failures has earned, computed anew from the list of all its rounds.

use std::time::Duration;

use redial::{After, Backoff, Failures, Growth, Jitter, Overload, Policy};

use super::arith::{clamp, later, nanos, percent, up_to};

/// How much a failure says about the server.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Class {
    Clear,
    Unreachable,
    TimedOut,
    Overloaded,
}

/// A round through the endpoints that has failed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Round {
    pub(crate) worst: Class,
    /// Age of the outage at its end.
    pub(crate) elapsed: u64,
    /// For a custom shape; zero for all others.
    pub(crate) draw: u64,
    /// The next one has the first of the policy's intervals again.
    pub(crate) last: bool,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Earned {
    /// The interval before jitter; zero before the first.
    pub(crate) base: u64,
    /// The worst class that has set it.
    pub(crate) class: Class,
    /// The last round found that the policy does not dial again.
    pub(crate) stopped: bool,
}

/// The interval after all these rounds.
pub(crate) fn earned(policy: &Policy, rounds: &[Round]) -> Earned {
    let mut earned = Earned { base: 0, class: Class::Clear, stopped: false };
    let mut next = 0;
    for round in rounds {
        let index = next;
        next = if round.last { 0 } else { index + 1 };
        let Some(interval) = shaped(policy, index, earned.base, round) else {
            earned.stopped = true;
            continue;
        };
        earned.stopped = false;
        let mut base = interval.max(nanos(policy.floor())).min(nanos(policy.cap()));
        let mut class = Class::Unreachable;
        if let Overload::Jump { floor, growth, cap } = policy.overload() {
            if round.worst == Class::TimedOut || round.worst == Class::Overloaded {
                class = round.worst;
                base = if earned.base < nanos(floor) {
                    nanos(floor)
                } else {
                    grown(growth, earned.base)
                };
                // Silence proves nothing: its cap is a share of the outage.
                let silent = nanos(policy.cap()).max(percent(round.elapsed, 15)).min(nanos(cap));
                let most = if class == Class::Overloaded { nanos(cap) } else { silent };
                base = base.min(most).max(nanos(policy.floor()));
            }
        }
        earned.class = earned.class.max(class);
        // Being down does not disprove having been overloaded.
        if earned.class >= Class::TimedOut {
            base = base.max(earned.base);
        }
        earned.base = base;
    }
    earned
}

fn shaped(policy: &Policy, index: usize, previous: u64, round: &Round) -> Option<u64> {
    match *policy.backoff() {
        Backoff::Never => None,
        Backoff::Fixed(delay) => Some(nanos(delay)),
        Backoff::Linear { initial, step } => {
            let steps = step.as_nanos().saturating_mul(index as u128);
            Some(clamp(u128::from(nanos(initial)).saturating_add(steps)))
        }
        Backoff::Exponential { initial, growth } => {
            Some(if previous == 0 { nanos(initial) } else { grown(growth, previous) })
        }
        Backoff::Table { delays, then } => match delays.get(index) {
            Some(delay) => Some(nanos(*delay)),
            None if then == After::Last => delays.last().copied().map(nanos),
            None => None,
        },
        Backoff::Custom(custom) => custom(Failures::new(
            u32::try_from(index + 1).unwrap_or(u32::MAX),
            Duration::from_nanos(previous),
            Duration::from_nanos(round.elapsed),
            round.draw,
        ))
        .map(nanos),
        _ => panic!("a shape that the reference does not know"),
    }
}

fn grown(growth: Growth, base: u64) -> u64 {
    let (num, den) = (u128::from(growth.numerator()), u128::from(growth.denominator()));
    clamp(u128::from(base) * num / den)
}

/// The first interval, by which hints and `Online` are measured.
pub(crate) fn initial(policy: &Policy) -> u64 {
    // A custom shape is asked with the middle of all draws.
    let round = Round { worst: Class::Unreachable, elapsed: 0, draw: u64::MAX / 2, last: false };
    let first = shaped(policy, 0, 0, &round).unwrap_or(0);
    first.max(nanos(policy.floor())).min(nanos(policy.cap()))
}

/// One wait for `base`.
pub(crate) fn jittered(policy: &Policy, base: u64, draw: u64) -> u64 {
    let width = match policy.jitter() {
        Jitter::None => 0,
        Jitter::Full => base,
        Jitter::Equal => percent(base, 50),
        Jitter::Proportional(share) | Jitter::Phase(share) => percent(base, share),
        _ => panic!("a jitter that the reference does not know"),
    };
    let shortest = (base - width).max(nanos(policy.floor()));
    later(shortest, up_to(base.saturating_sub(shortest), draw))
}

/// Deadline of a dial that nobody has answered, from its start.
pub(crate) fn dial_timeout(policy: &Policy, base: u64) -> u64 {
    let third = base / 3;
    let grown = clamp(u128::from(third) * 4);
    grown.max(nanos(policy.dial_timeout())).min(nanos(policy.dial_timeout_max()))
}

/// Deadline of a dial that somebody has answered, from its start.
pub(crate) fn handshake_timeout(policy: &Policy, stalls: usize, elapsed: u64) -> u64 {
    let first = nanos(policy.handshake_timeout());
    let mut grown = first;
    for _ in 0..stalls.min(64) {
        grown = grown.saturating_mul(3);
    }
    let two_minutes = 120_000_000_000;
    let most = first.max(two_minutes).max(elapsed / 10);
    grown.min(most).min(nanos(policy.handshake_timeout_max()))
}
