//! Opening, half-open and closing, by failures in a row.

use std::time::Duration;

use redial::{Breaker, BreakerPolicy, Circuit, PolicyError, Timestamp, Trip};

use crate::support::{at, breaker, consecutive, fail, open_until, succeed};

#[test]
fn a_new_breaker_is_closed_and_admits() {
    let breaker = consecutive(1);
    assert_eq!(breaker.circuit(at(0)), Circuit::Closed);
    assert!(!breaker.allow(at(0)).unwrap().is_probe());
}

#[test]
fn it_opens_at_the_threshold_and_not_before() {
    let breaker = consecutive(3);
    fail(&breaker, 0);
    fail(&breaker, 0);
    assert_eq!(breaker.circuit(at(0)), Circuit::Closed);
    fail(&breaker, 0);
    assert!(matches!(breaker.circuit(at(0)), Circuit::Open { .. }));
}

#[test]
fn a_success_in_between_starts_the_count_again() {
    let breaker = consecutive(2);
    for _ in 0..10 {
        fail(&breaker, 0);
        succeed(&breaker, 0);
    }
    assert_eq!(breaker.circuit(at(0)), Circuit::Closed);
}

#[test]
fn an_open_breaker_refuses_and_says_until_when() {
    let breaker = consecutive(1);
    fail(&breaker, 0);
    let refused = breaker.allow(at(1)).unwrap_err();
    assert_eq!(refused.until, open_until(&breaker, 1));
    assert!(refused.to_string().starts_with("circuit is open until 1"), "{refused}");
}

#[test]
fn the_open_time_is_stretched_by_a_tenth_at_most() {
    for seed in 0..1000 {
        let breaker = Breaker::new(BreakerPolicy::consecutive(1), seed).unwrap();
        fail(&breaker, 0);
        let until = open_until(&breaker, 0);
        assert!((at(10)..=at(11)).contains(&until), "{until}");
    }
}

#[test]
fn seeds_probe_at_different_times() {
    let mut ends: Vec<Timestamp> = (0..100)
        .map(|seed| {
            let breaker = Breaker::new(BreakerPolicy::consecutive(1), seed).unwrap();
            fail(&breaker, 0);
            open_until(&breaker, 0)
        })
        .collect();
    ends.sort();
    ends.dedup();
    assert_eq!(ends.len(), 100);
}

#[test]
fn it_is_half_open_exactly_at_the_end_of_the_open_time() {
    let breaker = consecutive(1);
    fail(&breaker, 0);
    let until = open_until(&breaker, 0);
    let before = Timestamp::from_nanos(until.as_nanos() - 1);
    assert!(matches!(breaker.circuit(before), Circuit::Open { .. }));
    breaker.allow(before).unwrap_err();
    assert_eq!(breaker.circuit(until), Circuit::HalfOpen);
    assert!(breaker.allow(until).unwrap().is_probe());
}

#[test]
fn half_open_admits_one() {
    let breaker = consecutive(1);
    fail(&breaker, 0);
    let probe = breaker.allow(at(20)).unwrap();
    for _ in 0..100 {
        assert_eq!(breaker.allow(at(20)).unwrap_err().until, Timestamp::MAX);
    }
    drop(probe);
}

#[test]
fn a_successful_probe_closes() {
    let breaker = consecutive(1);
    fail(&breaker, 0);
    breaker.allow(at(20)).unwrap().success();
    assert_eq!(breaker.circuit(at(20)), Circuit::Closed);
    assert!(!breaker.allow(at(20)).unwrap().is_probe());
}

#[test]
fn a_close_clears_what_was_counted() {
    let breaker = consecutive(2);
    fail(&breaker, 0);
    fail(&breaker, 0);
    breaker.allow(at(20)).unwrap().success();
    fail(&breaker, 20);
    assert_eq!(breaker.circuit(at(20)), Circuit::Closed, "one failure is not two");
}

#[test]
fn a_failed_probe_opens_again() {
    let breaker = consecutive(3);
    for _ in 0..3 {
        fail(&breaker, 0);
    }
    breaker.allow(at(20)).unwrap().failure(at(20));
    assert!(open_until(&breaker, 20) >= at(40), "one failure is enough, and the time doubles");
}

#[test]
fn the_open_time_doubles_to_its_maximum() {
    let policy = BreakerPolicy::consecutive(1)
        .open_for(Duration::from_secs(10))
        .open_max(Duration::from_secs(60));
    let breaker = breaker(policy);
    fail(&breaker, 0);
    for expected in [10, 20, 40, 60, 60, 60] {
        let Circuit::Open { until } = breaker.circuit(Timestamp::ORIGIN) else { panic!() };
        let start = until;
        breaker.allow(start).unwrap().failure(start);
        let open = open_time(&breaker, start);
        let next = (expected * 2).min(60);
        assert!((next..=next + next / 10).contains(&open), "{open} after {expected}");
    }
}

fn open_time(breaker: &Breaker, now: Timestamp) -> u64 {
    match breaker.circuit(now) {
        Circuit::Open { until } => until.saturating_since(now).as_secs(),
        other => panic!("{other}"),
    }
}

#[test]
fn openings_are_counted_and_forgotten_at_a_close() {
    let breaker = consecutive(1);
    assert_eq!(breaker.reopened(), 0);
    fail(&breaker, 0);
    for count in 0..4 {
        assert_eq!(breaker.reopened(), count);
        let Circuit::Open { until } = breaker.circuit(Timestamp::ORIGIN) else { panic!() };
        breaker.allow(until).unwrap().failure(until);
    }
    assert_eq!(breaker.reopened(), 4);
    breaker.allow(at(10_000)).unwrap().success();
    assert_eq!(breaker.reopened(), 0);
    fail(&breaker, 10_000);
    assert_eq!(breaker.reopened(), 0);
    assert!(open_until(&breaker, 10_000) <= at(10_011), "the first open time again");
}

#[test]
fn an_open_time_past_the_end_of_time_is_for_ever() {
    let policy = BreakerPolicy::consecutive(1).open_for(Duration::MAX);
    let breaker = breaker(policy);
    fail(&breaker, 1);
    assert_eq!(breaker.circuit(at(1)), Circuit::Open { until: Timestamp::MAX });
    breaker.allow(Timestamp::from_nanos(u64::MAX - 1)).unwrap_err();
}

#[test]
fn a_clock_that_goes_back_admits_nothing_early() {
    let breaker = consecutive(1);
    fail(&breaker, 100);
    breaker.allow(at(50)).unwrap_err();
    assert!(matches!(breaker.circuit(at(0)), Circuit::Open { .. }));
}

#[test]
fn a_threshold_of_all_ones_never_overflows() {
    let breaker = consecutive(u32::MAX);
    for _ in 0..100_000 {
        fail(&breaker, 0);
    }
    assert_eq!(breaker.circuit(at(0)), Circuit::Closed);
}

#[test]
fn a_bad_policy_is_refused() {
    let mut policy = BreakerPolicy::consecutive(1);
    policy.trip = Trip::Rate { last: 65, min: 1, percent: 1 };
    assert_eq!(Breaker::new(policy, 1).unwrap_err(), PolicyError::BreakerWindowOutOfRange);
}
