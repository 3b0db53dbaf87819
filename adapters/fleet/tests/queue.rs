//! The queue before the limits of a fleet: nobody in it gives up on a guess, and who left it leaves nothing.

use std::num::NonZeroU32;
use std::time::Duration;

use redial::{Action, DialId, Event, GiveUpReason, Policy, Reconnector, Timestamp};
use redial_fleet::{Fleet, Key};

fn some(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap()
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_origin(Duration::from_secs(seconds))
}

fn limited(seconds: u64) -> Policy {
    Policy::builder().max_elapsed(Duration::from_secs(seconds)).build().unwrap()
}

fn start(fleet: &mut Fleet, now: Timestamp, policy: &Policy, seed: u64) -> (Key, Action) {
    let key = fleet.insert(now, Reconnector::new(policy.clone(), seed));
    (key, fleet.handle(now, key, Event::Start).unwrap())
}

fn dials(fleet: &mut Fleet, now: Timestamp) -> Vec<(Key, DialId)> {
    let mut dials = Vec::new();
    while let Some((key, action)) = fleet.poll(now) {
        dials.extend(action.dial().map(|dial| (key, dial.id)));
    }
    dials
}

#[test]
fn who_left_the_queue_is_before_nobody() {
    let mut fleet = Fleet::new().max_dials_per_second(some(100));
    let queued: Vec<Key> = (0..5000)
        .map(|seed| start(&mut fleet, at(0), &Policy::DEFAULT, seed))
        .filter_map(|(key, action)| action.dial().is_none().then_some(key))
        .collect();
    for key in &queued[1..] {
        fleet.remove(*key);
    }
    let (key, action) = start(&mut fleet, at(0), &limited(30), 5000);
    assert!(matches!(action, Action::SleepUntil(_)), "{action}");
    let mut order = Vec::new();
    while order.len() < 2 {
        let now = fleet.wake();
        order.extend(dials(&mut fleet, now).into_iter().map(|(key, _)| key));
        assert!(now < at(1), "stalled");
    }
    assert_eq!(order, [queued[0], key]);
}

#[test]
fn dials_that_were_slow_make_nobody_give_up() {
    let mut fleet = Fleet::new().max_in_flight(some(1));
    let mut flying = Vec::new();
    for seed in 0..50 {
        let (key, action) = start(&mut fleet, at(0), &Policy::DEFAULT, seed);
        flying.extend(action.dial().map(|dial| (key, dial.id)));
    }
    let mut now = at(0);
    for _ in 0..20 {
        now = now.saturating_add(Duration::from_secs(9));
        for (key, id) in flying.drain(..) {
            fleet.handle(now, key, Event::Connected(id));
        }
        flying = dials(&mut fleet, now);
    }
    // From now on each takes ten milliseconds.
    let (last, action) = start(&mut fleet, now, &limited(60), 50);
    assert!(matches!(action, Action::SleepUntil(_)), "{action}");
    while let Some((key, id)) = flying.pop() {
        now = now.saturating_add(Duration::from_millis(10));
        fleet.handle(now, key, Event::Connected(id));
        flying = dials(&mut fleet, now);
    }
    assert!(fleet.get(last).unwrap().action().held().is_some());
    assert_eq!((fleet.counts().connected, fleet.counts().gave_up), (51, 0));
}

#[test]
fn a_queue_that_began_late_makes_nobody_give_up() {
    let mut fleet = Fleet::new().max_in_flight(some(1));
    let now = at(1_000_000);
    let (_, first) = start(&mut fleet, now, &Policy::DEFAULT, 0);
    assert!(first.dial().is_some());
    for seed in 1..50 {
        start(&mut fleet, now, &limited(1), seed);
    }
    assert_eq!((fleet.counts().queued, fleet.counts().gave_up), (49, 0));
}

#[test]
fn whoever_gives_up_in_the_queue_has_waited_nearly_as_long_as_it_may() {
    let mut fleet = Fleet::new().max_in_flight(some(1));
    for seed in 0..50 {
        start(&mut fleet, at(0), &limited(8), seed);
    }
    let (mut polls, mut ends) = (0, 0);
    // The one dial that hangs gives up last, at eight seconds.
    while ends < 50 {
        let now = fleet.wake();
        polls += 1;
        while let Some((_, action)) = fleet.poll(now) {
            let Action::GiveUp(end) = action else { continue };
            assert_eq!(end.reason, GiveUpReason::MaxElapsed);
            assert!(now >= Timestamp::from_nanos(7_875_000_000), "at {now}");
            ends += 1;
        }
        assert!(now <= at(8), "late: {now}");
    }
    assert!(polls < 1000, "looked {polls} times");
}

#[test]
fn joining_and_leaving_the_queue_without_end_takes_little_memory() {
    let mut fleet: Fleet = Fleet::new().max_in_flight(some(1));
    let links = [0, 1, 2].map(|seed| start(&mut fleet, at(0), &Policy::DEFAULT, seed).0);
    for _ in 0..100_000 {
        fleet.handle(at(0), links[2], Event::Stop);
        fleet.handle(at(0), links[2], Event::Start);
        assert_eq!(fleet.poll(at(0)), None);
    }
    assert_eq!(fleet.counts().queued, 2);
    assert!(fleet.heap_bytes() < 500_000, "{}", fleet.heap_bytes());
    let dial = fleet.get(links[0]).unwrap().action().dial().unwrap();
    fleet.handle(at(0), links[0], Event::Connected(dial.id));
    assert_eq!(dials(&mut fleet, at(0))[0].0, links[1]);
}

#[test]
fn a_start_that_comes_late_does_not_begin_anew_what_is_over() {
    let mut fleet: Fleet = Fleet::new().max_in_flight(some(1));
    start(&mut fleet, at(0), &Policy::DEFAULT, 1);
    let (queued, _) = start(&mut fleet, at(0), &limited(8), 2);
    assert_eq!(fleet.counts().queued, 1);
    // The loop was away for a while.
    let action = fleet.handle(at(60), queued, Event::Start);
    assert!(matches!(action, Some(Action::GiveUp(_))), "{action:?}");
    assert_eq!(fleet.counts().queued, 0);
    let action = fleet.handle(at(60), queued, Event::Start);
    assert!(matches!(action, Some(Action::SleepUntil(_))), "{action:?}");
}
