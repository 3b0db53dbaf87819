//! Every rule of a policy is broken once, and the message names the field.

use std::collections::HashSet;
use std::time::Duration;

use redial::{
    After, Backoff, BreakerPolicy, Growth, Jitter, Overload, Policy, PolicyBuilder, PolicyError,
    Selection, Trip,
};

const ZERO: Duration = Duration::ZERO;

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn breaker(trip: Trip) -> PolicyBuilder {
    let mut breaker = BreakerPolicy::consecutive(1);
    breaker.trip = trip;
    Policy::builder().breaker(breaker)
}

fn overload(floor: Duration, growth: Growth, cap: Duration) -> PolicyBuilder {
    Policy::builder().overload(Overload::Jump { floor, growth, cap })
}

#[test]
fn every_rule_is_checked_and_names_its_field() {
    use PolicyError as E;
    let double = Growth::ratio(2, 1);
    let new = Policy::builder;
    let cases = [
        (new().floor(s(1)), E::InitialBelowFloor, "backoff"),
        (new().cap(Duration::from_millis(1)), E::InitialAboveCap, "backoff"),
        (new().floor(s(60)), E::CapBelowFloor, "cap"),
        (new().backoff(Backoff::exponential(s(1), 1, 2)), E::GrowthBelowOne, "backoff"),
        (new().backoff(Backoff::exponential(s(1), 1, 0)), E::GrowthBelowOne, "backoff"),
        (new().backoff(Backoff::exponential_f64(s(1), f64::NAN)), E::GrowthBelowOne, "backoff"),
        (new().backoff(Backoff::table(&[], After::Last)), E::TableEmpty, "backoff"),
        (new().jitter(Jitter::Proportional(101)), E::JitterAboveAll, "jitter"),
        (new().jitter(Jitter::Phase(255)), E::JitterAboveAll, "jitter"),
        (new().stable_after(ZERO), E::StableAfterZero, "stable_after"),
        (new().dial_timeout(ZERO), E::DialTimeoutZero, "dial_timeout"),
        (new().dial_timeout_max(s(1)), E::DialTimeoutMaxBelowDialTimeout, "dial_timeout_max"),
        (new().handshake_timeout(ZERO), E::HandshakeTimeoutZero, "handshake_timeout"),
        (
            new().handshake_timeout_max(s(1)),
            E::HandshakeTimeoutMaxBelowHandshakeTimeout,
            "handshake_timeout_max",
        ),
        (overload(ZERO, double, s(1)), E::OverloadFloorZero, "overload"),
        (overload(s(2), double, s(1)), E::OverloadCapBelowFloor, "overload"),
        (overload(s(1), Growth::ratio(1, 2), s(2)), E::OverloadGrowthBelowOne, "overload"),
        (new().max_attempts(0), E::MaxAttemptsZero, "max_attempts"),
        (new().max_elapsed(ZERO), E::MaxElapsedZero, "max_elapsed"),
        (new().max_rounds(0), E::MaxRoundsZero, "max_rounds"),
        (new().rate_limit(0, s(1)), E::BurstZero, "rate_limit"),
        (new().rate_limit(1, ZERO), E::SpacingZero, "rate_limit"),
        (new().max_hint(ZERO), E::MaxHintZero, "max_hint"),
        (breaker(Trip::Consecutive(0)), E::BreakerThresholdZero, "breaker"),
        (breaker(rate(0, 1, 50)), E::BreakerWindowOutOfRange, "breaker"),
        (breaker(rate(65, 1, 50)), E::BreakerWindowOutOfRange, "breaker"),
        (breaker(rate(10, 0, 50)), E::BreakerMinimumOutOfRange, "breaker"),
        (breaker(rate(10, 11, 50)), E::BreakerMinimumOutOfRange, "breaker"),
        (breaker(rate(10, 10, 0)), E::BreakerPercentOutOfRange, "breaker"),
        (breaker(rate(10, 10, 101)), E::BreakerPercentOutOfRange, "breaker"),
        (new().breaker(BreakerPolicy::consecutive(1).open_for(ZERO)), E::OpenForZero, "breaker"),
        (
            new().breaker(BreakerPolicy::consecutive(1).open_max(s(1))),
            E::OpenMaxBelowOpenFor,
            "breaker",
        ),
        (new().park_for(ZERO), E::ParkForZero, "park_for"),
        (
            new().selection(Selection::Priority { failback: Some(ZERO) }),
            E::FailbackZero,
            "failback",
        ),
        (new().max_age(s(10)), E::MaxAgeNotAboveStableAfter, "max_age"),
        (new().drain_timeout(ZERO), E::DrainTimeoutZero, "drain_timeout"),
        (new().idle_timeout(ZERO), E::IdleTimeoutZero, "idle_timeout"),
    ];
    let mut provoked = HashSet::new();
    for (builder, expected, field) in cases {
        let error = builder.build().expect_err(field);
        assert_eq!(error, expected);
        assert_eq!(error.field(), field);
        let message = error.to_string();
        assert!(message.starts_with(field), "{message}");
        assert!(!message.ends_with('.'), "{message}");
        assert!(!error.rule().is_empty());
        provoked.insert(error);
    }
    assert_eq!(provoked.len(), 31, "every error is provoked");
}

const fn rate(last: u8, min: u8, percent: u8) -> Trip {
    Trip::Rate { last, min, percent }
}

#[test]
fn what_is_at_the_edge_of_a_rule_builds() {
    let new = Policy::builder;
    let edges = [
        new().backoff(Backoff::fixed(ZERO)),
        new().floor(s(1)).cap(s(1)).backoff(Backoff::fixed(s(1))),
        new().backoff(Backoff::exponential(s(1), 1, 1)),
        new().jitter(Jitter::Proportional(100)),
        new().dial_timeout(s(10)).dial_timeout_max(s(10)),
        new().dial_timeout(s(120)),
        new().max_age(Duration::from_nanos(10_000_000_001)),
        overload(s(1), Growth::ratio(1, 1), s(1)),
        breaker(rate(64, 64, 100)),
        breaker(rate(1, 1, 1)),
    ];
    for edge in edges {
        edge.build().unwrap();
    }
}

#[test]
fn a_policy_survives_its_own_builder() {
    let mut random = redial_testkit::Random::new(redial_testkit::seed("to_builder"));
    for _ in 0..10_000 {
        let bytes: [u8; redial_testkit::POLICY_BYTES] = random.array();
        let policy = redial_testkit::policy(&mut redial_testkit::Bytes::new(&bytes));
        assert_eq!(policy.to_builder().build().as_ref(), Ok(&policy));
    }
}
