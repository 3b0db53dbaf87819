//! Health adds up.

use core::time::Duration;

use redial::{Crossing, Event, Failure, Health, Policy, Reconnector, Timestamp};

fn at(secs: u64) -> Timestamp {
    Timestamp::from_origin(Duration::from_secs(secs))
}

#[test]
fn every_second_is_up_down_offline_or_stopped() {
    let mut link = Reconnector::new(Policy::DEFAULT, 1);
    let mut health = Health::new(Duration::from_secs(160), 950_000);
    health.observe(at(50), &link.status());
    let dial = link.handle(at(100), Event::Start).dial().unwrap();
    health.observe(at(100), &link.status());
    link.handle(at(102), Event::Connected(dial.id));
    health.observe(at(102), &link.status());
    link.handle(at(122), Event::Offline);
    link.handle(at(122), Event::Closed(dial.id, Failure::Unreachable));
    health.observe(at(122), &link.status());
    link.handle(at(132), Event::Stop);
    health.observe(at(132), &link.status());
    health.observe(at(140), &link.status());
    let spans = [health.uptime(), health.downtime(), health.offline(), health.stopped()];
    assert_eq!(spans.map(|span| span.as_secs()), [20, 2, 10, 8]);
    assert_eq!((health.dials(), health.failures(), health.flaps()), (1, 0, 0));
    assert_eq!(health.longest_outage(), Duration::from_secs(2));
    assert_eq!(health.reliability(), 20_000_000 / 22);
}

#[test]
fn a_threshold_is_reported_once_each_way() {
    let mut link = Reconnector::new(Policy::DEFAULT, 1);
    let mut health = Health::new(Duration::from_secs(160), 950_000);
    let mut crossings = Vec::new();
    let dial = link.handle(at(0), Event::Start).dial().unwrap();
    let mut see = |now, link: &Reconnector| {
        crossings.extend(health.observe(at(now), &link.status()).map(|c| (now, c)));
    };
    see(0, &link);
    link.handle(at(1), Event::Connected(dial.id));
    for now in 1..400 {
        see(now, &link);
    }
    link.handle(at(400), Event::Offline);
    link.handle(at(400), Event::Closed(dial.id, Failure::Unreachable));
    see(400, &link);
    let dial = link.handle(at(401), Event::Online).dial().unwrap();
    for now in 401..=410 {
        see(now, &link);
    }
    link.handle(at(410), Event::Connected(dial.id));
    for now in 410..1000 {
        see(now, &link);
    }
    let kinds: Vec<_> = crossings.iter().map(|crossing| crossing.1).collect();
    let (below, above) = (Crossing::Below, Crossing::Above);
    assert_eq!(kinds, [below, above, below, above], "{crossings:?}");
    assert_eq!(health.recent(), 1_000_000);
    assert_eq!(health.longest_outage(), Duration::from_secs(9));
}

#[test]
fn dials_failures_and_flaps_are_counted() {
    let policy = Policy::builder().rate_limit(100, Duration::from_nanos(1)).build().unwrap();
    let mut link = Reconnector::new(policy, 1);
    let mut health = Health::new(Duration::from_secs(60), 0);
    let mut now = at(0);
    link.handle(now, Event::Start);
    health.observe(now, &link.status());
    for round in 0..10 {
        let dial = link.action().dial().unwrap();
        if round % 2 == 0 {
            link.handle(now, Event::DialFailed(dial.id, Failure::Unreachable));
        } else {
            link.handle(now, Event::Connected(dial.id));
            health.observe(now, &link.status());
            link.handle(now, Event::Closed(dial.id, Failure::Unreachable));
        }
        health.observe(now, &link.status());
        now = link.action().wake();
        link.handle(now, Event::Tick);
        health.observe(now, &link.status());
    }
    assert_eq!((health.dials(), health.failures(), health.flaps()), (11, 5, 5));
}

#[test]
fn a_dial_that_was_given_back_is_no_failure() {
    let policy = Policy::builder().max_attempts(3).build().unwrap();
    let mut link = Reconnector::new(policy, 1);
    let mut health = Health::new(Duration::from_secs(60), 0);
    let mut now = at(10);
    link.handle(now, Event::Start);
    let mut failures = Vec::new();
    for aborted in [false, true, true, false, false] {
        health.observe(now, &link.status());
        let dial = link.action().dial().unwrap();
        let failed = Event::DialFailed(dial.id, Failure::Unreachable);
        link.handle(now, if aborted { Event::DialAborted(dial.id) } else { failed });
        health.observe(now, &link.status());
        failures.push(health.failures());
        now = link.action().wake();
        link.handle(now, Event::Tick);
    }
    assert_eq!(failures, [1, 1, 1, 2, 3], "the last of them ended the outage");
    assert_eq!((health.dials(), health.flaps()), (5, 0));
}

#[test]
fn a_dial_that_is_dropped_for_the_next_at_once_is_no_failure() {
    let mut link = Reconnector::new(Policy::DEFAULT, 1);
    let mut health = Health::new(Duration::from_secs(60), 0);
    let first = link.handle(at(10), Event::Start).dial().unwrap();
    health.observe(at(10), &link.status());
    let second = link.handle(at(11), Event::DialAborted(first.id)).dial().unwrap();
    health.observe(at(11), &link.status());
    assert_ne!(first.id, second.id, "no interval was earned that would be waited for");
    assert_eq!(health.failures(), 0);
}

#[test]
fn recent_reliability_is_that_of_the_last_sixteen_parts() {
    const PART: u64 = 60;
    let mut draw = 7_u64;
    let mut health = Health::new(Duration::from_secs(16 * PART), 500_000);
    let mut link = Reconnector::new(Policy::DEFAULT, 3);
    let mut now = 0;
    // Every second of the past: up or down.
    let mut seconds = Vec::new();
    link.handle(at(now), Event::Start);
    health.observe(at(now), &link.status());
    for _ in 0..2_000 {
        draw = draw.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let action = link.action();
        let pause = (draw >> 33) % [3, 40, 1_500][(draw >> 60) as usize % 3];
        let until = (now + pause).min(action.wake().as_nanos().div_ceil(1_000_000_000));
        seconds.resize(usize::try_from(until).unwrap(), action.held().is_some());
        now = until;
        let event = match (action.dial(), action.held()) {
            (Some(dial), _) => Event::Connected(dial.id),
            (None, Some(id)) if draw >> 62 == 0 => Event::Closed(id, Failure::Unreachable),
            _ => Event::Tick,
        };
        link.handle(at(now), event);
        health.observe(at(now), &link.status());
        let begin = usize::try_from((now / PART).saturating_sub(15) * PART).unwrap();
        let window = &seconds[begin.min(seconds.len())..];
        let up = window.iter().filter(|up| **up).count();
        let expected = (up * 1_000_000).checked_div(window.len()).unwrap_or(1_000_000);
        assert_eq!(usize::try_from(health.recent()).unwrap(), expected, "at {now} s");
    }
}

#[test]
fn a_sixteenth_of_the_window_and_the_threshold_itself_are_enough() {
    let mut link = Reconnector::new(Policy::DEFAULT, 1);
    let mut health = Health::new(Duration::from_secs(160), 500_000);
    let dial = link.handle(at(0), Event::Start).dial().unwrap();
    let dialing = [0, 9, 10].map(|now| health.observe(at(now), &link.status()));
    assert_eq!(dialing, [None, None, Some(Crossing::Below)]);
    link.handle(at(10), Event::Connected(dial.id));
    let connected = [10, 19, 20].map(|now| health.observe(at(now), &link.status()));
    assert_eq!(connected, [None, None, Some(Crossing::Above)]);
}
