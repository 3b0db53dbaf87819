//! Every public function, with inputs that could be anything; every action is printed.

use core::time::Duration;

use redial::{
    Backoff, Breaker, Counters, Crossing, Endpoint, EndpointSnapshot, Event, FirstRetry, Growth,
    Health, Overload, Policy, Reconnector, Refresh, Selection, Snapshot, Timestamp, Trip, presets,
};

use crate::inputs::{Source, breaker_policy, endpoints, event, later, policy};
use crate::log::{circuit, line, print, refused, status};

const POLICIES: u64 = 32;
const EVENTS: u64 = 64;

pub fn run() {
    for number in 0..POLICIES {
        let mut source = Source(number);
        let policy = match policy(&mut source) {
            Ok(policy) => policy,
            Err(error) => {
                refused(error);
                continue;
            }
        };
        read(&policy);
        link(&mut source, &policy);
    }
    breaker(&mut Source(POLICIES));
    named(&mut Source(POLICIES + 1));
}

fn link(source: &mut Source, policy: &Policy) {
    let seed = source.word();
    let mut one = Reconnector::new(policy, seed);
    let mut three = Reconnector::with_endpoints(policy, seed, endpoints(source));
    let mut now = Timestamp::from_nanos(source.word() >> 16);
    let mut health = Health::new(source.duration(), source.word() as u32);
    print(one.handle(now, Event::Start));
    print(three.handle(now, Event::Start));
    for _ in 0..EVENTS {
        now = later(source, now, three.action());
        let event = event(source, now, three.action());
        print(one.handle(now, event));
        print(three.handle(now, event));
        let crossing = health.observe(now, &three.status());
        line(&[crossing.map_or(0, |crossing| 1 + u64::from(crossing == Crossing::Below))]);
        let key = source.small() & 3;
        let known = match source.below(32) {
            0 => three.trip(now, key),
            1 => three.reset(now, key),
            2 => {
                let old = three.set_endpoints(now, endpoints(source));
                old == *three.endpoints()
            }
            _ => continue,
        };
        line(&[u64::from(known)]);
        print(three.action());
    }
    status(three.status());
    let Counters { ignored, backward, .. } = three.counters();
    let copy = one;
    let same = three.policy() == policy && one == copy;
    line(&[u64::from(ignored), u64::from(backward), u64::from(same)]);
    for endpoint in three.endpoints() {
        let hinted = endpoint.hinted_until().map_or(0, Timestamp::as_nanos);
        let (failures, parked) = (u64::from(endpoint.failures()), endpoint.parked_until());
        line(&[u64::from(endpoint.key()), failures, hinted, parked.as_nanos()]);
        circuit(endpoint.circuit(now));
    }
    healthy(&health);
    again(source, policy, seed, &one, &three);
}

fn healthy(health: &Health) {
    let copy = *health;
    line(&[
        copy.uptime().as_secs(),
        copy.downtime().as_secs(),
        copy.offline().as_secs(),
        copy.stopped().as_secs(),
        copy.longest_outage().as_secs(),
        copy.dials(),
        copy.failures(),
        copy.flaps(),
        u64::from(copy.reliability()),
        u64::from(copy.recent()),
    ]);
}

/// Both links live on in a next process.
fn again(
    source: &mut Source,
    policy: &Policy,
    seed: u64,
    one: &Reconnector<&Policy>,
    three: &Reconnector<&Policy, [Endpoint; 3]>,
) {
    let (away, now) = (source.duration(), Timestamp::from_nanos(source.word() >> 16));
    let mut saved = one.snapshot().to_bytes();
    match Snapshot::from_bytes(&saved) {
        Ok(snapshot) => {
            let mut link = Reconnector::restore(policy, seed, &snapshot, away, now);
            print(link.action());
            print(link.handle(link.action().wake(), Event::Tick));
        }
        Err(_) => line(&[98]),
    }
    if let Some(byte) = saved.get_mut(source.below(64) as usize) {
        *byte ^= source.word() as u8;
    }
    line(&[u64::from(Snapshot::from_bytes(&saved).is_ok())]);

    let mut health = [None; 3];
    for (place, saved) in health.iter_mut().zip(three.endpoint_snapshots()) {
        *place = EndpointSnapshot::from_bytes(&saved.to_bytes()).ok();
    }
    if let [Some(first), Some(second), Some(third)] = health {
        let (snapshot, kept) = (three.snapshot(), [first, second, third]);
        line(&kept.map(|endpoint| u64::from(endpoint.key())));
        let list = kept.map(|endpoint| Endpoint::new(endpoint.key()));
        let link =
            Reconnector::restore_with_endpoints(policy, seed, list, &snapshot, &kept, away, now);
        print(link.action());
    }
}

/// Policies by name.
fn named(source: &mut Source) {
    for policy in [
        presets::tower(),
        presets::moq(),
        presets::never(),
        presets::fixed(source.duration()),
        presets::day207(),
        presets::day207_feed(),
        presets::day207_multi(),
        presets::tourniquet(source.word() as u32),
        presets::grpc(),
        presets::nats(),
        presets::phoenix(),
        presets::signalr(),
        presets::reconnecting_websocket(),
        presets::socket_io(),
        presets::systemd(),
    ] {
        line(&[policy.longest_wait().as_secs(), u64::from(*policy.backoff() == Backoff::Never)]);
    }
}

fn breaker(source: &mut Source) {
    let policy = breaker_policy(source);
    let Ok(breaker) = Breaker::new(policy, source.word()) else { return };
    let mut now = Timestamp::ORIGIN;
    for _ in 0..EVENTS {
        now = now.saturating_add(source.duration());
        match breaker.allow(now) {
            Ok(permit) => match source.below(4) {
                0 => permit.success(),
                1 => line(&[u64::from(permit.is_probe())]),
                _ => permit.failure(now),
            },
            Err(refused) => line(&[refused.until.as_nanos()]),
        }
        match source.below(64) {
            0 => breaker.trip(),
            1 => breaker.reset(),
            2 => breaker.disable(),
            _ => {}
        }
        circuit(breaker.circuit(now));
        line(&[u64::from(breaker.reopened())]);
    }
}

/// All readers, and the longest wait.
fn read(policy: &Policy) {
    let (burst, spacing) = policy.rate_limit();
    let first_retry = match policy.first_retry() {
        FirstRetry::Jittered(window) => window,
        _ => Duration::ZERO,
    };
    let (overload_floor, overload_cap) = match policy.overload() {
        Overload::Jump { floor, growth, cap } => {
            line(&[u64::from(growth == Growth::ratio(3, 2))]);
            (floor, cap)
        }
        _ => (Duration::ZERO, Duration::ZERO),
    };
    for duration in [
        policy.longest_wait(),
        policy.backoff().initial(),
        policy.floor(),
        policy.cap(),
        first_retry,
        policy.startup_splay(),
        policy.stable_after(),
        policy.dial_timeout(),
        policy.dial_timeout_max(),
        policy.handshake_timeout(),
        policy.handshake_timeout_max(),
        overload_floor,
        overload_cap,
        policy.max_elapsed().unwrap_or_default(),
        spacing,
        policy.max_hint(),
        policy.park_for(),
        policy.max_age().unwrap_or_default(),
        policy.drain_timeout(),
        policy.idle_timeout().unwrap_or_default(),
    ] {
        line(&[Timestamp::from_origin(duration).since_origin().as_secs()]);
    }
    let trip = policy.breaker().map_or(0, |breaker| match breaker.trip {
        Trip::Consecutive(count) => u64::from(count),
        Trip::Rate { last, min, percent } => u64::from(last ^ min ^ percent),
        _ => 0,
    });
    let priority = matches!(policy.selection(), Selection::Priority { .. });
    line(&[
        u64::from(burst),
        u64::from(policy.jitter().percent()),
        policy.max_attempts().map_or(0, |limit| u64::from(limit.get())),
        policy.max_rounds().map_or(0, |limit| u64::from(limit.get())),
        u64::from(policy.refresh() == Refresh::MakeFirst),
        u64::from(priority),
        u64::from(policy.give_up_on_long_hint()),
        u64::from(policy.allow_all_open()),
        u64::from(policy.give_up_when_all_parked()),
        trip,
    ]);
}
