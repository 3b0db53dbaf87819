//! Failbacks that fail: what they have earned is the wait of those that failed, and of nothing else.

use redial::Failure::{Overloaded, TimedOut, Unreachable};
use redial::{
    Action, Backoff, DialId, Event, Failure, PolicyBuilder, Selection, Timestamp, WaitReason,
};

use crate::{Link, at, connect, fail, fail_with, hint, later, link, list, plain, restored, secs};

pub(crate) fn failing_back() -> PolicyBuilder {
    plain().selection(Selection::Priority { failback: Some(secs(60)) })
}

/// Connected to 1, just after the last of many failbacks to 0, which has always been overloaded.
fn busy_primary(builder: PolicyBuilder, keys: &[u32]) -> (Link, DialId, Timestamp) {
    let mut link = link(builder, keys);
    link.handle(at(0), Event::Start);
    let mut now = fail(&mut link, at(0)).wake();
    if link.action().dial().is_none() {
        link.handle(now, Event::Tick);
    }
    let spare = connect(&mut link, now);
    while now < at(40_000) || link.action().dial().is_some() {
        if link.action().dial().is_some() {
            fail_with(&mut link, now, Overloaded);
        } else {
            now = link.action().wake();
            link.handle(now, Event::Tick);
        }
    }
    (link, spare, now)
}

#[test]
fn failed_failbacks_delay_nothing_but_failbacks() {
    let lost = |link: &mut Link, id, now| link.handle(now, Event::Closed(id, Unreachable));
    let endpoint = |action: Action| action.dial().map(|dial| dial.endpoint);
    for limited in [failing_back(), failing_back().max_elapsed(secs(120))] {
        let (mut link, id, now) = busy_primary(limited, &[0, 1]);
        assert_eq!(endpoint(lost(&mut link, id, now)), Some(1), "the one that had worked");
    }
    let (mut link, id, now) = busy_primary(failing_back(), &[0, 1, 2]);
    link.set_endpoints(now, list(&[0, 1, 2]));
    assert_eq!(endpoint(lost(&mut link, id, now)), Some(2), "after the same list came again");
    let next = fail(&mut link, now);
    assert!(next.wake().saturating_since(now) < secs(60), "as in any outage: {next}");

    let (mut link, id, now) = busy_primary(failing_back(), &[0, 1, 2]);
    link.set_endpoints(now, list(&[1, 2]));
    assert_eq!(endpoint(lost(&mut link, id, now)), Some(2), "after the busy one has left");

    let (mut link, id, now) = busy_primary(failing_back(), &[0, 1, 2]);
    let action = link.handle(now, Event::GoingAway(id, None));
    assert_eq!(endpoint(action), Some(2), "when the server drains");

    let (mut link, _, now) = busy_primary(failing_back(), &[0, 1, 2]);
    assert_eq!(endpoint(link.handle(now, Event::Redial)), Some(0), "by hand");
}

/// Whether the endpoint waits for something of its own.
fn waits(link: &Link, key: u32) -> bool {
    link.endpoints().iter().any(|one| one.key() == key && one.hinted_until().is_some())
}

pub(crate) fn lose(link: &mut Link, id: DialId, now: Timestamp) -> Action {
    link.handle(now, Event::Closed(id, Unreachable))
}

#[test]
fn only_those_that_failed_are_charged() {
    for keys in [&[0, 2][..], &[5, 0, 1], &[2, 3]] {
        let (mut link, id, now) = busy_primary(failing_back(), &[0, 1]);
        link.set_endpoints(now, list(keys));
        lose(&mut link, id, now);
        let charged: Vec<u32> = keys.iter().copied().filter(|key| waits(&link, *key)).collect();
        assert!(charged.iter().all(|key| *key == 0), "{charged:?} of {keys:?}");
    }
    let (mut link, id, now) = busy_primary(failing_back(), &[0, 1]);
    link.set_endpoints(now, list(&[1, 0]));
    assert_eq!(lose(&mut link, id, now).dial().map(|dial| dial.endpoint), Some(1));
    assert!(waits(&link, 0), "behind the link it is still charged");

    let (link, _, now) = busy_primary(failing_back(), &[0, 1]);
    let link = restored(&link, failing_back(), &[2, 3], now);
    assert!(link.action().dial().is_some(), "restored with others: {}", link.action());
}

#[test]
fn a_link_that_is_lost_while_a_failback_dials_begins_anew() {
    let (mut link, id, now) = busy_primary(failing_back(), &[0, 1]);
    let now = link.action().wake().max(now);
    link.handle(now, Event::Tick);
    assert_eq!(link.action().dial().map(|dial| dial.endpoint), Some(0));
    lose(&mut link, id, now);
    let next = fail_with(&mut link, now, Overloaded);
    assert!(next.wake().saturating_since(now) < secs(60), "{next}");
}

#[test]
fn what_was_charged_is_a_backoff_for_whoever_knows_better() {
    for event in [Event::Redial, Event::Start] {
        let (mut link, id, now) = busy_primary(failing_back(), &[0, 1]);
        lose(&mut link, id, now);
        link.set_endpoints(now, list(&[0]));
        let Action::SleepUntil(wait) = link.action() else { panic!("{}", link.action()) };
        assert_eq!(wait.reason, WaitReason::Backoff);
        if event == Event::Start {
            link.handle(now, Event::Stop);
        }
        let action = link.handle(now, event);
        assert!(action.dial().is_some(), "{event:?}: {action}");
    }
}

#[test]
fn a_servers_own_hint_is_not_lengthened() {
    let mut link = link(failing_back(), &[0, 1, 2]);
    link.handle(at(0), Event::Start);
    fail(&mut link, at(0));
    fail(&mut link, at(0));
    let id = connect(&mut link, at(0));
    let mut now = at(0);
    while now < at(40_000) || link.action().dial().is_some() {
        if let Some(dial) = link.action().dial() {
            let failure = if dial.endpoint == 0 { hint(60) } else { Overloaded };
            fail_with(&mut link, now, failure);
        } else {
            now = link.action().wake();
            link.handle(now, Event::Tick);
        }
    }
    let before = link.endpoints()[0].hinted_until();
    lose(&mut link, id, now);
    assert_eq!(link.endpoints()[0].hinted_until(), before);
}

#[test]
fn never_does_not_dial_again_when_a_connection_comes_of_age() {
    let builder = failing_back().backoff(Backoff::Never).max_age(secs(1000));
    let mut link = link(builder, &[1]);
    link.handle(at(0), Event::Start);
    connect(&mut link, at(0));
    link.handle(at(10), Event::Tick);
    link.set_endpoints(at(11), list(&[0, 1]));
    link.handle(at(90), Event::Tick);
    fail(&mut link, at(90));
    let action = link.handle(at(1000), Event::Tick);
    assert!(action.dial().is_none(), "{action}");
}

/// Connected to 1, with a failback to 0 in flight, after many that have failed by `failure`.
fn another_failback(keys: &[u32], failure: Failure) -> (Link, DialId, Timestamp) {
    let mut link = link(failing_back(), keys);
    link.handle(at(0), Event::Start);
    fail(&mut link, at(0));
    let old = connect(&mut link, at(0));
    let now = keep_failing_back(&mut link, at(0), failure);
    assert_eq!(link.action().dial().map(|dial| dial.endpoint), Some(0));
    (link, old, now)
}

/// Fails every failback by `failure` for eleven hours, but for the last.
fn keep_failing_back(link: &mut Link, mut now: Timestamp, failure: Failure) -> Timestamp {
    while now < at(40_000) {
        if link.action().dial().is_some() {
            fail_with(link, now, failure);
        }
        now = link.action().wake();
        link.handle(now, Event::Tick);
    }
    now
}

#[test]
fn failed_failbacks_delay_no_other_once_the_old_connection_has_drained() {
    for failure in [Overloaded, Unreachable] {
        let (mut link, old, now) = another_failback(&[0, 1], failure);
        let new = connect(&mut link, now);
        link.handle(now, Event::Closed(old, Unreachable));
        let now = later(now, 5);
        let action = link.handle(now, Event::Closed(new, Unreachable));
        assert_eq!(action.dial().map(|dial| dial.endpoint), Some(1));
        let action = fail(&mut link, now);
        let wait = action.wake().saturating_since(now);
        assert!(wait < secs(5), "1 has failed once in eleven hours: {wait:?} after {failure}");
    }
}

#[test]
fn failed_failbacks_delay_no_other_when_the_draining_connection_goes_away() {
    let (mut link, old, now) = another_failback(&[0, 1], Overloaded);
    let new = connect(&mut link, now);
    link.handle(now, Event::GoingAway(old, None));
    let now = later(now, 5);
    let action = link.handle(now, Event::Closed(new, Unreachable));
    assert_eq!(action.dial().map(|dial| (dial.endpoint, dial.serving)), Some((1, Some(old))));
    fail(&mut link, now);
    let now = later(now, 1);
    let action = link.handle(now, Event::Closed(old, Unreachable));
    assert!(action.wake().saturating_since(now) < secs(60), "{action} at {now}");
}

#[test]
fn failed_failbacks_delay_no_other_after_a_redial_while_one_drains() {
    let (mut link, old, now) = another_failback(&[0, 1], Overloaded);
    connect(&mut link, now);
    let now = later(now, 5);
    link.handle(now, Event::Redial);
    fail(&mut link, now); // 0, then 1
    fail(&mut link, now);
    let now = later(now, 1);
    let action = link.handle(now, Event::Closed(old, Unreachable));
    assert!(action.wake().saturating_since(now) < secs(60), "{action} at {now}");
}

#[test]
fn a_charge_that_was_restored_is_lifted_too() {
    let (mut link, old, now) = another_failback(&[0, 1], Overloaded);
    fail_with(&mut link, now, Overloaded);
    link.handle(now, Event::Closed(old, Unreachable));
    link.set_endpoints(now, list(&[0]));
    let mut restored = restored(&link, failing_back(), &[0], now);
    assert_eq!(restored.action(), link.action());
    let live = link.handle(now, Event::Redial);
    assert!(live.dial().is_some(), "{live}");
    assert_eq!(restored.handle(now, Event::Redial), live);
}

#[test]
fn an_endpoint_is_charged_for_its_own_failures() {
    let mut link = link(failing_back(), &[0, 1, 2]);
    link.handle(at(0), Event::Start);
    fail(&mut link, at(0));
    fail(&mut link, at(0));
    let id = connect(&mut link, at(0));
    let (mut now, mut dials) = (at(0), 0);
    while now < at(40_000) || link.action().dial().is_some() {
        match link.action().dial() {
            Some(dial) if dial.endpoint == 1 => {
                // Once, just before it is taken out of service for eleven hours.
                dials += 1;
                fail(&mut link, now);
                link.trip(now, 1);
            }
            Some(_) => {
                fail_with(&mut link, now, Overloaded);
            }
            None => {
                now = link.action().wake();
                link.handle(now, Event::Tick);
            }
        }
    }
    assert_eq!(dials, 1);
    link.reset(now, 1);
    let action = link.handle(now, Event::Closed(id, Unreachable));
    assert_eq!(action.dial().map(|dial| dial.endpoint), Some(1), "{action} at {now}");
}

#[test]
fn a_failback_in_flight_takes_no_longer_than_any_first_dial_of_an_outage() {
    let mut link = link(failing_back(), &[0, 1]);
    link.handle(at(0), Event::Start);
    fail(&mut link, at(0));
    let id = connect(&mut link, at(0));
    let mut now = at(0);
    while now < at(40_000) || link.action().dial().is_none() {
        now = link.action().wake();
        link.handle(now, Event::Tick); // 0 is silent
    }
    let dial = link.handle(now, Event::Closed(id, TimedOut)).dial().unwrap();
    assert_eq!((dial.endpoint, dial.attempt), (0, 1));
    let left = dial.deadline.saturating_since(now);
    assert!(left <= secs(10), "an outage has begun, and 1 is asked after {left:?}");
}

#[test]
fn a_failback_waits_again_after_one_that_was_stable() {
    // 0 serves for 15 s at a time; what is replaced takes its time to drain.
    let mut link = link(failing_back(), &[0, 1]);
    link.handle(at(0), Event::Start);
    fail(&mut link, at(0));
    connect(&mut link, at(0));
    let (mut now, mut failbacks) = (at(0), 0);
    while now < at(3600) {
        if link.action().dial().is_some() {
            failbacks += 1;
            let new = connect(&mut link, now);
            link.handle(now.saturating_add(secs(10)), Event::Tick); // stable
            now = now.saturating_add(secs(15));
            link.handle(now, Event::Closed(new, Unreachable));
        } else {
            now = link.action().wake();
            link.handle(now, Event::Tick);
        }
    }
    assert!(failbacks <= 3600 / 70, "{failbacks} failbacks in an hour, each moves the link");
}

/// Connected to 1, after failbacks to 0 that were overloaded, the last of which said when.
fn hinted_failbacks(keys: &[u32]) -> (Link, DialId, Timestamp) {
    let (mut link, id, now) = another_failback(keys, Overloaded);
    fail_with(&mut link, now, hint(60));
    let now = link.action().wake();
    link.handle(now, Event::Tick);
    (link, id, now)
}

#[test]
fn a_failback_by_a_hint_delays_no_other() {
    let (mut link, id, now) = hinted_failbacks(&[0, 1]);
    assert_eq!(link.action().dial().map(|dial| dial.endpoint), Some(0));
    link.handle(now, Event::Closed(id, Unreachable));
    let action = fail_with(&mut link, now, hint(300));
    let soon = action.dial().is_some() || action.wake().saturating_since(now) < secs(5);
    let held = link.endpoints()[1].hinted_until();
    assert!(soon, "1 has not failed in eleven hours: {action} at {now}, 1 until {held:?}");
}

#[test]
fn a_failback_by_a_hint_that_fails_before_the_link_is_lost_delays_no_other() {
    let (mut link, id, now) = hinted_failbacks(&[0, 1]);
    fail_with(&mut link, now, hint(300));
    let now = later(now, 1);
    let action = link.handle(now, Event::Closed(id, Unreachable));
    let wait = action.wake().saturating_since(now);
    assert!(
        action.dial().is_some(),
        "the link is lost after eleven hours: {action} at {now}, {wait:?}"
    );
}

#[test]
fn a_failback_by_a_hint_delays_no_other_once_the_old_connection_has_drained() {
    let (mut link, old, now) = hinted_failbacks(&[0, 1]);
    let new = connect(&mut link, now);
    link.handle(now, Event::Closed(old, Unreachable));
    let now = later(now, 5);
    let action = link.handle(now, Event::Closed(new, Unreachable));
    assert_eq!(action.dial().map(|dial| dial.endpoint), Some(1), "{action} at {now}");
}

#[test]
fn a_failback_by_a_hint_delays_no_other_when_the_link_goes_away() {
    let (mut link, id, now) = hinted_failbacks(&[0, 1, 2]);
    fail_with(&mut link, now, hint(300));
    let now = later(now, 1);
    let action = link.handle(now, Event::GoingAway(id, None));
    assert_eq!(action.dial().map(|dial| dial.endpoint), Some(2), "{action} at {now}");
}

#[test]
fn a_failback_by_a_hint_delays_no_better_one_that_was_not_tried() {
    let mut link = link(failing_back(), &[0, 1, 2]);
    link.handle(at(0), Event::Start);
    fail(&mut link, at(0));
    fail(&mut link, at(0));
    let id = connect(&mut link, at(0));
    link.trip(at(1), 1);
    let now = keep_failing_back(&mut link, at(1), Overloaded);
    fail_with(&mut link, now, hint(60));
    let now = link.action().wake();
    link.handle(now, Event::Tick);
    fail_with(&mut link, now, hint(300));
    let now = later(now, 1);
    link.reset(now, 1);
    link.handle(now, Event::Closed(id, Unreachable));
    assert_eq!(link.action().dial().map(|dial| dial.endpoint), Some(1), "{}", link.action());
}

#[test]
fn what_failbacks_have_earned_is_theirs_in_the_next_process_too() {
    let (mut link, spare, now) = busy_primary(failing_back(), &[0, 1]);
    let now = link.action().wake().max(now);
    link.handle(now, Event::Tick);
    connect(&mut link, now);
    let next = restored(&link, failing_back(), &[0, 1], now);
    let own = next.endpoints()[0].hinted_until().map(|until| until.saturating_since(now));
    assert!(own > Some(secs(60)), "the failback has ended with its process: {own:?}");

    // Now the other one would have been dialed in any case.
    link.handle(now, Event::GoingAway(spare, None));
    let next = restored(&link, failing_back(), &[0, 1], now);
    assert_eq!(next.action().timeout(now), Some(secs(10)), "the first deadline: {}", next.action());
}
