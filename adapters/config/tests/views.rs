//! What a link shows and keeps, through files and back.

use std::time::Duration;

use redial::{
    BreakerPolicy, Endpoint, Event, Failure, Health, Jitter, Policy, Reconnector, Timestamp,
};
use redial_config::{HealthView, LinkSnapshot, StatusView};
use serde::{Deserialize, Serialize};

fn seconds(seconds: u64) -> Timestamp {
    Timestamp::from_origin(Duration::from_secs(seconds))
}

fn round_trips<T: Serialize + for<'de> Deserialize<'de> + PartialEq + std::fmt::Debug>(value: &T) {
    let json = serde_json::to_string(value).unwrap();
    assert_eq!(&serde_json::from_str::<T>(&json).unwrap(), value, "{json}");
    let text = toml::to_string(value).unwrap();
    assert_eq!(&toml::from_str::<T>(&text).unwrap(), value, "{text}");
}

#[test]
fn every_phase_has_its_words_and_round_trips() {
    let policy = Policy::builder()
        .jitter(Jitter::None)
        .breaker(BreakerPolicy::consecutive(2).open_for(Duration::from_secs(30)))
        .max_attempts(3)
        .build()
        .unwrap();
    let mut link = Reconnector::new(policy, 1);
    let (mut now, mut shown) = (Timestamp::ORIGIN, Vec::new());
    let mut show = |link: &Reconnector| {
        let status = link.status();
        let view = StatusView::from(&status);
        assert_eq!(view, StatusView::from(status));
        round_trips(&view);
        shown.push(serde_json::to_string(&view).unwrap());
    };
    show(&link);
    let mut action = link.handle(now, Event::Start);
    show(&link);
    let dial = action.dial().unwrap();
    link.handle(seconds(1), Event::Connected(dial.id));
    show(&link);
    action = link.handle(seconds(2), Event::Closed(dial.id, Failure::Unreachable));
    for _ in 0..2 {
        show(&link);
        now = action.wake();
        let dial = link.handle(now, Event::Tick).dial().unwrap();
        action = link.handle(now, Event::DialFailed(dial.id, Failure::Unreachable));
    }
    show(&link);
    link.handle(now, Event::Start);
    link.handle(now, Event::Offline);
    show(&link);
    let expected = [
        r#"{"phase":"idle","endpoint":0,"circuit":"closed"}"#,
        r#"{"phase":"connecting","attempt":1,"endpoint":0,"circuit":"closed"}"#,
        r#"{"phase":"connected","since_ms":1000,"stable":false,"endpoint":0,"circuit":"closed"}"#,
        r#"{"phase":"reconnecting","attempt":1,"until_ms":2750,"reason":"backoff","endpoint":0,"circuit":"closed"}"#,
        r#"{"phase":"reconnecting","attempt":2,"until_ms":32750,"reason":"circuit open","endpoint":0,"circuit":"open","circuit_until_ms":32750}"#,
        r#"{"phase":"gave_up","attempt":3,"reason":"max_attempts reached","endpoint":0,"circuit":"open","circuit_until_ms":92750}"#,
        r#"{"phase":"offline","endpoint":0,"circuit":"open","circuit_until_ms":92750}"#,
    ];
    assert_eq!(shown, expected);
}

#[test]
fn health_round_trips() {
    let mut link = Reconnector::new(Policy::DEFAULT, 1);
    let mut health = Health::new(Duration::from_secs(3600), 950_000);
    let dial = link.handle(seconds(0), Event::Start).dial().unwrap();
    health.observe(seconds(0), &link.status());
    link.handle(seconds(2), Event::Connected(dial.id));
    health.observe(seconds(2), &link.status());
    health.observe(seconds(8), &link.status());
    let view = HealthView::from(&health);
    assert_eq!((view.uptime_ms, view.downtime_ms, view.reliability_ppm), (6000, 2000, 750_000));
    round_trips(&view);
}

#[test]
fn a_view_of_a_later_version_is_read_and_a_saved_link_with_more_in_it_is_not() {
    let link = Reconnector::new(Policy::DEFAULT, 1);
    let status = StatusView::from(link.status());
    let health = HealthView::from(Health::new(Duration::from_secs(3600), 950_000));
    let more = |json: String| json.replacen('{', r#"{"added_later":[1],"#, 1);
    let read = serde_json::from_str::<StatusView>(&more(serde_json::to_string(&status).unwrap()));
    assert_eq!(read.unwrap(), status);
    let read = serde_json::from_str::<HealthView>(&more(serde_json::to_string(&health).unwrap()));
    assert_eq!(read.unwrap(), health);
    let saved = more(serde_json::to_string(&LinkSnapshot::from(&link)).unwrap());
    let error = serde_json::from_str::<LinkSnapshot>(&saved).unwrap_err().to_string();
    assert!(error.contains("unknown field `added_later`"), "{error}");
}

#[test]
fn snapshots_round_trip_and_restore_alike() {
    let list = || [0, 1].map(Endpoint::new);
    let mut link = Reconnector::with_endpoints(Policy::DEFAULT, 7, list());
    let mut action = link.handle(Timestamp::ORIGIN, Event::Start);
    for _ in 0..9 {
        let saved = LinkSnapshot::from(&link);
        round_trips(&saved);
        let text = serde_json::to_string(&saved).unwrap();
        let read: LinkSnapshot = serde_json::from_str(&text).unwrap();
        let restore = |saved: &LinkSnapshot| {
            saved.restore(Policy::DEFAULT, 7, list(), Duration::ZERO, Timestamp::ORIGIN)
        };
        assert_eq!(restore(&read), restore(&saved));
        let now = action.wake();
        action = match action.dial() {
            Some(dial) => link.handle(now, Event::DialFailed(dial.id, Failure::Overloaded)),
            None => link.handle(now, Event::Tick),
        };
    }
}

#[test]
fn a_damaged_snapshot_is_refused_and_never_a_panic() {
    let text = LinkSnapshot::from(&Reconnector::new(Policy::DEFAULT, 7));
    let text = serde_json::to_string(&text).unwrap();
    let refused = |text: &str| {
        let error = serde_json::from_str::<LinkSnapshot>(text).unwrap_err().to_string();
        assert_eq!(error.matches("snapshot: ").count(), 1, "{error}");
    };
    refused(r#"{"link":""}"#);
    refused(r#"{"link":"zz"}"#);
    refused(r#"{"link":"+1é"}"#);
    refused(r#"{"link":7}"#);
    let saved: Vec<&str> = text.split('"').filter(|part| part.len() > 50).collect();
    assert_eq!(saved.len(), 2, "a link and its endpoint: {text}");
    for part in saved {
        for at in 0..part.len() {
            let (before, after) = (&part[..at], &part[at + 1..]);
            let other = if &part[at..=at] == "0" { "1" } else { "0" };
            for damaged in [format!("{before}{other}{after}"), format!("{before}{after}")] {
                refused(&text.replacen(part, &damaged, 1));
            }
        }
    }
}
