//! What was wrong once, each by its shortest run.

mod failbacks;
mod flaps;
mod hints;
mod model;
mod outages;
mod promises;

use std::time::Duration;

use redial::{
    Action, DialId, Endpoint, Event, Failure, Jitter, Policy, PolicyBuilder, Reconnector, Timestamp,
};

type Link = Reconnector<Policy, Vec<Endpoint>>;

fn link(builder: PolicyBuilder, keys: &[u32]) -> Link {
    let policy = builder.build().unwrap();
    Reconnector::with_endpoints(policy, 7, list(keys))
}

fn list(keys: &[u32]) -> Vec<Endpoint> {
    keys.iter().copied().map(Endpoint::new).collect()
}

/// Without jitter, and with dials as fast as they come.
fn plain() -> PolicyBuilder {
    Policy::builder().jitter(Jitter::None).rate_limit(100, Duration::from_millis(1))
}

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_origin(secs(seconds))
}

const fn hint(seconds: u64) -> Failure {
    Failure::RetryAfter { delay: secs(seconds), spread: Duration::ZERO }
}

fn dial(link: &Link) -> DialId {
    link.action().dial().unwrap().id
}

/// Connects the dial in flight at `now`.
fn connect(link: &mut Link, now: Timestamp) -> DialId {
    let id = dial(link);
    link.handle(now, Event::Connected(id));
    id
}

/// Fails the dial in flight at `now`.
fn fail(link: &mut Link, now: Timestamp) -> Action {
    fail_with(link, now, Failure::Unreachable)
}

fn fail_with(link: &mut Link, now: Timestamp, failure: Failure) -> Action {
    let id = dial(link);
    link.handle(now, Event::DialFailed(id, failure))
}

fn later(now: Timestamp, seconds: u64) -> Timestamp {
    now.saturating_add(secs(seconds))
}

/// The link with these endpoints as the next process has it at `now`, with no time in between.
fn restored(link: &Link, builder: PolicyBuilder, keys: &[u32], now: Timestamp) -> Link {
    let (policy, saved) = (builder.build().unwrap(), link.snapshot());
    let health: Vec<_> = link.endpoint_snapshots().collect();
    Reconnector::restore_with_endpoints(policy, 7, list(keys), &saved, &health, secs(0), now)
}
