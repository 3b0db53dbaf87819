//! Links with a plain policy, and what becomes of them.

use std::time::Duration;

use redial::{Action, Backoff, Dial, Jitter, Policy, PolicyBuilder, Reconnector, Timestamp};
use redial_testkit::sim::{Answer, Sim};

pub(crate) const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) fn at(seconds: u64) -> Timestamp {
    Timestamp::from_origin(s(seconds))
}

pub(crate) fn plain() -> PolicyBuilder {
    let backoff = Backoff::exponential(ms(100), 2, 1);
    Policy::builder().backoff(backoff).cap(s(30)).jitter(Jitter::None)
}

pub(crate) fn link(policy: PolicyBuilder) -> Reconnector {
    Reconnector::new(policy.build().unwrap(), 1)
}

/// Dials within `time` of a link that is always answered so, and how it stands then.
pub(crate) fn within(policy: PolicyBuilder, time: Duration, answer: &Answer) -> (usize, Action) {
    let mut sim = Sim::new(link(policy), |_: Timestamp, _: &Dial| answer.clone());
    sim.start();
    let action = sim.run_for(time.saturating_sub(Duration::from_nanos(1)));
    (sim.dials.len(), action)
}
