//! Opening by the share of failures among the last outcomes.

use redial::{BreakerPolicy, Circuit};

use crate::support::{at, breaker, fail, succeed};

#[test]
fn a_rate_waits_for_its_minimum() {
    let breaker = breaker(BreakerPolicy::rate(10, 5, 50));
    for _ in 0..4 {
        fail(&breaker, 0);
    }
    assert_eq!(breaker.circuit(at(0)), Circuit::Closed, "four outcomes are not five");
    fail(&breaker, 0);
    assert!(matches!(breaker.circuit(at(0)), Circuit::Open { .. }));
}

#[test]
fn a_rate_opens_at_its_share_and_not_below() {
    let mixed = breaker(BreakerPolicy::rate(10, 10, 50));
    for _ in 0..5 {
        succeed(&mixed, 0);
    }
    for _ in 0..4 {
        fail(&mixed, 0);
    }
    assert_eq!(mixed.circuit(at(0)), Circuit::Closed);
    fail(&mixed, 0);
    assert!(matches!(mixed.circuit(at(0)), Circuit::Open { .. }), "5 of 10 are 50 %");
    let below = breaker(BreakerPolicy::rate(10, 10, 51));
    for _ in 0..5 {
        succeed(&below, 0);
        fail(&below, 0);
    }
    assert_eq!(below.circuit(at(0)), Circuit::Closed, "5 of 10 are not 51 %");
}

#[test]
fn the_window_slides() {
    let breaker = breaker(BreakerPolicy::rate(10, 10, 50));
    for _ in 0..10_000 {
        succeed(&breaker, 0);
    }
    for _ in 0..4 {
        fail(&breaker, 0);
    }
    assert_eq!(breaker.circuit(at(0)), Circuit::Closed);
    fail(&breaker, 0);
    assert!(
        matches!(breaker.circuit(at(0)), Circuit::Open { .. }),
        "5 of the last 10, whatever 10,000 successes there were"
    );
}

#[test]
fn the_window_forgets_old_failures() {
    let breaker = breaker(BreakerPolicy::rate(4, 4, 50));
    fail(&breaker, 0);
    for _ in 0..4 {
        succeed(&breaker, 0);
    }
    fail(&breaker, 0);
    assert_eq!(breaker.circuit(at(0)), Circuit::Closed, "the first failure has slid out");
}

#[test]
fn a_window_of_64_uses_all_of_it() {
    let breaker = breaker(BreakerPolicy::rate(64, 64, 100));
    for _ in 0..63 {
        fail(&breaker, 0);
    }
    assert_eq!(breaker.circuit(at(0)), Circuit::Closed);
    fail(&breaker, 0);
    assert!(matches!(breaker.circuit(at(0)), Circuit::Open { .. }));
}

#[test]
fn a_window_of_one_is_the_last_outcome() {
    let breaker = breaker(BreakerPolicy::rate(1, 1, 100));
    succeed(&breaker, 0);
    assert_eq!(breaker.circuit(at(0)), Circuit::Closed);
    fail(&breaker, 0);
    assert!(matches!(breaker.circuit(at(0)), Circuit::Open { .. }));
}

#[test]
fn a_rate_starts_anew_after_a_close() {
    let breaker = breaker(BreakerPolicy::rate(4, 2, 50));
    fail(&breaker, 0);
    fail(&breaker, 0);
    breaker.allow(at(20)).unwrap().success();
    fail(&breaker, 20);
    assert_eq!(breaker.circuit(at(20)), Circuit::Closed, "one outcome is below the minimum");
}
