//! The transition table: every state, every event, and what comes of it, held against a stored file that
//! is part of the documentation, so that review sees behaviour change. `REDIAL_BLESS=1` rewrites it.

use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use redial::{Action, Endpoint, Event, Failure, Jitter, Phase, Policy, Reconnector, Timestamp};

type Link = Reconnector<Policy, Vec<Endpoint>>;

/// A state, what it is, and how to get there.
type State = (&'static str, &'static str, fn() -> Link);

type Call = Box<dyn Fn(&mut Link)>;

const NOW: Timestamp = at(100_000);

const fn at(millis: u64) -> Timestamp {
    Timestamp::from_origin(Duration::from_millis(millis))
}

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const STATES: [State; 11] = [
    ("Stopped", "Not started, or stopped.", new),
    ("No endpoint", "Started, with an empty list of endpoints.", || {
        let mut link = new();
        link.set_endpoints(at(99_000), vec![]);
        link.handle(at(99_000), Event::Start);
        link
    }),
    ("Offline", "Started, but told that the network is gone.", || {
        let mut link = new();
        link.handle(at(99_000), Event::Offline);
        link.handle(at(99_000), Event::Start);
        link
    }),
    ("Waiting", "A dial has failed 0.1 s ago; the next follows in 0.65 s.", || {
        let mut link = dialing();
        fail(&mut link, at(99_900), Failure::Unreachable);
        link
    }),
    ("Dialing", "A dial has been in flight for a second.", dialing),
    ("Unstable", "Connected 5 s ago; stable in 5 s.", || held(95_000)),
    ("Stable", "Connected 50 s ago.", || held(50_000)),
    ("Refreshing", "Stable; a dial to replace the connection has failed 0.1 s ago.", || {
        let mut link = replacing();
        fail(&mut link, at(99_900), Failure::Unreachable);
        link
    }),
    ("Replacing", "Stable; a dial to replace the connection is in flight.", replacing),
    ("Draining", "Replaced a second ago; the old connection finishes what it started.", || {
        let mut link = replacing();
        let dial = link.action().dial().unwrap();
        link.handle(at(99_000), Event::Connected(dial.id));
        link
    }),
    ("Gave up", "Bad credentials, say.", || {
        let mut link = dialing();
        fail(&mut link, at(99_900), Failure::Fatal);
        link
    }),
];

/// One endpoint, 750 ms × 1.5, no jitter, no limits.
fn new() -> Link {
    let policy = Policy::builder().jitter(Jitter::None).build().unwrap();
    Reconnector::with_endpoints(policy, 1, vec![Endpoint::new(1)])
}

fn dialing() -> Link {
    let mut link = new();
    link.handle(at(99_000), Event::Start);
    link
}

fn held(since: u64) -> Link {
    let mut link = new();
    let dial = link.handle(at(since), Event::Start).dial().unwrap();
    link.handle(at(since), Event::Connected(dial.id));
    if since < 90_000 {
        link.handle(at(since + 10_000), Event::Tick);
    }
    link
}

fn replacing() -> Link {
    let mut link = held(50_000);
    link.handle(at(99_000), Event::Redial);
    link
}

fn fail(link: &mut Link, now: Timestamp, failure: Failure) {
    let dial = link.action().dial().unwrap();
    link.handle(now, Event::DialFailed(dial.id, failure));
}

/// Everything that can be done, in words. What names an id is done with each that there is.
fn calls(action: Action) -> Vec<(String, Call)> {
    let mut calls: Vec<(String, Call)> = Vec::new();
    let mut event = |name: &str, now: Timestamp, event: Event| {
        let call: Call = Box::new(move |link| {
            link.handle(now, event);
        });
        calls.push((name.to_owned(), call));
    };
    if action.wake() < Timestamp::MAX {
        event("`Tick` at the wake", action.wake(), Event::Tick);
    }
    event("`Tick`", NOW, Event::Tick);
    event("`Start`", NOW, Event::Start);
    event("`Stop`", NOW, Event::Stop);
    let failures = [
        ("Unreachable", Failure::Unreachable),
        ("TimedOut", Failure::TimedOut),
        ("Overloaded", Failure::Overloaded),
        ("RetryAfter 60 s", Failure::RetryAfter { delay: s(60), spread: s(0) }),
        ("Unsuitable", Failure::Unsuitable),
        ("Fatal", Failure::Fatal),
    ];
    if let Some(dial) = action.dial() {
        event("`Progress`", NOW, Event::Progress(dial.id));
        event("`Connected`", NOW, Event::Connected(dial.id));
        for (name, failure) in failures {
            event(&format!("`DialFailed` {name}"), NOW, Event::DialFailed(dial.id, failure));
        }
        event("`DialAborted`", NOW, Event::DialAborted(dial.id));
    }
    let old = action.draining().map(|old| (old.id, " of the old one"));
    for (id, which) in action.held().map(|id| (id, "")).into_iter().chain(old) {
        event(&format!("`Confirmed`{which}"), NOW, Event::Confirmed(id));
        event(&format!("`Activity`{which}"), NOW, Event::Activity(id));
        event(&format!("`GoingAway`{which}"), NOW, Event::GoingAway(id, None));
        for (name, failure) in failures.into_iter().filter(|_| which.is_empty()) {
            event(&format!("`Closed` {name}"), NOW, Event::Closed(id, failure));
        }
    }
    if let Some((id, which)) = old {
        event(&format!("`Closed`{which}"), NOW, Event::Closed(id, Failure::Fatal));
    }
    let stale = redial::DialId::new(77).unwrap();
    event("any event of another id", NOW, Event::Closed(stale, Failure::Unreachable));
    event("`Online`", NOW, Event::Online);
    event("`Offline`", NOW, Event::Offline);
    event("`Redial`", NOW, Event::Redial);
    event("`Defer` by 60 s", NOW, Event::Defer(NOW.saturating_add(s(60))));
    let mut other = |name: &str, call: fn(&mut Link)| calls.push((name.to_owned(), Box::new(call)));
    other("`set_endpoints` with none", |link| drop(link.set_endpoints(NOW, vec![])));
    other("`set_endpoints` with others", |link| {
        link.set_endpoints(NOW, vec![Endpoint::new(2)]);
    });
    other("`trip`", |link| {
        link.trip(NOW, 1);
    });
    calls
}

/// The state as it looks from outside.
fn state(link: &Link) -> &'static str {
    match (link.action(), link.status().phase) {
        (Action::Idle, Phase::Offline) => "Offline",
        (Action::Idle, _) => {
            let mut twin = link.clone();
            twin.set_endpoints(NOW, vec![Endpoint::new(1)]);
            if twin.action() == Action::Idle { "Stopped" } else { "No endpoint" }
        }
        (Action::SleepUntil(_), _) => "Waiting",
        (Action::Dial(dial), _) if dial.serving.is_some() => "Replacing",
        (Action::Dial(_), _) => "Dialing",
        (Action::Hold(hold), _) if hold.draining.is_some() => "Draining",
        (Action::Hold(_), Phase::Connected { stable: false, .. }) => "Unstable",
        (Action::Hold(hold), _) if hold.wake.is_some() => "Refreshing",
        (Action::Hold(_), _) => "Stable",
        (Action::GiveUp(_), _) => "Gave up",
    }
}

fn table() -> String {
    let mut table = String::from(
        "Every state, every event, and what comes of it: the state, and the action that says what\n\
         should exist then.\n\n\
         The link has one endpoint and the default policy without jitter or limits; it is 100 s,\n\
         and its first dial is #1. *The same* is said of the action: `Offline`, `Defer`,\n\
         `Confirmed`, `Activity` and `GoingAway` are remembered. With more endpoints a failed dial\n\
         goes on to the next at once; with limits, what says *Waiting* may say *Gave up*.\n",
    );
    for (name, words, make) in STATES {
        let before = make();
        assert_eq!(state(&before), name);
        let action = before.action();
        write!(table, "\n## {name}\n\n{words} The action: *{}*.\n\n", said(action)).unwrap();
        table.push_str("| event | state | action |\n|---|---|---|\n");
        let (mut nothing, mut counted) = (Vec::new(), Vec::new());
        let mut last = String::new();
        let mut rows: Vec<(Vec<String>, String)> = Vec::new();
        for (event, call) in calls(action) {
            let mut link = before.clone();
            call(&mut link);
            if link.counters().ignored > before.counters().ignored {
                counted.push(event);
            } else if link.action() == action && state(&link) == name {
                nothing.push(event);
            } else {
                let outcome = format!("{} | {}", state(&link), said(link.action()));
                if outcome == last {
                    rows.last_mut().unwrap().0.push(event);
                } else {
                    rows.push((vec![event], outcome.clone()));
                }
                last = outcome;
            }
        }
        for (events, outcome) in rows {
            writeln!(table, "| {} | {outcome} |", joined(&events)).unwrap();
        }
        writeln!(table, "| {} | – | the same |", joined(&nothing)).unwrap();
        writeln!(table, "| {} | – | the same, and it is counted |", joined(&counted)).unwrap();
    }
    table
}

/// The events, each name once.
fn joined(events: &[String]) -> String {
    let mut joined = String::new();
    let mut last = "";
    for event in events {
        let name = event.split_inclusive("` ").next().unwrap_or_default();
        let again = name.ends_with("` ") && name == last;
        let comma = if joined.is_empty() { "" } else { ", " };
        joined = joined + comma + if again { &event[name.len()..] } else { event };
        last = name;
    }
    joined
}

/// The action in its own words, and its wake where those do not name it.
fn said(action: Action) -> String {
    match action {
        Action::Hold(hold) => match hold.wake {
            Some(wake) if hold.draining.is_none_or(|old| old.deadline != wake) => {
                format!("{action}, look again at {wake}")
            }
            _ => action.to_string(),
        },
        _ => action.to_string(),
    }
}

#[test]
fn the_transition_table_is_as_documented() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/src/transitions.md");
    let table = table();
    if std::env::var_os("REDIAL_BLESS").is_some() {
        std::fs::write(&path, &table).unwrap();
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    for (line, (stored, table)) in stored.lines().zip(table.lines()).enumerate() {
        assert_eq!(stored, table, "line {}; REDIAL_BLESS=1 rewrites the file", line + 1);
    }
    assert_eq!(stored.len(), table.len(), "REDIAL_BLESS=1 rewrites the file");
}
