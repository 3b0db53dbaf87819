//! Tripped, reset and disabled.

use redial::{Circuit, Timestamp};

use crate::support::{at, consecutive, fail};

#[test]
fn tripped_by_hand_it_stays_open_until_reset() {
    let breaker = consecutive(1);
    breaker.trip();
    assert_eq!(breaker.circuit(at(u32::MAX.into())), Circuit::Open { until: Timestamp::MAX });
    assert_eq!(breaker.allow(at(u32::MAX.into())).unwrap_err().until, Timestamp::MAX);
    breaker.reset();
    assert_eq!(breaker.circuit(at(0)), Circuit::Closed);
    breaker.allow(at(0)).unwrap().success();
}

#[test]
fn outcomes_do_not_open_or_close_what_was_tripped_by_hand() {
    let breaker = consecutive(1);
    let [one, other] = [(); 2].map(|()| breaker.allow(at(0)).unwrap());
    breaker.trip();
    one.success();
    other.failure(at(0));
    assert_eq!(breaker.circuit(at(100)), Circuit::Open { until: Timestamp::MAX });
}

#[test]
fn a_reset_forgets_everything() {
    let breaker = consecutive(2);
    fail(&breaker, 0);
    breaker.reset();
    fail(&breaker, 0);
    assert_eq!(breaker.circuit(at(0)), Circuit::Closed);
    fail(&breaker, 0);
    breaker.reset();
    assert_eq!((breaker.circuit(at(0)), breaker.reopened()), (Circuit::Closed, 0));
}

#[test]
fn disabled_it_admits_everything_and_counts_nothing() {
    let breaker = consecutive(1);
    breaker.disable();
    for _ in 0..100 {
        fail(&breaker, 0);
    }
    assert_eq!(breaker.circuit(at(0)), Circuit::Disabled);
    breaker.reset();
    assert_eq!(breaker.circuit(at(0)), Circuit::Closed);
}
