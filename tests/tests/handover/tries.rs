//! While the next connection is dialed, the old one serves.

use std::time::Duration;

use redial::{Action, Event, Failure, GiveUpReason, Timestamp};

use crate::support::{at, connected, draining, next_dial, plain, replacing, s};

#[test]
fn before_the_new_connection_is_up_no_deadline_ends_the_old_one() {
    let (mut link, old) = connected(plain().drain_timeout(s(1)), &[1]);
    let mut action = link.handle(at(100), Event::GoingAway(old, Some(at(101))));
    for _ in 0..50 {
        assert_eq!(action.held(), Some(old));
        action = match action {
            Action::Dial(dial) => {
                let now = dial.deadline;
                link.handle(now, Event::DialFailed(dial.id, Failure::Unreachable))
            }
            other => link.handle(other.wake(), Event::Tick),
        };
    }
}

#[test]
fn while_the_next_try_waits_the_old_connection_is_held() {
    let (mut link, old, dial) = replacing(plain(), &[1]);
    let action = link.handle(at(101), Event::DialFailed(dial.id, Failure::Unreachable));
    let Action::Hold(hold) = action else { panic!("{action}") };
    assert_eq!((hold.id, hold.draining), (old, None));
    let wake = hold.wake.unwrap();
    assert_eq!(wake.saturating_since(at(101)), Duration::from_millis(750), "paced as ever");
    assert_eq!(link.handle(wake, Event::Tick).dial().unwrap().serving, Some(old));
}

#[test]
fn a_handover_dial_that_hangs_ends_with_its_deadline() {
    let (mut link, old, dial) = replacing(plain(), &[1]);
    let action = link.handle(dial.deadline, Event::Tick);
    assert!(matches!(action, Action::Hold(_)), "{action}");
    assert_eq!(action.held(), Some(old));
}

#[test]
fn an_aborted_handover_dial_is_tried_again() {
    let (mut link, old, dial) = replacing(plain(), &[1]);
    let action = link.handle(at(101), Event::DialAborted(dial.id));
    let again = next_dial(&mut link, action);
    assert_eq!(again.serving, Some(old));
    assert_eq!(link.endpoints()[0].failures(), 0);
}

#[test]
fn nothing_gives_up_while_a_connection_is_held() {
    let limits =
        || plain().max_attempts(1).max_rounds(1).max_elapsed(s(1)).give_up_when_all_parked(true);
    let ends = [Failure::Fatal, Failure::Unsuitable, Failure::Unreachable, Failure::TimedOut];
    for failure in ends {
        let (mut link, old, dial) = replacing(limits(), &[1]);
        let mut action = link.handle(at(101), Event::DialFailed(dial.id, failure));
        for _ in 0..20 {
            assert_eq!(action.held(), Some(old), "{failure}: {action}");
            action = match action {
                Action::Dial(dial) => {
                    link.handle(dial.deadline, Event::DialFailed(dial.id, failure))
                }
                other => link.handle(other.wake(), Event::Tick),
            };
        }
    }
}

#[test]
fn handover_dials_are_apart_from_the_limit() {
    let (mut link, old, dial) = replacing(plain().max_attempts(2), &[1]);
    let action = link.handle(at(101), Event::DialFailed(dial.id, Failure::Unreachable));
    let again = link.handle(action.wake(), Event::Tick).dial().unwrap();
    link.handle(at(103), Event::DialFailed(again.id, Failure::Unreachable));
    let mut action = link.handle(at(104), Event::Closed(old, Failure::Unreachable));
    let mut attempts = Vec::new();
    let mut now = at(104);
    loop {
        action = match action {
            Action::Dial(dial) => {
                attempts.push(dial.attempt);
                link.handle(now, Event::DialFailed(dial.id, Failure::Unreachable))
            }
            Action::SleepUntil(wait) => {
                now = wait.until;
                link.handle(now, Event::Tick)
            }
            Action::GiveUp(end) => {
                assert_eq!((end.reason, end.attempts), (GiveUpReason::MaxAttempts, 2));
                break;
            }
            other => panic!("{other}"),
        };
    }
    assert_eq!(attempts, [1, 2]);
}

#[test]
fn the_dial_in_flight_is_the_first_attempt_when_the_serving_connection_ends() {
    let (mut link, old, dial) = replacing(plain().max_elapsed(s(5)), &[1]);
    assert_eq!(dial.deadline, at(110));
    let action = link.handle(at(101), Event::Closed(old, Failure::Unreachable));
    let now = action.dial().unwrap();
    assert_eq!((now.id, now.attempt, now.serving), (dial.id, 1, None));
    assert_eq!(now.deadline, at(106), "cut by the outage's limit");
    let action = link.handle(at(102), Event::Connected(dial.id));
    assert_eq!((action.held(), action.draining()), (Some(dial.id), None));
}

#[test]
fn a_dead_serving_connection_leaves_the_dial_that_replaces_it() {
    let (mut link, _, dial) = replacing(plain().idle_timeout(s(105)), &[1]);
    let action = link.handle(at(105), Event::Tick);
    let now = action.dial().unwrap();
    assert_eq!((now.id, now.serving, now.attempt), (dial.id, None, 1));
}

#[test]
fn the_first_retry_does_not_undercut_what_a_failed_handover_imposed() {
    let (mut link, old, dial) = replacing(plain(), &[1]);
    let held = link.handle(at(101), Event::DialFailed(dial.id, Failure::Overloaded));
    assert_eq!(held.wake(), at(110), "the overload class's floor");
    let lost = link.handle(at(102), Event::Closed(old, Failure::Unreachable));
    assert_eq!(lost.wake(), at(110));
}

#[test]
fn parks_of_a_failed_handover_are_cleared_when_the_link_is_lost() {
    let (mut link, old) = connected(plain(), &[1, 2]);
    let dial = link.handle(at(100), Event::GoingAway(old, None)).dial().unwrap();
    link.handle(at(101), Event::DialFailed(dial.id, Failure::Fatal));
    assert!(link.endpoints()[1].parked_until() > at(101), "kept for that endpoint");
    if let Some(dial) = link.action().dial() {
        link.handle(at(101), Event::DialFailed(dial.id, Failure::Unreachable));
    }
    link.handle(at(102), Event::Closed(old, Failure::Unreachable));
    assert_eq!(link.endpoints()[1].parked_until(), Timestamp::ORIGIN);
}

#[test]
fn stop_during_a_handover_drops_both() {
    let (mut link, old, dial) = replacing(plain(), &[1]);
    assert_eq!(link.handle(at(101), Event::Stop), Action::Idle);
    link.handle(at(102), Event::Connected(dial.id));
    link.handle(at(102), Event::Closed(old, Failure::Unreachable));
    assert_eq!((link.action(), link.counters().ignored), (Action::Idle, 2));
    let (mut link, ..) = draining(plain(), &[1]);
    assert_eq!(link.handle(at(102), Event::Stop), Action::Idle);
}
