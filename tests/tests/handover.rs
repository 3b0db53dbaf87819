//! Make before break: every corner of replacing a connection that works.

use std::time::Duration;

use redial::{
    Action, Circuit, Dial, DialId, Endpoint, Event, Failure, FirstRetry, GiveUpReason, Jitter,
    Policy, PolicyBuilder, Reconnector, Refresh, Selection, Timestamp,
};

type Link = Reconnector<Policy, Vec<Endpoint>>;

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_origin(s(seconds))
}

fn plain() -> PolicyBuilder {
    let wide = Duration::from_nanos(1);
    Policy::builder().jitter(Jitter::None).first_retry(FirstRetry::Immediate).rate_limit(1000, wide)
}

fn link(policy: PolicyBuilder, keys: &[u32]) -> Link {
    let endpoints = keys.iter().copied().map(Endpoint::new).collect();
    Reconnector::with_endpoints(policy.build().unwrap(), 1, endpoints)
}

/// Connected at 0, stable at 10 s.
fn connected(policy: PolicyBuilder, keys: &[u32]) -> (Link, DialId) {
    let mut link = link(policy, keys);
    let id = link.handle(at(0), Event::Start).dial().unwrap().id;
    link.handle(at(0), Event::Connected(id));
    (link, id)
}

/// In the middle of a handover that began at 100 s.
fn replacing(policy: PolicyBuilder, keys: &[u32]) -> (Link, DialId, Dial) {
    let (mut link, old) = connected(policy, keys);
    let dial = link.handle(at(100), Event::Redial).dial().unwrap();
    assert_eq!(dial.serving, Some(old));
    (link, old, dial)
}

/// The new connection is up at 101 s, the old one drains.
fn draining(policy: PolicyBuilder, keys: &[u32]) -> (Link, DialId, DialId) {
    let (mut link, old, dial) = replacing(policy, keys);
    let action = link.handle(at(101), Event::Connected(dial.id));
    assert_eq!(action.held(), Some(dial.id));
    assert_eq!(action.draining().unwrap().id, old);
    (link, old, dial.id)
}

/// The dial of this action, or of its wake.
fn next_dial(link: &mut Link, action: Action) -> Dial {
    let dial = action.dial().or_else(|| link.handle(action.wake(), Event::Tick).dial());
    dial.unwrap_or_else(|| panic!("{action}"))
}

#[test]
fn going_away_dials_another_endpoint_first() {
    let (mut link, old) = connected(plain(), &[1, 2]);
    let dial = link.handle(at(100), Event::GoingAway(old, None)).dial().unwrap();
    assert_eq!((dial.endpoint, dial.serving, dial.attempt), (2, Some(old), 0));
}

#[test]
fn going_away_dials_the_same_endpoint_if_there_is_no_other() {
    let (mut link, old) = connected(plain(), &[1]);
    let dial = link.handle(at(100), Event::GoingAway(old, None)).dial().unwrap();
    assert_eq!((dial.endpoint, dial.serving), (1, Some(old)));
}

#[test]
fn going_away_on_an_unstable_connection_waits_until_it_is_stable() {
    let (mut link, old) = connected(plain(), &[1, 2]);
    let action = link.handle(at(5), Event::GoingAway(old, None));
    assert!(matches!(action, Action::Hold(_)), "{action}");
    assert_eq!(action.wake(), at(10));
    assert_eq!(link.handle(at(10), Event::Tick).dial().unwrap().serving, Some(old));
}

#[test]
fn going_away_on_an_unstable_connection_is_a_flap_at_its_end() {
    let (mut link, old) = connected(plain(), &[1]);
    link.handle(at(5), Event::GoingAway(old, None));
    let action = link.handle(at(6), Event::Closed(old, Failure::Unreachable));
    assert!(matches!(action, Action::SleepUntil(_)), "{action}");
    assert_eq!(link.handle(action.wake(), Event::Tick).dial().unwrap().attempt, 2);
}

#[test]
fn redial_drops_an_unstable_connection_and_dials() {
    let (mut link, old) = connected(plain(), &[1]);
    let dial = link.handle(at(5), Event::Redial).dial().unwrap();
    assert_eq!((dial.serving, dial.attempt), (None, 1), "its attempt is given back");
    assert!(dial.id > old);
    assert_eq!(link.endpoints()[0].failures(), 0, "nobody's fault");
}

#[test]
fn redial_replaces_a_stable_connection() {
    let (_, _, dial) = replacing(plain(), &[1]);
    assert_eq!(dial.attempt, 0);
}

#[test]
fn the_new_connection_is_the_link_at_once_and_the_old_one_drains() {
    let (link, old, _) = draining(plain(), &[1]);
    let drain = link.action().draining().unwrap();
    assert_eq!((drain.id, drain.deadline), (old, at(131)));
}

#[test]
fn the_servers_deadline_cuts_the_drain() {
    let (mut link, old) = connected(plain(), &[1, 2]);
    let dial = link.handle(at(100), Event::GoingAway(old, Some(at(105)))).dial().unwrap();
    let action = link.handle(at(101), Event::Connected(dial.id));
    assert_eq!(action.draining().unwrap().deadline, at(105));
    let action = link.handle(at(105), Event::Tick);
    assert_eq!((action.held(), action.draining()), (Some(dial.id), None));
}

#[test]
fn a_drain_ends_with_its_close() {
    let (mut link, old, new) = draining(plain(), &[1]);
    let action = link.handle(at(102), Event::Closed(old, Failure::Unreachable));
    assert_eq!((action.held(), action.draining()), (Some(new), None));
    assert_eq!(link.counters().ignored, 0);
}

#[test]
fn a_drain_ends_with_its_timeout() {
    let (mut link, _, new) = draining(plain().drain_timeout(s(3)), &[1]);
    assert!(link.handle(at(103), Event::Tick).draining().is_some());
    let action = link.handle(at(104), Event::Tick);
    assert_eq!((action.held(), action.draining()), (Some(new), None));
}

#[test]
fn before_the_new_connection_is_up_no_deadline_ends_the_old_one() {
    let (mut link, old) = connected(plain().drain_timeout(s(1)), &[1]);
    let mut action = link.handle(at(100), Event::GoingAway(old, Some(at(101))));
    for _ in 0..50 {
        assert_eq!(action.held(), Some(old));
        action = match action {
            Action::Dial(dial) => {
                let now = dial.deadline;
                link.handle(now, Event::DialFailed(dial.id, Failure::Unreachable))
            }
            other => link.handle(other.wake(), Event::Tick),
        };
    }
}

#[test]
fn while_the_next_try_waits_the_old_connection_is_held() {
    let (mut link, old, dial) = replacing(plain(), &[1]);
    let action = link.handle(at(101), Event::DialFailed(dial.id, Failure::Unreachable));
    let Action::Hold(hold) = action else { panic!("{action}") };
    assert_eq!((hold.id, hold.draining), (old, None));
    let wake = hold.wake.unwrap();
    assert_eq!(wake.saturating_since(at(101)), Duration::from_millis(750), "paced as ever");
    assert_eq!(link.handle(wake, Event::Tick).dial().unwrap().serving, Some(old));
}

#[test]
fn a_handover_dial_that_hangs_ends_with_its_deadline() {
    let (mut link, old, dial) = replacing(plain(), &[1]);
    let action = link.handle(dial.deadline, Event::Tick);
    assert!(matches!(action, Action::Hold(_)), "{action}");
    assert_eq!(action.held(), Some(old));
}

#[test]
fn an_aborted_handover_dial_is_tried_again() {
    let (mut link, old, dial) = replacing(plain(), &[1]);
    let action = link.handle(at(101), Event::DialAborted(dial.id));
    let again = next_dial(&mut link, action);
    assert_eq!(again.serving, Some(old));
    assert_eq!(link.endpoints()[0].failures(), 0);
}

#[test]
fn what_is_wanted_survives_offline() {
    let (mut link, old) = connected(plain(), &[1]);
    link.handle(at(50), Event::Offline);
    let action = link.handle(at(100), Event::GoingAway(old, None));
    assert!(matches!(action, Action::Hold(_)), "no new dials: {action}");
    assert_eq!(link.handle(at(200), Event::Online).dial().unwrap().serving, Some(old));
}

#[test]
fn a_new_connection_that_is_lost_gives_the_old_one_back() {
    let (mut link, old, new) = draining(plain(), &[1, 2]);
    let failures =
        |link: &Link, key| link.endpoints().iter().find(|end| end.key() == key).unwrap().failures();
    let at_new = link.status().endpoint.unwrap();
    let action = link.handle(at(105), Event::Closed(new, Failure::Unreachable));
    assert_eq!(action.held(), Some(old));
    assert_eq!(action.draining(), None);
    assert_eq!(failures(&link, at_new), 1, "the flap is the new one's");
    assert_eq!(next_dial(&mut link, action).serving, Some(old), "it is still wanted");
}

#[test]
fn a_connection_given_back_never_gave_up_being_stable() {
    let (mut link, old, new) = draining(plain(), &[1]);
    link.handle(at(102), Event::Closed(new, Failure::Unreachable));
    let action = link.handle(at(103), Event::Closed(old, Failure::Unreachable));
    assert_eq!(next_dial(&mut link, action).attempt, 1);
}

#[test]
fn both_lost_at_once_is_one_outage() {
    let (mut link, old, new) = draining(plain(), &[1]);
    link.handle(at(102), Event::Closed(old, Failure::Unreachable));
    let action = link.handle(at(102), Event::Closed(new, Failure::Unreachable));
    assert!(matches!(action, Action::SleepUntil(_) | Action::Dial(_)), "{action}");
    assert_eq!(action.held(), None);
}

#[test]
fn nothing_new_is_begun_while_something_drains() {
    let (mut link, old, new) = draining(plain(), &[1, 2]);
    let action = link.handle(at(115), Event::GoingAway(new, None));
    assert_eq!(action.held(), Some(new));
    assert!(action.draining().is_some());
    let action = link.handle(at(116), Event::Closed(old, Failure::Unreachable));
    assert_eq!(action.dial().unwrap().serving, Some(new), "now it is");
}

#[test]
fn going_away_twice_keeps_the_earlier_end_of_a_drain() {
    let (mut link, old, _) = draining(plain(), &[1]);
    let action = link.handle(at(102), Event::GoingAway(old, Some(at(110))));
    assert_eq!(action.draining().unwrap().deadline, at(110));
    let action = link.handle(at(102), Event::GoingAway(old, Some(at(120))));
    assert_eq!(action.draining().unwrap().deadline, at(110));
}

#[test]
fn nothing_gives_up_while_a_connection_is_held() {
    let limits =
        || plain().max_attempts(1).max_rounds(1).max_elapsed(s(1)).give_up_when_all_parked(true);
    let ends = [Failure::Fatal, Failure::Unsuitable, Failure::Unreachable, Failure::TimedOut];
    for failure in ends {
        let (mut link, old, dial) = replacing(limits(), &[1]);
        let mut action = link.handle(at(101), Event::DialFailed(dial.id, failure));
        for _ in 0..20 {
            assert_eq!(action.held(), Some(old), "{failure}: {action}");
            action = match action {
                Action::Dial(dial) => {
                    link.handle(dial.deadline, Event::DialFailed(dial.id, failure))
                }
                other => link.handle(other.wake(), Event::Tick),
            };
        }
    }
}

#[test]
fn handover_dials_are_apart_from_the_limit() {
    let (mut link, old, dial) = replacing(plain().max_attempts(2), &[1]);
    let action = link.handle(at(101), Event::DialFailed(dial.id, Failure::Unreachable));
    let again = link.handle(action.wake(), Event::Tick).dial().unwrap();
    link.handle(at(103), Event::DialFailed(again.id, Failure::Unreachable));
    let mut action = link.handle(at(104), Event::Closed(old, Failure::Unreachable));
    let mut attempts = Vec::new();
    let mut now = at(104);
    loop {
        action = match action {
            Action::Dial(dial) => {
                attempts.push(dial.attempt);
                link.handle(now, Event::DialFailed(dial.id, Failure::Unreachable))
            }
            Action::SleepUntil(wait) => {
                now = wait.until;
                link.handle(now, Event::Tick)
            }
            Action::GiveUp(end) => {
                assert_eq!((end.reason, end.attempts), (GiveUpReason::MaxAttempts, 2));
                break;
            }
            other => panic!("{other}"),
        };
    }
    assert_eq!(attempts, [1, 2]);
}

#[test]
fn the_dial_in_flight_is_the_first_attempt_when_the_serving_connection_ends() {
    let (mut link, old, dial) = replacing(plain().max_elapsed(s(5)), &[1]);
    assert_eq!(dial.deadline, at(110));
    let action = link.handle(at(101), Event::Closed(old, Failure::Unreachable));
    let now = action.dial().unwrap();
    assert_eq!((now.id, now.attempt, now.serving), (dial.id, 1, None));
    assert_eq!(now.deadline, at(106), "cut by the outage's limit");
    let action = link.handle(at(102), Event::Connected(dial.id));
    assert_eq!((action.held(), action.draining()), (Some(dial.id), None));
}

#[test]
fn the_first_retry_does_not_undercut_what_a_failed_handover_imposed() {
    let (mut link, old, dial) = replacing(plain(), &[1]);
    let held = link.handle(at(101), Event::DialFailed(dial.id, Failure::Overloaded));
    assert_eq!(held.wake(), at(110), "the overload class's floor");
    let lost = link.handle(at(102), Event::Closed(old, Failure::Unreachable));
    assert_eq!(lost.wake(), at(110));
}

#[test]
fn parks_of_a_failed_handover_are_cleared_when_the_link_is_lost() {
    let (mut link, old) = connected(plain(), &[1, 2]);
    let dial = link.handle(at(100), Event::GoingAway(old, None)).dial().unwrap();
    link.handle(at(101), Event::DialFailed(dial.id, Failure::Fatal));
    assert!(link.endpoints()[1].parked_until() > at(101), "kept for that endpoint");
    if let Some(dial) = link.action().dial() {
        link.handle(at(101), Event::DialFailed(dial.id, Failure::Unreachable));
    }
    link.handle(at(102), Event::Closed(old, Failure::Unreachable));
    assert_eq!(link.endpoints()[1].parked_until(), Timestamp::ORIGIN);
}

#[test]
fn break_first_drops_the_old_connection() {
    let (mut link, old) = connected(plain().refresh(Refresh::BreakFirst), &[1]);
    let action = link.handle(at(100), Event::GoingAway(old, None));
    let dial = action.dial().unwrap();
    assert_eq!((dial.serving, dial.attempt), (None, 1));
    assert_eq!(action.held(), None, "a second connection would evict the first");
}

#[test]
fn break_first_keeps_the_old_connection_until_a_dial_may_start() {
    let (mut link, old) = connected(plain().refresh(Refresh::BreakFirst), &[1]);
    link.handle(at(50), Event::Defer(at(200)));
    let action = link.handle(at(100), Event::Redial);
    assert_eq!((action.held(), action.wake()), (Some(old), at(200)));
    assert_eq!(link.handle(at(200), Event::Tick).held(), None);
}

#[test]
fn stop_during_a_handover_drops_both() {
    let (mut link, old, dial) = replacing(plain(), &[1]);
    assert_eq!(link.handle(at(101), Event::Stop), Action::Idle);
    link.handle(at(102), Event::Connected(dial.id));
    link.handle(at(102), Event::Closed(old, Failure::Unreachable));
    assert_eq!((link.action(), link.counters().ignored), (Action::Idle, 2));
    let (mut link, ..) = draining(plain(), &[1]);
    assert_eq!(link.handle(at(102), Event::Stop), Action::Idle);
}

#[test]
fn a_connection_is_replaced_at_its_maximum_age() {
    let (mut link, old) = connected(plain().max_age(s(3600)), &[1]);
    let hold = link.handle(at(10), Event::Tick);
    assert_eq!(hold.wake(), at(3600), "exact without jitter");
    assert_eq!(link.handle(at(3600), Event::Tick).dial().unwrap().serving, Some(old));
}

#[test]
fn the_first_maximum_age_is_anywhere_and_later_ones_are_a_tenth_apart() {
    let policy = || Policy::builder().max_age(s(3600)).build().unwrap();
    let mut first = Vec::new();
    for seed in 0..1000 {
        let mut link = Reconnector::new(policy(), seed);
        let id = link.handle(at(0), Event::Start).dial().unwrap().id;
        link.handle(at(0), Event::Connected(id));
        let age = link.handle(at(10), Event::Tick).wake();
        assert!((at(360)..=at(3600)).contains(&age), "{age}");
        first.push(age);
        let dial = link.handle(age, Event::Tick).dial().unwrap();
        link.handle(age, Event::Connected(dial.id));
        link.handle(age, Event::Closed(id, Failure::Unreachable));
        let stable = link.action().wake();
        let second = link.handle(stable, Event::Tick).wake().saturating_since(age);
        assert!((s(3240)..=s(3600)).contains(&second), "{second:?}");
    }
    let early = first.iter().filter(|age| **age < at(1980)).count();
    assert!((400..600).contains(&early), "{early} of 1000 in the first half");
}

#[test]
fn a_maximum_age_is_never_below_stability() {
    for seed in 0..100 {
        let policy = Policy::builder().max_age(s(11)).build().unwrap();
        let mut link = Reconnector::new(policy, seed);
        let id = link.handle(at(0), Event::Start).dial().unwrap().id;
        link.handle(at(0), Event::Connected(id));
        assert!(link.action().wake() >= at(10));
        assert_eq!(link.handle(at(9), Event::Tick).held(), Some(id));
    }
}

#[test]
fn failback_returns_to_the_better_endpoint() {
    let selection = Selection::Priority { failback: Some(s(60)) };
    let mut link = link(plain().selection(selection), &[1, 2]);
    let first = link.handle(at(0), Event::Start).dial().unwrap();
    let second = link.handle(at(0), Event::DialFailed(first.id, Failure::Unreachable));
    let second = second.dial().unwrap();
    assert_eq!(second.endpoint, 2);
    link.handle(at(0), Event::Connected(second.id));
    let hold = link.handle(at(10), Event::Tick);
    assert_eq!(hold.wake(), at(70), "stable, and then 60 s");
    let back = link.handle(at(70), Event::Tick).dial().unwrap();
    assert_eq!((back.endpoint, back.serving), (1, Some(second.id)));
}

#[test]
fn failback_does_not_leave_the_best() {
    let selection = Selection::Priority { failback: Some(s(60)) };
    let (mut link, old) = connected(plain().selection(selection), &[1, 2]);
    let hold = link.handle(at(10), Event::Tick);
    assert_eq!((hold.held(), hold.wake()), (Some(old), Timestamp::MAX));
}

#[test]
fn failback_waits_for_the_better_ones_breaker() {
    let selection = Selection::Priority { failback: Some(s(60)) };
    let mut link = link(plain().selection(selection), &[1, 2]);
    link.trip(at(0), 1);
    let dial = link.handle(at(0), Event::Start).dial().unwrap();
    link.handle(at(0), Event::Connected(dial.id));
    assert_eq!(link.handle(at(1000), Event::Tick).wake(), Timestamp::MAX);
    link.reset(at(1000), 1);
    let action = link.action();
    assert_eq!(next_dial(&mut link, action).endpoint, 1);
    assert_eq!(link.endpoints()[0].circuit(at(1000)), Circuit::Closed);
}

#[test]
fn silence_ends_a_connection() {
    let (mut link, old) = connected(plain().idle_timeout(s(30)), &[1]);
    assert_eq!(link.handle(at(10), Event::Tick).wake(), at(30));
    let action = link.handle(at(30), Event::Tick);
    assert_eq!(action.held(), None);
    link.handle(at(31), Event::Closed(old, Failure::Unreachable));
    assert_eq!(link.counters().ignored, 1);
}

#[test]
fn activity_never_moves_an_armed_wake() {
    let (mut link, old) = connected(plain().idle_timeout(s(30)), &[1]);
    let hold = link.handle(at(10), Event::Tick);
    for second in 11..30 {
        assert_eq!(link.handle(at(second), Event::Activity(old)), hold);
    }
    let hold = link.handle(at(30), Event::Tick);
    assert_eq!((hold.held(), hold.wake()), (Some(old), at(29 + 30)), "it looks again");
    assert_eq!(link.handle(at(59), Event::Tick).held(), None);
}

#[test]
fn a_dead_serving_connection_leaves_the_dial_that_replaces_it() {
    let (mut link, _, dial) = replacing(plain().idle_timeout(s(105)), &[1]);
    let action = link.handle(at(105), Event::Tick);
    let now = action.dial().unwrap();
    assert_eq!((now.id, now.serving, now.attempt), (dial.id, None, 1));
}

#[test]
fn an_overloaded_loss_skips_the_first_retry_and_jumps() {
    let (mut link, old) = connected(plain(), &[1]);
    let action = link.handle(at(100), Event::Closed(old, Failure::Overloaded));
    assert_eq!(action.wake(), at(109));
}

#[test]
fn a_silent_loss_counts_as_unreachable() {
    let (mut link, old) = connected(plain(), &[1]);
    let action = link.handle(at(100), Event::Closed(old, Failure::TimedOut));
    assert_eq!(action.dial().unwrap().attempt, 1, "at once");
}
