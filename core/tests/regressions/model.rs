//! What comparing the machine with its reference model has found.

use std::time::Duration;

use redial::{
    Action, After, Backoff, BreakerPolicy, Circuit, DialId, Event, Failure, GiveUpReason, Phase,
    Policy, PolicyBuilder, Reconnector, Refresh, Selection, Timestamp,
};

use crate::{Link, at, connect, dial, fail, fail_with, link, list, plain};

#[test]
fn stability_is_booked_on_its_endpoint_when_the_list_changes_in_that_moment() {
    let mut link = link(plain(), &[0, 1]);
    link.handle(at(0), Event::Start);
    fail(&mut link, at(0));
    fail(&mut link, at(0));
    let wake = link.action().wake();
    link.handle(wake, Event::Tick);
    connect(&mut link, at(1));
    link.set_endpoints(at(100), list(&[1, 0]));
    let failures = |key| link.endpoints().iter().find(|e| e.key() == key).unwrap().failures();
    assert_eq!([failures(0), failures(1)], [0, 1]);
}

#[test]
fn rounds_of_a_handover_do_not_count_against_the_next_outage() {
    let mut link = link(plain().max_rounds(2), &[0]);
    link.handle(at(0), Event::Start);
    let id = connect(&mut link, at(0));
    link.handle(at(20), Event::Redial);
    fail(&mut link, at(20));
    link.handle(at(40), Event::Tick);
    fail(&mut link, at(40));
    link.handle(at(41), Event::Closed(id, Failure::Unreachable));
    link.handle(at(100), Event::Tick);
    assert!(matches!(fail(&mut link, at(100)), Action::SleepUntil(_)), "the first of two rounds");
    link.handle(at(200), Event::Tick);
    assert!(matches!(fail(&mut link, at(200)), Action::GiveUp(_)), "the second");
}

#[test]
fn a_confirmed_connection_ends_without_a_round() {
    let mut link = link(plain().max_rounds(2), &[0]);
    link.handle(at(0), Event::Start);
    let id = connect(&mut link, at(0));
    link.handle(at(1), Event::Confirmed(id));
    link.handle(at(2), Event::Closed(id, Failure::Unreachable));
    link.handle(at(10), Event::Tick);
    assert!(matches!(fail(&mut link, at(10)), Action::SleepUntil(_)), "the first of two rounds");
}

#[test]
fn a_policy_that_stops_ends_neither_handovers_nor_the_link_that_works() {
    const ONCE: Backoff = Backoff::table(&[Duration::from_secs(1)], After::Stop);
    for lost in [false, true] {
        let mut link = link(plain().backoff(ONCE).cap(Duration::from_secs(45)), &[0]);
        link.handle(at(0), Event::Start);
        let id = connect(&mut link, at(0));
        link.handle(at(20), Event::Redial);
        fail(&mut link, at(20));
        link.handle(at(21), Event::Tick);
        let action = fail(&mut link, at(21));
        assert_eq!((action.held(), action.wake()), (Some(id), at(66)), "once more after a cap");
        if lost {
            let action = link.handle(at(30), Event::Closed(id, Failure::Unreachable));
            assert_eq!(action.wake(), at(66), "not before a handover would: {action}");
        }
        link.handle(at(66), Event::Tick);
        assert_eq!(fail(&mut link, at(66)).wake(), at(67), "from the beginning");
        link.handle(at(67), Event::Tick);
        match fail(&mut link, at(67)) {
            Action::Hold(_) if !lost => {}
            Action::GiveUp(end) if lost => assert_eq!(end.reason, GiveUpReason::PolicyNever),
            action => panic!("{action}"),
        }
    }
}

#[test]
fn duplicates_are_one_endpoint_for_the_breaker() {
    let mut link = link(plain().breaker(BreakerPolicy::consecutive(1)), &[3, 3]);
    link.handle(at(0), Event::Start);
    fail(&mut link, at(0));
    assert_eq!(link.endpoints()[0].circuit(at(0)), Circuit::Open { until: at(10) });
}

/// A link at the worse of two endpoints that is being replaced by a connection to the better one.
fn failed_back() -> (Link, DialId, DialId) {
    let failback = Selection::Priority { failback: Some(Duration::from_secs(5)) };
    let mut link = link(plain().selection(failback), &[0, 1]);
    link.handle(at(0), Event::Start);
    fail(&mut link, at(0));
    let old = connect(&mut link, at(0));
    link.handle(at(10), Event::Tick);
    link.handle(at(15), Event::Tick);
    let new = connect(&mut link, at(16));
    assert_eq!(link.action().draining().unwrap().id, old);
    (link, old, new)
}

#[test]
fn a_draining_connection_that_goes_away_is_replaced_by_any_when_it_is_needed_again() {
    let (mut link, old, new) = failed_back();
    link.handle(at(17), Event::GoingAway(old, None));
    let action = link.handle(at(18), Event::Closed(new, Failure::Unreachable));
    assert_eq!(action.held(), Some(old));
    assert_eq!(action.dial().map(|dial| dial.endpoint), Some(1), "{action}");
}

#[test]
fn age_replaces_a_connection_that_waits_for_a_better_endpoint() {
    let failback = Selection::Priority { failback: Some(Duration::from_secs(5)) };
    let aging = plain().selection(failback).max_age(Duration::from_secs(60));
    let mut link = link(aging, &[0, 1]);
    link.handle(at(0), Event::Start);
    fail(&mut link, at(0));
    connect(&mut link, at(0));
    link.handle(at(10), Event::Tick);
    link.handle(at(15), Event::Tick);
    link.trip(at(15), 0);
    fail(&mut link, at(15));
    assert_eq!(link.action().wake(), at(60));
    let action = link.handle(at(60), Event::Tick);
    assert_eq!(action.dial().map(|dial| dial.endpoint), Some(1), "{action}");
}

#[test]
fn a_give_up_while_paused_does_not_count_the_pause() {
    let mut link = link(plain().max_rounds(1), &[0, 1]);
    link.handle(at(0), Event::Start);
    fail(&mut link, at(3));
    let id = dial(&link);
    link.handle(at(4), Event::Offline);
    link.handle(at(5), Event::DialAborted(id));
    link.trip(at(100), 1);
    let Action::GiveUp(end) = link.action() else { panic!("{}", link.action()) };
    assert_eq!(end.elapsed, Duration::from_secs(5));
}

#[test]
fn a_new_round_is_shuffled_before_its_first_choice() {
    // With the same seed, a dial that is dropped after the round's last one shows the new order, which
    // is also the order of a second look.
    for seed in 0..32 {
        let policy = plain().selection(Selection::Shuffle).build().unwrap();
        let mut link = Reconnector::with_endpoints(policy, seed, list(&[0, 1]));
        link.handle(at(0), Event::Start);
        let id = connect(&mut link, at(0));
        link.handle(at(20), Event::Redial);
        if link.action().dial().unwrap().endpoint == link.status().endpoint.unwrap() {
            continue;
        }
        fail(&mut link, at(20));
        link.handle(at(20), Event::Closed(id, Failure::Unreachable));
        let second = dial(&link);
        link.handle(at(21), Event::Offline);
        link.handle(at(22), Event::DialAborted(second));
        assert_eq!(link.status().phase, Phase::Offline);
        let mut twin = link.clone();
        let first = link.handle(at(23), Event::Online).dial().unwrap().endpoint;
        twin.handle(at(23), Event::Defer(at(24)));
        twin.handle(at(23), Event::Online);
        let waited = twin.handle(at(24), Event::Tick).dial().unwrap().endpoint;
        assert_eq!(first, waited, "seed {seed}");
    }
}

#[test]
fn a_policy_without_any_wait_can_be_built_again() {
    let once = Policy::builder().backoff(Backoff::Never).cap(Duration::ZERO).build().unwrap();
    assert_eq!(once.to_builder().build().as_ref(), Ok(&once));
}

#[test]
fn a_circuit_of_duplicates_is_that_of_the_one_that_counts() {
    let mut link = link(plain(), &[7, 7]);
    link.handle(at(0), Event::Start);
    let id = dial(&link);
    link.handle(at(0), Event::DialFailed(id, Failure::Unreachable));
    link.trip(at(0), 7);
    assert_eq!(link.status().circuit, Circuit::Open { until: Timestamp::MAX });
}

#[test]
fn a_lost_connection_to_a_removed_endpoint_hurts_no_other() {
    let breaker = || plain().breaker(BreakerPolicy::consecutive(1));
    // As many as are used, and one more: none stands for the removed one.
    let many: Vec<u32> = (0..=u32::from(u16::MAX)).collect();
    for keys in [&[0, 1], &*many] {
        let mut live = link(breaker(), &[5_000_000]);
        live.handle(at(0), Event::Start);
        let id = connect(&mut live, at(0));
        live.set_endpoints(at(1), list(keys));
        assert_eq!(live.status().endpoint, None);

        let health: Vec<_> = live.endpoint_snapshots().collect();
        let (policy, saved) = (live.policy().clone(), live.snapshot());
        live.handle(at(1), Event::Closed(id, Failure::Unreachable));
        let unhurt = |link: &Link| link.endpoints().iter().all(|one| one.failures() == 0);
        assert!(unhurt(&live), "{} endpoints", keys.len());
        if keys.len() > 2 {
            continue;
        }
        let restored = Reconnector::restore_with_endpoints(
            policy,
            7,
            list(keys),
            &saved,
            &health,
            Duration::ZERO,
            at(1),
        );
        assert!(unhurt(&restored), "restored");
        assert_eq!(restored.action(), live.action());
    }
}

/// The waits for a connection's replacement, if each try ends so.
fn handover_waits(policy: PolicyBuilder, failure: Failure, tries: usize) -> Vec<Duration> {
    let mut link = link(policy, &[0]);
    link.handle(at(0), Event::Start);
    connect(&mut link, at(0));
    let mut now = at(20);
    link.handle(now, Event::Redial);
    let next = |_| {
        let wake = fail_with(&mut link, now, failure).wake();
        let wait = wake.saturating_since(now);
        now = wake;
        link.handle(now, Event::Tick);
        wait
    };
    (0..tries).map(next).collect()
}

#[test]
fn handovers_to_a_server_that_is_too_busy_come_ever_less_often_though_the_policy_stops() {
    const DELAYS: &[Duration] = &[Duration::from_secs(1), Duration::from_secs(2)];
    let policy = plain().backoff(Backoff::table(DELAYS, After::Stop));
    let waits = handover_waits(policy, Failure::Overloaded, 12);
    let long = waits.iter().skip(8).all(|wait| *wait > Duration::from_secs(60));
    assert!(long, "as long as under any other policy: {waits:?}");
}

#[test]
fn a_link_is_dialed_again_though_its_replacement_had_no_next_try() {
    const ONCE: Backoff = Backoff::table(&[Duration::from_secs(1)], After::Stop);
    let mut link = link(plain().backoff(ONCE).cap(Duration::MAX), &[0]);
    link.handle(at(0), Event::Start);
    let id = connect(&mut link, at(0));
    link.handle(at(20), Event::Redial);
    fail(&mut link, at(20));
    link.handle(at(21), Event::Tick);
    assert_eq!(fail(&mut link, at(21)).held(), Some(id));
    let lost = link.handle(at(30), Event::Closed(id, Failure::Unreachable));
    assert!(lost.timeout(at(30)).is_some(), "{lost}");
}

#[test]
fn endpoints_that_were_tried_before_the_outage_are_no_part_of_its_rounds() {
    let mut link = link(plain().max_rounds(1), &[0, 1]);
    link.handle(at(0), Event::Start);
    let id = connect(&mut link, at(0));
    link.handle(at(20), Event::Closed(id, Failure::Unreachable));
    assert_eq!(link.action().dial().map(|dial| dial.endpoint), Some(1));
    let now = fail(&mut link, at(20)).wake();
    assert!(now < Timestamp::MAX, "0 has not been dialed: {}", link.action());
    link.handle(now, Event::Tick);
    fail(&mut link, now);
    assert!(matches!(fail(&mut link, now), Action::GiveUp(_)), "{}", link.action());
}

#[test]
fn a_link_that_breaks_first_goes_to_another_server_too() {
    let broken = BreakerPolicy::consecutive(1).open_for(Duration::from_secs(30));
    let mut link = link(plain().refresh(Refresh::BreakFirst).breaker(broken), &[1, 0]);
    link.handle(at(0), Event::Start);
    fail(&mut link, at(0));
    let id = connect(&mut link, at(1));
    link.handle(at(12), Event::Defer(at(60)));
    link.handle(at(15), Event::GoingAway(id, None));
    let action = link.handle(at(60), Event::Tick);
    assert_eq!(action.dial().map(|dial| dial.endpoint), Some(1), "{action}");
}
