//! Each preset dials at the instants its docs say.

use core::time::Duration;

use redial::{Action, Event, Failure, GiveUpReason, Policy, Reconnector, Timestamp, presets};

/// Dials in milliseconds against a server that refuses at once, and how it ended.
fn dials(policy: &Policy, most: usize) -> (Vec<u64>, Option<GiveUpReason>) {
    let mut link = Reconnector::new(policy, 7);
    let (mut now, mut dials) = (Timestamp::ORIGIN, Vec::new());
    let mut action = link.handle(now, Event::Start);
    while dials.len() < most {
        action = match action {
            Action::Dial(dial) => {
                dials.push(now.as_nanos() / 1_000_000);
                link.handle(now, Event::DialFailed(dial.id, Failure::Unreachable))
            }
            Action::SleepUntil(wait) => {
                now = wait.until;
                link.handle(now, Event::Tick)
            }
            Action::GiveUp(end) => return (dials, Some(end.reason)),
            Action::Idle | Action::Hold(_) => unreachable!("it dials for ever"),
        };
    }
    (dials, None)
}

#[test]
fn exact_schedules() {
    use GiveUpReason::{MaxAttempts, MaxElapsed, PolicyNever};
    let secs = |secs: &[u64]| secs.iter().map(|s| s * 1000).collect::<Vec<_>>();
    let table: [(&str, Policy, Vec<u64>, Option<GiveUpReason>); 11] = [
        (
            "tower",
            presets::tower(),
            vec![0, 100, 300, 700, 1500, 3100, 6300, 11300, 16300, 21300, 26300, 31300],
            None,
        ),
        (
            "moq",
            presets::moq(),
            secs(&[0, 1, 3, 7, 15, 31, 61, 91, 121, 151, 181, 211, 241, 271]),
            Some(MaxElapsed),
        ),
        ("never", presets::never(), vec![0], Some(PolicyNever)),
        (
            "fixed",
            presets::fixed(Duration::from_millis(250)),
            (0..12).map(|n| n * 250).collect(),
            None,
        ),
        (
            "day207",
            presets::day207(),
            vec![0, 100, 300, 700, 1500, 3100, 6300, 12700, 25500, 51100],
            Some(MaxAttempts),
        ),
        ("feed", presets::day207_feed(), vec![0, 500, 1500, 3500, 7500], Some(MaxAttempts)),
        (
            "multi",
            presets::day207_multi(),
            vec![0, 100, 300, 10300, 20300, 30300, 40300, 50300, 63100, 88700],
            Some(MaxAttempts),
        ),
        ("tourniquet", presets::tourniquet(3), vec![0, 0, 0], Some(MaxAttempts)),
        (
            "phoenix",
            presets::phoenix(),
            vec![0, 10, 60, 160, 310, 510, 760, 1260, 2260, 4260, 9260, 14260],
            None,
        ),
        ("signalr", presets::signalr(), secs(&[0, 0, 2, 12, 42]), Some(PolicyNever)),
        ("systemd", presets::systemd(), vec![0, 100, 200, 300, 400], Some(MaxAttempts)),
    ];
    for (name, policy, instants, end) in table {
        // One that should end is given the chance not to.
        let most = instants.len() + usize::from(end.is_some());
        assert_eq!(dials(&policy, most), (instants, end), "{name}");
    }
}

#[test]
fn jittered_schedules_stay_in_their_ranges_and_fill_them() {
    type Range = (u64, u64);
    /// Waits between the first twelve dials.
    const WAITS: usize = 11;
    // What stands last goes on.
    let table: [(&str, Policy, &[Range]); 4] = [
        (
            "grpc",
            presets::grpc(),
            &[
                (804, 1200),
                (1286, 1920),
                (2058, 3072),
                (3293, 4916),
                (5269, 7865),
                (8430, 12_583),
                (13_488, 20_133),
                (21_582, 32_213),
                (34_531, 51_540),
                (55_250, 82_464),
                (88_400, 131_942),
                (96_480, 144_000),
            ],
        ),
        ("nats", presets::nats(), &[(2000, 2100)]),
        (
            "reconnecting_websocket",
            presets::reconnecting_websocket(),
            &[(1000, 5000), (1300, 6500), (1690, 8450), (2000, 10000)],
        ),
        ("socket_io", presets::socket_io(), &[(495, 1500), (990, 3000), (1650, 5000)]),
    ];
    for (name, policy, ranges) in table {
        let last = ranges.last().copied().expect(name);
        let waits = WAITS.max(ranges.len());
        let ranges: Vec<Range> =
            ranges.iter().copied().chain(std::iter::repeat(last)).take(waits).collect();
        let mut seen = vec![(u64::MAX, 0); ranges.len()];
        for seed in 0..500 {
            let mut link = Reconnector::new(&policy, seed);
            let mut now = Timestamp::ORIGIN;
            let mut action = link.handle(now, Event::Start);
            for (range, seen) in ranges.iter().zip(&mut seen) {
                let dial = action.dial().expect(name);
                let until =
                    link.handle(now, Event::DialFailed(dial.id, Failure::Unreachable)).wake();
                let wait = (until.as_nanos() - now.as_nanos()) / 1_000_000;
                assert!((range.0..=range.1).contains(&wait), "{name}: {wait} not in {range:?}");
                *seen = (seen.0.min(wait), seen.1.max(wait));
                now = until;
                action = link.handle(now, Event::Tick);
            }
        }
        for (range, seen) in ranges.iter().zip(seen) {
            let slack = (range.1 - range.0) / 50 + 1;
            assert!(seen.0 <= range.0 + slack && seen.1 + slack >= range.1, "{name}: {seen:?}");
        }
    }
}

#[test]
fn no_rate_limit_delays_a_schedule() {
    let wide = |policy: &Policy| {
        policy.to_builder().rate_limit(u32::MAX, Duration::from_nanos(1)).build().unwrap()
    };
    for policy in [
        presets::tower(),
        presets::moq(),
        presets::fixed(Duration::from_millis(1)),
        presets::fixed(Duration::from_secs(5)),
        presets::day207(),
        presets::day207_feed(),
        presets::day207_multi(),
        presets::tourniquet(100),
        presets::grpc(),
        presets::nats(),
        presets::phoenix(),
        presets::signalr(),
        presets::reconnecting_websocket(),
        presets::socket_io(),
        presets::systemd(),
    ] {
        assert_eq!(dials(&policy, 200), dials(&wide(&policy), 200), "{:?}", policy.backoff());
    }
}

#[test]
fn a_rate_limit_follows_what_its_preset_is_told() {
    let nanos = |nanos| presets::fixed(Duration::from_nanos(nanos));
    for (delay, spacing) in [
        (0, 1_000_000),
        (999_999, 1_000_000),
        (1_000_000, 1_000_000),
        (1_000_001, 1_000_001),
        (u64::MAX, u64::MAX),
    ] {
        let policy = nanos(delay);
        assert_eq!(policy.backoff().initial(), Duration::from_nanos(delay));
        assert_eq!(policy.rate_limit(), (10, Duration::from_nanos(spacing)), "{delay}");
    }
    for (providers, dials, burst) in [(0, 1, 10), (10, 10, 10), (11, 11, 11), (99, 99, 99)] {
        let policy = presets::tourniquet(providers);
        assert_eq!(policy.max_attempts().map(u32::from), Some(dials));
        assert_eq!(policy.rate_limit(), (burst, Duration::from_secs(1)));
    }
}
