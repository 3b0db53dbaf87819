//! The scenarios. Times are chosen so that what the application says does not fall together with what
//! the link does by itself, unless that is what a scenario is about.

mod application;
mod endings;
mod handover;
mod opening;
mod operations;
mod several;

use std::time::Duration;

use redial::{Backoff, Failure, FirstRetry, Jitter, Overload, Policy, PolicyBuilder};

use crate::script::{Scenario, Step};

/// All of them.
pub fn all() -> impl Iterator<Item = &'static Scenario> {
    let groups = [
        opening::ALL,
        endings::ALL,
        application::ALL,
        operations::ALL,
        handover::ALL,
        several::ALL,
    ];
    groups.into_iter().flatten()
}

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// 100 ms ×2 → 10 s, exact; dials end after 1 s, connections are stable after 1 s.
fn exact() -> PolicyBuilder {
    Policy::builder()
        .backoff(Backoff::exponential(ms(100), 2, 1))
        .cap(ms(10_000))
        .jitter(Jitter::None)
        .first_retry(FirstRetry::Immediate)
        .overload(Overload::Ignore)
        .stable_after(ms(1000))
        .dial_timeout(ms(1000))
        .dial_timeout_max(ms(1000))
        .handshake_timeout(ms(3000))
        .handshake_timeout_max(ms(3000))
        .drain_timeout(ms(2000))
        .rate_limit(20, ms(100))
}

fn built(builder: PolicyBuilder) -> Policy {
    builder.build().expect("a valid policy")
}

fn plain() -> Policy {
    built(exact())
}

const REFUSED: &[Step] = &[Step::Fail(Failure::Unreachable)];
const HANGS: &[Step] = &[];
const UP: &[Step] = &[Step::Accept];
const LOST: Step = Step::Lose(Failure::Unreachable);

/// Accepts and closes at once.
const FLAP: &[Step] = &[Step::Accept, LOST];

/// What most scenarios are, but for their name and what they change.
const BASE: Scenario = Scenario {
    name: "",
    policy: plain,
    endpoints: &[0],
    lazy: false,
    dials: &[UP],
    says: &[],
    end: 5000,
};
