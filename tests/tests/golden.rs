//! Golden traces: schedules that other systems are known by, instant by instant.

use std::time::Duration;

use redial::{
    Action, Backoff, BreakerPolicy, Endpoint, Event, Failure, GiveUpReason, Jitter, Overload,
    Policy, PolicyBuilder, Reconnector, Timestamp,
};
use redial_testkit::sim::{Answer, Reply, Sim};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn at(time: Duration) -> Timestamp {
    Timestamp::from_origin(time)
}

/// No jitter, and a rate limit that never shows.
fn doubling(initial: Duration, cap: Duration) -> PolicyBuilder {
    Policy::builder()
        .backoff(Backoff::exponential(initial, 2, 1))
        .cap(cap)
        .jitter(Jitter::None)
        .rate_limit(1000, ms(1))
}

/// The instants of the first dials in milliseconds, and the end.
fn dials(policy: PolicyBuilder, answer: &Answer, most: usize) -> (Vec<u128>, Action) {
    let link = Reconnector::new(policy.build().unwrap(), 1);
    let mut sim = Sim::new(link, |_, _| answer.clone());
    sim.start();
    let action = sim.run_dials(most);
    (sim.dial_times().iter().map(Duration::as_millis).collect(), action)
}

fn flap() -> Answer {
    Answer::accepted(ms(0)).then(ms(0), Reply::Closed(Failure::Unreachable))
}

#[test]
fn g1_tower() {
    let expected = [0, 100, 300, 700, 1500, 3100, 6300, 11300, 16300];
    assert_eq!(dials(doubling(ms(100), s(5)), &Answer::refused(), 9).0, expected);
}

fn moq() -> PolicyBuilder {
    doubling(s(1), s(30)).max_elapsed(s(300))
}

fn g2_holds(answer: &Answer) {
    let (times, end) = dials(moq(), answer, 100);
    let mut expected = vec![0, 1, 3, 7, 15];
    expected.extend((0..9).map(|n| 31 + 30 * n));
    assert_eq!(times, expected.iter().map(|time| time * 1000).collect::<Vec<u128>>());
    let Action::GiveUp(end) = end else { panic!("{end}") };
    assert_eq!(end.reason, GiveUpReason::MaxElapsed);
    assert_eq!((end.attempts, end.elapsed), (14, s(271)));
}

#[test]
fn g2_moq_gives_up_before_the_dial_that_would_be_too_late() {
    g2_holds(&Answer::refused());
}

#[test]
fn g3_accept_then_close_is_the_same() {
    g2_holds(&flap());
}

#[test]
fn g4_day207() {
    let policy = doubling(ms(100), s(60)).max_attempts(10);
    let (times, end) = dials(policy, &Answer::refused(), 100);
    assert_eq!(times, [0, 100, 300, 700, 1500, 3100, 6300, 12700, 25500, 51100]);
    let Action::GiveUp(end) = end else { panic!("{end}") };
    assert_eq!(end.reason, GiveUpReason::MaxAttempts);
    assert_eq!((end.attempts, end.elapsed), (10, ms(51_100)));
    let feed = doubling(ms(500), s(60)).max_attempts(5);
    assert_eq!(dials(feed, &Answer::refused(), 100).0, [0, 500, 1500, 3500, 7500]);
}

#[test]
fn g5_custom_figures() {
    let expected = [0, 500, 1500, 3500, 7500, 15500, 31500, 63500, 123_500];
    assert_eq!(dials(doubling(ms(500), s(60)), &Answer::refused(), 9).0, expected);
}

#[test]
fn g6_grpc() {
    let policy = doubling(s(1), s(120)).backoff(Backoff::exponential(s(1), 8, 5));
    let link = Reconnector::new(policy.build().unwrap(), 1);
    let mut sim = Sim::new(link, |_, _| Answer::refused());
    sim.start();
    sim.run_dials(6);
    let micros: Vec<u128> = sim.dial_times().iter().map(Duration::as_micros).collect();
    assert_eq!(micros, [0, 1_000_000, 2_600_000, 5_160_000, 9_256_000, 15_809_600]);
}

#[test]
fn g7_an_open_breaker_is_one_longer_wait() {
    let breaker = BreakerPolicy::consecutive(3).open_for(s(10)).open_max(s(10));
    let policy = doubling(s(1), s(1)).backoff(Backoff::fixed(s(1))).breaker(breaker);
    let link = Reconnector::new(policy.build().unwrap(), 1);
    let mut sim = Sim::new(link, |_, _| Answer::refused());
    sim.start();
    sim.run_dials(6);
    assert_eq!(sim.dial_times(), [0, 1, 2, 12, 22, 32].map(s));
    let attempts: Vec<u32> = sim.dials.iter().map(|(_, dial)| dial.attempt).collect();
    assert_eq!(attempts, [1, 2, 3, 4, 5, 6], "nothing in between costs an attempt");
}

#[test]
fn g8_round_robin() {
    let policy = doubling(ms(100), s(5)).build().unwrap();
    let [a, b, c] = [10, 20, 30];
    let endpoints = [a, b, c].map(Endpoint::new);
    let mut link = Reconnector::with_endpoints(policy, 1, endpoints);
    let first = link.handle(at(s(0)), Event::Start).dial().unwrap();
    assert_eq!(first.endpoint, a);
    link.handle(at(s(0)), Event::Connected(first.id));
    let lost = at(s(60));
    // A was stable: B follows at once.
    let second = link.handle(lost, Event::Closed(first.id, Failure::Unreachable)).dial().unwrap();
    assert_eq!(second.endpoint, b);
    // B refuses: C at once, in the same round, however often it is reported.
    let mut third = None;
    for _ in 0..100 {
        third = link.handle(lost, Event::DialFailed(second.id, Failure::Unreachable)).dial();
    }
    let third = third.unwrap();
    assert_eq!((third.endpoint, link.counters().ignored), (c, 99));
    // All are down: A after the first backoff.
    let action = link.handle(lost, Event::DialFailed(third.id, Failure::Unreachable));
    assert_eq!(action.wake(), lost.saturating_add(ms(100)));
    assert_eq!(link.handle(action.wake(), Event::Tick).dial().unwrap().endpoint, a);
}

#[test]
fn g9_a_hint_is_never_undercut() {
    for seed in 0..1000 {
        let policy = doubling(s(1), s(30)).jitter(Jitter::Equal).build().unwrap();
        let mut link = Reconnector::new(policy, seed);
        let dial = link.handle(at(s(0)), Event::Start).dial().unwrap();
        let hint = Failure::RetryAfter { delay: s(60), spread: s(0) };
        let action = link.handle(at(s(0)), Event::DialFailed(dial.id, hint));
        let wake = action.wake().since_origin();
        assert!((s(60)..=s(66)).contains(&wake), "{wake:?}");
        assert_eq!(link.handle(at(s(5)), Event::Online), action);
    }
}

#[test]
fn g9_a_planned_restart_brings_the_fleet_back_evenly() {
    let mut buckets = [0_u32; 50];
    for seed in 0..10_000 {
        let mut link = Reconnector::new(&Policy::DEFAULT, seed);
        let dial = link.handle(at(s(0)), Event::Start).dial().unwrap();
        link.handle(at(s(0)), Event::Connected(dial.id));
        let lost = at(s(100));
        let hint = Failure::RetryAfter { delay: s(10), spread: s(50) };
        let action = link.handle(lost, Event::Closed(dial.id, hint));
        let wait = action.wake().saturating_since(lost);
        assert!((s(10)..=s(60)).contains(&wait), "{wait:?}");
        buckets[usize::try_from(wait.as_secs() - 10).unwrap().min(49)] += 1;
        assert_eq!(link.handle(action.wake(), Event::Tick).dial().unwrap().attempt, 1);
    }
    // 200 a second on average; five standard deviations are 70.
    assert!(buckets.iter().all(|links| (130..270).contains(links)), "{buckets:?}");
}

#[test]
fn g10_going_away_is_a_handover() {
    let mut link = Reconnector::new(Policy::DEFAULT, 1);
    let old = link.handle(at(s(0)), Event::Start).dial().unwrap().id;
    link.handle(at(s(0)), Event::Connected(old));
    let deadline = at(s(105));
    let away = link.handle(at(s(100)), Event::GoingAway(old, Some(deadline)));
    let new = away.dial().unwrap();
    assert_eq!(new.serving, Some(old));

    let mut other = link.clone();
    let up = link.handle(at(s(101)), Event::Connected(new.id));
    assert_eq!(up.held(), Some(new.id));
    let draining = up.draining().unwrap();
    assert_eq!((draining.id, draining.deadline), (old, deadline));

    let failed = other.handle(at(s(101)), Event::DialFailed(new.id, Failure::Unreachable));
    assert!(matches!(failed, Action::Hold(_)), "{failed}");
    assert_eq!(failed.held(), Some(old));
    assert!(failed.wake() > at(s(101)));
    let again = other.handle(failed.wake(), Event::Tick);
    assert_eq!(again.dial().unwrap().serving, Some(old));
}

#[test]
fn g11_after_a_suspend_there_is_one_dial() {
    let mut link = Reconnector::new(doubling(s(30), s(30)).build().unwrap(), 1);
    let dial = link.handle(at(s(0)), Event::Start).dial().unwrap();
    let wait = link.handle(at(s(0)), Event::DialFailed(dial.id, Failure::Unreachable));
    assert_eq!(wait.wake(), at(s(30)));
    let morning = at(s(8 * 3600));
    let action = link.handle(morning, Event::Tick);
    assert_eq!(action.dial().unwrap().attempt, 2);
    assert_eq!(link.handle(morning, Event::Tick), action);
}

#[test]
fn g12_stop_outlives_a_late_success() {
    let mut link = Reconnector::new(Policy::DEFAULT, 1);
    let old = link.handle(at(s(0)), Event::Start).dial().unwrap().id;
    assert_eq!(link.handle(at(ms(10)), Event::Stop), Action::Idle);
    assert_eq!(link.handle(at(ms(11)), Event::Connected(old)), Action::Idle);
    let action = link.handle(at(s(1)), Event::Start);
    assert!(action.dial().unwrap().id > old);
    let late = Event::Closed(old, Failure::Unreachable);
    assert_eq!(link.handle(at(s(1)), late), action);
    assert_eq!(link.counters().ignored, 2);
}

#[test]
fn g13_a_fleet_spreads_over_the_whole_window() {
    let mut buckets = [0_u32; 101];
    for seed in 0..10_000 {
        let mut link = Reconnector::new(&Policy::DEFAULT, seed);
        let dial = link.handle(at(s(0)), Event::Start).dial().unwrap();
        link.handle(at(s(0)), Event::Connected(dial.id));
        let lost = at(s(3600));
        let action = link.handle(lost, Event::Closed(dial.id, Failure::Unreachable));
        let wait = action.wake().max(lost).saturating_since(lost);
        buckets[usize::try_from(wait.as_millis() / 10).unwrap()] += 1;
    }
    assert!(buckets.iter().all(|links| *links <= 150), "{buckets:?}");
}

/// What is not wanted of a policy here can be left out.
#[test]
fn overload_can_be_ignored() {
    let policy = doubling(ms(100), s(5)).overload(Overload::Ignore);
    let busy = Answer::failed(Failure::Overloaded);
    assert_eq!(dials(policy, &busy, 5).0, [0, 100, 300, 700, 1500]);
}
