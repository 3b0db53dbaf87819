//! Snapshots survive the way to disk and back, or say why not.

use core::time::Duration;

use redial::{
    Action, Backoff, BreakerPolicy, Circuit, DialId, Endpoint, EndpointSnapshot, Event, Failure,
    GiveUpReason, Jitter, Policy, Reconnector, Snapshot, SnapshotError, Timestamp,
};

fn at(millis: u64) -> Timestamp {
    Timestamp::from_origin(Duration::from_millis(millis))
}

fn policy() -> Policy {
    Policy::builder().breaker(BreakerPolicy::consecutive(3)).build().unwrap()
}

/// A link in its second wait, with a breaker that has counted.
fn waiting() -> Reconnector {
    let mut link = Reconnector::new(policy(), 9);
    let mut now = at(500);
    let mut action = link.handle(now, Event::Start);
    for _ in 0..2 {
        let dial = action.dial().unwrap();
        action = link.handle(now, Event::DialFailed(dial.id, Failure::Unreachable));
        now = action.wake();
        if link.counters().ignored == 0 && dial.attempt == 1 {
            action = link.handle(now, Event::Tick);
        }
    }
    link
}

#[test]
fn bytes_round_trip() {
    let snapshot = waiting().snapshot();
    assert_eq!(Snapshot::from_bytes(&snapshot.to_bytes()), Ok(snapshot));
    for endpoint in waiting().endpoint_snapshots() {
        assert_eq!(EndpointSnapshot::from_bytes(&endpoint.to_bytes()), Ok(endpoint));
    }
}

/// The form is a promise to those who have saved one: a change of it needs a new version in front.
#[test]
fn the_form_on_disk_is_fixed() {
    let policy = policy().to_builder().max_rounds(9).jitter(Jitter::None).build().unwrap();
    let list = [0x0a0b_0c0d, 2].map(Endpoint::new);
    let mut link = Reconnector::with_endpoints(policy, 0, list);
    let mut action = link.handle(at(500), Event::Start);
    let hint = Failure::RetryAfter { delay: Duration::from_secs(60), spread: Duration::ZERO };
    for failure in [Failure::Unreachable, Failure::Unsuitable, Failure::Overloaded, hint] {
        if let Action::SleepUntil(wait) = action {
            action = link.handle(wait.until, Event::Tick);
        }
        let dial = action.dial().unwrap();
        action = link.handle(at(1000), Event::DialFailed(dial.id, failure));
    }
    let digits = |byte: &u8| format!("{byte:02x}");
    let hex = |bytes: &[u8]| bytes.iter().map(digits).collect::<Vec<_>>().concat();
    let health: Vec<_> = link.endpoint_snapshots().collect();
    assert_eq!(
        hex(&link.snapshot().to_bytes()),
        "72646c0101001a711802000000020000000000000003000000000003000400000000000000001a7118020000\
         008096f2620200000000ca9a3b0000000000000000000200000000000000000001000000040000000d0c0b0a\
         0300000013dd2c340f000000000000000000000000e40b5402000000000000000000000000000195c99f48"
    );
    assert_eq!(
        hex(&health[1].to_bytes()),
        "72646c0102000000010001000000000000000000802622b30b00000000000000000000000100000000000000\
         0000000593e609"
    );
}

#[test]
fn every_damaged_byte_and_every_length_is_refused() {
    let bytes = waiting().snapshot().to_bytes();
    for length in 0..bytes.len() {
        let error = Snapshot::from_bytes(&bytes[..length]).unwrap_err();
        assert!(matches!(error, SnapshotError::Length { .. }), "{length}: {error}");
    }
    for index in 0..bytes.len() {
        for bit in 0..8 {
            let mut damaged = bytes;
            damaged[index] ^= 1 << bit;
            let error = Snapshot::from_bytes(&damaged).unwrap_err();
            let expected = if index < 4 { SnapshotError::Version } else { SnapshotError::Checksum };
            assert_eq!(error, expected, "byte {index}");
        }
    }
}

#[test]
fn a_restored_link_goes_on_where_it_was() {
    let mut link = waiting();
    let snapshot = link.snapshot();
    let now = at(3_000_000);
    let mut restored = Reconnector::restore(policy(), 9, &snapshot, Duration::ZERO, now);
    let mut old = link.action().wake();
    let mut new = restored.action().wake();
    for _ in 0..20 {
        let (a, b) = (link.handle(old, Event::Tick), restored.handle(new, Event::Tick));
        let (a, b) = (a.dial().unwrap(), b.dial().unwrap());
        assert_eq!((a.id, a.attempt), (b.id, b.attempt));
        let a = link.handle(old, Event::DialFailed(a.id, Failure::Unreachable)).wake();
        let b = restored.handle(new, Event::DialFailed(b.id, Failure::Unreachable)).wake();
        assert_eq!(a.saturating_since(old), b.saturating_since(new));
        (old, new) = (a, b);
    }
}

#[test]
fn time_away_shortens_the_wait_and_ages_the_outage() {
    let policy = policy().to_builder().max_elapsed(Duration::from_secs(60)).build().unwrap();
    let mut link = Reconnector::new(&policy, 1);
    let dial = link.handle(at(0), Event::Start).dial().unwrap();
    link.handle(at(30_000), Event::DialFailed(dial.id, Failure::Unreachable));
    let snapshot = link.snapshot();
    let away = Duration::from_secs(29);
    let early = Reconnector::restore(&policy, 1, &snapshot, away, at(0));
    assert!(matches!(early.action(), Action::Dial(_)), "{}", early.action());
    let late = Reconnector::restore(&policy, 1, &snapshot, away + away, at(0));
    let Action::GiveUp(end) = late.action() else { panic!("{}", late.action()) };
    assert!(end.elapsed >= Duration::from_secs(60), "{end}");
}

#[test]
fn what_was_in_flight_has_failed() {
    let mut link = Reconnector::new(Policy::DEFAULT, 3);
    let dial = link.handle(at(0), Event::Start).dial().unwrap();
    let dialing = link.snapshot();
    let restored = Reconnector::restore(Policy::DEFAULT, 3, &dialing, Duration::ZERO, at(0));
    assert!(matches!(restored.action(), Action::SleepUntil(_)), "a dial is a failed one");
    link.handle(at(0), Event::Connected(dial.id));
    let flap = Reconnector::restore(Policy::DEFAULT, 3, &link.snapshot(), Duration::ZERO, at(0));
    assert_eq!(flap.action(), restored.action(), "an unstable connection is a flap");
    link.handle(at(20_000), Event::Tick);
    let lost = Reconnector::restore(Policy::DEFAULT, 3, &link.snapshot(), Duration::ZERO, at(0));
    assert!(lost.action().wake() <= at(1000), "a stable one is a first retry");
}

#[test]
fn a_policy_that_has_ended_does_not_dial_after_a_restore() {
    let policy = Policy::builder().backoff(Backoff::Never).build().unwrap();
    let mut link = Reconnector::new(policy.clone(), 3);
    let dial = link.handle(at(0), Event::Start).dial().unwrap();
    link.handle(at(0), Event::Connected(dial.id));
    let handover = link.handle(at(20_000), Event::Redial).dial().unwrap();
    let failed = Event::DialFailed(handover.id, Failure::Unreachable);
    let action = link.handle(at(20_000), failed);
    assert_eq!(action.held(), Some(dial.id));
    let restored = Reconnector::restore(policy, 3, &link.snapshot(), Duration::ZERO, at(0));
    let lost = link.handle(at(60_000), Event::Closed(dial.id, Failure::Unreachable));
    for end in [lost, restored.action()] {
        let Action::GiveUp(end) = end else { panic!("{end}") };
        assert_eq!(end.reason, GiveUpReason::PolicyNever);
    }
}

#[test]
fn hostile_numbers_are_refused_or_cut() {
    // Valid checksums over any content: ids from 2^63 on are refused, waits are cut to the policy's.
    let honest = waiting().snapshot().to_bytes();
    let seal = |mut bytes: [u8; Snapshot::BYTES]| {
        let end = bytes.len() - 4;
        let mut crc = u32::MAX;
        for byte in &bytes[..end] {
            crc ^= u32::from(*byte);
            for _ in 0..8 {
                crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
            }
        }
        bytes[end..].copy_from_slice(&(!crc).to_le_bytes());
        bytes
    };
    assert_eq!(seal(honest), honest);
    let mut refused = 0;
    for start in 4..honest.len() - 4 {
        let mut bytes = honest;
        let end = (start + 8).min(bytes.len() - 4);
        bytes[start..end].fill(0xff);
        match Snapshot::from_bytes(&seal(bytes)) {
            Err(SnapshotError::Field(_)) => refused += 1,
            Err(error) => panic!("{error}"),
            Ok(snapshot) => {
                let policy = policy();
                let now = at(1);
                let link = Reconnector::restore(&policy, 1, &snapshot, Duration::ZERO, now);
                if let Action::SleepUntil(wait) = link.action() {
                    let waited = wait.until.saturating_since(now);
                    assert!(waited <= policy.longest_wait(), "{start}: {}", link.action());
                }
            }
        }
    }
    assert!(refused > 0);
}

#[test]
fn endpoints_are_found_by_key() {
    let policy = policy();
    let list = || [Endpoint::new(1), Endpoint::new(2)];
    let mut link = Reconnector::with_endpoints(&policy, 5, list());
    let dial = link.handle(at(0), Event::Start).dial().unwrap();
    let hint = Failure::RetryAfter { delay: Duration::from_secs(60), spread: Duration::ZERO };
    link.handle(at(0), Event::DialFailed(dial.id, hint));
    let (snapshot, health) = (link.snapshot(), link.endpoint_snapshots().collect::<Vec<_>>());
    let swapped = [Endpoint::new(2), Endpoint::new(1)];
    let restored = Reconnector::restore_with_endpoints(
        &policy,
        5,
        swapped,
        &snapshot,
        &health,
        Duration::from_secs(10),
        at(0),
    );
    let [second, first] = restored.endpoints() else { panic!() };
    assert_eq!(second.hinted_until(), None);
    let left = first.hinted_until().unwrap();
    assert!((at(50_000)..=at(56_000)).contains(&left), "{left}");
}

#[test]
fn a_link_with_one_endpoint_goes_on_whatever_its_key_was() {
    let policy = policy();
    let mut named = Reconnector::with_endpoints(&policy, 5, [Endpoint::new(7)]);
    let mut plain = Reconnector::new(&policy, 5);
    let hint = Failure::RetryAfter { delay: Duration::from_secs(60), spread: Duration::ZERO };
    let id = |number| DialId::new(number).unwrap();
    // Dialing, waiting as the server said, connected, stable, replaced and drained.
    let story = [
        (0, Event::Start),
        (0, Event::DialFailed(id(1), hint)),
        (70, Event::Tick),
        (70, Event::Connected(id(2))),
        (90, Event::Tick),
        (91, Event::GoingAway(id(2), None)),
        (92, Event::DialFailed(id(3), Failure::Unreachable)),
        (100, Event::Tick),
        (100, Event::Connected(id(4))),
    ];
    for (seconds, event) in story {
        let now = at(seconds * 1000);
        named.handle(now, event);
        plain.handle(now, event);
        assert_eq!(named.endpoint_snapshots().next().map(|saved| saved.key()), Some(7));
        let restored = [named.snapshot(), plain.snapshot()]
            .map(|saved| Reconnector::restore(&policy, 5, &saved, Duration::ZERO, at(0)));
        assert_eq!(restored[0].action(), restored[1].action(), "after {event:?}");
        assert_eq!(restored[0].endpoints(), restored[1].endpoints(), "after {event:?}");
    }
    assert_eq!(named.counters().ignored, 0);
}

#[test]
fn what_one_rule_of_a_breaker_has_counted_is_nothing_to_another() {
    let with = |breaker| Policy::builder().breaker(breaker).build().unwrap();
    let rules = [BreakerPolicy::consecutive(9), BreakerPolicy::rate(20, 9, 50)];
    let stricter = [BreakerPolicy::rate(20, 2, 50), BreakerPolicy::consecutive(2)];
    for (rule, other) in rules.into_iter().zip(stricter) {
        let mut link = Reconnector::new(with(rule), 1);
        let failures = |link: &mut Reconnector, count: usize| {
            for _ in 0..count {
                let now = link.action().wake();
                let action = link.handle(now, Event::Tick);
                let dial = action.dial().unwrap();
                link.handle(now, Event::DialFailed(dial.id, Failure::Unreachable));
            }
        };
        let dial = link.handle(at(0), Event::Start).dial().unwrap();
        link.handle(at(0), Event::DialFailed(dial.id, Failure::Unreachable));
        failures(&mut link, 3);
        let saved = link.snapshot();
        let mut restored = Reconnector::restore(with(other), 1, &saved, Duration::ZERO, at(0));
        failures(&mut restored, 1);
        assert_eq!(restored.status().circuit, Circuit::Closed, "{other:?} after {rule:?}");
        failures(&mut restored, 1);
        assert!(matches!(restored.status().circuit, Circuit::Open { .. }), "{other:?}");
    }
}

#[test]
fn who_crashes_at_each_dial_dials_no_more_often_than_who_stays() {
    let breaker = BreakerPolicy::consecutive(3)
        .open_for(Duration::from_secs(60))
        .open_max(Duration::from_secs(3600));
    let policy = Policy::builder()
        .breaker(breaker)
        .cap(Duration::from_secs(5))
        .jitter(Jitter::None)
        .build()
        .unwrap();
    let dials = |crashes: bool| {
        let mut link = Reconnector::new(policy.clone(), 1);
        let mut now = at(0);
        let mut dials = 0;
        link.handle(now, Event::Start);
        while now < at(3_600_000) {
            match link.action() {
                Action::Dial(_) if crashes => {
                    dials += 1;
                    let saved = link.snapshot();
                    link = Reconnector::restore(policy.clone(), 1, &saved, Duration::ZERO, now);
                }
                Action::Dial(dial) => {
                    dials += 1;
                    link.handle(now, Event::DialFailed(dial.id, Failure::Unreachable));
                }
                Action::SleepUntil(wait) => {
                    now = wait.until;
                    link.handle(now, Event::Tick);
                }
                other => panic!("{other}"),
            }
        }
        dials
    };
    assert_eq!(dials(true), dials(false));
}

#[test]
fn an_outage_from_before_all_time_has_an_age() {
    let policy = Policy::builder().max_attempts(2).build().unwrap();
    let mut link = Reconnector::new(policy.clone(), 1);
    let dial = link.handle(at(0), Event::Start).dial().unwrap();
    link.handle(at(0), Event::DialFailed(dial.id, Failure::Unreachable));
    let saved = link.snapshot();
    let mut link = Reconnector::restore(policy, 1, &saved, Duration::MAX, at(100));
    let dial = link.action().dial().unwrap();
    let Action::GiveUp(end) =
        link.handle(at(200), Event::DialFailed(dial.id, Failure::Unreachable))
    else {
        panic!("{}", link.action());
    };
    assert!(end.elapsed > Duration::from_secs(292 * 365 * 86_400), "{:?}", end.elapsed);
}
