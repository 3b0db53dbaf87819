//! Events that come late, twice or never, and timers beside them.

use redial::{Action, BreakerPolicy, Circuit, Dial, Event, Failure, Phase, Reconnector, Timestamp};
use redial_testkit::sim::Answer;

use crate::support::{at, link, plain, s, within};

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
