//! What a policy promises of itself: its rules, their messages, its readers, its longest wait.

use std::collections::HashSet;
use std::num::NonZeroU32;
use std::time::Duration;

use redial::{
    After, Backoff, BreakerPolicy, Event, Failure, FirstRetry, Growth, Jitter, Overload, Policy,
    PolicyBuilder, PolicyError, Reconnector, Refresh, Selection, Timestamp, Trip,
};

const ZERO: Duration = Duration::ZERO;

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn breaker(trip: Trip) -> PolicyBuilder {
    let mut breaker = BreakerPolicy::consecutive(1);
    breaker.trip = trip;
    Policy::builder().breaker(breaker)
}

fn overload(floor: Duration, growth: Growth, cap: Duration) -> PolicyBuilder {
    Policy::builder().overload(Overload::Jump { floor, growth, cap })
}

#[test]
fn every_rule_is_checked_and_names_its_field() {
    use PolicyError as E;
    let double = Growth::ratio(2, 1);
    let new = Policy::builder;
    let cases = [
        (new().floor(s(1)), E::InitialBelowFloor, "backoff"),
        (new().cap(Duration::from_millis(1)), E::InitialAboveCap, "backoff"),
        (new().floor(s(60)), E::CapBelowFloor, "cap"),
        (new().backoff(Backoff::exponential(s(1), 1, 2)), E::GrowthBelowOne, "backoff"),
        (new().backoff(Backoff::exponential(s(1), 1, 0)), E::GrowthBelowOne, "backoff"),
        (new().backoff(Backoff::exponential_f64(s(1), f64::NAN)), E::GrowthBelowOne, "backoff"),
        (new().backoff(Backoff::table(&[], After::Last)), E::TableEmpty, "backoff"),
        (new().jitter(Jitter::Proportional(101)), E::JitterAboveAll, "jitter"),
        (new().jitter(Jitter::Phase(255)), E::JitterAboveAll, "jitter"),
        (new().stable_after(ZERO), E::StableAfterZero, "stable_after"),
        (new().dial_timeout(ZERO), E::DialTimeoutZero, "dial_timeout"),
        (new().dial_timeout_max(s(1)), E::DialTimeoutMaxBelowDialTimeout, "dial_timeout_max"),
        (new().handshake_timeout(ZERO), E::HandshakeTimeoutZero, "handshake_timeout"),
        (
            new().handshake_timeout_max(s(1)),
            E::HandshakeTimeoutMaxBelowHandshakeTimeout,
            "handshake_timeout_max",
        ),
        (overload(ZERO, double, s(1)), E::OverloadFloorZero, "overload"),
        (overload(s(2), double, s(1)), E::OverloadCapBelowFloor, "overload"),
        (overload(s(1), Growth::ratio(1, 2), s(2)), E::OverloadGrowthBelowOne, "overload"),
        (new().max_attempts(0), E::MaxAttemptsZero, "max_attempts"),
        (new().max_elapsed(ZERO), E::MaxElapsedZero, "max_elapsed"),
        (new().max_rounds(0), E::MaxRoundsZero, "max_rounds"),
        (new().rate_limit(0, s(1)), E::BurstZero, "rate_limit"),
        (new().rate_limit(1, ZERO), E::SpacingZero, "rate_limit"),
        (new().max_hint(ZERO), E::MaxHintZero, "max_hint"),
        (breaker(Trip::Consecutive(0)), E::BreakerThresholdZero, "breaker"),
        (breaker(rate(0, 1, 50)), E::BreakerWindowOutOfRange, "breaker"),
        (breaker(rate(65, 1, 50)), E::BreakerWindowOutOfRange, "breaker"),
        (breaker(rate(10, 0, 50)), E::BreakerMinimumOutOfRange, "breaker"),
        (breaker(rate(10, 11, 50)), E::BreakerMinimumOutOfRange, "breaker"),
        (breaker(rate(10, 10, 0)), E::BreakerPercentOutOfRange, "breaker"),
        (breaker(rate(10, 10, 101)), E::BreakerPercentOutOfRange, "breaker"),
        (new().breaker(BreakerPolicy::consecutive(1).open_for(ZERO)), E::OpenForZero, "breaker"),
        (
            new().breaker(BreakerPolicy::consecutive(1).open_max(s(1))),
            E::OpenMaxBelowOpenFor,
            "breaker",
        ),
        (new().park_for(ZERO), E::ParkForZero, "park_for"),
        (
            new().selection(Selection::Priority { failback: Some(ZERO) }),
            E::FailbackZero,
            "failback",
        ),
        (new().max_age(s(10)), E::MaxAgeNotAboveStableAfter, "max_age"),
        (new().drain_timeout(ZERO), E::DrainTimeoutZero, "drain_timeout"),
        (new().idle_timeout(ZERO), E::IdleTimeoutZero, "idle_timeout"),
    ];
    let mut provoked = HashSet::new();
    for (builder, expected, field) in cases {
        let error = builder.build().expect_err(field);
        assert_eq!(error, expected);
        assert_eq!(error.field(), field);
        let message = error.to_string();
        assert_eq!(message, format!("{field}: {}", error.rule()));
        assert!(!message.ends_with('.'), "{message}");
        assert!(error.rule().split(' ').any(|word| word == "is" || word == "are"), "{message}");
        provoked.insert(error);
    }
    assert_eq!(provoked.len(), 31, "every error is provoked");
}

const fn rate(last: u8, min: u8, percent: u8) -> Trip {
    Trip::Rate { last, min, percent }
}

#[test]
fn what_is_at_the_edge_of_a_rule_builds() {
    let new = Policy::builder;
    let edges = [
        new().backoff(Backoff::fixed(ZERO)),
        new().floor(s(1)).cap(s(1)).backoff(Backoff::fixed(s(1))),
        new().backoff(Backoff::exponential(s(1), 1, 1)),
        new().jitter(Jitter::Proportional(100)),
        new().dial_timeout(s(10)).dial_timeout_max(s(10)),
        new().dial_timeout(s(120)),
        new().handshake_timeout(s(10)).handshake_timeout_max(s(10)),
        new().max_age(Duration::from_nanos(10_000_000_001)),
        overload(s(1), Growth::ratio(1, 1), s(1)),
        breaker(rate(64, 64, 100)),
        breaker(rate(1, 1, 1)),
    ];
    for edge in edges {
        edge.build().unwrap();
    }
}

/// A policy of which no value is the default.
fn another() -> PolicyBuilder {
    Policy::builder()
        .backoff(Backoff::linear(s(3), s(4)))
        .floor(s(2))
        .cap(s(50))
        .jitter(Jitter::Equal)
        .first_retry(FirstRetry::Backoff)
        .startup_splay(s(5))
        .stable_after(s(6))
        .dial_timeout(s(7))
        .dial_timeout_max(s(8))
        .handshake_timeout(s(9))
        .handshake_timeout_max(s(11))
        .overload(Overload::Jump { floor: s(12), growth: Growth::ratio(7, 4), cap: s(60) })
        .max_attempts(13)
        .max_rounds(14)
        .max_elapsed(s(70))
        .rate_limit(15, s(16))
        .max_hint(s(17))
        .give_up_on_long_hint(true)
        .breaker(BreakerPolicy::rate(18, 17, 19).open_for(s(20)).open_max(s(21)))
        .allow_all_open(true)
        .selection(Selection::Priority { failback: Some(s(22)) })
        .park_for(s(23))
        .give_up_when_all_parked(true)
        .refresh(Refresh::BreakFirst)
        .max_age(s(24))
        .drain_timeout(s(25))
        .idle_timeout(s(26))
}

#[test]
fn every_reader_says_what_its_setter_was_told() {
    let policy = another().build().unwrap();
    assert_eq!(*policy.backoff(), Backoff::linear(s(3), s(4)));
    assert_eq!((policy.floor(), policy.cap()), (s(2), s(50)));
    assert_eq!(policy.jitter(), Jitter::Equal);
    assert_eq!(policy.first_retry(), FirstRetry::Backoff);
    assert_eq!(policy.startup_splay(), s(5));
    assert_eq!(policy.stable_after(), s(6));
    assert_eq!((policy.dial_timeout(), policy.dial_timeout_max()), (s(7), s(8)));
    assert_eq!((policy.handshake_timeout(), policy.handshake_timeout_max()), (s(9), s(11)));
    let class = Overload::Jump { floor: s(12), growth: Growth::ratio(7, 4), cap: s(60) };
    assert_eq!(policy.overload(), class);
    assert_eq!(policy.max_attempts(), NonZeroU32::new(13));
    assert_eq!(policy.max_rounds(), NonZeroU32::new(14));
    assert_eq!(policy.max_elapsed(), Some(s(70)));
    assert_eq!(policy.rate_limit(), (15, s(16)));
    assert_eq!(policy.max_hint(), s(17));
    assert!(policy.give_up_on_long_hint());
    let breaker = BreakerPolicy::rate(18, 17, 19).open_for(s(20)).open_max(s(21));
    assert_eq!(policy.breaker(), Some(breaker));
    assert!(policy.allow_all_open());
    assert_eq!(policy.selection(), Selection::Priority { failback: Some(s(22)) });
    assert_eq!(policy.park_for(), s(23));
    assert!(policy.give_up_when_all_parked());
    assert_eq!(policy.refresh(), Refresh::BreakFirst);
    assert_eq!(policy.max_age(), Some(s(24)));
    assert_eq!(policy.drain_timeout(), s(25));
    assert_eq!(policy.idle_timeout(), Some(s(26)));
}

/// The figures that the setters' docs promise.
#[test]
fn the_default_is_what_the_docs_say() {
    let policy = Policy::DEFAULT;
    assert_eq!(*policy.backoff(), Backoff::exponential(Duration::from_millis(750), 3, 2));
    assert_eq!((policy.floor(), policy.cap()), (ZERO, s(45)));
    assert_eq!(policy.jitter(), Jitter::Phase(67));
    assert_eq!(policy.first_retry(), FirstRetry::Jittered(s(1)));
    assert_eq!(policy.startup_splay(), ZERO);
    assert_eq!(policy.stable_after(), s(10));
    assert_eq!((policy.dial_timeout(), policy.dial_timeout_max()), (s(10), s(60)));
    assert_eq!((policy.handshake_timeout(), policy.handshake_timeout_max()), (s(15), s(600)));
    let class = Overload::Jump { floor: s(9), growth: Growth::ratio(3, 2), cap: s(900) };
    assert_eq!(policy.overload(), class);
    assert_eq!((policy.max_attempts(), policy.max_rounds()), (None, None));
    assert_eq!(policy.max_elapsed(), None);
    assert_eq!(policy.rate_limit(), (5, s(1)));
    assert_eq!(policy.max_hint(), s(3600));
    assert_eq!(policy.breaker(), None);
    assert_eq!(policy.selection(), Selection::RoundRobin);
    assert_eq!(policy.park_for(), s(60));
    assert_eq!(policy.refresh(), Refresh::MakeFirst);
    assert_eq!((policy.max_age(), policy.idle_timeout()), (None, None));
    assert_eq!(policy.drain_timeout(), s(30));
    let asked = [policy.give_up_on_long_hint(), policy.allow_all_open()];
    assert_eq!((asked, policy.give_up_when_all_parked()), ([false; 2], false));
}

#[test]
fn a_cap_lowers_the_overload_class_unless_that_was_set() {
    let class =
        |floor, cap| Overload::Jump { floor: s(floor), growth: Growth::ratio(3, 2), cap: s(cap) };
    let built = |builder: PolicyBuilder| builder.build().unwrap().overload();
    let new = Policy::builder;
    assert_eq!(built(new().cap(s(20))), class(9, 20), "only what is above it");
    assert_eq!(built(new().cap(s(5))), class(5, 5), "the floor as well");
    assert_eq!(built(new().cap(s(2000))), class(9, 900), "and nothing is raised");
    let set = class(30, 100);
    assert_eq!(built(new().cap(s(5)).overload(set)), set);
    assert_eq!(built(new().overload(set)), set);
    assert_eq!(built(new().cap(s(5)).overload(set).cap(s(6))), set, "in whatever order");
}

#[test]
fn a_timeout_above_the_usual_longest_one_is_its_own() {
    let longest = |timeout| {
        let policy = Policy::builder().dial_timeout(s(timeout)).build().unwrap();
        policy.dial_timeout_max()
    };
    assert_eq!([59, 60, 61].map(longest), [60, 60, 61].map(s));
    let longest = |timeout| {
        let policy = Policy::builder().handshake_timeout(s(timeout)).build().unwrap();
        policy.handshake_timeout_max()
    };
    assert_eq!([599, 600, 601].map(longest), [600, 600, 601].map(s));
}

/// Each gate in turn is the largest, by far.
#[test]
fn the_longest_wait_is_that_of_the_largest_gate() {
    const LARGE: u64 = 100_000;
    let small =
        || Policy::builder().first_retry(FirstRetry::Immediate).max_hint(s(1)).park_for(s(1));
    let longest = |builder: PolicyBuilder| builder.build().unwrap().longest_wait().as_secs();
    let jump = Overload::Jump { floor: s(1), growth: Growth::ratio(3, 2), cap: s(LARGE) };
    let breaker = BreakerPolicy::consecutive(1).open_max(s(LARGE));
    assert_eq!(longest(small()), 3960, "parking grows to an hour, and a tenth");
    let exact = [
        small().cap(s(LARGE)),
        small().overload(jump),
        small().first_retry(FirstRetry::Jittered(s(LARGE))),
        small().startup_splay(s(LARGE)),
        small().rate_limit(1, s(LARGE)),
    ];
    assert_eq!(exact.map(longest), [LARGE; 5]);
    let stretched =
        [small().max_hint(s(LARGE)), small().breaker(breaker), small().park_for(s(LARGE))];
    assert_eq!(stretched.map(longest), [LARGE / 10 * 11; 3]);
    assert_eq!(
        Policy::builder().cap(Duration::MAX).build().unwrap().longest_wait().as_nanos(),
        u128::from(u64::MAX)
    );
}

#[test]
fn a_float_is_read_to_the_millionth() {
    let parts = |growth: Growth| (growth.numerator(), growth.denominator());
    assert_eq!(parts(Growth::ratio(8, 5)), (8, 5));
    let read = [1.0, 1.6, 2.000_000_4, 2.000_000_6, 4294.0].map(Growth::from_f64).map(parts);
    let millionths = [1_000_000, 1_600_000, 2_000_000, 2_000_001, 4_294_000_000];
    assert_eq!(read, millionths.map(|numerator| (numerator, 1_000_000)));
    for factor in [f64::NAN, f64::NEG_INFINITY, 0.0, 0.999, 4294.001, f64::INFINITY] {
        assert_eq!(Growth::from_f64(factor), Growth::ratio(0, 1), "{factor}");
    }
}

#[test]
fn a_backoff_equals_itself_alone() {
    const ONE: &[Duration] = &[s(1)];
    const TWO: &[Duration] = &[s(2)];
    let all = [
        Backoff::Never,
        Backoff::fixed(s(1)),
        Backoff::fixed(s(2)),
        Backoff::linear(s(1), s(1)),
        Backoff::linear(s(1), s(2)),
        Backoff::linear(s(2), s(1)),
        Backoff::exponential(s(1), 2, 1),
        Backoff::exponential(s(1), 3, 1),
        Backoff::exponential(s(2), 2, 1),
        Backoff::table(ONE, After::Last),
        Backoff::table(ONE, After::Stop),
        Backoff::table(TWO, After::Last),
        Backoff::Custom(|failures| Some(failures.previous)),
        Backoff::Custom(|failures| Some(failures.elapsed)),
    ];
    for (number, one) in all.iter().enumerate() {
        for (other, two) in all.iter().enumerate() {
            assert_eq!(one == two, number == other, "{one:?} and {two:?}");
        }
    }
}

#[test]
fn an_interval_grows_by_its_ratio_to_the_nanosecond() {
    const CAP: u64 = u64::MAX / 2;
    let ratios = [(8, 5), (3, 2), (5, 5), (u32::MAX, 1), (u32::MAX, 3), (u32::MAX, u32::MAX - 1)];
    for base in [1, 7, 1_000_000_007, 10_000_000_000, (1 << 50) + 1, CAP - 1] {
        for (num, den) in ratios {
            let initial = Duration::from_nanos(base);
            let policy = Policy::builder()
                .backoff(Backoff::exponential(initial, num, den))
                .cap(Duration::from_nanos(CAP))
                .jitter(Jitter::None)
                .rate_limit(9, Duration::from_nanos(1))
                .build()
                .unwrap();
            let mut link = Reconnector::new(policy, 1);
            let mut wait = |event, now: Timestamp| {
                let dial = link.handle(now, event).dial().unwrap();
                link.handle(now, Event::DialFailed(dial.id, Failure::Unreachable)).wake()
            };
            let first = wait(Event::Start, Timestamp::ORIGIN);
            let second = wait(Event::Tick, first).saturating_since(first);
            assert_eq!(first, Timestamp::from_nanos(base));
            let grown = u128::from(base) * u128::from(num) / u128::from(den);
            assert_eq!(second.as_nanos(), grown.min(CAP.into()), "{base} × {num}/{den}");
        }
    }
}

/// A server that answers and then is silent is given ever longer, as long as the outage bears it.
#[test]
fn a_handshake_may_take_a_tenth_of_a_long_outage() {
    let mut link = Reconnector::new(Policy::DEFAULT, 1);
    let mut now = Timestamp::ORIGIN;
    let mut action = link.handle(now, Event::Start);
    let mut limits = HashSet::new();
    for stalls in 0..40 {
        let dial = action.dial().unwrap();
        let elapsed = now.since_origin();
        let limit = (elapsed / 10).max(s(120)).min(s(600));
        let deadline = link.handle(now, Event::Progress(dial.id)).dial().unwrap().deadline;
        let allowed = limit.min(s(15) * 3_u32.saturating_pow(stalls.min(9)));
        assert_eq!(deadline.saturating_since(now), allowed, "{stalls} stalls, {elapsed:?}");
        limits.insert(allowed);
        now = link.handle(deadline, Event::Tick).wake();
        action = link.handle(now, Event::Tick);
    }
    assert!(limits.contains(&s(120)) && limits.contains(&s(600)) && limits.len() > 6);
}

#[test]
fn a_policy_prints_what_differs_from_the_default() {
    assert_eq!(format!("{:?}", Policy::DEFAULT), "Policy { .. }");
    let policy = Policy::builder().floor(s(1) / 2).max_attempts(3).build().unwrap();
    assert_eq!(format!("{policy:?}"), "Policy { floor: 500ms, max_attempts: Some(3), .. }");
}
