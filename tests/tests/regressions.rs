//! What random runs have found, each as the shortest run that shows it.

use std::time::Duration;

use redial::{
    Action, After, Backoff, Endpoint, Event, Failure, Jitter, Policy, PolicyBuilder, Reconnector,
    Timestamp,
};

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_origin(Duration::from_secs(seconds))
}

fn plain() -> PolicyBuilder {
    Policy::builder().jitter(Jitter::None).backoff(Backoff::fixed(Duration::from_secs(1)))
}

#[test]
fn an_unknown_key_at_the_wake_is_a_tick() {
    let mut link = Reconnector::new(plain().build().unwrap(), 1);
    link.handle(at(0), Event::Start);
    assert!(!link.trip(at(10), 77));
    assert!(link.action().wake() > at(10), "the dial's deadline was due: {}", link.action());
}

#[test]
fn a_list_that_changes_when_a_connection_becomes_stable_credits_its_own_endpoint() {
    let list = |keys: &[u32]| keys.iter().copied().map(Endpoint::new).collect::<Vec<_>>();
    let mut link = Reconnector::with_endpoints(plain().build().unwrap(), 1, list(&[1, 2]));
    let first = link.handle(at(0), Event::Start).dial().unwrap();
    let second = link.handle(at(0), Event::DialFailed(first.id, Failure::Unreachable));
    link.handle(at(0), Event::Connected(second.dial().unwrap().id));
    link.set_endpoints(at(10), list(&[2, 1]));
    let failures: Vec<u16> = link.endpoints().iter().map(Endpoint::failures).collect();
    assert_eq!(failures, [0, 1], "only endpoint 2 has succeeded");
}

#[test]
fn a_connection_lost_after_the_policy_ended_its_handover_is_dialed_again() {
    const DELAYS: &[Duration] = &[Duration::from_secs(1)];
    let policy = plain().backoff(Backoff::table(DELAYS, After::Stop)).build().unwrap();
    let mut link = Reconnector::new(policy, 1);
    let held = link.handle(at(0), Event::Start).dial().unwrap().id;
    link.handle(at(0), Event::Connected(held));
    let mut action = link.handle(at(10), Event::GoingAway(held, None));
    while let Action::Dial(dial) = action {
        action = link.handle(at(20), Event::DialFailed(dial.id, Failure::Unreachable));
        action = link.handle(action.wake().min(at(30)), Event::Tick);
    }
    assert_eq!(action.held(), Some(held), "nothing gives up while it serves");
    let lost = link.handle(at(40), Event::Closed(held, Failure::Unreachable));
    assert!(matches!(lost, Action::SleepUntil(_)) && lost.wake() <= at(75), "{lost}");
}

#[test]
fn a_round_whose_rest_cannot_be_dialed_is_over() {
    let endpoints = [Endpoint::new(1), Endpoint::new(2)];
    let mut link = Reconnector::with_endpoints(plain().build().unwrap(), 1, endpoints);
    let held = link.handle(at(0), Event::Start).dial().unwrap().id;
    link.handle(at(0), Event::Connected(held));
    link.trip(at(1), 2);
    let replacing = link.handle(at(20), Event::Redial).dial().unwrap();
    let alone = link.handle(at(21), Event::Closed(held, Failure::Unreachable));
    assert_eq!(alone.dial().map(|dial| dial.id), Some(replacing.id));
    let action = link.handle(at(22), Event::DialAborted(replacing.id));
    assert!(action.wake() < Timestamp::MAX, "endpoint 1 may be dialed: {action}");
}

#[test]
fn a_snapshot_past_the_end_of_the_list_begins_with_the_first() {
    let list = || [Endpoint::new(3), Endpoint::new(0)];
    let policy = plain().build().unwrap();
    let mut link = Reconnector::with_endpoints(&policy, 1, list());
    let mut action = link.handle(at(0), Event::Start);
    while let Action::Dial(dial) = action {
        action = link.handle(at(0), Event::DialFailed(dial.id, Failure::Unreachable));
    }
    let health: Vec<_> = link.endpoint_snapshots().collect();
    let mut restored = Reconnector::restore_with_endpoints(
        &policy,
        1,
        list(),
        &link.snapshot(),
        &health,
        Duration::ZERO,
        at(0),
    );
    let (wake, next) = (action.wake(), link.handle(action.wake(), Event::Tick));
    assert_eq!(next.dial().unwrap().endpoint, 3);
    assert_eq!(restored.handle(wake, Event::Tick), next);
}
