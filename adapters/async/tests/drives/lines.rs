//! What a person reads of a handover that fails.

use std::cell::RefCell;
use std::future::{pending, ready};
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use redial_async::redial::{Backoff, Failure, Jitter, Policy, PolicyBuilder, Reconnector};
use redial_async::{Attempt, Driver, Ended, Session, Transition};

use crate::clock::Clock;
use crate::poll;

/// The last line of a link that is stable, is to be replaced, and cannot be.
fn last_line(policy: PolicyBuilder) -> String {
    let clock = Clock::default();
    let lines = Rc::new(RefCell::new(Vec::new()));
    let seen = lines.clone();
    let policy = policy.jitter(Jitter::None).stable_after(Duration::from_secs(1)).build().unwrap();
    let driver = Driver::new(Reconnector::new(policy, 1), clock.clone());
    let driver = driver.observe(move |told: &Transition<'_, Failure>| {
        seen.borrow_mut().push(told.to_string());
    });
    let connect = |attempt: Attempt| {
        ready(if attempt.dial.attempt == 1 { Ok(()) } else { Err(Failure::Unreachable) })
    };
    let serve = |(), _: Session| pending::<Ended<Failure>>();
    let mut drive = pin!(driver.drive(connect, serve));
    let handle = drive.handle();
    assert!(poll(drive.as_mut()).is_pending());
    clock.advance(Duration::from_secs(1));
    assert!(poll(drive.as_mut()).is_pending());
    handle.redial();
    assert!(poll(drive.as_mut()).is_pending());
    lines.take().pop().unwrap()
}

#[test]
fn a_handover_that_failed_reads_as_one_that_is_tried_again() {
    let policy = || Policy::builder().backoff(Backoff::fixed(Duration::from_secs(4)));
    assert_eq!(
        last_line(policy()),
        "unreachable; connected, dialing again in 4.0s at the earliest"
    );
    // The wake may be another's.
    assert_eq!(
        last_line(policy().idle_timeout(Duration::from_secs(3))),
        "unreachable; connected, dialing again in 2.0s at the earliest"
    );
}
