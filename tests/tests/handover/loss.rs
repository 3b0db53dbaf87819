//! A connection that ends, or falls silent, with none to take its place.

use redial::{Event, Failure};

use crate::support::{at, connected, plain, s};

#[test]
fn silence_ends_a_connection() {
    let (mut link, old) = connected(plain().idle_timeout(s(30)), &[1]);
    assert_eq!(link.handle(at(10), Event::Tick).wake(), at(30));
    let action = link.handle(at(30), Event::Tick);
    assert_eq!(action.held(), None);
    link.handle(at(31), Event::Closed(old, Failure::Unreachable));
    assert_eq!(link.counters().ignored, 1);
}

#[test]
fn activity_never_moves_an_armed_wake() {
    let (mut link, old) = connected(plain().idle_timeout(s(30)), &[1]);
    let hold = link.handle(at(10), Event::Tick);
    for second in 11..30 {
        assert_eq!(link.handle(at(second), Event::Activity(old)), hold);
    }
    let hold = link.handle(at(30), Event::Tick);
    assert_eq!((hold.held(), hold.wake()), (Some(old), at(29 + 30)), "it looks again");
    assert_eq!(link.handle(at(59), Event::Tick).held(), None);
}

#[test]
fn an_overloaded_loss_skips_the_first_retry_and_jumps() {
    let (mut link, old) = connected(plain(), &[1]);
    let action = link.handle(at(100), Event::Closed(old, Failure::Overloaded));
    assert_eq!(action.wake(), at(109));
}

#[test]
fn a_silent_loss_counts_as_unreachable() {
    let (mut link, old) = connected(plain(), &[1]);
    let action = link.handle(at(100), Event::Closed(old, Failure::TimedOut));
    assert_eq!(action.dial().unwrap().attempt, 1, "at once");
}
