//! What asks for another connection, and when it is dialed.

use redial::{Action, Circuit, Event, Failure, Policy, Reconnector, Refresh, Selection, Timestamp};

use crate::support::{at, connected, link, next_dial, plain, replacing, s};

#[test]
fn going_away_dials_another_endpoint_first() {
    let (mut link, old) = connected(plain(), &[1, 2]);
    let dial = link.handle(at(100), Event::GoingAway(old, None)).dial().unwrap();
    assert_eq!((dial.endpoint, dial.serving, dial.attempt), (2, Some(old), 0));
}

#[test]
fn going_away_dials_the_same_endpoint_if_there_is_no_other() {
    let (mut link, old) = connected(plain(), &[1]);
    let dial = link.handle(at(100), Event::GoingAway(old, None)).dial().unwrap();
    assert_eq!((dial.endpoint, dial.serving), (1, Some(old)));
}

#[test]
fn going_away_on_an_unstable_connection_waits_until_it_is_stable() {
    let (mut link, old) = connected(plain(), &[1, 2]);
    let action = link.handle(at(5), Event::GoingAway(old, None));
    assert!(matches!(action, Action::Hold(_)), "{action}");
    assert_eq!(action.wake(), at(10));
    assert_eq!(link.handle(at(10), Event::Tick).dial().unwrap().serving, Some(old));
}

#[test]
fn going_away_on_an_unstable_connection_is_a_flap_at_its_end() {
    let (mut link, old) = connected(plain(), &[1]);
    link.handle(at(5), Event::GoingAway(old, None));
    let action = link.handle(at(6), Event::Closed(old, Failure::Unreachable));
    assert!(matches!(action, Action::SleepUntil(_)), "{action}");
    assert_eq!(link.handle(action.wake(), Event::Tick).dial().unwrap().attempt, 2);
}

#[test]
fn redial_drops_an_unstable_connection_and_dials() {
    let (mut link, old) = connected(plain(), &[1]);
    let dial = link.handle(at(5), Event::Redial).dial().unwrap();
    assert_eq!((dial.serving, dial.attempt), (None, 1), "its attempt is given back");
    assert!(dial.id > old);
    assert_eq!(link.endpoints()[0].failures(), 0, "nobody's fault");
}

#[test]
fn redial_replaces_a_stable_connection() {
    let (_, _, dial) = replacing(plain(), &[1]);
    assert_eq!(dial.attempt, 0);
}

#[test]
fn what_is_wanted_survives_offline() {
    let (mut link, old) = connected(plain(), &[1]);
    link.handle(at(50), Event::Offline);
    let action = link.handle(at(100), Event::GoingAway(old, None));
    assert!(matches!(action, Action::Hold(_)), "no new dials: {action}");
    assert_eq!(link.handle(at(200), Event::Online).dial().unwrap().serving, Some(old));
}

#[test]
fn break_first_drops_the_old_connection() {
    let (mut link, old) = connected(plain().refresh(Refresh::BreakFirst), &[1]);
    let action = link.handle(at(100), Event::GoingAway(old, None));
    let dial = action.dial().unwrap();
    assert_eq!((dial.serving, dial.attempt), (None, 1));
    assert_eq!(action.held(), None, "a second connection would evict the first");
}

#[test]
fn break_first_keeps_the_old_connection_until_a_dial_may_start() {
    let (mut link, old) = connected(plain().refresh(Refresh::BreakFirst), &[1]);
    link.handle(at(50), Event::Defer(at(200)));
    let action = link.handle(at(100), Event::Redial);
    assert_eq!((action.held(), action.wake()), (Some(old), at(200)));
    assert_eq!(link.handle(at(200), Event::Tick).held(), None);
}

#[test]
fn a_connection_is_replaced_at_its_maximum_age() {
    let (mut link, old) = connected(plain().max_age(s(3600)), &[1]);
    let hold = link.handle(at(10), Event::Tick);
    assert_eq!(hold.wake(), at(3600), "exact without jitter");
    assert_eq!(link.handle(at(3600), Event::Tick).dial().unwrap().serving, Some(old));
}

#[test]
fn the_first_maximum_age_is_anywhere_and_later_ones_are_a_tenth_apart() {
    let policy = || Policy::builder().max_age(s(3600)).build().unwrap();
    let mut first = Vec::new();
    for seed in 0..1000 {
        let mut link = Reconnector::new(policy(), seed);
        let id = link.handle(at(0), Event::Start).dial().unwrap().id;
        link.handle(at(0), Event::Connected(id));
        let age = link.handle(at(10), Event::Tick).wake();
        assert!((at(360)..=at(3600)).contains(&age), "{age}");
        first.push(age);
        let dial = link.handle(age, Event::Tick).dial().unwrap();
        link.handle(age, Event::Connected(dial.id));
        link.handle(age, Event::Closed(id, Failure::Unreachable));
        let stable = link.action().wake();
        let second = link.handle(stable, Event::Tick).wake().saturating_since(age);
        assert!((s(3240)..=s(3600)).contains(&second), "{second:?}");
    }
    let early = first.iter().filter(|age| **age < at(1980)).count();
    assert!((400..600).contains(&early), "{early} of 1000 in the first half");
}

#[test]
fn a_maximum_age_is_never_below_stability() {
    for seed in 0..100 {
        let policy = Policy::builder().max_age(s(11)).build().unwrap();
        let mut link = Reconnector::new(policy, seed);
        let id = link.handle(at(0), Event::Start).dial().unwrap().id;
        link.handle(at(0), Event::Connected(id));
        assert!(link.action().wake() >= at(10));
        assert_eq!(link.handle(at(9), Event::Tick).held(), Some(id));
    }
}

#[test]
fn failback_returns_to_the_better_endpoint() {
    let selection = Selection::Priority { failback: Some(s(60)) };
    let mut link = link(plain().selection(selection), &[1, 2]);
    let first = link.handle(at(0), Event::Start).dial().unwrap();
    let second = link.handle(at(0), Event::DialFailed(first.id, Failure::Unreachable));
    let second = second.dial().unwrap();
    assert_eq!(second.endpoint, 2);
    link.handle(at(0), Event::Connected(second.id));
    let hold = link.handle(at(10), Event::Tick);
    assert_eq!(hold.wake(), at(70), "stable, and then 60 s");
    let back = link.handle(at(70), Event::Tick).dial().unwrap();
    assert_eq!((back.endpoint, back.serving), (1, Some(second.id)));
}

#[test]
fn failback_does_not_leave_the_best() {
    let selection = Selection::Priority { failback: Some(s(60)) };
    let (mut link, old) = connected(plain().selection(selection), &[1, 2]);
    let hold = link.handle(at(10), Event::Tick);
    assert_eq!((hold.held(), hold.wake()), (Some(old), Timestamp::MAX));
}

#[test]
fn failback_waits_for_the_better_ones_breaker() {
    let selection = Selection::Priority { failback: Some(s(60)) };
    let mut link = link(plain().selection(selection), &[1, 2]);
    link.trip(at(0), 1);
    let dial = link.handle(at(0), Event::Start).dial().unwrap();
    link.handle(at(0), Event::Connected(dial.id));
    assert_eq!(link.handle(at(1000), Event::Tick).wake(), Timestamp::MAX);
    link.reset(at(1000), 1);
    let action = link.action();
    assert_eq!(next_dial(&mut link, action).endpoint, 1);
    assert_eq!(link.endpoints()[0].circuit(at(1000)), Circuit::Closed);
}
