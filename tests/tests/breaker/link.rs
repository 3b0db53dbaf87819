//! The same breaker inside a link.

use std::time::Duration;

use redial::{
    Action, BreakerPolicy, Circuit, Dial, Endpoint, Event, Failure, Jitter, Policy, Reconnector,
    Timestamp,
};

use crate::support::at;

/// Open from 0 s to 60 s.
fn open() -> Reconnector {
    let breaker = BreakerPolicy::consecutive(1).open_for(Duration::from_secs(60));
    let policy = Policy::builder().jitter(Jitter::None).breaker(breaker).build().unwrap();
    let mut link = Reconnector::new(policy, 1);
    let dial = link.handle(at(0), Event::Start).dial().unwrap();
    let wait = link.handle(at(0), Event::DialFailed(dial.id, Failure::Unreachable));
    assert_eq!(wait.wake(), at(60), "exact without jitter");
    link
}

/// Half-open: the probe is dialed at 60 s.
fn probing() -> (Reconnector, Dial) {
    let mut link = open();
    let probe = link.handle(at(60), Event::Tick).dial().unwrap();
    (link, probe)
}

#[test]
fn a_probe_succeeds_when_its_connection_is_stable() {
    let (mut link, probe) = probing();
    link.handle(at(60), Event::Connected(probe.id));
    assert_eq!(link.status().circuit, Circuit::HalfOpen, "being accepted proves nothing");
    link.handle(at(70), Event::Tick);
    assert_eq!(link.status().circuit, Circuit::Closed);
}

#[test]
fn a_probe_succeeds_when_its_connection_is_confirmed() {
    let (mut link, probe) = probing();
    link.handle(at(60), Event::Connected(probe.id));
    link.handle(at(61), Event::Confirmed(probe.id));
    assert_eq!(link.status().circuit, Circuit::Closed);
}

#[test]
fn a_probe_that_flaps_opens_for_longer() {
    let (mut link, probe) = probing();
    link.handle(at(60), Event::Connected(probe.id));
    let action = link.handle(at(69), Event::Closed(probe.id, Failure::Unreachable));
    assert_eq!(action.wake(), at(69 + 120));
}

#[test]
fn a_probe_that_hangs_ends_with_its_deadline() {
    let (mut link, probe) = probing();
    let action = link.handle(probe.deadline, Event::Tick);
    assert!(matches!(action, Action::SleepUntil(_)), "{action}");
    assert!(matches!(link.status().circuit, Circuit::Open { .. }));
}

#[test]
fn a_probe_that_is_aborted_is_given_back() {
    let (mut link, probe) = probing();
    let action = link.handle(at(61), Event::DialAborted(probe.id));
    let again = link.handle(action.wake(), Event::Tick).dial().unwrap();
    assert_eq!(again.attempt, probe.attempt);
    assert!(again.id > probe.id);
}

#[test]
fn a_stop_gives_the_probe_back() {
    let mut link = open();
    link.handle(at(60), Event::Tick);
    link.handle(at(61), Event::Stop);
    assert!(link.handle(at(62), Event::Start).dial().is_some());
}

#[test]
fn an_open_circuit_outlives_stop_and_start() {
    let mut link = open();
    link.handle(at(1), Event::Stop);
    assert_eq!(link.handle(at(2), Event::Start).wake(), at(60));
    assert_eq!(link.handle(at(3), Event::Redial).wake(), at(60), "nor does asking help");
}

#[test]
fn the_last_of_several_stays_closed_unless_allowed() {
    for allowed in [false, true] {
        let breaker = BreakerPolicy::consecutive(1);
        let policy = Policy::builder().breaker(breaker).allow_all_open(allowed).build().unwrap();
        let endpoints = [1, 2, 3].map(Endpoint::new);
        let mut link = Reconnector::with_endpoints(policy, 1, endpoints);
        let mut action = link.handle(at(0), Event::Start);
        let mut now = at(0);
        for _ in 0..3 {
            let Action::Dial(dial) = action else { panic!("{action}") };
            action = link.handle(now, Event::DialFailed(dial.id, Failure::Unreachable));
            while let (Action::SleepUntil(wait), false) = (action, all_open(&link, now)) {
                now = wait.until;
                action = link.handle(now, Event::Tick);
            }
        }
        assert_eq!(all_open(&link, now), allowed);
    }
}

fn all_open(link: &Reconnector<Policy, [Endpoint; 3]>, now: Timestamp) -> bool {
    link.endpoints().iter().all(|endpoint| matches!(endpoint.circuit(now), Circuit::Open { .. }))
}
