//! Figures that are promised, and figures that no policy and no time may break.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use redial::{
    Action, After, Backoff, BreakerPolicy, Endpoint, Event, Failure, FirstRetry, Growth, Jitter,
    Overload, Policy, Reconnector, Refresh, Selection, Timestamp,
};
use redial_testkit::sim::{Answer, Reply, Sim};

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Dials within `time` of a link that is always answered so.
fn dials_within(policy: Policy, seed: u64, time: Duration, answer: &Answer) -> usize {
    let mut sim = Sim::new(Reconnector::new(policy, seed), |_, _| answer.clone());
    sim.start();
    sim.run_for(time.saturating_sub(Duration::from_nanos(1)));
    sim.dials.len()
}

fn flap() -> Answer {
    Answer::accepted(ms(0)).then(ms(0), Reply::Closed(Failure::Unreachable))
}

#[test]
fn accept_then_close_is_as_slow_as_refusal() {
    let policy = |jitter| {
        let backoff = Backoff::exponential(ms(100), 2, 1);
        Policy::builder().backoff(backoff).cap(s(30)).jitter(jitter).build().unwrap()
    };
    assert_eq!(dials_within(policy(Jitter::None), 1, s(2), &flap()), 5);
    assert_eq!(dials_within(policy(Jitter::None), 1, s(600), &flap()), 28);
    for seed in 0..1000 {
        assert!(dials_within(policy(Jitter::Equal), seed, s(2), &flap()) <= 6, "seed {seed}");
        assert!(dials_within(policy(Jitter::Equal), seed, s(600), &flap()) <= 48, "seed {seed}");
    }
}

#[test]
fn the_grpc_schedule_makes_13_dials_in_540_seconds() {
    // ±20 %: a mean of the base, as jitter only shortens here.
    let backoff = Backoff::exponential(ms(1200), 8, 5);
    let policy = Policy::builder()
        .backoff(backoff)
        .cap(s(144))
        .jitter(Jitter::Proportional(33))
        .dial_timeout(s(20))
        .build()
        .unwrap();
    for seed in 0..1000 {
        let dials = dials_within(policy.clone(), seed, s(540), &flap());
        assert!((12..=14).contains(&dials), "seed {seed}: {dials}");
    }
}

#[test]
fn a_thousand_seeds_give_a_thousand_waits() {
    let jitters = [Jitter::Full, Jitter::Equal, Jitter::Proportional(20), Jitter::Phase(67)];
    for jitter in jitters {
        let policy = Policy::DEFAULT.to_builder().jitter(jitter).build().unwrap();
        let waits: HashSet<Duration> = (0..1000)
            .map(|seed| {
                let (mut link, now) = dialing(&policy, seed, 20);
                wait_after_failure(&mut link, now)
            })
            .collect();
        assert!(waits.len() >= 900, "{jitter}: {} at attempt 20", waits.len());
    }
    for jitter in jitters {
        let policy = Policy::DEFAULT.to_builder().jitter(jitter).build().unwrap();
        let (mut link, now) = dialing(&policy, 1, 1_000_000);
        let snapshot = link.snapshot();
        if let Jitter::Phase(_) = jitter {
            // A phase is kept: the millionth wait is the twentieth.
            let (mut other, then) = dialing(&policy, 1, 20);
            assert_eq!(wait_after_failure(&mut link, now), wait_after_failure(&mut other, then));
            continue;
        }
        let waits: HashSet<Duration> = (0..1000)
            .map(|seed| {
                let mut link = Reconnector::restore(&policy, seed, &snapshot, Duration::ZERO, now);
                let action = link.handle(now, Event::Tick);
                action.wake().saturating_since(now)
            })
            .collect();
        assert!(waits.len() >= 900, "{jitter}: {} at attempt 10⁶", waits.len());
    }
}

/// A link whose dial of this number is in flight, and the time.
fn dialing(policy: &Policy, seed: u64, attempt: u32) -> (Reconnector<&Policy>, Timestamp) {
    let mut link = Reconnector::new(policy, seed);
    let mut now = Timestamp::ORIGIN;
    let mut action = link.handle(now, Event::Start);
    while let Some(dial) = action.dial().filter(|dial| dial.attempt < attempt) {
        now = link.handle(now, Event::DialFailed(dial.id, Failure::Unreachable)).wake();
        action = link.handle(now, Event::Tick);
    }
    assert_eq!(action.dial().map(|dial| dial.attempt), Some(attempt));
    (link, now)
}

fn wait_after_failure(link: &mut Reconnector<&Policy>, now: Timestamp) -> Duration {
    let dial = link.action().dial().unwrap();
    let action = link.handle(now, Event::DialFailed(dial.id, Failure::Unreachable));
    action.wake().saturating_since(now)
}

#[test]
fn progress_for_ever_does_not_hold_a_dial() {
    let mut answer = Answer::silent();
    for _ in 0..1000 {
        answer = answer.then(s(1), Reply::Progress);
    }
    let mut sim = Sim::new(Reconnector::new(Policy::DEFAULT, 1), |_, _| answer.clone());
    sim.start();
    sim.run_for(s(16));
    let (start, dial) = sim.dials[0];
    assert_eq!((start, dial.deadline), (Timestamp::ORIGIN, Timestamp::from_origin(s(10))));
    assert!(matches!(sim.link.action(), Action::SleepUntil(_)), "{}", sim.link.action());
}

#[test]
fn a_hint_of_nothing_does_not_raise_the_rate() {
    let nothing = Failure::RetryAfter { delay: s(0), spread: s(0) };
    for seed in 0..100 {
        let hinted = dials_within(Policy::DEFAULT, seed, s(3600), &Answer::failed(nothing));
        let busy =
            dials_within(Policy::DEFAULT, seed, s(3600), &Answer::failed(Failure::Overloaded));
        assert!(hinted <= busy, "seed {seed}: {hinted} against {busy}");
    }
}

#[test]
fn a_hint_of_for_ever_waits_an_hour_and_a_tenth_at_most() {
    let forever = Failure::RetryAfter { delay: Duration::MAX, spread: Duration::MAX };
    for seed in 0..1000 {
        let mut link = Reconnector::new(Policy::DEFAULT, seed);
        let dial = link.handle(Timestamp::ORIGIN, Event::Start).dial().unwrap();
        let action = link.handle(Timestamp::ORIGIN, Event::DialFailed(dial.id, forever));
        let wait = action.wake().since_origin();
        assert!((s(3600)..=s(3960)).contains(&wait), "{wait:?}");
    }
}

#[test]
fn confirmed_and_closed_for_ten_minutes_is_bounded() {
    let answer = Answer::accepted(ms(1))
        .then(ms(1), Reply::Confirmed)
        .then(ms(1), Reply::Closed(Failure::Unreachable));
    // With the shortest phase, a third of the interval, it is 49.
    let dials = (0..1000).map(|seed| dials_within(Policy::DEFAULT, seed, s(600), &answer));
    on_average("dials in ten minutes of accept, confirm, close", dials, 32, 49);
}

/// Prints and bounds a figure of a thousand links: its mean, and that of each.
fn on_average(name: &str, figures: impl Iterator<Item = usize>, mean: usize, most: usize) {
    let figures: Vec<usize> = figures.collect();
    let sum: usize = figures.iter().sum();
    let largest = figures.iter().max().copied().unwrap_or(0);
    println!("{name}: {} on average, {largest} at most", sum / figures.len());
    assert!(sum <= mean * figures.len(), "{name}: {sum} of {} links", figures.len());
    assert!(largest <= most, "{name}: {largest}");
}

#[test]
fn a_flapping_interface_does_not_hammer_an_overloaded_server() {
    let dials = (0..100).map(|seed| {
        let busy = Answer::failed(Failure::Overloaded);
        let mut sim = Sim::new(Reconnector::new(Policy::DEFAULT, seed), |_, _| busy.clone());
        sim.start();
        for _ in 0..720 {
            sim.run_for(s(5));
            sim.event(Event::Online);
        }
        sim.dials.len()
    });
    // With the shortest phase it is 22.
    on_average("dials in an hour of overload, online each 5 s", dials, 20, 22);
}

#[test]
fn a_year_of_outage_is_seconds() {
    #[expect(clippy::disallowed_methods, reason = "what is measured is real")]
    let begun = Instant::now();
    let mut sim = Sim::new(Reconnector::new(Policy::DEFAULT, 1), |_, _| Answer::refused());
    sim.start();
    sim.run_for(s(365 * 86_400));
    println!("a simulated year: {} dials in {:?}", sim.dials.len(), begun.elapsed());
    assert!(sim.dials.len() > 500_000);
    assert!(begun.elapsed() < s(60));
}

/// The same instants, whatever nonsense the clock says.
const TIMES: [u64; 9] =
    [0, 1, 1_000_000_000, 1 << 40, u64::MAX / 2, u64::MAX - 2, u64::MAX - 1, u64::MAX, 0];

const LENGTHS: [Duration; 7] = [
    Duration::ZERO,
    Duration::from_nanos(1),
    Duration::from_secs(1),
    Duration::from_secs(u32::MAX as u64),
    Duration::from_nanos(u64::MAX - 1),
    Duration::from_nanos(u64::MAX),
    Duration::MAX,
];

#[test]
fn extreme_figures_are_refused_or_defined() {
    let mut built = 0;
    for length in LENGTHS {
        for other in LENGTHS {
            let extremes = [
                Policy::builder().backoff(Backoff::fixed(length)).cap(other),
                Policy::builder().backoff(Backoff::linear(length, other)).cap(other),
                Policy::builder().floor(length).cap(other).backoff(Backoff::fixed(other)),
                Policy::builder().backoff(Backoff::exponential(length, u32::MAX, 1)).cap(other),
                Policy::builder().backoff(Backoff::Custom(|_| Some(Duration::MAX))).cap(other),
                Policy::builder().rate_limit(u32::MAX, length).startup_splay(other),
                Policy::builder().first_retry(FirstRetry::Jittered(length)).stable_after(other),
                Policy::builder().dial_timeout(length).handshake_timeout(other),
                Policy::builder().dial_timeout(length).dial_timeout_max(other),
                Policy::builder().max_attempts(u32::MAX).max_elapsed(length).max_rounds(u32::MAX),
                Policy::builder().max_hint(length).park_for(other),
                Policy::builder()
                    .breaker(BreakerPolicy::consecutive(1).open_for(length).open_max(other)),
                Policy::builder().max_age(length).drain_timeout(other).refresh(Refresh::BreakFirst),
                Policy::builder().idle_timeout(length).max_age(other),
                Policy::builder().selection(Selection::Priority { failback: Some(length) }),
                Policy::builder().overload(Overload::Jump {
                    floor: length,
                    growth: Growth::ratio(u32::MAX, 1),
                    cap: other,
                }),
            ];
            for policy in extremes.into_iter().filter_map(|builder| builder.build().ok()) {
                built += 1;
                assert!(policy.longest_wait() >= policy.cap());
                live_through(&policy, length, other);
            }
        }
    }
    assert!(built > 200, "{built}");
}

/// Every kind of end at every time.
fn live_through(policy: &Policy, length: Duration, other: Duration) {
    let hint = Failure::RetryAfter { delay: length, spread: other };
    let endpoints = [Endpoint::new(0), Endpoint::new(u32::MAX)];
    let mut link = Reconnector::with_endpoints(policy, u64::MAX, endpoints);
    for time in TIMES.map(Timestamp::from_nanos) {
        for failure in [Failure::Unreachable, Failure::TimedOut, hint, Failure::Unsuitable] {
            link.handle(time, Event::Start);
            if let Some(dial) = link.action().dial() {
                link.handle(time, Event::Progress(dial.id));
                link.handle(time, Event::DialFailed(dial.id, failure));
            }
            link.handle(time, Event::Defer(time));
            link.handle(time, Event::Redial);
            if let Some(dial) = link.action().dial() {
                link.handle(time, Event::Connected(dial.id));
                link.handle(time.saturating_add(length), Event::GoingAway(dial.id, Some(time)));
                link.handle(time.saturating_add(other), Event::Closed(dial.id, failure));
            }
            link.handle(link.action().wake(), Event::Tick);
        }
        link.handle(time, Event::Stop);
    }
}

#[test]
fn growth_that_is_not_a_number_is_refused() {
    for factor in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0, 0.0, 0.999] {
        let backoff = Backoff::exponential_f64(s(1), factor);
        let error = Policy::builder().backoff(backoff).build().unwrap_err();
        assert_eq!(error.field(), "backoff", "{factor}");
    }
}

#[test]
fn a_table_ends_as_it_says() {
    const DELAYS: &[Duration] = &[ms(100), ms(200)];
    let table = |then| {
        let backoff = Backoff::table(DELAYS, then);
        Policy::builder().backoff(backoff).jitter(Jitter::None).build().unwrap()
    };
    let mut last = Sim::new(Reconnector::new(table(After::Last), 1), |_, _| Answer::refused());
    last.start();
    last.run_dials(5);
    assert_eq!(last.dial_times(), [0, 100, 300, 500, 700].map(ms));
    let mut stop = Sim::new(Reconnector::new(table(After::Stop), 1), |_, _| Answer::refused());
    stop.start();
    assert!(matches!(stop.run_dials(5), Action::GiveUp(_)));
    assert_eq!(stop.dials.len(), 3);
}
