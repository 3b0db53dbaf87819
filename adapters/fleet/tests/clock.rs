//! The clock of a fleet at its end, and links that are told the same without end.

use redial::{Action, Event, Policy, Reconnector, Timestamp};
use redial_fleet::Fleet;

fn dialing(fleet: &mut Fleet) {
    let key = fleet.insert(Timestamp::ORIGIN, Reconnector::new(Policy::DEFAULT, 1));
    assert!(matches!(fleet.handle(Timestamp::ORIGIN, key, Event::Start), Some(Action::Dial(_))));
}

fn named(fleet: &mut Fleet, now: Timestamp) -> usize {
    let mut named = 0;
    while fleet.poll(now).is_some() {
        named += 1;
        assert!(named < 100, "endless at {now}");
    }
    named
}

#[test]
fn polling_ends_at_the_end_of_time() {
    let mut fleet = Fleet::new();
    dialing(&mut fleet);
    named(&mut fleet, Timestamp::MAX);
    assert_eq!(named(&mut fleet, Timestamp::MAX), 0);
}

#[test]
fn a_fleet_that_was_polled_at_never_still_ends_its_polling() {
    let mut fleet = Fleet::new();
    assert_eq!(fleet.wake(), Timestamp::MAX);
    assert_eq!(named(&mut fleet, Timestamp::MAX), 0);
    dialing(&mut fleet);
    named(&mut fleet, Timestamp::from_nanos(2));
    assert_eq!(named(&mut fleet, Timestamp::MAX), 0);
}

#[test]
fn what_changes_nothing_takes_no_memory() {
    let mut fleet: Fleet = Fleet::new();
    let now = Timestamp::from_nanos(1_000_000);
    let key = fleet.insert(now, Reconnector::new(Policy::DEFAULT, 1));
    fleet.handle(now, key, Event::Start);
    let before = fleet.heap_bytes();
    for _ in 0..100_000 {
        fleet.handle(now, key, Event::Start);
        assert_eq!(fleet.poll(now), None);
    }
    assert!(fleet.heap_bytes() <= before + 64, "{before}, then {}", fleet.heap_bytes());
}

#[test]
fn stopping_and_starting_in_one_instant_takes_little_memory() {
    let mut fleet: Fleet = Fleet::new();
    let now = Timestamp::from_nanos(1_000_000);
    let key = fleet.insert(now, Reconnector::new(Policy::DEFAULT, 1));
    for _ in 0..100_000 {
        fleet.handle(now, key, Event::Start);
        fleet.handle(now, key, Event::Stop);
        assert_eq!(fleet.poll(now), None);
    }
    assert!(fleet.heap_bytes() < 300_000, "{}", fleet.heap_bytes());
}
