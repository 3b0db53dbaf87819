//! Without limits a fleet is nothing but its reconnectors.

mod common;
#[path = "common/counts.rs"]
mod counts;

use std::time::Duration;

use redial::{Action, Event, Failure, Policy, Reconnector, Timestamp};
use redial_fleet::{Fleet, Key};

use common::{Draws, policies};
use counts::counted;

/// Each link ticked when its own wake has come, one by one.
struct Naive(Vec<(Key, Reconnector<Policy>)>);

impl Naive {
    fn tick(&mut self, now: Timestamp) {
        for (_, link) in &mut self.0 {
            if link.action().wake() <= now {
                link.handle(now, Event::Tick);
            }
        }
    }

    fn wake(&self) -> Timestamp {
        self.0.iter().map(|(_, link)| link.action().wake()).min().unwrap_or(Timestamp::MAX)
    }
}

/// Runs both side by side; `links` at most at any time.
fn side_by_side(links: u64, steps: u32) {
    let mut draws = Draws::seeded();
    let policies = policies();
    let mut fleet: Fleet = Fleet::new();
    let mut naive = Naive(Vec::new());
    let mut now = Timestamp::from_nanos(draws.span());
    for step in 0..steps {
        while let Some((key, action)) = fleet.poll(now) {
            assert_eq!(fleet.get(key).unwrap().action(), action);
        }
        naive.tick(now);
        for (key, link) in &naive.0 {
            assert_eq!(fleet.get(*key).unwrap(), link, "step {step}, link {key} at {now}");
        }
        assert_eq!(fleet.counts(), counted(naive.0.iter().map(|(_, link)| link)));
        assert_eq!(fleet.len(), naive.0.len());
        assert!(fleet.wake() <= naive.wake(), "would sleep over {} at {now}", naive.wake());

        if (naive.0.len() as u64) < links && (naive.0.is_empty() || draws.one_in(4)) {
            let policy =
                policies[usize::try_from(draws.below(policies.len() as u64)).unwrap()].clone();
            let link = Reconnector::new(policy, draws.next());
            naive.0.push((fleet.insert(now, link.clone()), link));
            // A fleet looks at what it takes over.
            naive.0.last_mut().unwrap().1.handle(now, Event::Tick);
        } else if links > 1 && draws.one_in(40) {
            let place = usize::try_from(draws.below(naive.0.len() as u64)).unwrap();
            let (key, link) = naive.0.swap_remove(place);
            assert_eq!(fleet.remove(key), Some(link));
            assert_eq!(fleet.handle(now, key, Event::Start), None);
            assert_eq!(fleet.remove(key), None);
        }
        for _ in 0..draws.below(4).min(naive.0.len() as u64) {
            let place = usize::try_from(draws.below(naive.0.len() as u64)).unwrap();
            let (key, link) = &mut naive.0[place];
            let event = draws.event(now, &link.action());
            let action = link.handle(now, event);
            assert_eq!(fleet.handle(now, *key, event), Some(action), "{event:?} at {now}");
        }
        let first = naive.wake();
        now = match draws.below(4) {
            0 | 1 if first != Timestamp::MAX => now.max(first),
            2 => now.saturating_add(Duration::from_nanos(draws.span())),
            _ => now,
        };
        if now > Timestamp::from_nanos(1 << 60) {
            break;
        }
    }
}

#[test]
fn a_fleet_of_one_behaves_as_a_reconnector() {
    for _ in 0..20 {
        side_by_side(1, 1500);
    }
}

#[test]
fn a_fleet_behaves_as_its_reconnectors_do() {
    for _ in 0..4 {
        side_by_side(60, 2500);
    }
}

#[test]
fn waking_only_when_asked_dials_at_the_same_instants() {
    let mut fleet: Fleet = Fleet::new();
    let mut alone = Reconnector::new(Policy::DEFAULT, 7);
    let key = fleet.insert(Timestamp::ORIGIN, alone.clone());
    let mut now = Timestamp::ORIGIN;
    let mut expected = alone.handle(now, Event::Start);
    let mut action = fleet.handle(now, key, Event::Start).unwrap();
    for _ in 0..50 {
        assert_eq!(action, expected);
        let dial = action.dial().unwrap();
        let event = Event::DialFailed(dial.id, Failure::Unreachable);
        let due = alone.handle(now, event).wake();
        fleet.handle(now, key, event);
        expected = alone.handle(due, Event::Tick);
        action = loop {
            now = fleet.wake();
            if let Some((_, action)) = fleet.poll(now) {
                break action;
            }
        };
        assert_eq!(now, due);
    }
}

#[test]
fn the_whole_fleet_goes_offline_and_comes_back() {
    let mut fleet = Fleet::new();
    let mut now = Timestamp::ORIGIN;
    let start = |fleet: &mut Fleet<&'static Policy>, now, seed| {
        let key = fleet.insert(now, Reconnector::new(&Policy::DEFAULT, seed));
        fleet.handle(now, key, Event::Start).unwrap();
        key
    };
    let held = start(&mut fleet, now, 1);
    let dial = fleet.get(held).unwrap().action().dial().unwrap();
    fleet.handle(now, held, Event::Connected(dial.id));
    let waiting = start(&mut fleet, now, 2);
    let dial = fleet.get(waiting).unwrap().action().dial().unwrap();
    fleet.handle(now, waiting, Event::DialFailed(dial.id, Failure::Unreachable));
    fleet.offline(now);
    let late = start(&mut fleet, now, 3);
    assert_eq!((fleet.counts().connected, fleet.counts().offline), (1, 2));

    now = Timestamp::from_nanos(60_000_000_000);
    while let Some((key, action)) = fleet.poll(now) {
        assert!(action.dial().is_none(), "{key} dials while offline");
    }
    fleet.online(now);
    let mut dialing = Vec::new();
    while let Some((key, action)) = fleet.poll(now) {
        dialing.extend(action.dial().map(|_| key));
    }
    assert_eq!(dialing, [waiting, late], "their waits are past");
    assert_eq!((fleet.counts().connected, fleet.counts().connecting), (1, 2));
}

#[test]
fn a_running_link_that_is_inserted_is_told_of() {
    let now = Timestamp::ORIGIN;
    let mut link = Reconnector::new(&Policy::DEFAULT, 1);
    let dial = link.handle(now, Event::Start).dial().unwrap();
    let mut fleet = Fleet::new();
    let key = fleet.insert(now, link);
    assert_eq!(fleet.poll(now), Some((key, Action::Dial(dial))));
    assert_eq!(fleet.poll(now), None);
}
