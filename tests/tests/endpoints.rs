//! Lists of endpoints: empty, of one, changed at any time; keys that are unknown or doubled.

use std::time::Duration;

use redial::{
    Action, Circuit, Endpoint, Event, Failure, FirstRetry, GiveUpReason, Jitter, Phase, Policy,
    PolicyBuilder, Reconnector, Selection, Timestamp, WaitReason,
};

type Link = Reconnector<Policy, Vec<Endpoint>>;

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_origin(Duration::from_secs(seconds))
}

fn list(keys: &[u32]) -> Vec<Endpoint> {
    keys.iter().copied().map(Endpoint::new).collect()
}

fn plain() -> PolicyBuilder {
    Policy::builder()
        .jitter(Jitter::None)
        .first_retry(FirstRetry::Immediate)
        .rate_limit(1000, Duration::from_nanos(1))
}

fn link(policy: PolicyBuilder, keys: &[u32]) -> Link {
    Reconnector::with_endpoints(policy.build().unwrap(), 1, list(keys))
}

/// Fails the dial in flight.
fn fail(link: &mut Link, now: Timestamp) -> Action {
    fail_as(link, now, Failure::Unreachable)
}

fn fail_as(link: &mut Link, now: Timestamp, failure: Failure) -> Action {
    let dial = link.action().dial().expect("a dial is in flight");
    link.handle(now, Event::DialFailed(dial.id, failure))
}

fn dialed(action: Action) -> u32 {
    action.dial().unwrap_or_else(|| panic!("{action}")).endpoint
}

#[test]
fn an_empty_list_idles_without_a_timer() {
    let mut link = link(plain(), &[]);
    assert_eq!(link.handle(at(0), Event::Start), Action::Idle);
    assert_eq!(link.status().phase, Phase::Idle);
    assert_eq!(link.handle(at(100), Event::Redial), Action::Idle);
    assert_eq!(link.action().wake(), Timestamp::MAX);
}

#[test]
fn an_endpoint_that_appears_is_dialed() {
    let mut link = link(plain(), &[]);
    link.handle(at(0), Event::Start);
    link.set_endpoints(at(5), list(&[7]));
    assert_eq!(dialed(link.action()), 7);
}

#[test]
fn the_time_without_an_endpoint_is_no_outage() {
    let mut link = link(plain().max_elapsed(Duration::from_secs(60)), &[]);
    link.handle(at(0), Event::Start);
    link.set_endpoints(at(1000), list(&[7]));
    assert_eq!(link.action().dial().unwrap().deadline, at(1010));
}

#[test]
fn a_list_of_one_paces_itself() {
    let mut link = link(plain(), &[7]);
    link.handle(at(0), Event::Start);
    let Action::SleepUntil(wait) = fail(&mut link, at(0)) else { panic!() };
    assert_eq!(wait.reason, WaitReason::Backoff);
    assert_eq!(dialed(link.handle(wait.until, Event::Tick)), 7);
}

#[test]
fn a_list_emptied_while_dialing_drops_the_dial_and_gives_its_attempt_back() {
    let mut link = link(plain(), &[7]);
    let old = link.handle(at(0), Event::Start).dial().unwrap();
    link.set_endpoints(at(1), vec![]);
    assert_eq!(link.action(), Action::Idle);
    link.handle(at(2), Event::Connected(old.id));
    assert_eq!((link.action(), link.counters().ignored), (Action::Idle, 1));
    link.set_endpoints(at(3), list(&[7]));
    let new = link.action().dial().unwrap();
    assert_eq!(new.attempt, 1);
    assert!(new.id > old.id);
}

#[test]
fn a_list_emptied_while_connected_keeps_the_connection() {
    let mut link = link(plain(), &[7]);
    let id = link.handle(at(0), Event::Start).dial().unwrap().id;
    link.handle(at(0), Event::Connected(id));
    link.set_endpoints(at(20), vec![]);
    assert_eq!(link.action().held(), Some(id));
    assert_eq!(link.status().endpoint, None);
    assert_eq!(link.handle(at(1000), Event::Tick).held(), Some(id));
    assert_eq!(link.handle(at(2000), Event::Closed(id, Failure::Unreachable)), Action::Idle);
}

#[test]
fn a_list_emptied_while_waiting_idles_and_the_wait_goes_on() {
    let mut link = link(plain(), &[7]);
    link.handle(at(0), Event::Start);
    let wait = fail(&mut link, at(0)).wake();
    link.set_endpoints(at(0), vec![]);
    assert_eq!(link.action(), Action::Idle);
    link.set_endpoints(at(0), list(&[7]));
    assert_eq!(link.action().wake(), wait);
}

#[test]
fn a_removed_endpoint_that_is_connected_is_replaced_make_before_break() {
    let mut link = link(plain(), &[1, 2]);
    let id = link.handle(at(0), Event::Start).dial().unwrap().id;
    link.handle(at(0), Event::Connected(id));
    link.set_endpoints(at(20), list(&[2]));
    let dial = link.action().dial().unwrap();
    assert_eq!((dial.endpoint, dial.serving), (2, Some(id)));
}

#[test]
fn a_removed_endpoint_whose_connection_is_not_stable_is_replaced_when_it_is() {
    let mut link = link(plain(), &[1, 2]);
    let id = link.handle(at(0), Event::Start).dial().unwrap().id;
    link.handle(at(0), Event::Connected(id));
    link.set_endpoints(at(5), list(&[2]));
    assert!(matches!(link.action(), Action::Hold(_)));
    assert_eq!(link.handle(at(10), Event::Tick).dial().unwrap().serving, Some(id));
}

#[test]
fn an_unknown_key_changes_nothing() {
    let mut link = link(plain(), &[1]);
    let before = link.handle(at(0), Event::Start);
    assert!(!link.trip(at(1), 99));
    assert!(!link.reset(at(1), 99));
    assert_eq!(link.action(), before);
}

#[test]
fn of_duplicate_keys_the_first_counts() {
    let mut link = link(plain(), &[1, 1, 2, 1]);
    assert_eq!(link.endpoints().len(), 4, "they are kept in the list");
    let mut order = vec![dialed(link.handle(at(0), Event::Start))];
    for _ in 0..3 {
        let mut action = fail(&mut link, at(0));
        if let Action::SleepUntil(wait) = action {
            action = link.handle(wait.until, Event::Tick);
            order.push(0);
            order.push(dialed(action));
            break;
        }
        order.push(dialed(action));
    }
    assert_eq!(order, [1, 2, 0, 1], "a round is the two that count");
}

#[test]
fn a_key_that_stays_keeps_its_health() {
    let mut link = link(plain(), &[1, 2]);
    link.handle(at(0), Event::Start);
    fail_as(&mut link, at(0), Failure::Unsuitable);
    let old = link.set_endpoints(at(1), list(&[3, 1]));
    assert_eq!(old.iter().map(Endpoint::key).collect::<Vec<_>>(), [1, 2]);
    let stayed = &link.endpoints()[1];
    assert_eq!((stayed.key(), stayed.failures(), stayed.parked_until()), (1, 1, at(60)));
    assert_eq!(link.endpoints()[0].failures(), 0);
}

#[test]
fn health_cannot_be_smuggled_in() {
    let mut used = link(plain(), &[1]);
    used.handle(at(0), Event::Start);
    fail_as(&mut used, at(0), Failure::Unsuitable);
    let link = Reconnector::with_endpoints(Policy::DEFAULT, 1, used.endpoints().to_vec());
    assert_eq!(link.endpoints(), list(&[1]));
}

#[test]
fn a_dial_to_a_key_that_stays_goes_on_wherever_it_moves() {
    let mut link = link(plain(), &[1, 2, 3]);
    let dial = link.handle(at(0), Event::Start).dial().unwrap();
    link.set_endpoints(at(1), list(&[3, 2, 1]));
    assert_eq!(link.action().dial().map(|now| (now.id, now.endpoint)), Some((dial.id, 1)));
}

#[test]
fn a_round_robin_stays_with_the_endpoint_that_works() {
    let mut link = link(plain(), &[1, 2, 3]);
    link.handle(at(0), Event::Start);
    let second = fail(&mut link, at(0)).dial().unwrap();
    link.handle(at(0), Event::Connected(second.id));
    link.handle(at(20), Event::Redial);
    assert_eq!(dialed(link.action()), 2, "replaced where it is");
}

#[test]
fn a_round_visits_each_endpoint_once_and_then_backs_off() {
    let mut link = link(plain(), &[1, 2, 3]);
    let mut visited = vec![dialed(link.handle(at(0), Event::Start))];
    let mut action = fail(&mut link, at(0));
    while let Action::Dial(dial) = action {
        visited.push(dial.endpoint);
        action = fail(&mut link, at(0));
    }
    assert_eq!(visited, [1, 2, 3]);
    assert_eq!(action.wake().since_origin(), Duration::from_millis(750));
}

#[test]
fn one_failure_reported_by_many_moves_the_cursor_once() {
    let mut link = link(plain(), &[1, 2, 3]);
    let dial = link.handle(at(0), Event::Start).dial().unwrap();
    for _ in 0..10 {
        link.handle(at(0), Event::DialFailed(dial.id, Failure::Unreachable));
    }
    assert_eq!(dialed(link.action()), 2);
}

#[test]
fn priority_starts_each_round_with_the_first() {
    let mut link = link(plain().selection(Selection::Priority { failback: None }), &[1, 2]);
    let mut order = vec![dialed(link.handle(at(0), Event::Start))];
    let mut now = at(0);
    while order.len() < 5 {
        let mut action = fail(&mut link, now);
        if let Action::SleepUntil(wait) = action {
            now = wait.until;
            action = link.handle(now, Event::Tick);
        }
        order.push(dialed(action));
    }
    assert_eq!(order, [1, 2, 1, 2, 1]);
}

#[test]
fn shuffled_rounds_are_complete_and_differ() {
    let mut orders = std::collections::HashSet::new();
    for seed in 0..200 {
        let policy = Policy::builder()
            .selection(Selection::Shuffle)
            .first_retry(FirstRetry::Immediate)
            .build()
            .unwrap();
        let mut link = Reconnector::with_endpoints(policy, seed, list(&[1, 2, 3, 4]));
        let mut order = vec![dialed(link.handle(at(0), Event::Start))];
        while order.len() < 4 {
            order.push(dialed(fail(&mut link, at(0))));
        }
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, [1, 2, 3, 4]);
        orders.insert(order);
    }
    assert!(orders.len() > 20, "{} of 24 orders", orders.len());
}

#[test]
fn failing_endpoints_are_put_behind_and_never_removed() {
    let mut link = link(plain(), &[1, 2]);
    let mut action = link.handle(at(0), Event::Start);
    let mut dials = [0_u32; 3];
    let mut now = at(0);
    for _ in 0..1000 {
        let Action::Dial(dial) = action else { panic!("{action}") };
        dials[dial.endpoint as usize] += 1;
        action = fail(&mut link, now);
        if let Action::SleepUntil(wait) = action {
            now = wait.until;
            action = link.handle(now, Event::Tick);
        }
    }
    assert_eq!(dials, [0, 500, 500]);
    assert_eq!(link.endpoints().len(), 2);
}

#[test]
fn a_black_hole_does_not_keep_the_others_from_being_tried() {
    let mut link = link(plain(), &[1, 2]);
    let hole = link.handle(at(0), Event::Start).dial().unwrap();
    assert_eq!(hole.deadline, at(10));
    assert_eq!(dialed(link.handle(hole.deadline, Event::Tick)), 2);
}

#[test]
fn an_unsuitable_endpoint_is_parked_and_the_next_is_tried() {
    let mut link = link(plain(), &[1, 2]);
    link.handle(at(0), Event::Start);
    let action = fail_as(&mut link, at(0), Failure::Unsuitable);
    assert_eq!(dialed(action), 2);
    assert_eq!(link.endpoints()[0].parked_until(), at(60));
}

#[test]
fn when_all_are_parked_it_waits_for_the_first() {
    let mut link = link(plain(), &[1, 2]);
    link.handle(at(0), Event::Start);
    fail_as(&mut link, at(0), Failure::Unsuitable);
    let Action::SleepUntil(wait) = fail_as(&mut link, at(5), Failure::Unsuitable) else { panic!() };
    assert_eq!((wait.until, wait.reason), (at(60), WaitReason::Parked));
}

#[test]
fn when_all_are_parked_it_gives_up_if_asked_to() {
    let mut link = link(plain().give_up_when_all_parked(true), &[1, 2]);
    link.handle(at(0), Event::Start);
    fail_as(&mut link, at(0), Failure::Unsuitable);
    let Action::GiveUp(end) = fail_as(&mut link, at(5), Failure::Unsuitable) else { panic!() };
    assert_eq!((end.reason, end.attempts), (GiveUpReason::AllParked, 2));
}

#[test]
fn parking_grows_and_a_start_forgets_it() {
    let mut link = link(plain(), &[1]);
    link.handle(at(0), Event::Start);
    assert_eq!(fail_as(&mut link, at(0), Failure::Unsuitable).wake(), at(60));
    link.handle(at(60), Event::Tick);
    assert_eq!(fail_as(&mut link, at(60), Failure::Unsuitable).wake(), at(60 + 120));
    link.handle(at(61), Event::Stop);
    assert!(link.handle(at(62), Event::Start).dial().is_some());
}

#[test]
fn rounds_can_be_limited() {
    let mut link = link(plain().max_rounds(2), &[1, 2]);
    let mut action = link.handle(at(0), Event::Start);
    let mut dials = 0;
    let mut now = at(0);
    while let Action::Dial(_) = action {
        dials += 1;
        action = fail(&mut link, now);
        if let Action::SleepUntil(wait) = action {
            now = wait.until;
            action = link.handle(now, Event::Tick);
        }
    }
    let Action::GiveUp(end) = action else { panic!("{action}") };
    assert_eq!((dials, end.reason), (4, GiveUpReason::MaxAttempts));
}

#[test]
fn a_tripped_endpoint_is_passed_over_until_it_is_reset() {
    let mut link = link(plain(), &[1, 2]);
    assert!(link.trip(at(0), 1));
    assert_eq!(dialed(link.handle(at(0), Event::Start)), 2);
    let Action::SleepUntil(wait) = fail(&mut link, at(0)) else { panic!() };
    assert_eq!(dialed(link.handle(wait.until, Event::Tick)), 2);
    assert!(link.reset(wait.until, 1));
    assert_eq!(link.endpoints()[0].circuit(at(0)), Circuit::Closed);
    assert_eq!(dialed(fail(&mut link, wait.until)), 1);
}

#[test]
fn a_connection_to_a_tripped_endpoint_is_kept() {
    let mut link = link(plain(), &[1]);
    let id = link.handle(at(0), Event::Start).dial().unwrap().id;
    link.handle(at(0), Event::Connected(id));
    link.trip(at(1), 1);
    assert_eq!(link.action().held(), Some(id));
    let lost = link.handle(at(50), Event::Closed(id, Failure::Unreachable));
    assert_eq!(lost.wake(), Timestamp::MAX, "all are tripped by hand: {lost}");
    link.reset(at(60), 1);
    assert!(link.action().dial().is_some());
}
