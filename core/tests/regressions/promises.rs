//! What the documentation promises in so many words, and once did not hold.

use std::time::Duration;

use redial::Failure::{Overloaded, TimedOut, Unreachable};
use redial::{
    Action, After, Backoff, Breaker, BreakerPolicy, Circuit, DialId, Endpoint, Event, Failure,
    FirstRetry, GiveUpReason, Health, Jitter, Overload, Phase, Policy, Reconnector, Selection,
    presets,
};

use crate::{at, connect, fail, fail_with, hint, link, list, plain, restored, secs};

#[test]
fn a_past_hint_does_not_skip_the_window() {
    let mut at_once = 0;
    for seed in 0..1000 {
        let mut link = Reconnector::with_endpoints(Policy::DEFAULT, seed, list(&[0, 1]));
        link.handle(at(0), Event::Start);
        fail_with(&mut link, at(0), hint(60)); // endpoint 0, at the very beginning
        link.handle(at(2), Event::Tick);
        let id = connect(&mut link, at(2)); // endpoint 1, for an hour
        link.handle(at(12), Event::Tick); // the action's wake: it is stable
        let action = link.handle(at(3600), Event::Closed(id, Unreachable));
        at_once += u32::from(action.dial().is_some());
    }
    assert_eq!(at_once, 0, "of 1000 links dial in the same instant");
}

#[test]
fn a_past_hint_does_not_change_the_order() {
    let b = Policy::builder().selection(Selection::Priority { failback: None });
    let mut link = link(b, &[0, 1, 2]);
    link.handle(at(0), Event::Start);
    fail(&mut link, at(0));
    link.handle(at(2), Event::Tick);
    fail_with(&mut link, at(2), hint(60));
    link.handle(at(4), Event::Tick);
    let id = connect(&mut link, at(4));
    link.handle(at(14), Event::Tick);
    let action = link.handle(at(1000), Event::Closed(id, Unreachable));
    let action =
        if action.dial().is_some() { action } else { link.handle(action.wake(), Event::Tick) };
    assert_eq!(action.dial().unwrap().endpoint, 0, "the first of the list: {action}");
}

#[test]
fn after_a_hint_the_next_endpoint_has_its_window() {
    let mut at_once = 0;
    for seed in 0..1000 {
        let mut link = Reconnector::with_endpoints(Policy::DEFAULT, seed, list(&[0, 1]));
        link.handle(at(0), Event::Start);
        let id = connect(&mut link, at(0));
        let wake = link.handle(at(100), Event::Closed(id, Unreachable)).wake();
        link.handle(wake, Event::Tick);
        let action = fail_with(&mut link, wake, hint(60));
        at_once += u32::from(action.dial().is_some_and(|dial| dial.endpoint == 0));
    }
    assert_eq!(at_once, 0, "of 1000 links dial endpoint 0 in the same instant");
}

#[test]
fn never_is_never_also_with_a_hint() {
    let mut link = Reconnector::new(presets::never(), 1);
    let mut action = link.handle(at(1), Event::Start);
    let now = Failure::RetryAfter { delay: Duration::ZERO, spread: Duration::ZERO };
    for _ in 0..5 {
        if let Some(dial) = action.dial() {
            action = link.handle(at(1), Event::DialFailed(dial.id, now));
        }
    }
    let Action::GiveUp(end) = action else { panic!("{action}") };
    assert_eq!((end.reason, end.attempts), (GiveUpReason::PolicyNever, 1));
}

#[test]
fn never_is_never_also_with_two_endpoints() {
    let mut link = link(plain().backoff(Backoff::Never), &[0, 1]);
    link.handle(at(0), Event::Start);
    let id = connect(&mut link, at(0));
    let action = link.handle(at(100), Event::Closed(id, Unreachable));
    assert!(matches!(action, Action::GiveUp(_)), "the loss gives up: {action}");
}

#[test]
fn max_rounds_is_exact_when_the_list_ends_a_round() {
    let mut link = link(plain().max_rounds(1), &[0, 1]);
    link.handle(at(0), Event::Start);
    fail(&mut link, at(0));
    link.set_endpoints(at(0), list(&[0]));
    assert!(matches!(link.action(), Action::GiveUp(_)), "{}", link.action());
}

#[test]
fn max_rounds_is_exact_when_a_trip_ends_a_round() {
    let mut link = link(Policy::builder().max_rounds(1), &[0, 1]);
    link.handle(at(0), Event::Start);
    fail(&mut link, at(0));
    link.trip(at(0), 1);
    assert!(matches!(link.action(), Action::GiveUp(_)), "{}", link.action());
}

#[test]
fn a_stable_loss_by_silence_is_unreachable_also_while_the_old_one_drains() {
    let wake = |failure| {
        let mut link = link(plain(), &[0]);
        link.handle(at(0), Event::Start);
        connect(&mut link, at(0));
        link.handle(at(100), Event::Redial);
        let new = connect(&mut link, at(100));
        link.handle(at(110), Event::Tick);
        assert!(matches!(link.status().phase, Phase::Connected { stable: true, .. }));
        link.handle(at(115), Event::Closed(new, failure)).wake()
    };
    assert_eq!(wake(TimedOut), wake(Unreachable));
}

#[test]
fn a_restored_interval_is_capped_by_the_new_policy() {
    let old = plain().cap(secs(3600)).build().unwrap();
    let new = Policy::builder().jitter(Jitter::None).cap(secs(45)).startup_splay(secs(7200));
    let mut link = Reconnector::new(old, 1);
    let mut now = at(0);
    link.handle(now, Event::Start);
    for _ in 0..60 {
        let dial = link.action().dial().unwrap();
        now = link.handle(now, Event::DialFailed(dial.id, Overloaded)).wake();
        link.handle(now, Event::Tick);
    }
    let saved = link.snapshot(); // a dial in flight
    let mut link = Reconnector::restore(new.build().unwrap(), 1, &saved, Duration::ZERO, now);
    let Action::SleepUntil(wait) = link.action() else { panic!("{}", link.action()) };
    let next = link.handle(wait.until, Event::Tick).dial().unwrap();
    let end = wait.until;
    let action = link.handle(end, Event::DialFailed(next.id, Unreachable));
    let (first, second) = (wait.until.saturating_since(now), action.wake().saturating_since(end));
    assert!(
        first <= secs(45) && second <= secs(45),
        "waits {first:?} and {second:?} with a cap of 45 s"
    );
}

#[test]
fn overload_that_is_ignored_is_unreachable_also_when_a_stable_connection_is_lost() {
    let of = |failure| {
        let b = plain().overload(Overload::Ignore).first_retry(FirstRetry::Immediate);
        let mut link = link(b, &[0]);
        link.handle(at(0), Event::Start);
        let id = connect(&mut link, at(0));
        link.handle(at(100), Event::Closed(id, failure))
    };
    assert_eq!(of(Overloaded), of(Unreachable));
}

#[test]
fn first_retry_backoff_waits_also_after_a_planned_restart() {
    let mut link = link(plain().first_retry(FirstRetry::Backoff), &[0, 1]);
    link.handle(at(0), Event::Start);
    let id = connect(&mut link, at(0));
    let action = link.handle(at(100), Event::Closed(id, hint(60)));
    assert!(action.dial().is_none(), "after the first interval: {action}");
}

#[test]
fn a_hint_that_is_cut_does_not_switch_the_backoff_off() {
    let mut link = link(plain().max_hint(Duration::from_millis(1)), &[0]);
    link.handle(at(1), Event::Start);
    let action = fail_with(&mut link, at(1), hint(3600));
    let wait = action.wake().saturating_since(at(1));
    assert!(wait >= Duration::from_millis(750), "asked for an hour, waits {wait:?}");
}

#[test]
fn the_longest_outage_goes_on_over_offline() {
    let mut health = Health::new(secs(3600), 950_000);
    let mut link = link(plain(), &[0]);
    for (seconds, event) in
        [(0, Event::Start), (50, Event::Offline), (51, Event::Online), (100, Event::Tick)]
    {
        link.handle(at(seconds), event);
        if seconds == 50 {
            link.handle(at(50), Event::DialAborted(DialId::new(link.status().dials).unwrap()));
        }
        health.observe(at(seconds), &link.status());
    }
    assert!(health.longest_outage() >= secs(99), "{:?}", health.longest_outage());
}

#[test]
fn a_reset_forgets_the_calls_that_were_lent_before() {
    let breaker = Breaker::new(BreakerPolicy::consecutive(1), 1).unwrap();
    let old = breaker.allow(at(0)).unwrap();
    breaker.trip();
    breaker.reset();
    old.failure(at(1));
    assert_eq!(breaker.circuit(at(1)), Circuit::Closed);
}

#[test]
fn a_busy_primary_does_not_delay_the_way_to_a_healthy_third() {
    let mut link =
        link(plain().selection(Selection::Priority { failback: Some(secs(60)) }), &[0, 1, 2]);
    link.handle(at(0), Event::Start);
    fail(&mut link, at(0));
    let spare = connect(&mut link, at(0));
    let mut now = at(0);
    while now < at(40_000) || link.action().dial().is_some() {
        if link.action().dial().is_some() {
            fail_with(&mut link, now, Overloaded); // always endpoint 0
        } else {
            now = link.action().wake();
            link.handle(now, Event::Tick);
        }
    }
    let action = link.handle(now, Event::Closed(spare, Unreachable));
    let wait = action.wake().saturating_since(now);
    assert!(
        action.dial().is_some(),
        "endpoint 2 was never asked, and is not for {wait:?}: {action}"
    );
}

#[test]
fn failbacks_that_the_policy_stops_do_not_end_the_link() {
    const ONCE: Backoff = Backoff::table(&[Duration::from_secs(1)], After::Stop);
    let b = plain().backoff(ONCE).selection(Selection::Priority { failback: Some(secs(60)) });
    let mut link = link(b, &[0, 1, 2]);
    link.handle(at(0), Event::Start);
    fail(&mut link, at(0));
    let spare = connect(&mut link, at(0));
    for seconds in [10, 70, 71] {
        link.handle(at(seconds), Event::Tick);
        if link.action().dial().is_some() {
            fail(&mut link, at(seconds));
        }
    }
    let action = link.handle(at(1_000), Event::Closed(spare, Unreachable));
    assert!(!matches!(action, Action::GiveUp(_)), "endpoint 2 was never asked: {action}");
}

#[test]
fn a_policys_builder_sets_as_the_first_one_did() {
    let one = Policy::builder().dial_timeout(secs(120)).build();
    let other = Policy::DEFAULT.to_builder().dial_timeout(secs(120)).build();
    assert_eq!(one, other);
}

#[test]
fn a_cap_can_be_raised_again() {
    let one = Policy::builder().cap(secs(60)).build().unwrap();
    let low = Policy::builder().cap(secs(5)).build().unwrap();
    assert_eq!(low.to_builder().cap(secs(60)).build().unwrap().overload(), one.overload());
}

#[test]
fn online_leaves_alone_what_the_policy_has_stopped() {
    let mut link = link(plain().backoff(Backoff::Never), &[0]);
    link.handle(at(0), Event::Start);
    connect(&mut link, at(0));
    link.handle(at(20), Event::Redial);
    let stopped = fail(&mut link, at(20));
    assert_eq!(link.handle(at(30), Event::Online), stopped);
}

#[test]
fn not_all_circuits_are_open_after_the_list_has_changed() {
    let breaker = BreakerPolicy::consecutive(1);
    for (allowed, admitted) in [(false, 1), (true, 0)] {
        let mut link = link(plain().breaker(breaker).allow_all_open(allowed), &[0, 1, 2]);
        link.handle(at(0), Event::Start);
        fail(&mut link, at(0));
        fail(&mut link, at(0));
        link.set_endpoints(at(1), list(&[1, 0]));
        let half_open = |one: &&Endpoint| one.circuit(at(1)) == Circuit::HalfOpen;
        assert_eq!(link.endpoints().iter().filter(half_open).count(), admitted);
    }
}

#[test]
fn a_dropped_dial_is_waited_for_though_a_hint_is_past() {
    let mut link = link(plain(), &[0, 1]);
    link.handle(at(0), Event::Start);
    fail_with(&mut link, at(0), hint(5));
    let next = fail(&mut link, at(0)).wake();
    let dial = link.handle(next, Event::Tick).dial().unwrap();
    let action = link.handle(next.saturating_add(secs(6)), Event::DialAborted(dial.id));
    assert!(action.dial().is_none(), "{action}");
}

#[test]
fn a_past_hint_is_past_in_a_process_whose_clock_begins() {
    let wait = |origin| {
        let mut link = Reconnector::with_endpoints(Policy::DEFAULT, 3, list(&[0, 1]));
        link.handle(at(0), Event::Start);
        let next = fail_with(&mut link, at(0), hint(60)).wake();
        link.handle(next, Event::Tick);
        let health: Vec<_> = link.endpoint_snapshots().collect();
        let (saved, away, now) = (link.snapshot(), secs(100), at(origin));
        let link = Reconnector::restore_with_endpoints(
            Policy::DEFAULT,
            3,
            list(&[0, 1]),
            &saved,
            &health,
            away,
            now,
        );
        link.action().wake().saturating_since(now)
    };
    // Where the clock begins no hint can end, so it ends a moment later.
    assert!(wait(0) <= wait(1) + std::time::Duration::from_nanos(1));
}

#[test]
fn never_is_never_also_while_a_connection_is_held() {
    let mut link = link(plain().backoff(Backoff::Never), &[0]);
    link.handle(at(0), Event::Start);
    connect(&mut link, at(0));
    link.handle(at(20), Event::Redial);
    fail_with(&mut link, at(20), hint(60));
    let action = link.handle(at(200), Event::Tick);
    assert!(action.dial().is_none(), "{action}");
}

#[test]
fn a_stable_connection_is_restored_as_lost_though_another_drained() {
    let breaker = BreakerPolicy::consecutive(1);
    let builder = || plain().breaker(breaker).allow_all_open(true);
    let mut live = link(builder(), &[0, 1]);
    live.handle(at(0), Event::Start);
    let old = connect(&mut live, at(0));
    live.handle(at(100), Event::GoingAway(old, None));
    connect(&mut live, at(100));
    live.handle(at(112), Event::Tick);
    let restored = restored(&live, builder(), &[0, 1], at(112));
    assert_eq!(restored.endpoints()[1].failures(), 0);
}

#[test]
fn a_restored_interval_of_the_unreachable_is_within_the_new_cap() {
    let old = plain().cap(secs(3600)).build().unwrap();
    let mut link = Reconnector::new(old, 1);
    let mut now = at(0);
    link.handle(now, Event::Start);
    for _ in 0..40 {
        let dial = link.action().dial().unwrap();
        now = link.handle(now, Event::DialFailed(dial.id, Unreachable)).wake();
        link.handle(now, Event::Tick);
    }
    let dial = link.action().dial().unwrap();
    link.handle(now, Event::DialFailed(dial.id, Unreachable));
    let new = plain().build().unwrap();
    let mut restored = Reconnector::restore(new, 1, &link.snapshot(), Duration::ZERO, now);
    let now = restored.action().wake();
    let dial = restored.handle(now, Event::Tick).dial().unwrap();
    let action = restored.handle(now, Event::DialAborted(dial.id));
    assert!(action.wake().saturating_since(now) <= secs(45), "{action}");
}

#[test]
fn an_endpoint_that_goes_away_is_asked_last_in_every_round() {
    let mut link = link(plain(), &[0, 1]);
    link.handle(at(0), Event::Start);
    let old = connect(&mut link, at(0));
    let mut asked = Vec::new();
    let mut now = at(20);
    link.handle(now, Event::GoingAway(old, Some(at(500))));
    while asked.len() < 5 {
        if let Some(dial) = link.action().dial() {
            asked.push(dial.endpoint);
            fail(&mut link, now);
        } else {
            now = link.action().wake();
            link.handle(now, Event::Tick);
        }
    }
    assert_eq!(asked, [1, 1, 0, 1, 0]);
}

#[test]
fn going_away_said_twice_is_said_once() {
    let after = |times| {
        let broken = plain().breaker(BreakerPolicy::consecutive(1).open_for(secs(5)));
        let mut link = link(broken, &[0, 1]);
        link.handle(at(0), Event::Start);
        fail(&mut link, at(0));
        let id = connect(&mut link, at(0));
        for _ in 0..times {
            link.handle(at(20), Event::GoingAway(id, None));
        }
        fail(&mut link, at(21))
    };
    assert_eq!(after(1), after(2));
}
