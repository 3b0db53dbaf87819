//! Several servers, and what they ask for.

use redial::{
    Action, Dial, Endpoint, Event, Failure, Policy, PolicyBuilder, Reconnector, Selection,
    Timestamp,
};
use redial_testkit::sim::{Answer, Reply, Sim};

use crate::support::{at, ms, plain, s};

fn list<const N: usize>(
    policy: PolicyBuilder,
    keys: [u32; N],
) -> Reconnector<Policy, [Endpoint; N]> {
    Reconnector::with_endpoints(policy.build().unwrap(), 1, keys.map(Endpoint::new))
}

#[test]
fn nats_zig_146_an_empty_pool_does_not_loop() {
    let mut link = list(plain(), []);
    assert_eq!(link.handle(at(0), Event::Start), Action::Idle);
    assert_eq!(link.action().wake(), Timestamp::MAX, "no timer at all");
}

#[test]
fn grpc_go_5701_a_black_hole_is_left_behind() {
    let mut sim = Sim::new(list(plain(), [1, 2]), |_: Timestamp, dial: &Dial| {
        if dial.endpoint == 1 { Answer::silent() } else { Answer::accepted(ms(1)) }
    });
    sim.start();
    assert!(matches!(sim.run_for(s(11)), Action::Hold(_)));
    // And it stays with the one that works.
    assert_eq!(sim.link.status().endpoint, Some(2));
}

#[test]
fn grpc_java_12395_lettuce_1662_the_list_may_change_in_every_state() {
    for states in 0..6 {
        let keys = |keys: &[u32]| keys.iter().copied().map(Endpoint::new).collect::<Vec<_>>();
        let mut link = Reconnector::with_endpoints(plain().build().unwrap(), 1, keys(&[1]));
        if states > 0 {
            let dial = link.handle(at(0), Event::Start).dial().unwrap();
            let events = match states {
                2 => vec![Event::DialFailed(dial.id, Failure::Unreachable)],
                3 => vec![Event::Connected(dial.id)],
                4 => vec![Event::Connected(dial.id), Event::Redial],
                5 => vec![Event::DialFailed(dial.id, Failure::Fatal)],
                _ => vec![],
            };
            for (time, event) in [at(1), at(50)].into_iter().zip(events) {
                link.handle(time, event);
            }
        }
        link.set_endpoints(at(60), keys(&[2]));
        let mut sim = Sim::new(link, |_: Timestamp, dial: &Dial| {
            assert_eq!(dial.endpoint, 2, "a removed node is dialed no more");
            Answer::accepted(ms(1))
        });
        sim.now = at(60);
        sim.start();
        let action = sim.run_for(s(600));
        assert!(matches!(action, Action::Hold(_)), "state {states}: {action}");
        assert_eq!(sim.link.status().endpoint, Some(2));
    }
}

#[test]
fn nats_rb_87_no_endpoint_is_ever_removed() {
    // A rolling upgrade: for an hour every server refuses every dial.
    let mut sim = Sim::new(list(plain(), [1, 2, 3]), |now: Timestamp, dial: &Dial| {
        if now > at(3600) && dial.endpoint == 2 {
            Answer::accepted(ms(1))
        } else {
            Answer::refused()
        }
    });
    sim.start();
    assert!(matches!(sim.run_for(s(3700)), Action::Hold(_)));
}

#[test]
fn nats_py_868_grpc_java_5366_a_drain_is_heard() {
    let mut sim = Sim::new(list(plain(), [1, 2]), |_: Timestamp, dial: &Dial| {
        let answer = Answer::accepted(ms(1));
        if dial.endpoint == 1 {
            // Drains after a minute, cuts ten seconds later.
            answer
                .then(s(60), Reply::GoingAway(Some(s(10))))
                .then(s(10), Reply::Closed(Failure::Unreachable))
        } else {
            answer
        }
    });
    sim.start();
    sim.run_for(s(62));
    assert_eq!(sim.link.status().endpoint, Some(2), "long before the cut");
    let held = sim.link.action().held();
    sim.run_for(s(20));
    assert_eq!(sim.link.action().held(), held, "which nobody notices");
}

#[test]
fn envoy_45101_a_maximum_age_does_not_rotate_the_fleet_at_once() {
    let policy = Policy::builder().max_age(s(3600)).build().unwrap();
    let mut buckets = [0_u32; 361];
    for seed in 0..10_000 {
        let mut link = Reconnector::new(&policy, seed);
        let dial = link.handle(at(0), Event::Start).dial().unwrap();
        link.handle(at(0), Event::Connected(dial.id));
        let age = link.handle(at(10), Event::Tick).wake();
        buckets[usize::try_from(age.since_origin().as_secs() / 10).unwrap()] += 1;
    }
    // 10⁴ over 3240 s are 31 in 10 s.
    assert!(buckets.iter().all(|links| *links <= 62), "{buckets:?}");
}

#[test]
fn syslog_ng_2183_neofs_node_1615_it_goes_back_to_the_primary() {
    let selection = Selection::Priority { failback: Some(s(300)) };
    let mut sim =
        Sim::new(list(plain().selection(selection), [1, 2]), |now: Timestamp, dial: &Dial| {
            let down = dial.endpoint == 1 && now < at(600);
            if down { Answer::refused() } else { Answer::accepted(ms(1)) }
        });
    sim.start();
    sim.run_for(s(60));
    assert_eq!(sim.link.status().endpoint, Some(2));
    sim.run_for(s(1000));
    assert_eq!(sim.link.status().endpoint, Some(1));
    assert_eq!(sim.connections.len(), 2, "make before break, once");
}
