//! What ends with an outage and what does not: lists, circuits, snapshots, deadlines, counts.

use redial::Failure::{Overloaded, Unreachable};
use redial::{
    After, Backoff, BreakerPolicy, Circuit, DialId, Event, Failure, Health, Reconnector, Timestamp,
};

use crate::{Link, at, connect, fail, fail_with, later, link, list, plain, restored, secs};

/// Connected to one of two endpoints that have been overloaded for long.
fn connected_at_last() -> (Link, DialId, Timestamp) {
    let mut link = link(plain(), &[0, 1]);
    let mut now = at(0);
    link.handle(now, Event::Start);
    for _ in 0..41 {
        if link.action().dial().is_none() {
            now = link.action().wake();
            link.handle(now, Event::Tick);
        }
        fail_with(&mut link, now, Overloaded);
    }
    let id = connect(&mut link, now);
    (link, id, now)
}

fn is_dialed_at_once_when_lost(mut link: Link, id: DialId, now: Timestamp) {
    link.handle(now, Event::Tick); // stable
    let action = link.handle(now, Event::Closed(id, Unreachable));
    assert!(action.dial().is_some(), "the first retry after a stable loss: {action} at {now}");
}

#[test]
fn a_list_that_changes_before_a_connection_is_stable_delays_nothing_after() {
    let (mut link, id, now) = connected_at_last();
    let other = 1 - link.status().endpoint.unwrap();
    link.set_endpoints(later(now, 1), list(&[other]));
    is_dialed_at_once_when_lost(link, id, later(now, 20));
}

#[test]
fn a_list_that_changes_before_a_connection_is_stable_does_not_stop_the_link() {
    const ONCE: Backoff = Backoff::table(&[std::time::Duration::from_secs(1)], After::Stop);
    let mut link = link(plain().backoff(ONCE), &[0, 1]);
    link.handle(at(0), Event::Start);
    fail(&mut link, at(0));
    fail(&mut link, at(0));
    link.handle(at(1), Event::Tick);
    fail(&mut link, at(1));
    let id = connect(&mut link, at(1));
    let other = 1 - link.status().endpoint.unwrap();
    link.set_endpoints(at(2), list(&[other]));
    let action = link.handle(at(11), Event::Tick); // stable
    let end = link.handle(at(80_000), Event::Closed(id, Unreachable));
    assert!(action.dial().is_some(), "its endpoint was removed: {action}, then {end}");
}

#[test]
fn a_trip_before_a_connection_is_stable_delays_nothing_after() {
    let (mut link, id, now) = connected_at_last();
    let used = link.status().endpoint.unwrap();
    link.handle(later(now, 1), Event::GoingAway(id, None));
    link.trip(later(now, 1), used);
    is_dialed_at_once_when_lost(link, id, later(now, 20));
}

#[test]
fn a_confirmed_connection_is_restored_as_proven_though_another_drains() {
    let builder = || plain().breaker(BreakerPolicy::consecutive(1));
    let mut live = link(builder(), &[0, 1]);
    live.handle(at(0), Event::Start);
    let old = connect(&mut live, at(0));
    live.handle(at(100), Event::GoingAway(old, None));
    let new = connect(&mut live, at(100));
    live.handle(at(101), Event::Confirmed(new));
    let restored = restored(&live, builder(), &[0, 1], at(101));
    live.handle(at(101), Event::Closed(new, Unreachable));
    let of = |link: &Link| (link.endpoints()[1].failures(), link.endpoints()[1].circuit(at(101)));
    assert_eq!(of(&live), (0, Circuit::Closed));
    assert_eq!(of(&restored), of(&live));
}

#[test]
fn the_last_endpoint_admits_when_the_others_are_tripped() {
    let mut link = link(plain().breaker(BreakerPolicy::consecutive(1)), &[0, 1]);
    link.handle(at(0), Event::Start);
    fail(&mut link, at(0)); // 0 opens
    let id = connect(&mut link, at(0));
    link.trip(at(1), 1);
    let action = link.handle(at(2), Event::Closed(id, Unreachable));
    assert!(!matches!(link.endpoints()[0].circuit(at(2)), Circuit::Open { .. }), "{action}");
}

#[test]
fn redial_keeps_an_unstable_connection_while_nothing_can_be_dialed() {
    for case in ["no endpoint", "tripped", "deferred"] {
        let mut link = link(plain(), &[0]);
        link.handle(at(0), Event::Start);
        let id = connect(&mut link, at(0));
        match case {
            "no endpoint" => drop(link.set_endpoints(at(1), list(&[]))),
            "tripped" => assert!(link.trip(at(1), 0)),
            _ => assert_eq!(link.handle(at(1), Event::Defer(at(3600))).held(), Some(id)),
        }
        let action = link.handle(at(2), Event::Redial);
        assert_eq!(action.held(), Some(id), "{case}: {action}");
    }
}

#[test]
fn a_servers_deadline_is_not_forgotten() {
    let mut link = link(plain(), &[0]);
    link.handle(at(0), Event::Start);
    let id = connect(&mut link, at(0));
    link.handle(at(100), Event::GoingAway(id, Some(at(105))));
    link.handle(at(100), Event::GoingAway(id, None));
    connect(&mut link, at(101));
    assert_eq!(link.action().draining().unwrap().deadline, at(105));
}

#[test]
fn health_counts_the_dials_of_its_own_time() {
    let mut link = Reconnector::new(plain().build().unwrap(), 7);
    let mut now = at(0);
    let mut action = link.handle(now, Event::Start);
    for _ in 0..10 {
        let refused = Failure::Unreachable;
        now = link.handle(now, Event::DialFailed(action.dial().unwrap().id, refused)).wake();
        action = link.handle(now, Event::Tick);
    }
    let saved = link.snapshot();
    let policy = plain().build().unwrap();
    let restored = Reconnector::restore(policy, 7, &saved, secs(0), at(0));
    let mut health = Health::new(secs(3600), 950_000);
    health.observe(at(0), &restored.status());
    assert_eq!((health.dials(), health.failures()), (0, 0));
}

#[test]
fn redial_drops_an_unstable_probe_as_any_other_connection() {
    let mut link = link(plain().breaker(BreakerPolicy::consecutive(1)), &[0]);
    link.handle(at(0), Event::Start);
    let action = fail(&mut link, at(0));
    let now = action.wake();
    link.handle(now, Event::Tick);
    let id = connect(&mut link, now);
    let action = link.handle(later(now, 1), Event::Redial);
    assert_ne!(action.held(), Some(id), "{action}");
    assert!(action.dial().is_some(), "{action}");
}

#[test]
fn redial_past_the_limit_keeps_the_connection() {
    let mut link = link(plain().max_elapsed(secs(5)), &[0]);
    link.handle(at(0), Event::Start);
    fail(&mut link, at(0));
    let now = link.action().wake();
    link.handle(now, Event::Tick);
    let id = connect(&mut link, now);
    let action = link.handle(at(6), Event::Redial);
    assert_eq!(action.held(), Some(id), "{action}");
}

#[test]
fn the_flap_of_a_handover_is_no_round() {
    let mut link = link(plain().max_rounds(1).max_age(secs(600)), &[0]);
    link.handle(at(0), Event::Start);
    let old = connect(&mut link, at(0));
    link.handle(at(600), Event::Tick);
    let new = connect(&mut link, at(600));
    link.handle(at(601), Event::Closed(old, Unreachable));
    let action = link.handle(at(605), Event::Closed(new, Unreachable));
    assert!(action.wake() < Timestamp::MAX, "no dial of this outage has failed yet: {action}");
}

#[test]
fn restored_with_other_endpoints_one_admits() {
    let broken = || plain().breaker(BreakerPolicy::consecutive(1).open_for(secs(300)));
    let mut link = link(broken(), &[0, 1, 2]);
    link.handle(at(0), Event::Start);
    fail(&mut link, at(0));
    fail(&mut link, at(0));
    let next = restored(&link, broken(), &[0, 1], at(0));
    assert!(next.action().timeout(at(0)) < Some(secs(10)), "{}", next.action());
}
