//! What people have been bitten by: each test is named after the reports, and shows the rule that makes
//! them impossible here.

use std::collections::HashSet;
use std::time::Duration;

use redial::{
    Action, Backoff, BreakerPolicy, Circuit, Dial, Endpoint, Event, Failure, FirstRetry,
    GiveUpReason, Jitter, Phase, Policy, PolicyBuilder, Reconnector, Selection, Timestamp,
    WaitReason,
};
use redial_testkit::sim::{Answer, Reply, Sim};

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_origin(s(seconds))
}

fn plain() -> PolicyBuilder {
    let backoff = Backoff::exponential(ms(100), 2, 1);
    Policy::builder().backoff(backoff).cap(s(30)).jitter(Jitter::None)
}

fn link(policy: PolicyBuilder) -> Reconnector {
    Reconnector::new(policy.build().unwrap(), 1)
}

fn list<const N: usize>(
    policy: PolicyBuilder,
    keys: [u32; N],
) -> Reconnector<Policy, [Endpoint; N]> {
    Reconnector::with_endpoints(policy.build().unwrap(), 1, keys.map(Endpoint::new))
}

/// Dials within `time` of a link that is always answered so, and how it stands then.
fn within(policy: PolicyBuilder, time: Duration, answer: &Answer) -> (usize, Action) {
    let mut sim = Sim::new(link(policy), |_: Timestamp, _: &Dial| answer.clone());
    sim.start();
    let action = sim.run_for(time.saturating_sub(Duration::from_nanos(1)));
    (sim.dials.len(), action)
}

fn flap() -> Answer {
    Answer::accepted(ms(0)).then(ms(0), Reply::Closed(Failure::Unreachable))
}

#[test]
fn moq_1806_accept_then_close_is_bounded() {
    assert_eq!(within(plain(), s(2), &flap()).0, 5);
    assert_eq!(within(plain(), s(600), &flap()).0, 28);
}

#[test]
fn moq_1806_accept_then_close_meets_the_limits() {
    for answer in [flap(), Answer::refused()] {
        let (dials, end) = within(plain().max_attempts(7), s(3600), &answer);
        assert!(matches!(end, Action::GiveUp(end) if end.reason == GiveUpReason::MaxAttempts));
        assert_eq!(dials, 7);
        let (_, end) = within(plain().max_elapsed(s(60)), s(3600), &answer);
        let Action::GiveUp(end) = end else { panic!("{end}") };
        assert_eq!((end.reason, end.elapsed), (GiveUpReason::MaxElapsed, ms(51_100)));
    }
}

#[test]
fn moq_2442_a_clean_close_reconnects() {
    let closes = Answer::accepted(ms(1)).then(s(60), Reply::Closed(Failure::Unreachable));
    let (dials, _) = within(plain(), s(600), &closes);
    assert_eq!(dials, 10, "every remote close reconnects; only Stop ends");
}

#[test]
fn grpc_2988_a_connection_that_fails_at_once_resets_nothing() {
    let mut link = link(plain());
    let mut now = at(0);
    let mut action = link.handle(now, Event::Start);
    let mut waits = Vec::new();
    // Nine flaps, the last of them confirmed, then one that is stable.
    for round in 1..=10 {
        let dial = action.dial().unwrap();
        link.handle(now, Event::Connected(dial.id));
        if round == 9 {
            link.handle(now, Event::Confirmed(dial.id));
        }
        let up = if round == 10 { s(10) } else { s(1) };
        now = now.saturating_add(up);
        action = link.handle(now, Event::Closed(dial.id, Failure::Unreachable));
        waits.push(action.wake().saturating_since(now));
        if round < 10 {
            now = action.wake();
            action = link.handle(now, Event::Tick);
        }
    }
    let grown = [100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600].map(ms);
    assert_eq!(waits[..9], grown);
    assert_eq!(action.dial().unwrap().attempt, 1, "stable: begins anew, at once");
}

#[test]
fn rumqtt_703_918_1022_there_is_no_policy_without_a_pace() {
    let unpaced = plain().backoff(Backoff::fixed(Duration::ZERO)).rate_limit(1, Duration::ZERO);
    assert_eq!(unpaced.build().unwrap_err().field(), "rate_limit");
    // Not even a name that fails to resolve at once, without any delay asked for.
    let eager = plain().backoff(Backoff::fixed(Duration::ZERO)).first_retry(FirstRetry::Immediate);
    assert_eq!(within(eager, s(60), &Answer::refused()).0, 64, "a burst of 5, then one a second");
}

#[test]
fn nats_rs_815_nats_rb_58_bad_credentials_end_it() {
    let (dials, end) = within(plain(), s(3600), &Answer::failed(Failure::Fatal));
    assert_eq!(dials, 1);
    let Action::GiveUp(end) = end else { panic!("{end}") };
    assert_eq!((end.reason, end.last), (GiveUpReason::Fatal, Some(Failure::Fatal)));
    // A server that says no only after TCP has connected makes no success of it.
    let late = Answer::silent()
        .then(ms(1), Reply::Progress)
        .then(ms(1), Reply::Failed(Failure::Unreachable));
    assert_eq!(within(plain(), s(600), &late).0, within(plain(), s(600), &Answer::refused()).0);
}

#[test]
fn nats_zig_146_an_empty_pool_does_not_loop() {
    let mut link = list(plain(), []);
    assert_eq!(link.handle(at(0), Event::Start), Action::Idle);
    assert_eq!(link.action().wake(), Timestamp::MAX, "no timer at all");
}

#[test]
fn nats_go_563_teleport_6889_elastic_agent_13874_the_first_retry_is_spread() {
    let first: HashSet<Timestamp> = (0..1000)
        .map(|seed| {
            let mut link = Reconnector::new(Policy::DEFAULT, seed);
            let dial = link.handle(at(0), Event::Start).dial().unwrap();
            link.handle(at(0), Event::Connected(dial.id));
            link.handle(at(60), Event::Closed(dial.id, Failure::Unreachable)).wake()
        })
        .collect();
    assert!(first.len() > 990, "{} different instants", first.len());
    assert!(first.iter().all(|first| *first <= at(61)));
}

#[test]
fn reconnecting_websocket_125_165_partykit_252_a_start_works_after_the_limit() {
    let mut sim =
        Sim::new(link(plain().max_attempts(3)), |_: Timestamp, _: &Dial| Answer::refused());
    for outage in 1..=3 {
        sim.start();
        let end = sim.run_for(s(60));
        assert!(matches!(end, Action::GiveUp(end) if end.attempts == 3), "{end}");
        assert_eq!(sim.dials.len(), 3 * outage, "fresh counters");
    }
}

#[test]
fn eliza_22562_glowing_bear_1309_a_late_close_leaves_the_new_connection_alone() {
    let mut link = link(plain());
    let old = link.handle(at(0), Event::Start).dial().unwrap();
    let wait = link.handle(old.deadline, Event::Tick);
    let new = link.handle(wait.wake(), Event::Tick).dial().unwrap();
    let held = link.handle(wait.wake(), Event::Connected(new.id));
    for late in [
        Event::Connected(old.id),
        Event::Closed(old.id, Failure::Unreachable),
        Event::DialFailed(old.id, Failure::Fatal),
        Event::GoingAway(old.id, None),
    ] {
        assert_eq!(link.handle(wait.wake(), late), held, "{late:?}");
    }
    assert_eq!(link.counters().ignored, 4);
}

#[test]
fn bun_32803_phoenix_1841_strfry_252_an_old_timer_brings_nothing_back() {
    let mut link = link(plain());
    let dial = link.handle(at(0), Event::Start).dial().unwrap();
    let wait = link.handle(at(0), Event::DialFailed(dial.id, Failure::Unreachable));
    link.handle(at(0), Event::Stop);
    // The timer that was armed for the wait still fires.
    assert_eq!(link.handle(wait.wake(), Event::Tick), Action::Idle);
    assert_eq!(link.handle(at(3600), Event::Tick), Action::Idle);
}

#[test]
fn signalk_45_reconnecting_websocket_82_error_and_close_are_one_outcome() {
    let mut link = link(plain().max_attempts(5));
    let mut now = at(0);
    let mut action = link.handle(now, Event::Start);
    let mut dials = 0;
    while let Action::Dial(dial) = action {
        dials += 1;
        link.handle(now, Event::DialFailed(dial.id, Failure::Unreachable));
        link.handle(now, Event::DialFailed(dial.id, Failure::Unreachable));
        action = link.handle(now, Event::Closed(dial.id, Failure::Unreachable));
        if let Action::SleepUntil(wait) = action {
            now = wait.until;
            action = link.handle(now, Event::Tick);
        }
    }
    assert_eq!(dials, 5, "exactly N, not N / 2 and not N + 1");
}

#[test]
fn tokio_retry_1_tryhard_24_latte_208_a_million_attempts_do_not_overflow() {
    let mut sim = Sim::new(link(plain()), |_: Timestamp, _: &Dial| Answer::refused());
    sim.start();
    sim.run_dials(1_000_000);
    let (before, last) = (sim.dials[999_998].0, sim.dials[999_999].0);
    assert_eq!(last.saturating_since(before), s(30), "neither zero nor negative");
}

#[test]
fn backon_184_backoff_8_socket_io_1231_jitter_stays_inside_at_full_width() {
    let jitters = [Jitter::Full, Jitter::Equal, Jitter::Proportional(50), Jitter::Phase(67)];
    for jitter in jitters {
        let policy = plain().jitter(jitter).build().unwrap();
        let (mut least, mut most) = (Duration::MAX, Duration::ZERO);
        for seed in 0..500 {
            let mut sim = Sim::new(Reconnector::new(&policy, seed), |_, _| Answer::refused());
            sim.start();
            sim.run_dials(15);
            let times = sim.dial_times();
            let wait = times[14].saturating_sub(times[13]);
            (least, most) = (least.min(wait), most.max(wait));
        }
        assert!(most <= s(30), "{jitter}: {most:?} is above the cap");
        let width = s(30) * u32::from(jitter.percent()) / 100;
        let seen = most.saturating_sub(least);
        assert!(seen > width * 9 / 10, "{jitter}: {seen:?} of {width:?} at the cap");
    }
    // A fixed interval without jitter can be asked for.
    assert_eq!(within(plain().backoff(Backoff::fixed(s(1))), s(10), &Answer::refused()).0, 10);
}

#[test]
fn aspnetcore_24957_grpc_rust_452_stubborn_io_34_the_first_connect_is_covered() {
    let mut sim = Sim::new(link(plain()), |now: Timestamp, _: &Dial| {
        if now < at(60) { Answer::refused() } else { Answer::accepted(ms(1)) }
    });
    sim.start();
    assert!(matches!(sim.run_for(s(120)), Action::Hold(_)));
}

#[test]
fn resilience4j_544_858_935_half_open_cannot_stick() {
    let breaker = BreakerPolicy::consecutive(1).open_for(s(20)).open_max(s(20));
    // A probe that is ignored, hangs, is dropped by the application, or flaps.
    let ends: [fn(&mut Reconnector, Dial); 4] = [
        |link, dial| {
            link.handle(dial.deadline, Event::Tick);
        },
        |link, dial| {
            link.handle(dial.deadline, Event::DialAborted(dial.id));
        },
        |link, _| {
            link.handle(at(30), Event::Stop);
            link.handle(at(30), Event::Start);
        },
        |link, dial| {
            link.handle(at(30), Event::Connected(dial.id));
            link.handle(at(31), Event::Closed(dial.id, Failure::Unreachable));
        },
    ];
    for end in ends {
        let mut link = link(plain().breaker(breaker));
        let dial = link.handle(at(0), Event::Start).dial().unwrap();
        let open = link.handle(at(0), Event::DialFailed(dial.id, Failure::Unreachable));
        assert_eq!(open.wake(), at(20));
        let probe = link.handle(at(20), Event::Tick).dial().unwrap();
        assert_eq!(link.status().circuit, Circuit::HalfOpen);
        end(&mut link, probe);
        let mut action = link.action();
        if let Action::SleepUntil(wait) = action {
            assert!(wait.until <= at(60), "{wait}");
            action = link.handle(wait.until, Event::Tick);
        }
        assert!(action.dial().is_some_and(|next| next.id > probe.id), "{action}");
    }
}

#[test]
fn go_retryablehttp_295_a_hint_is_followed_bounded_and_named() {
    let mut link = link(plain());
    let dial = link.handle(at(0), Event::Start).dial().unwrap();
    let hint = Failure::RetryAfter { delay: s(120), spread: s(0) };
    let Action::SleepUntil(wait) = link.handle(at(0), Event::DialFailed(dial.id, hint)) else {
        panic!("{}", link.action())
    };
    assert!(wait.until >= at(120), "the cap of 30 s does not cut it");
    assert_eq!(wait.reason, WaitReason::Hint, "and it is no silent sleep");
    let forever = Failure::RetryAfter { delay: Duration::MAX, spread: s(0) };
    let again = link.handle(wait.until, Event::Tick).dial().unwrap();
    let action = link.handle(wait.until, Event::DialFailed(again.id, forever));
    assert!(action.wake() <= wait.until.saturating_add(s(3960)));
}

#[test]
fn phoenix_live_view_3723_firezone_14143_a_late_tick_fires_once() {
    let mut link = link(plain());
    let dial = link.handle(at(0), Event::Start).dial().unwrap();
    link.handle(at(0), Event::DialFailed(dial.id, Failure::Unreachable));
    let woken = at(8 * 3600);
    let action = link.handle(woken, Event::Tick);
    assert_eq!(action.dial().unwrap().attempt, 2, "one dial, no burst to catch up");
    for _ in 0..10 {
        assert_eq!(link.handle(woken, Event::Tick), action);
    }
}

#[test]
fn async_io_73_str0m_514_a_timer_that_is_due_now_fires() {
    let mut link = link(plain());
    let dial = link.handle(at(0), Event::Start).dial().unwrap();
    let wait = link.handle(at(0), Event::DialFailed(dial.id, Failure::Unreachable)).wake();
    let before = Timestamp::from_nanos(wait.as_nanos() - 1);
    assert!(link.handle(before, Event::Tick).dial().is_none());
    assert!(link.handle(wait, Event::Tick).dial().is_some());
}

#[test]
fn grpc_go_5701_a_black_hole_is_left_behind() {
    let mut sim = Sim::new(list(plain(), [1, 2]), |_: Timestamp, dial: &Dial| {
        if dial.endpoint == 1 { Answer::silent() } else { Answer::accepted(ms(1)) }
    });
    sim.start();
    assert!(matches!(sim.run_for(s(11)), Action::Hold(_)));
    // And it stays with the one that works.
    assert_eq!(sim.link.status().endpoint, Some(2));
}

#[test]
fn grpc_java_12395_lettuce_1662_the_list_may_change_in_every_state() {
    for states in 0..6 {
        let keys = |keys: &[u32]| keys.iter().copied().map(Endpoint::new).collect::<Vec<_>>();
        let mut link = Reconnector::with_endpoints(plain().build().unwrap(), 1, keys(&[1]));
        if states > 0 {
            let dial = link.handle(at(0), Event::Start).dial().unwrap();
            let events = match states {
                2 => vec![Event::DialFailed(dial.id, Failure::Unreachable)],
                3 => vec![Event::Connected(dial.id)],
                4 => vec![Event::Connected(dial.id), Event::Redial],
                5 => vec![Event::DialFailed(dial.id, Failure::Fatal)],
                _ => vec![],
            };
            for (time, event) in [at(1), at(50)].into_iter().zip(events) {
                link.handle(time, event);
            }
        }
        link.set_endpoints(at(60), keys(&[2]));
        let mut sim = Sim::new(link, |_: Timestamp, dial: &Dial| {
            assert_eq!(dial.endpoint, 2, "a removed node is dialed no more");
            Answer::accepted(ms(1))
        });
        sim.now = at(60);
        sim.start();
        let action = sim.run_for(s(600));
        assert!(matches!(action, Action::Hold(_)), "state {states}: {action}");
        assert_eq!(sim.link.status().endpoint, Some(2));
    }
}

#[test]
fn nats_rb_87_no_endpoint_is_ever_removed() {
    // A rolling upgrade: for an hour every server refuses every dial.
    let mut sim = Sim::new(list(plain(), [1, 2, 3]), |now: Timestamp, dial: &Dial| {
        if now > at(3600) && dial.endpoint == 2 {
            Answer::accepted(ms(1))
        } else {
            Answer::refused()
        }
    });
    sim.start();
    assert!(matches!(sim.run_for(s(3700)), Action::Hold(_)));
}

#[test]
fn nats_py_868_grpc_java_5366_a_drain_is_heard() {
    let mut sim = Sim::new(list(plain(), [1, 2]), |_: Timestamp, dial: &Dial| {
        let answer = Answer::accepted(ms(1));
        if dial.endpoint == 1 {
            // Drains after a minute, cuts ten seconds later.
            answer
                .then(s(60), Reply::GoingAway(Some(s(10))))
                .then(s(10), Reply::Closed(Failure::Unreachable))
        } else {
            answer
        }
    });
    sim.start();
    sim.run_for(s(62));
    assert_eq!(sim.link.status().endpoint, Some(2), "long before the cut");
    let held = sim.link.action().held();
    sim.run_for(s(20));
    assert_eq!(sim.link.action().held(), held, "which nobody notices");
}

#[test]
fn envoy_45101_a_maximum_age_does_not_rotate_the_fleet_at_once() {
    let policy = Policy::builder().max_age(s(3600)).build().unwrap();
    let mut buckets = [0_u32; 361];
    for seed in 0..10_000 {
        let mut link = Reconnector::new(&policy, seed);
        let dial = link.handle(at(0), Event::Start).dial().unwrap();
        link.handle(at(0), Event::Connected(dial.id));
        let age = link.handle(at(10), Event::Tick).wake();
        buckets[usize::try_from(age.since_origin().as_secs() / 10).unwrap()] += 1;
    }
    // 10⁴ over 3240 s are 31 in 10 s.
    assert!(buckets.iter().all(|links| *links <= 62), "{buckets:?}");
}

#[test]
fn grpc_go_1037_t3code_5154_online_cuts_a_wait_and_does_not_hammer() {
    let refuse = |_: Timestamp, _: &Dial| Answer::refused();
    let mut sim = Sim::new(Reconnector::new(Policy::DEFAULT, 1), refuse);
    sim.start();
    sim.run_for(s(600));
    let dials = sim.dials.len();
    sim.event(Event::Online);
    sim.run_for(s(1));
    assert_eq!(sim.dials.len(), dials + 1, "within the first interval");
    // An interface that flaps a hundred times a second.
    for _ in 0..6000 {
        sim.run_for(ms(10));
        sim.event(Event::Offline);
        sim.event(Event::Online);
    }
    assert!(sim.dials.len() <= dials + 1 + 5 + 60, "{} dials", sim.dials.len() - dials);
}

#[test]
fn tower_resilience_361_lapin_450_connected_is_never_said_without_a_connection() {
    let mut link = link(plain());
    let dial = link.handle(at(0), Event::Start).dial().unwrap();
    for event in [Event::Tick, Event::Start, Event::Redial, Event::Online, Event::Progress(dial.id)]
    {
        link.handle(at(1), event);
        assert_eq!(link.status().phase, Phase::Connecting { attempt: 1 });
    }
    link.handle(at(1), Event::Connected(dial.id));
    assert!(matches!(link.status().phase, Phase::Connected { .. }));
    // And no error but those of a limit is the end.
    for failure in
        [Failure::Unreachable, Failure::TimedOut, Failure::Overloaded, Failure::Unsuitable]
    {
        let (_, action) = within(plain(), s(3600), &Answer::failed(failure));
        assert!(!matches!(action, Action::GiveUp(_) | Action::Idle), "{failure}: {action}");
    }
}

#[test]
fn moq_2609_a_dead_connection_is_noticed_after_a_night() {
    let mut link = link(plain().idle_timeout(s(60)));
    let dial = link.handle(at(0), Event::Start).dial().unwrap();
    link.handle(at(0), Event::Connected(dial.id));
    link.handle(at(30), Event::Activity(dial.id));
    // The laptop sleeps; the first tick after it is enough.
    let action = link.handle(at(2 * 3600 + 45 * 60), Event::Tick);
    assert_eq!(action.held(), None);
    assert!(action.wake() < at(3 * 3600), "{action}");
}

#[test]
fn syslog_ng_2183_neofs_node_1615_it_goes_back_to_the_primary() {
    let selection = Selection::Priority { failback: Some(s(300)) };
    let mut sim =
        Sim::new(list(plain().selection(selection), [1, 2]), |now: Timestamp, dial: &Dial| {
            let down = dial.endpoint == 1 && now < at(600);
            if down { Answer::refused() } else { Answer::accepted(ms(1)) }
        });
    sim.start();
    sim.run_for(s(60));
    assert_eq!(sim.link.status().endpoint, Some(2));
    sim.run_for(s(1000));
    assert_eq!(sim.link.status().endpoint, Some(1));
    assert_eq!(sim.connections.len(), 2, "make before break, once");
}
