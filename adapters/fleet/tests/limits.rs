//! The limits of a fleet: never crossed, never unfair, and no more than a wait for anybody.

mod common;
#[path = "common/counts.rs"]
mod counts;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::time::Duration;

use redial::{
    Action, Counters, Event, Failure, GiveUpReason, Jitter, Phase, Policy, Reconnector, Timestamp,
    WaitReason,
};
use redial_fleet::{Fleet, Key};

use common::{Draws, policies};
use counts::counted;

const SECOND: u64 = 1_000_000_000;

fn some(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap()
}

/// Starts `links` links at the origin; returns their keys and whose dials began at once.
fn started(fleet: &mut Fleet<&'static Policy>, links: u64) -> (Vec<Key>, Vec<(u64, Key)>) {
    let (mut keys, mut dials) = (Vec::new(), Vec::new());
    for seed in 0..links {
        let key = fleet.insert(Timestamp::ORIGIN, Reconnector::new(&Policy::DEFAULT, seed));
        let action = fleet.handle(Timestamp::ORIGIN, key, Event::Start).unwrap();
        dials.extend(action.dial().map(|_| (0, key)));
        keys.push(key);
    }
    (keys, dials)
}

#[test]
fn links_that_are_due_at_once_dial_in_order_and_within_the_rate() {
    let (links, rate) = (20_000, 1000);
    let mut fleet = Fleet::new().max_dials_per_second(some(1000));
    let (keys, mut dials) = started(&mut fleet, links);
    assert_eq!(u64::from(fleet.counts().queued), links - dials.len() as u64);
    while dials.len() < keys.len() {
        let now = fleet.wake();
        while let Some((key, action)) = fleet.poll(now) {
            let Some(dial) = action.dial() else { continue };
            let left = dial.deadline.saturating_since(now);
            assert_eq!(left, Duration::from_secs(10), "its deadline ran while it queued");
            dials.push((now.as_nanos(), key));
            fleet.handle(now, key, Event::Connected(dial.id));
        }
    }
    assert!(dials.iter().map(|(_, key)| key).eq(&keys), "not first come, first served");
    for (first, (begin, _)) in dials.iter().enumerate() {
        let end = dials.partition_point(|(at, _)| *at < begin + SECOND);
        assert!(end - first <= 1000, "{} in the second from {begin}", end - first);
    }
    for (place, (at, _)) in (1..).zip(&dials) {
        assert!(*at <= place * SECOND / rate * 11 / 10, "place {place} waited until {at}");
    }
}

#[test]
fn no_more_dials_are_in_flight_than_allowed() {
    let mut fleet = Fleet::new().max_in_flight(some(10));
    let (keys, dials) = started(&mut fleet, 100);
    assert_eq!((dials.len(), fleet.counts().dialing, fleet.counts().queued), (10, 10, 90));
    // Each dial takes 100 ms, so ten rounds of ten take a second.
    let mut ends: Vec<(u64, Key)> = dials.iter().map(|(_, key)| (SECOND / 10, *key)).collect();
    let mut order: Vec<Key> = dials.iter().map(|(_, key)| *key).collect();
    while !ends.is_empty() {
        let (end, _) = ends[0];
        let now = fleet.wake().min(Timestamp::from_nanos(end));
        while ends.first().is_some_and(|(end, _)| *end <= now.as_nanos()) {
            let (_, key) = ends.remove(0);
            let dial = fleet.get(key).unwrap().action().dial().unwrap();
            fleet.handle(now, key, Event::Connected(dial.id));
        }
        while let Some((key, action)) = fleet.poll(now) {
            if action.dial().is_some() {
                order.push(key);
                ends.push((now.as_nanos() + SECOND / 10, key));
            }
        }
        assert!(fleet.counts().dialing <= 10);
        assert!(now.as_nanos() <= SECOND, "stalled at {now}");
    }
    assert_eq!(order, keys);
    assert_eq!(fleet.counts().connected, 100);
}

#[test]
fn more_places_are_taken_at_once_and_fewer_end_no_dial() {
    let now = Timestamp::ORIGIN;
    let mut fleet = Fleet::new().max_in_flight(some(2));
    let (keys, _) = started(&mut fleet, 10);
    fleet.set_max_in_flight(some(5));
    while fleet.poll(now).is_some() {}
    assert_eq!((fleet.counts().dialing, fleet.counts().queued), (5, 5));
    fleet.set_max_in_flight(some(4));
    while fleet.poll(now).is_some() {}
    assert_eq!((fleet.counts().dialing, fleet.counts().queued), (5, 5));
    for (ended, dialing) in [(0, 4), (1, 4)] {
        let dial = fleet.get(keys[ended]).unwrap().action().dial().unwrap();
        fleet.handle(now, keys[ended], Event::Connected(dial.id));
        while fleet.poll(now).is_some() {}
        assert_eq!(fleet.counts().dialing, dialing);
    }
    assert_eq!(fleet.counts().queued, 4);
}

#[test]
fn a_queued_link_shows_when_it_may_expect_to_dial() {
    let mut fleet = Fleet::new().max_dials_per_second(some(10));
    let (keys, _) = started(&mut fleet, 100);
    let Phase::Reconnecting { until, reason, attempt } =
        fleet.get(keys[99]).unwrap().status().phase
    else {
        panic!()
    };
    assert_eq!((reason, attempt), (WaitReason::Deferred, 0));
    assert!((9 * SECOND..=11 * SECOND).contains(&until.as_nanos()), "{until}");
}

#[test]
fn max_elapsed_gives_up_in_the_queue_and_not_late() {
    let policy = Policy::builder().max_elapsed(Duration::from_secs(5)).build().unwrap();
    let mut fleet = Fleet::new().max_dials_per_second(some(10));
    let mut gave_up = 0;
    for seed in 0..100 {
        let key = fleet.insert(Timestamp::ORIGIN, Reconnector::new(&policy, seed));
        let action = fleet.handle(Timestamp::ORIGIN, key, Event::Start);
        if let Some(Action::GiveUp(end)) = action {
            assert_eq!(end.reason, GiveUpReason::MaxElapsed);
            gave_up += 1;
        }
    }
    assert!((45..60).contains(&gave_up), "{gave_up}: those who would come after 5 s");
    // Dials that hang fill the places in flight, and time alone ends the rest.
    let mut fleet = Fleet::new().max_in_flight(some(1));
    for seed in 0..50 {
        let key = fleet.insert(Timestamp::ORIGIN, Reconnector::new(&policy, seed));
        fleet.handle(Timestamp::ORIGIN, key, Event::Start);
    }
    while fleet.counts().gave_up < 50 {
        let now = fleet.wake();
        while let Some((_, action)) = fleet.poll(now) {
            if let Action::GiveUp(end) = action {
                assert!(end.elapsed <= Duration::from_secs(5), "late: {end}");
            }
        }
        assert!(now <= Timestamp::from_nanos(5 * SECOND), "still going at {now}");
    }
}

#[test]
fn the_applications_own_deferral_outlives_the_queue() {
    let mut fleet = Fleet::new().max_dials_per_second(some(100));
    let (keys, _) = started(&mut fleet, 50);
    let until = Timestamp::from_nanos(3600 * SECOND);
    fleet.handle(Timestamp::ORIGIN, keys[30], Event::Defer(until));
    let mut dialed = BTreeSet::new();
    let mut now = Timestamp::ORIGIN;
    while now < until {
        while let Some((key, action)) = fleet.poll(now) {
            if let Some(dial) = action.dial() {
                dialed.insert(key);
                fleet.handle(now, key, Event::Connected(dial.id));
            }
        }
        assert!(!dialed.contains(&keys[30]), "dialed at {now}");
        now = fleet.wake().min(until);
    }
    let (key, action) = fleet.poll(until).unwrap();
    assert_eq!(key, keys[30]);
    assert!(action.dial().is_some());
}

#[test]
fn lifting_a_deferral_does_not_jump_the_queue() {
    let mut fleet = Fleet::new().max_dials_per_second(some(1));
    let (keys, dials) = started(&mut fleet, 3);
    assert_eq!(dials.len(), 1);
    let until = Timestamp::from_nanos(3600 * SECOND);
    fleet.handle(Timestamp::ORIGIN, keys[1], Event::Defer(until));
    let action = fleet.handle(Timestamp::ORIGIN, keys[1], Event::Defer(Timestamp::ORIGIN)).unwrap();
    assert!(action.dial().is_none());
    let mut order = Vec::new();
    while order.len() < 2 {
        let now = fleet.wake();
        while let Some((key, action)) = fleet.poll(now) {
            order.extend(action.dial().map(|_| key));
        }
    }
    assert_eq!(order, [keys[2], keys[1]]);
}

#[test]
fn a_removed_link_leaves_its_place_to_the_next() {
    let mut fleet = Fleet::new().max_dials_per_second(some(1));
    let (keys, _) = started(&mut fleet, 4);
    fleet.remove(keys[1]);
    fleet.handle(Timestamp::ORIGIN, keys[2], Event::Stop);
    assert_eq!(fleet.counts().queued, 1);
    let now = loop {
        let now = fleet.wake();
        if let Some((key, action)) = fleet.poll(now) {
            assert_eq!(key, keys[3]);
            assert!(action.dial().is_some());
            break now;
        }
    };
    assert!(now.as_nanos() <= 11 * SECOND / 10, "{now}");
}

#[test]
fn a_rate_that_is_changed_gives_nothing_back() {
    let mut fleet = Fleet::new().max_dials_per_second(some(100));
    let (_, dials) = started(&mut fleet, 1000);
    assert_eq!(dials.len(), 5, "at once");
    for rate in [100, 50, 200] {
        fleet.set_max_dials_per_second(some(rate));
        assert_eq!(fleet.poll(Timestamp::ORIGIN), None, "{rate}/s");
    }
    let next = fleet.wake();
    assert!(next > Timestamp::ORIGIN && fleet.poll(next).is_some(), "{next}");
}

/// Random events at random times: what the limits promise holds after every call.
#[test]
fn random_events_never_cross_the_limits_and_never_lose_a_link() {
    let mut draws = Draws::seeded();
    let policies: Vec<Policy> = policies();
    for _ in 0..30 {
        let rate = u32::try_from(1 + draws.below(200)).unwrap();
        let flights = u32::try_from(1 + draws.below(20)).unwrap();
        let mut fleet: Fleet = Fleet::new();
        let (rated, flighted) = (!draws.one_in(4), !draws.one_in(4));
        if rated {
            fleet = fleet.max_dials_per_second(some(rate));
        }
        if flighted {
            fleet = fleet.max_in_flight(some(flights));
        }
        let mut keys = Vec::new();
        let mut now = Timestamp::from_nanos(draws.span());
        let mut seen = Timestamp::MAX;
        let mut begun: BTreeMap<(Key, u64), u64> = BTreeMap::new();
        let mut note = |now: Timestamp, key: Key, action: &Action| {
            if let Some(dial) = action.dial() {
                let first = begun.entry((key, dial.id.get())).or_insert(now.as_nanos());
                assert!(now.as_nanos() >= *first);
            }
        };
        for _ in 0..1500 {
            if keys.len() < 40 && (keys.is_empty() || draws.one_in(8)) {
                let policy = policies[usize::try_from(draws.below(5)).unwrap()].clone();
                keys.push(fleet.insert(now, Reconnector::new(policy, draws.next())));
            } else if draws.one_in(60) {
                let place = usize::try_from(draws.below(keys.len() as u64)).unwrap();
                assert!(fleet.remove(keys.swap_remove(place)).is_some());
            } else if draws.one_in(100) {
                if draws.one_in(2) { fleet.offline(now) } else { fleet.online(now) }
            }
            for _ in 0..draws.below(6) {
                let Some(place) = keys.len().checked_sub(1) else { break };
                let place = usize::try_from(draws.below(place as u64 + 1)).unwrap();
                let key = keys[place];
                let event = draws.event(now, &fleet.get(key).unwrap().action());
                // Some callers' clocks are behind what the fleet has seen.
                let behind = if now == seen && draws.one_in(5) { draws.span() } else { 0 };
                let at = Timestamp::from_nanos(now.as_nanos().saturating_sub(behind));
                seen = now;
                let action = fleet.handle(at, key, event).unwrap();
                note(now, key, &action);
                let counts = fleet.counts();
                assert!(!flighted || counts.dialing <= flights);
                let mut links = counted(fleet.iter().map(|(_, link)| link));
                links.queued = counts.queued;
                assert_eq!(counts, links);
            }
            while let Some((key, action)) = fleet.poll(now) {
                note(now, key, &action);
            }
            if flighted {
                assert!(fleet.counts().dialing <= flights);
            }
            let wake = fleet.wake();
            assert!(wake > now, "asked for the same instant again at {now}");
            now = match draws.below(3) {
                0 | 1 if wake != Timestamp::MAX => wake,
                _ => now.saturating_add(Duration::from_nanos(draws.span() >> 6)),
            };
        }
        if rated {
            let mut times: Vec<u64> = begun.into_values().collect();
            times.sort_unstable();
            for (first, begin) in times.iter().enumerate() {
                let end = times.partition_point(|at| *at < begin + SECOND);
                assert!(end - first <= rate as usize, "{} of {rate} from {begin}", end - first);
            }
        }
        // Whoever wants to dial gets to, once everything else calms down.
        fleet.online(now);
        for key in &keys {
            fleet.handle(now, *key, Event::Defer(Timestamp::ORIGIN));
        }
        let mut waiting: BTreeSet<Key> = keys.iter().copied().collect();
        let settled = |fleet: &Fleet, key: &Key| {
            let action = fleet.get(*key).unwrap().action();
            action.held().is_some() || matches!(action, Action::Idle | Action::GiveUp(_))
        };
        for _ in 0..200_000 {
            // Whoever is done leaves, so that the others' hours pass quickly.
            for key in
                waiting.clone().into_iter().filter(|key| settled(&fleet, key)).collect::<Vec<_>>()
            {
                fleet.remove(key);
                waiting.remove(&key);
            }
            if waiting.is_empty() {
                break;
            }
            for key in &waiting {
                if let Some(dial) = fleet.get(*key).unwrap().action().dial() {
                    fleet.handle(now, *key, Event::Connected(dial.id));
                }
            }
            while fleet.poll(now).is_some() {}
            now = now.max(fleet.wake());
            if now == Timestamp::MAX {
                break;
            }
        }
        assert!(waiting.is_empty(), "{waiting:?} never dialed, until {now}");
    }
}

/// As for a link by itself: what has happened is heard before a deadline that has come.
#[test]
fn what_is_told_at_a_deadline_counts() {
    let now = Timestamp::ORIGIN;
    let mut fleet = Fleet::new().max_in_flight(some(1));
    let key = fleet.insert(now, Reconnector::new(&Policy::DEFAULT, 1));
    let dial = fleet.handle(now, key, Event::Start).unwrap().dial().unwrap();
    let action = fleet.handle(dial.deadline, key, Event::Connected(dial.id)).unwrap();
    assert_eq!(action.held(), Some(dial.id));

    let key = fleet.insert(dial.deadline, Reconnector::new(&Policy::DEFAULT, 1));
    let dial = fleet.handle(dial.deadline, key, Event::Start).unwrap().dial().unwrap();
    let late = dial.deadline.saturating_add(Duration::from_secs(5));
    let action = fleet.handle(late, key, Event::DialFailed(dial.id, Failure::Fatal)).unwrap();
    assert!(matches!(action, Action::GiveUp(end) if end.reason == GiveUpReason::Fatal), "{action}");
}

#[test]
fn an_event_comes_before_what_is_due_though_others_queue() {
    let policy = Policy::builder().idle_timeout(Duration::from_secs(20)).build().unwrap();
    let mut fleet = Fleet::new().max_in_flight(some(1));
    let mut now = Timestamp::ORIGIN;
    let [key, other] = [1, 2].map(|seed| fleet.insert(now, Reconnector::new(&policy, seed)));
    let dial = fleet.handle(now, key, Event::Start).unwrap().dial().unwrap();
    assert!(fleet.handle(now, other, Event::Start).unwrap().dial().is_none());
    // Exactly at its deadline a success still counts.
    now = dial.deadline;
    let held = fleet.handle(now, key, Event::Connected(dial.id)).unwrap();
    assert_eq!(held.held(), Some(dial.id));
    let (told, action) = fleet.poll(now).unwrap();
    assert_eq!((told, action.dial().is_some()), (other, true));
    // And late activity keeps a connection.
    now = now.saturating_add(Duration::from_secs(21));
    let held = fleet.handle(now, key, Event::Activity(dial.id)).unwrap();
    assert_eq!(held.held(), Some(dial.id));
    assert_eq!(fleet.get(key).unwrap().counters(), Counters::default());
}

#[test]
fn a_handover_waits_for_its_turn_and_keeps_the_connection() {
    let policy =
        Policy::builder().jitter(Jitter::None).max_age(Duration::from_secs(60)).build().unwrap();
    let mut fleet = Fleet::new().max_in_flight(some(1));
    let now = Timestamp::ORIGIN;
    let key = fleet.insert(now, Reconnector::new(policy.clone(), 1));
    let dial = fleet.handle(now, key, Event::Start).unwrap().dial().unwrap();
    fleet.handle(now, key, Event::Connected(dial.id));
    // Another one has the only place when the connection is old.
    let now = Timestamp::from_nanos(59 * SECOND);
    while fleet.poll(now).is_some() {}
    let other = fleet.insert(now, Reconnector::new(policy, 2));
    let hung = fleet.handle(now, other, Event::Start).unwrap().dial().unwrap();
    let now = Timestamp::from_nanos(65 * SECOND);
    while let Some((told, action)) = fleet.poll(now) {
        assert!(told != key || action.dial().is_none(), "crossed the limit");
    }
    assert_eq!(fleet.get(key).unwrap().action().held(), Some(dial.id));
    assert_eq!(fleet.counts().queued, 1);
    fleet.handle(now, other, Event::DialFailed(hung.id, Failure::Unreachable));
    let (told, action) = fleet.poll(now).unwrap();
    assert_eq!((told, action.held()), (key, Some(dial.id)));
    assert!(action.dial().is_some());
}

#[test]
fn the_applications_own_deferral_holds_for_a_nanosecond_too() {
    let mut fleet = Fleet::new().max_in_flight(some(1));
    let now = Timestamp::from_nanos(SECOND);
    let keys = [1, 2, 3].map(|seed| fleet.insert(now, Reconnector::new(&Policy::DEFAULT, seed)));
    let dial = fleet.handle(now, keys[0], Event::Start).unwrap().dial().unwrap();
    for key in &keys[1..] {
        fleet.handle(now, *key, Event::Start);
    }
    fleet.handle(now, keys[1], Event::Defer(now.saturating_add(Duration::from_nanos(1))));
    fleet.handle(now, keys[0], Event::Connected(dial.id));
    let (told, action) = fleet.poll(now).unwrap();
    assert_eq!((told, action.dial().is_some()), (keys[2], true), "ahead of its own deferral");
    assert_eq!(fleet.poll(now), None);
}
