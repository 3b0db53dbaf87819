//! How often it dials, and when it stops.

use std::collections::HashSet;
use std::time::Duration;

use redial::{
    Action, Backoff, Dial, Event, Failure, FirstRetry, GiveUpReason, Jitter, Policy, Reconnector,
    Timestamp, WaitReason,
};
use redial_testkit::sim::{Answer, Reply, Sim};

use crate::support::{at, link, ms, plain, s, within};

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
