//! Policies from TOML and JSON.

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use redial::{
    Action, Backoff, Event, Failure, Jitter, Overload, Policy, Reconnector, Selection, Timestamp,
    Trip,
};
use redial_config::{First, Order, PolicyConfig, Replacement, Shape};
use redial_testkit::seed;

const FOUR: &str = r#"
initial = "1s"
multiplier = 2
max = "30s"
timeout = "5m"
"#;

fn from_toml(text: &str) -> PolicyConfig {
    toml::from_str(text).unwrap()
}

fn refused(text: &str) -> String {
    match toml::from_str::<PolicyConfig>(text) {
        Ok(config) => config.policy().unwrap_err().to_string(),
        Err(error) => error.message().to_owned(),
    }
}

/// Waits between dials that are refused, until `limit` of them or the end.
fn waits(policy: Policy, limit: usize) -> (Vec<u64>, Action) {
    let mut link = Reconnector::new(policy, 1);
    let (mut now, mut waits) = (Timestamp::ORIGIN, Vec::new());
    let mut action = link.handle(now, Event::Start);
    while waits.len() < limit {
        action = match action {
            Action::Dial(dial) => {
                link.handle(now, Event::DialFailed(dial.id, Failure::Unreachable))
            }
            Action::SleepUntil(wait) => {
                waits.push(wait.until.saturating_since(now).as_secs());
                now = wait.until;
                link.handle(now, Event::Tick)
            }
            Action::Idle | Action::Hold(_) | Action::GiveUp(_) => break,
        };
    }
    (waits, action)
}

#[test]
fn s2_1_initial_multiplier_max_and_timeout_make_a_policy() {
    let policy = from_toml(FOUR).policy().unwrap();
    assert_eq!(policy.backoff(), &Backoff::exponential_f64(Duration::from_secs(1), 2.0));
    assert_eq!(policy.cap(), Duration::from_secs(30));
    assert_eq!(policy.max_elapsed(), Some(Duration::from_secs(300)));
    assert_eq!(policy.jitter(), Policy::DEFAULT.jitter());
}

#[test]
fn s2_3_humantime_strings_are_read_and_unknown_fields_denied() {
    assert_eq!(PolicyConfig::default().policy(), Ok(Policy::DEFAULT));
    assert_eq!(from_toml("").policy(), Ok(Policy::DEFAULT));
    let config = from_toml(r#"initial = "1m 30s 5ms""#);
    assert_eq!(config.initial, Some(Duration::from_millis(90_005)));

    let unknown = refused("maximum = \"3s\"");
    assert!(unknown.contains("unknown field `maximum`"), "{unknown}");
    assert!(unknown.contains("`max`"), "{unknown}");
    for (text, line) in [("max = \"3s\"\nmaximum = 3", "maximum"), ("floor = 0\nmax = 3", "max")] {
        let error = toml::from_str::<PolicyConfig>(text).unwrap_err().to_string();
        assert!(error.contains(&format!("2 | {line} = 3")), "{error}");
    }
    let json = serde_json::from_str::<PolicyConfig>(r#"{"maximum": "3s"}"#).unwrap_err();
    assert!(json.to_string().contains("unknown field `maximum`"), "{json}");
    let huge = "99999999999999999999999";
    let error = refused(&format!("max = {huge}"));
    assert_eq!(error, format!("max = {huge}: is not a duration such as 30s, 5m or 1h 30m"));
    let twice = serde_json::from_str::<PolicyConfig>(r#"{"max": "3s", "max": "4s"}"#).unwrap_err();
    assert!(twice.to_string().contains("duplicate field `max`"), "{twice}");
}

#[test]
fn s2_4_delays_double_from_one_second_to_thirty() {
    let policy = from_toml(&format!("{FOUR}jitter = \"none\"")).policy().unwrap();
    assert_eq!(waits(policy, 8).0, [1, 2, 4, 8, 16, 30, 30, 30]);
}

#[test]
fn s2_5_a_timeout_of_zero_or_none_is_unlimited() {
    for unlimited in ["", "timeout = \"0s\"", "timeout = \"0\"", "timeout = 0"] {
        assert_eq!(from_toml(unlimited).policy().unwrap().max_elapsed(), None, "{unlimited}");
    }
    let json: PolicyConfig = serde_json::from_str(r#"{"timeout": null}"#).unwrap();
    assert_eq!(json.policy().unwrap().max_elapsed(), None);
    let config = from_toml("max_attempts = 0\nmax_rounds = 0\nmax_age = 0\nidle_timeout = 0");
    assert_eq!(config.policy(), Ok(Policy::DEFAULT));
}

#[test]
fn s2_5_the_timeout_ends_an_outage_before_it_is_overrun() {
    let policy = from_toml(&format!("{FOUR}jitter = \"none\"")).policy().unwrap();
    let (waits, end) = waits(policy, 1000);
    let Action::GiveUp(end) = end else { panic!("{end}") };
    assert!(end.elapsed <= Duration::from_secs(300), "{end}");
    assert_eq!(waits.iter().sum::<u64>(), end.elapsed.as_secs());
}

#[test]
fn every_field_reaches_the_policy() {
    let config = from_toml(
        r#"
        shape = "linear"
        initial = "2s"
        step = "3s"
        floor = "1s"
        max = "40s"
        timeout = "1h"
        max_attempts = 7
        max_rounds = 8
        jitter = "phase 30%"
        first_retry = "4s"
        startup_splay = "5s"
        stable_after = "6s"
        dial_timeout = "7s"
        dial_timeout_max = "8s"
        handshake_timeout = "9s"
        handshake_timeout_max = "11s"
        overload_floor = "12s"
        overload_growth = 1.25
        overload_cap = "2m"
        rate_burst = 3
        rate_spacing = "500ms"
        max_hint = "10m"
        give_up_on_long_hint = true
        breaker_percent = 50
        breaker_last = 10
        breaker_min = 4
        breaker_open_for = "13s"
        breaker_open_max = "14s"
        allow_all_open = true
        selection = "priority"
        failback = "15s"
        park_for = "16s"
        give_up_when_all_parked = true
        refresh = "break-first"
        max_age = "12h"
        drain_timeout = "17s"
        idle_timeout = "18s"
        "#,
    );
    let policy = config.policy().unwrap();
    let seconds = Duration::from_secs;
    assert_eq!(policy.backoff(), &Backoff::linear(seconds(2), seconds(3)));
    assert_eq!((policy.floor(), policy.cap()), (seconds(1), seconds(40)));
    assert_eq!(policy.max_elapsed(), Some(seconds(3600)));
    assert_eq!(policy.max_attempts().unwrap().get(), 7);
    assert_eq!(policy.max_rounds().unwrap().get(), 8);
    assert_eq!(policy.jitter(), Jitter::Phase(30));
    assert_eq!(policy.first_retry(), redial::FirstRetry::Jittered(seconds(4)));
    assert_eq!((policy.startup_splay(), policy.stable_after()), (seconds(5), seconds(6)));
    assert_eq!((policy.dial_timeout(), policy.dial_timeout_max()), (seconds(7), seconds(8)));
    assert_eq!(policy.handshake_timeout(), seconds(9));
    assert_eq!(policy.handshake_timeout_max(), seconds(11));
    let Overload::Jump { floor, growth, cap } = policy.overload() else { panic!() };
    assert_eq!((floor, growth.to_string().as_str(), cap), (seconds(12), "1.25", seconds(120)));
    assert_eq!(policy.rate_limit(), (3, Duration::from_millis(500)));
    assert_eq!(policy.max_hint(), seconds(600));
    let breaker = policy.breaker().unwrap();
    assert_eq!(breaker.trip, Trip::Rate { last: 10, min: 4, percent: 50 });
    assert_eq!((breaker.open_for, breaker.open_max), (seconds(13), seconds(14)));
    assert_eq!(policy.selection(), Selection::Priority { failback: Some(seconds(15)) });
    assert_eq!(policy.park_for(), seconds(16));
    assert_eq!(policy.refresh(), redial::Refresh::BreakFirst);
    assert_eq!(policy.max_age(), Some(seconds(43_200)));
    assert_eq!((policy.drain_timeout(), policy.idle_timeout()), (seconds(17), Some(seconds(18))));
    // The three that a policy does not show.
    let plain = PolicyConfig {
        give_up_on_long_hint: None,
        allow_all_open: None,
        give_up_when_all_parked: None,
        ..config.clone()
    };
    for flag in ["give_up_on_long_hint", "allow_all_open", "give_up_when_all_parked"] {
        let mut one = plain.clone();
        one.set(flag, "true").unwrap();
        assert_ne!(one.policy(), plain.policy(), "{flag}");
    }
}

#[test]
fn a_lower_max_lowers_the_overload_class_as_the_builder_does() {
    let policy = from_toml("max = \"5s\"").policy().unwrap();
    let by_hand = Policy::builder().cap(Duration::from_secs(5)).build().unwrap();
    assert_eq!(policy, by_hand);
    let grown = from_toml("max = \"5s\"\noverload_growth = 3").policy().unwrap();
    let Overload::Jump { floor, cap, .. } = grown.overload() else { panic!() };
    assert_eq!((floor, cap), (Duration::from_secs(5), Duration::from_secs(5)));
    let off = from_toml("overload = false").policy().unwrap();
    assert_eq!(off.overload(), Overload::Ignore);
}

#[test]
fn errors_name_field_value_and_rule() {
    let cases = [
        ("max = \"30x\"", "max = 30x: is not a duration such as 30s, 5m or 1h 30m"),
        ("max = 30", "max = 30: is not a duration such as 30s, 5m or 1h 30m"),
        ("initial = true", "initial = true: is not a duration such as 30s, 5m or 1h 30m"),
        ("multiplier = -2", "multiplier = -2: is not a number from 1 to 4294"),
        ("multiplier = nan", "multiplier = NaN: is not a number from 1 to 4294"),
        ("multiplier = inf", "multiplier = inf: is not a number from 1 to 4294"),
        ("max_attempts = -1", "max_attempts = -1: is not a whole number from 0 to 4294967295"),
        ("max_attempts = 1.5", "max_attempts = 1.5: is not a whole number from 0 to 4294967295"),
        ("shape = \"cubic\"", "shape = cubic: is not exponential, linear, fixed or never"),
        ("overload = 1", "overload = 1: is not true or false"),
        ("max = \"a\\nb\"", "max = a\\nb: is not a duration such as 30s, 5m or 1h 30m"),
        ("initial = \"1m\"", "initial = 1m: is above max, which is 45s by default"),
        ("max = \"500ms\"", "max = 500ms: is below initial, which is 750ms by default"),
        ("initial = \"2s\"\nmax = \"1s\"", "initial = 2s: is above max, which is 1s"),
        ("floor = \"1s\"", "floor = 1s: is above initial, which is 750ms by default"),
        ("floor = \"2s\"\ninitial = \"1s\"", "initial = 1s: is below floor, which is 2s"),
        ("shape = \"fixed\"\nfloor = \"1m\"", "floor = 1m: is above max, which is 45s by default"),
        ("max = \"1s\"\nfloor = \"2s\"", "max = 1s: is below floor, which is 2s"),
        ("stable_after = \"0s\"", "stable_after = 0s: is zero"),
        ("dial_timeout = 0", "dial_timeout = 0s: is zero"),
        (
            "dial_timeout = \"5s\"\ndial_timeout_max = \"4s\"",
            "dial_timeout_max = 4s: is below dial_timeout, which is 5s",
        ),
        ("handshake_timeout = 0", "handshake_timeout = 0s: is zero"),
        (
            "handshake_timeout_max = \"4s\"",
            "handshake_timeout_max = 4s: is below handshake_timeout, which is 15s by default",
        ),
        ("overload_floor = 0", "overload_floor = 0s: is zero"),
        ("overload_cap = 0", "overload_cap = 0s: is zero"),
        ("max = 0\ninitial = 0\noverload_growth = 2", "max = 0s: is zero"),
        (
            "overload_floor = \"9s\"\noverload_cap = \"8s\"",
            "overload_cap = 8s: is below overload_floor",
        ),
        ("rate_burst = 0", "rate_burst = 0: is zero"),
        ("rate_spacing = 0", "rate_spacing = 0s: is zero"),
        ("max_hint = 0", "max_hint = 0s: is zero"),
        ("park_for = 0", "park_for = 0s: is zero"),
        ("drain_timeout = 0", "drain_timeout = 0s: is zero"),
        (
            "max_age = \"10s\"",
            "max_age = 10s: is not longer than stable_after, which is 10s by default",
        ),
        ("breaker_percent = 101", "breaker_percent = 101: is above 100"),
        ("breaker_percent = 9\nbreaker_last = 65", "breaker_last = 65: is not 1 to 64"),
        (
            "breaker_percent = 9\nbreaker_min = 0",
            "breaker_min = 0: is not between 1 and breaker_last",
        ),
        ("breaker_failures = 1\nbreaker_open_for = 0", "breaker_open_for = 0s: is zero"),
        (
            "breaker_failures = 1\nbreaker_open_max = \"1s\"",
            "breaker_open_max = 1s: is below breaker_open_for",
        ),
        (
            "breaker_failures = 1\nbreaker_percent = 9",
            "breaker_percent = 9: cannot stand beside breaker_failures",
        ),
        (
            "breaker_open_for = \"1s\"",
            "breaker_open_for = 1s: means nothing without breaker_failures or breaker_percent",
        ),
        ("failback = \"1s\"", "failback = 1s: means nothing unless selection is priority"),
        ("step = \"1s\"", "step = 1s: means nothing unless shape is linear"),
        (
            "shape = \"fixed\"\nmultiplier = 2",
            "multiplier = 2: means nothing unless shape is exponential",
        ),
        ("shape = \"never\"\nmax = \"3s\"", "max = 3s: means nothing when shape is never"),
        (
            "shape = \"never\"\noverload_cap = \"1s\"",
            "overload_cap = 1s: means nothing when shape is never",
        ),
        (
            "overload = false\noverload_cap = \"1s\"",
            "overload_cap = 1s: means nothing when overload is false",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(refused(text), expected, "{text}");
    }
    let nested = refused("[max]\nvalue = 3");
    assert!(nested.contains("expected text, a number or a truth value for max"), "{nested}");
}

#[test]
fn what_is_not_a_scalar_is_refused_by_name() {
    for text in [r#"{"max": {"secs": 3}}"#, r#"{"max": ["3s"]}"#] {
        let error = serde_json::from_str::<PolicyConfig>(text).unwrap_err().to_string();
        assert!(error.contains("expected text, a number or a truth value for max"), "{error}");
    }
}

#[test]
fn a_field_that_is_null_may_not_come_again() {
    for text in [r#"{"max": null, "max": "3s"}"#, r#"{"max": "3s", "max": null}"#] {
        let error = serde_json::from_str::<PolicyConfig>(text).unwrap_err().to_string();
        assert!(error.contains("duplicate field `max`"), "{error}");
    }
}

#[test]
fn a_key_cannot_forge_a_line_of_a_log() {
    let key = "max\nERROR all is lost";
    let json = serde_json::json!({ key: 1 }).to_string();
    let by_file = serde_json::from_str::<PolicyConfig>(&json).unwrap_err().to_string();
    let by_hand = PolicyConfig::default().set(key, "1").unwrap_err().to_string();
    for error in [by_file, by_hand] {
        assert!(!error.contains('\n') && error.contains(r"max\nERROR"), "{error}");
    }
}

fn durations() -> impl Strategy<Value = Duration> {
    prop_oneof![
        Just(Duration::ZERO),
        (0_u64..4_000_000_000, 0_u32..1_000_000_000).prop_map(|(s, n)| Duration::new(s, n)),
    ]
}

fn jitters() -> impl Strategy<Value = Jitter> {
    prop_oneof![
        Just(Jitter::None),
        Just(Jitter::Full),
        Just(Jitter::Equal),
        (0_u8..=100).prop_map(Jitter::Proportional),
        (0_u8..=100).prop_map(Jitter::Phase),
    ]
}

fn configs() -> impl Strategy<Value = PolicyConfig> {
    let times = proptest::collection::vec(proptest::option::of(durations()), 8);
    let firsts = prop_oneof![
        Just(First::Immediate),
        Just(First::Backoff),
        durations().prop_map(First::Within)
    ];
    let words = (
        proptest::option::of(proptest::sample::select(vec![
            Shape::Exponential,
            Shape::Linear,
            Shape::Fixed,
            Shape::Never,
        ])),
        proptest::option::of(proptest::sample::select(vec![
            Order::RoundRobin,
            Order::Priority,
            Order::Shuffle,
        ])),
        proptest::option::of(proptest::sample::select(vec![
            Replacement::MakeFirst,
            Replacement::BreakFirst,
        ])),
    );
    let numbers = (
        // A policy keeps millionths.
        proptest::option::of((1_000_000..4_294_000_000_u32).prop_map(|m| f64::from(m) / 1e6)),
        proptest::option::of(any::<u32>()),
        proptest::option::of(any::<u8>()),
        proptest::option::of(any::<bool>()),
    );
    (times, proptest::option::of(jitters()), proptest::option::of(firsts), words, numbers).prop_map(
        |(times, jitter, first_retry, (shape, selection, refresh), numbers)| PolicyConfig {
            initial: times[0],
            max: times[1],
            timeout: times[2],
            step: times[3],
            floor: times[4],
            stable_after: times[5],
            max_age: times[6],
            overload_cap: times[7],
            jitter,
            first_retry,
            shape,
            selection,
            refresh,
            multiplier: numbers.0,
            max_attempts: numbers.1,
            breaker_percent: numbers.2,
            allow_all_open: numbers.3,
            ..PolicyConfig::default()
        },
    )
}

/// Replayed by `REDIAL_SEED`.
fn seeded() -> ProptestConfig {
    ProptestConfig {
        rng_seed: RngSeed::Fixed(seed("files")),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(seeded())]

    #[test]
    fn s2_3_files_round_trip_in_toml_and_json(config in configs()) {
        let text = toml::to_string(&config).unwrap();
        prop_assert_eq!(&from_toml(&text), &config, "{}", text);
        let text = serde_json::to_string(&config).unwrap();
        prop_assert_eq!(&serde_json::from_str::<PolicyConfig>(&text).unwrap(), &config, "{}", text);
        // Checked or refused, never a panic.
        let _ = config.policy();
    }

    #[test]
    fn no_text_makes_a_setting_panic(field in 0..PolicyConfig::FIELDS.len(), text in ".{0,24}") {
        let mut config = PolicyConfig::default();
        if let Err(error) = config.set(PolicyConfig::FIELDS[field], &text) {
            prop_assert_eq!(error.field(), PolicyConfig::FIELDS[field]);
        }
        let _ = config.policy();
    }
}
