//! Every state of small policies, about a million; the counts are printed under `--nocapture`.
//!
//! `cargo test --release -p redial-exhaustive -- --nocapture`

use std::time::Duration;

use redial::{
    Backoff, BreakerPolicy, Failure, FirstRetry, Growth, Jitter, Overload, Policy, PolicyBuilder,
    Refresh, Selection,
};
use redial_exhaustive::{World, explore};
use redial_testkit::ops::Endpoints;

const fn ns(nanos: u64) -> Duration {
    Duration::from_nanos(nanos)
}

const HINT: Failure = Failure::RetryAfter { delay: ns(3), spread: ns(0) };

fn small() -> PolicyBuilder {
    Policy::builder()
        .jitter(Jitter::None)
        .backoff(Backoff::exponential(ns(1), 2, 1))
        .cap(ns(2))
        .overload(Overload::Jump { floor: ns(2), growth: Growth::ratio(2, 1), cap: ns(4) })
        .stable_after(ns(2))
        .dial_timeout(ns(2))
        .dial_timeout_max(ns(3))
        .handshake_timeout(ns(3))
        .handshake_timeout_max(ns(4))
        .rate_limit(2, ns(1))
        .max_hint(ns(5))
        .park_for(ns(3))
        .drain_timeout(ns(2))
}

/// A quiet world, to a horizon that `REDIAL_HORIZON` moves further out.
fn world(builder: PolicyBuilder, keys: &[u32], horizon: u64) -> World {
    let further = std::env::var("REDIAL_HORIZON");
    let further: u64 = further.map_or(0, |further| further.parse().expect("a number"));
    World {
        policy: Box::leak(Box::new(builder.build().unwrap())),
        lists: vec![Endpoints::of(keys)],
        failures: vec![Failure::Unreachable],
        application: false,
        by_hand: false,
        network: false,
        horizon: horizon + further,
    }
}

#[test]
fn one_endpoint_with_every_failure() {
    let failures = vec![
        Failure::Unreachable,
        Failure::TimedOut,
        Failure::Overloaded,
        HINT,
        Failure::Unsuitable,
        Failure::Fatal,
    ];
    let world = World { failures, ..world(small().max_attempts(3), &[0], 7) };
    explore("one endpoint, every failure", world);
}

#[test]
fn one_endpoint_and_a_restless_application() {
    let policy = small().max_elapsed(ns(6)).first_retry(FirstRetry::Backoff);
    let world = World { application: true, ..world(policy, &[0], 3) };
    explore("one endpoint, application", world);
}

#[test]
fn one_endpoint_and_a_restless_network() {
    let policy = small().max_elapsed(ns(6)).first_retry(FirstRetry::Backoff);
    let world = World { network: true, ..world(policy, &[0], 4) };
    explore("one endpoint, network", world);
}

#[test]
fn two_endpoints_with_breakers() {
    let breaker = BreakerPolicy::consecutive(1).open_for(ns(2)).open_max(ns(3));
    let failures = vec![Failure::Unreachable, Failure::Unsuitable, HINT];
    let world = World { failures, ..world(small().breaker(breaker), &[0, 1], 6) };
    explore("two endpoints, breakers", world);
}

#[test]
fn two_endpoints_with_circuits_by_hand() {
    let breaker = BreakerPolicy::consecutive(2).open_for(ns(2)).open_max(ns(3));
    let world = World { by_hand: true, ..world(small().breaker(breaker), &[0, 1], 4) };
    explore("two endpoints, circuits by hand", world);
}

#[test]
fn three_endpoints_by_priority_with_failback() {
    let selection = Selection::Priority { failback: Some(ns(2)) };
    let world = world(small().selection(selection).max_age(ns(5)), &[0, 1, 2], 8);
    explore("three endpoints, failback and age", world);
}

#[test]
fn endpoints_that_come_and_go() {
    let lists = [&[0][..], &[1, 0], &[]].map(Endpoints::of).to_vec();
    let world = World { lists, ..world(small(), &[0], 3) };
    explore("endpoints come and go", world);
}

#[test]
fn handovers_that_break_first() {
    let policy = small().refresh(Refresh::BreakFirst).max_age(ns(4)).idle_timeout(ns(5));
    let world = World { network: true, ..world(policy, &[0, 1], 4) };
    explore("break first, age and silence", world);
}
