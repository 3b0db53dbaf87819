//! Calls without an outcome, and outcomes that come when all has changed.

use redial::Circuit;

use crate::support::{at, consecutive, fail, open_until};

#[test]
fn an_ignored_probe_is_given_back() {
    let breaker = consecutive(1);
    fail(&breaker, 0);
    drop(breaker.allow(at(20)).unwrap());
    assert_eq!(breaker.circuit(at(20)), Circuit::HalfOpen);
    assert!(breaker.allow(at(20)).unwrap().is_probe());
}

#[test]
fn a_probe_that_panics_is_given_back() {
    let breaker = consecutive(1);
    fail(&breaker, 0);
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _probe = breaker.allow(at(20)).unwrap();
        std::panic::resume_unwind(Box::new("the call failed"));
    }));
    panicked.unwrap_err();
    assert!(breaker.allow(at(20)).unwrap().is_probe());
}

#[test]
fn an_ignored_call_counts_for_nothing() {
    let breaker = consecutive(2);
    fail(&breaker, 0);
    drop(breaker.allow(at(0)).unwrap());
    fail(&breaker, 0);
    assert!(matches!(breaker.circuit(at(0)), Circuit::Open { .. }), "still two in a row");
}

#[test]
fn a_call_from_before_the_outage_says_nothing_after_it() {
    let breaker = consecutive(1);
    let [slow, quick] = [(); 2].map(|()| breaker.allow(at(0)).unwrap());
    quick.failure(at(1));
    breaker.allow(at(500_000)).unwrap().success();
    slow.failure(at(500_001));
    assert_eq!(breaker.circuit(at(500_001)), Circuit::Closed);
}

#[test]
fn a_late_failure_while_open_changes_nothing() {
    let breaker = consecutive(1);
    let [slow, quick] = [(); 2].map(|()| breaker.allow(at(0)).unwrap());
    quick.failure(at(0));
    let until = open_until(&breaker, 0);
    slow.failure(at(9));
    assert_eq!(open_until(&breaker, 9), until, "not extended");
    assert_eq!(breaker.reopened(), 0);
}

#[test]
fn a_late_success_while_open_changes_nothing() {
    let breaker = consecutive(1);
    let [slow, quick] = [(); 2].map(|()| breaker.allow(at(0)).unwrap());
    quick.failure(at(0));
    slow.success();
    assert!(matches!(breaker.circuit(at(1)), Circuit::Open { .. }));
}

#[test]
fn a_late_outcome_does_not_settle_another_ones_probe() {
    let breaker = consecutive(1);
    let [slow, quick] = [(); 2].map(|()| breaker.allow(at(0)).unwrap());
    quick.failure(at(0));
    let probe = breaker.allow(at(20)).unwrap();
    slow.success();
    assert_eq!(breaker.circuit(at(20)), Circuit::HalfOpen);
    breaker.allow(at(20)).unwrap_err();
    probe.success();
    assert_eq!(breaker.circuit(at(20)), Circuit::Closed);
}

#[test]
fn a_call_from_before_an_opening_counts_for_nothing_after_it() {
    let breaker = consecutive(2);
    let old = breaker.allow(at(0)).unwrap();
    fail(&breaker, 0);
    fail(&breaker, 0);
    breaker.allow(at(20)).unwrap().success();
    fail(&breaker, 20);
    breaker.trip();
    breaker.reset();
    drop(old);
    assert_eq!(breaker.circuit(at(20)), Circuit::Closed);
}
