//! Once the next connection is up, the old one drains.

use redial::{Action, Event, Failure};

use crate::support::{Link, at, connected, draining, next_dial, plain, s};

#[test]
fn the_new_connection_is_the_link_at_once_and_the_old_one_drains() {
    let (link, old, _) = draining(plain(), &[1]);
    let drain = link.action().draining().unwrap();
    assert_eq!((drain.id, drain.deadline), (old, at(131)));
}

#[test]
fn the_servers_deadline_cuts_the_drain() {
    let (mut link, old) = connected(plain(), &[1, 2]);
    let dial = link.handle(at(100), Event::GoingAway(old, Some(at(105)))).dial().unwrap();
    let action = link.handle(at(101), Event::Connected(dial.id));
    assert_eq!(action.draining().unwrap().deadline, at(105));
    let action = link.handle(at(105), Event::Tick);
    assert_eq!((action.held(), action.draining()), (Some(dial.id), None));
}

#[test]
fn a_drain_ends_with_its_close() {
    let (mut link, old, new) = draining(plain(), &[1]);
    let action = link.handle(at(102), Event::Closed(old, Failure::Unreachable));
    assert_eq!((action.held(), action.draining()), (Some(new), None));
    assert_eq!(link.counters().ignored, 0);
}

#[test]
fn a_drain_ends_with_its_timeout() {
    let (mut link, _, new) = draining(plain().drain_timeout(s(3)), &[1]);
    assert!(link.handle(at(103), Event::Tick).draining().is_some());
    let action = link.handle(at(104), Event::Tick);
    assert_eq!((action.held(), action.draining()), (Some(new), None));
}

#[test]
fn a_new_connection_that_is_lost_gives_the_old_one_back() {
    let (mut link, old, new) = draining(plain(), &[1, 2]);
    let failures =
        |link: &Link, key| link.endpoints().iter().find(|end| end.key() == key).unwrap().failures();
    let at_new = link.status().endpoint.unwrap();
    let action = link.handle(at(105), Event::Closed(new, Failure::Unreachable));
    assert_eq!(action.held(), Some(old));
    assert_eq!(action.draining(), None);
    assert_eq!(failures(&link, at_new), 1, "the flap is the new one's");
    assert_eq!(next_dial(&mut link, action).serving, Some(old), "it is still wanted");
}

#[test]
fn a_connection_given_back_never_gave_up_being_stable() {
    let (mut link, old, new) = draining(plain(), &[1]);
    link.handle(at(102), Event::Closed(new, Failure::Unreachable));
    let action = link.handle(at(103), Event::Closed(old, Failure::Unreachable));
    assert_eq!(next_dial(&mut link, action).attempt, 1);
}

#[test]
fn both_lost_at_once_is_one_outage() {
    let (mut link, old, new) = draining(plain(), &[1]);
    link.handle(at(102), Event::Closed(old, Failure::Unreachable));
    let action = link.handle(at(102), Event::Closed(new, Failure::Unreachable));
    assert!(matches!(action, Action::SleepUntil(_) | Action::Dial(_)), "{action}");
    assert_eq!(action.held(), None);
}

#[test]
fn nothing_new_is_begun_while_something_drains() {
    let (mut link, old, new) = draining(plain(), &[1, 2]);
    let action = link.handle(at(115), Event::GoingAway(new, None));
    assert_eq!(action.held(), Some(new));
    assert!(action.draining().is_some());
    let action = link.handle(at(116), Event::Closed(old, Failure::Unreachable));
    assert_eq!(action.dial().unwrap().serving, Some(new), "now it is");
}

#[test]
fn going_away_twice_keeps_the_earlier_end_of_a_drain() {
    let (mut link, old, _) = draining(plain(), &[1]);
    let action = link.handle(at(102), Event::GoingAway(old, Some(at(110))));
    assert_eq!(action.draining().unwrap().deadline, at(110));
    let action = link.handle(at(102), Event::GoingAway(old, Some(at(120))));
    assert_eq!(action.draining().unwrap().deadline, at(110));
}
