//! Breaker conformance: what the suites of resilience4j, Polly and their kin check, and what they
//! have got wrong.

use std::time::Duration;

use redial::{
    Action, Breaker, BreakerPolicy, Circuit, Endpoint, Event, Failure, Jitter, Policy, PolicyError,
    Reconnector, Timestamp, Trip,
};

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_origin(Duration::from_secs(seconds))
}

fn breaker(policy: BreakerPolicy) -> Breaker {
    Breaker::new(policy, 1).unwrap()
}

fn consecutive(failures: u32) -> Breaker {
    breaker(BreakerPolicy::consecutive(failures))
}

fn fail(breaker: &Breaker, now: u64) {
    breaker.allow(at(now)).unwrap().failure(at(now));
}

fn succeed(breaker: &Breaker, now: u64) {
    breaker.allow(at(now)).unwrap().success();
}

fn open_until(breaker: &Breaker, now: u64) -> Timestamp {
    match breaker.circuit(at(now)) {
        Circuit::Open { until } => until,
        other => panic!("{other}"),
    }
}

#[test]
fn a_new_breaker_is_closed_and_admits() {
    let breaker = consecutive(1);
    assert_eq!(breaker.circuit(at(0)), Circuit::Closed);
    assert!(!breaker.allow(at(0)).unwrap().is_probe());
}

#[test]
fn it_opens_at_the_threshold_and_not_before() {
    let breaker = consecutive(3);
    fail(&breaker, 0);
    fail(&breaker, 0);
    assert_eq!(breaker.circuit(at(0)), Circuit::Closed);
    fail(&breaker, 0);
    assert!(matches!(breaker.circuit(at(0)), Circuit::Open { .. }));
}

#[test]
fn a_success_in_between_starts_the_count_again() {
    let breaker = consecutive(2);
    for _ in 0..10 {
        fail(&breaker, 0);
        succeed(&breaker, 0);
    }
    assert_eq!(breaker.circuit(at(0)), Circuit::Closed);
}

#[test]
fn an_open_breaker_refuses_and_says_until_when() {
    let breaker = consecutive(1);
    fail(&breaker, 0);
    let refused = breaker.allow(at(1)).unwrap_err();
    assert_eq!(refused.until, open_until(&breaker, 1));
    assert!(refused.to_string().starts_with("circuit is open until 1"), "{refused}");
}

#[test]
fn the_open_time_is_stretched_by_a_tenth_at_most() {
    for seed in 0..1000 {
        let breaker = Breaker::new(BreakerPolicy::consecutive(1), seed).unwrap();
        fail(&breaker, 0);
        let until = open_until(&breaker, 0);
        assert!((at(10)..=at(11)).contains(&until), "{until}");
    }
}

#[test]
fn seeds_probe_at_different_times() {
    let mut ends: Vec<Timestamp> = (0..100)
        .map(|seed| {
            let breaker = Breaker::new(BreakerPolicy::consecutive(1), seed).unwrap();
            fail(&breaker, 0);
            open_until(&breaker, 0)
        })
        .collect();
    ends.sort();
    ends.dedup();
    assert_eq!(ends.len(), 100);
}

#[test]
fn it_is_half_open_exactly_at_the_end_of_the_open_time() {
    let breaker = consecutive(1);
    fail(&breaker, 0);
    let until = open_until(&breaker, 0);
    let before = Timestamp::from_nanos(until.as_nanos() - 1);
    assert!(matches!(breaker.circuit(before), Circuit::Open { .. }));
    breaker.allow(before).unwrap_err();
    assert_eq!(breaker.circuit(until), Circuit::HalfOpen);
    assert!(breaker.allow(until).unwrap().is_probe());
}

#[test]
fn half_open_admits_one() {
    let breaker = consecutive(1);
    fail(&breaker, 0);
    let probe = breaker.allow(at(20)).unwrap();
    for _ in 0..100 {
        assert_eq!(breaker.allow(at(20)).unwrap_err().until, Timestamp::MAX);
    }
    drop(probe);
}

#[test]
fn a_successful_probe_closes() {
    let breaker = consecutive(1);
    fail(&breaker, 0);
    breaker.allow(at(20)).unwrap().success();
    assert_eq!(breaker.circuit(at(20)), Circuit::Closed);
    assert!(!breaker.allow(at(20)).unwrap().is_probe());
}

#[test]
fn a_close_clears_what_was_counted() {
    let breaker = consecutive(2);
    fail(&breaker, 0);
    fail(&breaker, 0);
    breaker.allow(at(20)).unwrap().success();
    fail(&breaker, 20);
    assert_eq!(breaker.circuit(at(20)), Circuit::Closed, "one failure is not two");
}

#[test]
fn a_failed_probe_opens_again() {
    let breaker = consecutive(3);
    for _ in 0..3 {
        fail(&breaker, 0);
    }
    breaker.allow(at(20)).unwrap().failure(at(20));
    assert!(open_until(&breaker, 20) >= at(40), "one failure is enough, and the time doubles");
}

#[test]
fn the_open_time_doubles_to_its_maximum() {
    let policy = BreakerPolicy::consecutive(1)
        .open_for(Duration::from_secs(10))
        .open_max(Duration::from_secs(60));
    let breaker = breaker(policy);
    fail(&breaker, 0);
    for expected in [10, 20, 40, 60, 60, 60] {
        let Circuit::Open { until } = breaker.circuit(Timestamp::ORIGIN) else { panic!() };
        let start = until;
        breaker.allow(start).unwrap().failure(start);
        let open = open_time(&breaker, start);
        let next = (expected * 2).min(60);
        assert!((next..=next + next / 10).contains(&open), "{open} after {expected}");
    }
}

fn open_time(breaker: &Breaker, now: Timestamp) -> u64 {
    match breaker.circuit(now) {
        Circuit::Open { until } => until.saturating_since(now).as_secs(),
        other => panic!("{other}"),
    }
}

#[test]
fn openings_are_counted_and_forgotten_at_a_close() {
    let breaker = consecutive(1);
    assert_eq!(breaker.reopened(), 0);
    fail(&breaker, 0);
    for count in 0..4 {
        assert_eq!(breaker.reopened(), count);
        let Circuit::Open { until } = breaker.circuit(Timestamp::ORIGIN) else { panic!() };
        breaker.allow(until).unwrap().failure(until);
    }
    assert_eq!(breaker.reopened(), 4);
    breaker.allow(at(10_000)).unwrap().success();
    assert_eq!(breaker.reopened(), 0);
    fail(&breaker, 10_000);
    assert_eq!(breaker.reopened(), 0);
    assert!(open_until(&breaker, 10_000) <= at(10_011), "the first open time again");
}

#[test]
fn an_ignored_probe_is_given_back() {
    let breaker = consecutive(1);
    fail(&breaker, 0);
    drop(breaker.allow(at(20)).unwrap());
    assert_eq!(breaker.circuit(at(20)), Circuit::HalfOpen);
    assert!(breaker.allow(at(20)).unwrap().is_probe());
}

#[test]
fn a_probe_that_panics_is_given_back() {
    let breaker = consecutive(1);
    fail(&breaker, 0);
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _probe = breaker.allow(at(20)).unwrap();
        std::panic::resume_unwind(Box::new("the call failed"));
    }));
    panicked.unwrap_err();
    assert!(breaker.allow(at(20)).unwrap().is_probe());
}

#[test]
fn an_ignored_call_counts_for_nothing() {
    let breaker = consecutive(2);
    fail(&breaker, 0);
    drop(breaker.allow(at(0)).unwrap());
    fail(&breaker, 0);
    assert!(matches!(breaker.circuit(at(0)), Circuit::Open { .. }), "still two in a row");
}

#[test]
fn a_call_from_before_the_outage_says_nothing_after_it() {
    let breaker = consecutive(1);
    let [slow, quick] = [(); 2].map(|()| breaker.allow(at(0)).unwrap());
    quick.failure(at(1));
    breaker.allow(at(500_000)).unwrap().success();
    slow.failure(at(500_001));
    assert_eq!(breaker.circuit(at(500_001)), Circuit::Closed);
}

#[test]
fn a_late_failure_while_open_changes_nothing() {
    let breaker = consecutive(1);
    let [slow, quick] = [(); 2].map(|()| breaker.allow(at(0)).unwrap());
    quick.failure(at(0));
    let until = open_until(&breaker, 0);
    slow.failure(at(9));
    assert_eq!(open_until(&breaker, 9), until, "not extended");
    assert_eq!(breaker.reopened(), 0);
}

#[test]
fn a_late_success_while_open_changes_nothing() {
    let breaker = consecutive(1);
    let [slow, quick] = [(); 2].map(|()| breaker.allow(at(0)).unwrap());
    quick.failure(at(0));
    slow.success();
    assert!(matches!(breaker.circuit(at(1)), Circuit::Open { .. }));
}

#[test]
fn a_late_outcome_does_not_settle_another_ones_probe() {
    let breaker = consecutive(1);
    let [slow, quick] = [(); 2].map(|()| breaker.allow(at(0)).unwrap());
    quick.failure(at(0));
    let probe = breaker.allow(at(20)).unwrap();
    slow.success();
    assert_eq!(breaker.circuit(at(20)), Circuit::HalfOpen);
    breaker.allow(at(20)).unwrap_err();
    probe.success();
    assert_eq!(breaker.circuit(at(20)), Circuit::Closed);
}

#[test]
fn a_call_from_before_an_opening_counts_for_nothing_after_it() {
    let breaker = consecutive(2);
    let old = breaker.allow(at(0)).unwrap();
    fail(&breaker, 0);
    fail(&breaker, 0);
    breaker.allow(at(20)).unwrap().success();
    fail(&breaker, 20);
    breaker.trip();
    breaker.reset();
    drop(old);
    assert_eq!(breaker.circuit(at(20)), Circuit::Closed);
}

#[test]
fn a_rate_waits_for_its_minimum() {
    let breaker = breaker(BreakerPolicy::rate(10, 5, 50));
    for _ in 0..4 {
        fail(&breaker, 0);
    }
    assert_eq!(breaker.circuit(at(0)), Circuit::Closed, "four outcomes are not five");
    fail(&breaker, 0);
    assert!(matches!(breaker.circuit(at(0)), Circuit::Open { .. }));
}

#[test]
fn a_rate_opens_at_its_share_and_not_below() {
    let mixed = breaker(BreakerPolicy::rate(10, 10, 50));
    for _ in 0..5 {
        succeed(&mixed, 0);
    }
    for _ in 0..4 {
        fail(&mixed, 0);
    }
    assert_eq!(mixed.circuit(at(0)), Circuit::Closed);
    fail(&mixed, 0);
    assert!(matches!(mixed.circuit(at(0)), Circuit::Open { .. }), "5 of 10 are 50 %");
    let below = breaker(BreakerPolicy::rate(10, 10, 51));
    for _ in 0..5 {
        succeed(&below, 0);
        fail(&below, 0);
    }
    assert_eq!(below.circuit(at(0)), Circuit::Closed, "5 of 10 are not 51 %");
}

#[test]
fn the_window_slides() {
    let breaker = breaker(BreakerPolicy::rate(10, 10, 50));
    for _ in 0..10_000 {
        succeed(&breaker, 0);
    }
    for _ in 0..4 {
        fail(&breaker, 0);
    }
    assert_eq!(breaker.circuit(at(0)), Circuit::Closed);
    fail(&breaker, 0);
    assert!(
        matches!(breaker.circuit(at(0)), Circuit::Open { .. }),
        "5 of the last 10, whatever 10,000 successes there were"
    );
}

#[test]
fn the_window_forgets_old_failures() {
    let breaker = breaker(BreakerPolicy::rate(4, 4, 50));
    fail(&breaker, 0);
    for _ in 0..4 {
        succeed(&breaker, 0);
    }
    fail(&breaker, 0);
    assert_eq!(breaker.circuit(at(0)), Circuit::Closed, "the first failure has slid out");
}

#[test]
fn a_window_of_64_uses_all_of_it() {
    let breaker = breaker(BreakerPolicy::rate(64, 64, 100));
    for _ in 0..63 {
        fail(&breaker, 0);
    }
    assert_eq!(breaker.circuit(at(0)), Circuit::Closed);
    fail(&breaker, 0);
    assert!(matches!(breaker.circuit(at(0)), Circuit::Open { .. }));
}

#[test]
fn a_window_of_one_is_the_last_outcome() {
    let breaker = breaker(BreakerPolicy::rate(1, 1, 100));
    succeed(&breaker, 0);
    assert_eq!(breaker.circuit(at(0)), Circuit::Closed);
    fail(&breaker, 0);
    assert!(matches!(breaker.circuit(at(0)), Circuit::Open { .. }));
}

#[test]
fn a_rate_starts_anew_after_a_close() {
    let breaker = breaker(BreakerPolicy::rate(4, 2, 50));
    fail(&breaker, 0);
    fail(&breaker, 0);
    breaker.allow(at(20)).unwrap().success();
    fail(&breaker, 20);
    assert_eq!(breaker.circuit(at(20)), Circuit::Closed, "one outcome is below the minimum");
}

#[test]
fn tripped_by_hand_it_stays_open_until_reset() {
    let breaker = consecutive(1);
    breaker.trip();
    assert_eq!(breaker.circuit(at(u32::MAX.into())), Circuit::Open { until: Timestamp::MAX });
    assert_eq!(breaker.allow(at(u32::MAX.into())).unwrap_err().until, Timestamp::MAX);
    breaker.reset();
    assert_eq!(breaker.circuit(at(0)), Circuit::Closed);
    breaker.allow(at(0)).unwrap().success();
}

#[test]
fn outcomes_do_not_open_or_close_what_was_tripped_by_hand() {
    let breaker = consecutive(1);
    let [one, other] = [(); 2].map(|()| breaker.allow(at(0)).unwrap());
    breaker.trip();
    one.success();
    other.failure(at(0));
    assert_eq!(breaker.circuit(at(100)), Circuit::Open { until: Timestamp::MAX });
}

#[test]
fn a_reset_forgets_everything() {
    let breaker = consecutive(2);
    fail(&breaker, 0);
    breaker.reset();
    fail(&breaker, 0);
    assert_eq!(breaker.circuit(at(0)), Circuit::Closed);
    fail(&breaker, 0);
    breaker.reset();
    assert_eq!((breaker.circuit(at(0)), breaker.reopened()), (Circuit::Closed, 0));
}

#[test]
fn disabled_it_admits_everything_and_counts_nothing() {
    let breaker = consecutive(1);
    breaker.disable();
    for _ in 0..100 {
        fail(&breaker, 0);
    }
    assert_eq!(breaker.circuit(at(0)), Circuit::Disabled);
    breaker.reset();
    assert_eq!(breaker.circuit(at(0)), Circuit::Closed);
}

#[test]
fn an_open_time_past_the_end_of_time_is_for_ever() {
    let policy = BreakerPolicy::consecutive(1).open_for(Duration::MAX);
    let breaker = breaker(policy);
    fail(&breaker, 1);
    assert_eq!(breaker.circuit(at(1)), Circuit::Open { until: Timestamp::MAX });
    breaker.allow(Timestamp::from_nanos(u64::MAX - 1)).unwrap_err();
}

#[test]
fn a_clock_that_goes_back_admits_nothing_early() {
    let breaker = consecutive(1);
    fail(&breaker, 100);
    breaker.allow(at(50)).unwrap_err();
    assert!(matches!(breaker.circuit(at(0)), Circuit::Open { .. }));
}

#[test]
fn a_threshold_of_all_ones_never_overflows() {
    let breaker = consecutive(u32::MAX);
    for _ in 0..100_000 {
        fail(&breaker, 0);
    }
    assert_eq!(breaker.circuit(at(0)), Circuit::Closed);
}

#[test]
fn a_bad_policy_is_refused() {
    let mut policy = BreakerPolicy::consecutive(1);
    policy.trip = Trip::Rate { last: 65, min: 1, percent: 1 };
    assert_eq!(Breaker::new(policy, 1).unwrap_err(), PolicyError::BreakerWindowOutOfRange);
}

// The same breaker inside a link.

fn link(trips_after: u32) -> Reconnector {
    let breaker = BreakerPolicy::consecutive(trips_after).open_for(Duration::from_secs(60));
    let policy = Policy::builder().jitter(Jitter::None).breaker(breaker).build().unwrap();
    Reconnector::new(policy, 1)
}

#[test]
fn a_probe_succeeds_when_its_connection_is_stable() {
    let mut link = link(1);
    let dial = link.handle(at(0), Event::Start).dial().unwrap();
    let wait = link.handle(at(0), Event::DialFailed(dial.id, Failure::Unreachable));
    assert_eq!(wait.wake(), at(60), "exact without jitter");
    let probe = link.handle(at(60), Event::Tick).dial().unwrap();
    link.handle(at(60), Event::Connected(probe.id));
    assert_eq!(link.status().circuit, Circuit::HalfOpen, "being accepted proves nothing");
    link.handle(at(70), Event::Tick);
    assert_eq!(link.status().circuit, Circuit::Closed);
}

#[test]
fn a_probe_succeeds_when_its_connection_is_confirmed() {
    let mut link = link(1);
    let dial = link.handle(at(0), Event::Start).dial().unwrap();
    link.handle(at(0), Event::DialFailed(dial.id, Failure::Unreachable));
    let probe = link.handle(at(60), Event::Tick).dial().unwrap();
    link.handle(at(60), Event::Connected(probe.id));
    link.handle(at(61), Event::Confirmed(probe.id));
    assert_eq!(link.status().circuit, Circuit::Closed);
}

#[test]
fn a_probe_that_flaps_opens_for_longer() {
    let mut link = link(1);
    let dial = link.handle(at(0), Event::Start).dial().unwrap();
    link.handle(at(0), Event::DialFailed(dial.id, Failure::Unreachable));
    let probe = link.handle(at(60), Event::Tick).dial().unwrap();
    link.handle(at(60), Event::Connected(probe.id));
    let action = link.handle(at(69), Event::Closed(probe.id, Failure::Unreachable));
    assert_eq!(action.wake(), at(69 + 120));
}

#[test]
fn a_probe_that_hangs_ends_with_its_deadline() {
    let mut link = link(1);
    let dial = link.handle(at(0), Event::Start).dial().unwrap();
    link.handle(at(0), Event::DialFailed(dial.id, Failure::Unreachable));
    let probe = link.handle(at(60), Event::Tick).dial().unwrap();
    let action = link.handle(probe.deadline, Event::Tick);
    assert!(matches!(action, Action::SleepUntil(_)), "{action}");
    assert!(matches!(link.status().circuit, Circuit::Open { .. }));
}

#[test]
fn a_probe_that_is_aborted_is_given_back() {
    let mut link = link(1);
    let dial = link.handle(at(0), Event::Start).dial().unwrap();
    link.handle(at(0), Event::DialFailed(dial.id, Failure::Unreachable));
    let probe = link.handle(at(60), Event::Tick).dial().unwrap();
    let action = link.handle(at(61), Event::DialAborted(probe.id));
    let again = link.handle(action.wake(), Event::Tick).dial().unwrap();
    assert_eq!(again.attempt, probe.attempt);
    assert!(again.id > probe.id);
}

#[test]
fn a_stop_gives_the_probe_back() {
    let mut link = link(1);
    let dial = link.handle(at(0), Event::Start).dial().unwrap();
    link.handle(at(0), Event::DialFailed(dial.id, Failure::Unreachable));
    link.handle(at(60), Event::Tick);
    link.handle(at(61), Event::Stop);
    assert!(link.handle(at(62), Event::Start).dial().is_some());
}

#[test]
fn an_open_circuit_outlives_stop_and_start() {
    let mut link = link(1);
    let dial = link.handle(at(0), Event::Start).dial().unwrap();
    link.handle(at(0), Event::DialFailed(dial.id, Failure::Unreachable));
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
