//! Breakers and calls in one line each.

use std::time::Duration;

use redial::{Breaker, BreakerPolicy, Circuit, Timestamp};

pub(crate) fn at(seconds: u64) -> Timestamp {
    Timestamp::from_origin(Duration::from_secs(seconds))
}

pub(crate) fn breaker(policy: BreakerPolicy) -> Breaker {
    Breaker::new(policy, 1).unwrap()
}

pub(crate) fn consecutive(failures: u32) -> Breaker {
    breaker(BreakerPolicy::consecutive(failures))
}

pub(crate) fn fail(breaker: &Breaker, now: u64) {
    breaker.allow(at(now)).unwrap().failure(at(now));
}

pub(crate) fn succeed(breaker: &Breaker, now: u64) {
    breaker.allow(at(now)).unwrap().success();
}

pub(crate) fn open_until(breaker: &Breaker, now: u64) -> Timestamp {
    match breaker.circuit(at(now)) {
        Circuit::Open { until } => until,
        other => panic!("{other}"),
    }
}
