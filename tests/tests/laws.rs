//! Every law over random policies, seeds, endpoints and operations.
//!
//! `REDIAL_SEED=n` replays a run, `REDIAL_STEPS=n` makes it longer or shorter.

use std::time::Duration;

use proptest::prelude::any;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

use redial::{
    Action, Circuit, Endpoint, EndpointSnapshot, Event, Phase, Reconnector, Snapshot, Timestamp,
};
use redial_testkit::laws::{
    LAWS, accept_then_close_is_a_refusal, accepted_handover_is_a_refusal, check,
};
use redial_testkit::ops::Endpoints;
use redial_testkit::{
    Bytes, Case, Op, POLICY_BYTES, Random, Trace, operations, policies, policy, seed,
};

/// Steps of one case.
const STEPS: usize = 400;

#[test]
fn every_law_holds_for_random_operations() {
    let steps = std::env::var("REDIAL_STEPS").map(|steps| steps.parse().expect("a number"));
    let steps = steps.unwrap_or(if cfg!(debug_assertions) { 1_000_000 } else { 10_000_000 });
    let mut random = Random::new(seed("every_law_holds_for_random_operations"));
    for _ in 0..steps / STEPS {
        let new = if random.number() % 2 == 0 { Case::likely } else { Case::random };
        let case = new(&mut random, STEPS);
        let Err(first) = case.check() else { continue };
        let small = case
            .shrink(|case| case.check().is_err_and(|violation| violation.number == first.number));
        let violation = small.check().expect_err("it still fails");
        panic!("{violation}\n{small}");
    }
}

/// Whatever the link was doing when its process ended, and whatever comes after it.
#[test]
fn every_law_holds_after_a_restore_at_any_step() {
    let mut random = Random::new(seed("every_law_holds_after_a_restore_at_any_step"));
    for _ in 0..2_000 {
        let new = if random.number() % 2 == 0 { Case::likely } else { Case::random };
        let case = new(&mut random, 60);
        let first = case.trace();
        let step = usize::try_from(random.number() % 61).expect("short");
        let record = &first.records[step];
        let link = &record.after;
        let snapshot = Snapshot::from_bytes(&link.snapshot().to_bytes()).expect("its own bytes");
        let health: Vec<EndpointSnapshot> = link.endpoint_snapshots().collect();
        let keys: Vec<u32> = link.endpoints().iter().map(Endpoint::key).collect();
        let away = Duration::from_nanos(random.number() % 100_000_000_000);
        let mut restored = Reconnector::restore_with_endpoints(
            &case.policy,
            case.seed,
            Endpoints::of(&keys),
            &snapshot,
            &health,
            away,
            record.now,
        );
        let was = link.action();
        assert_eq!(restored.action().held(), None, "what was in flight has ended, after [{was}]");
        // What was tripped by hand stays so, which the laws cannot know.
        let tripped = Circuit::Open { until: Timestamp::MAX };
        for endpoint in restored.endpoints().to_vec() {
            if endpoint.circuit(record.now) == tripped {
                restored.reset(record.now, endpoint.key());
            }
        }
        let (old, new) = (was.dial(), restored.action().dial());
        assert!(
            old.zip(new).is_none_or(|(old, new)| new.id > old.id),
            "an id came twice, after [{was}]"
        );
        if let Action::SleepUntil(wait) = restored.action() {
            let time = wait.until.saturating_since(record.now);
            assert!(
                !time.is_zero() && time <= case.policy.longest_wait(),
                "{time:?} after [{was}]"
            );
        }
        let mut second = Trace::new(&case.policy, case.seed, &keys);
        second.before = restored;
        second.event(record.now, Event::Start);
        for _ in 0..60 {
            second.step(&Op::decode(random.array()));
        }
        // Attempts and the round go on from the first life, which laws 6 and 13 cannot know.
        for (number, sentence, law) in LAWS.iter().filter(|(number, ..)| ![6, 13].contains(number))
        {
            if let Err(violation) = law(&second) {
                panic!("law {number} ({sentence}), restored from [{was}]: {violation}\n{case}");
            }
        }
    }
}

#[test]
fn being_accepted_proves_nothing() {
    let mut random = Random::new(seed("being_accepted_proves_nothing"));
    for _ in 0..2_000 {
        let case = Case::random(&mut random, 0);
        if let Err(violation) = accept_then_close_is_a_refusal(&case.policy, case.seed, 40) {
            panic!("{violation}\n{case}");
        }
        for redial in [false, true] {
            let verdict = accepted_handover_is_a_refusal(&case.policy, case.seed, 20, redial);
            if let Err(violation) = verdict {
                panic!("redial {redial}: {violation}\n{case}");
            }
        }
    }
}

/// The words for people are those of the action, whatever has happened.
#[test]
fn the_status_says_what_the_action_says() {
    let mut random = Random::new(seed("the_status_says_what_the_action_says"));
    for _ in 0..500 {
        let case = Case::random(&mut random, 60);
        let trace = case.trace();
        let mut dials = 0;
        for record in &trace.records {
            let (link, status) = (&record.after, record.after.status());
            let used = match (record.action, status.phase) {
                (Action::Idle, Phase::Idle | Phase::Offline) => None,
                (Action::SleepUntil(wait), Phase::Reconnecting { until, reason, .. })
                    if (until, reason) == (wait.until, wait.reason) =>
                {
                    None
                }
                (Action::GiveUp(end), Phase::GaveUp { reason, attempts })
                    if (reason, attempts) == (end.reason, end.attempts) =>
                {
                    None
                }
                (Action::Dial(dial), Phase::Connecting { attempt })
                    if dial.serving.is_none() && attempt == dial.attempt =>
                {
                    Some(Some(dial.endpoint))
                }
                (action, Phase::Connected { since, stable })
                    if action.held().is_some() && since <= record.now =>
                {
                    let proven = record.now.saturating_since(since) >= case.policy.stable_after();
                    assert!(stable || !proven, "{status} after [{action}]\n{case}");
                    // Which one it is, the action does not say; none if it was removed.
                    Some(status.endpoint)
                }
                (action, _) => panic!("{status} after [{action}]\n{case}"),
            };
            let endpoints = link.endpoints();
            let only = if endpoints.len() == 1 { endpoints.first() } else { None };
            let key = used.unwrap_or(only.map(Endpoint::key));
            assert_eq!(status.endpoint, key, "{status}\n{case}");
            if let Some(key) = status.endpoint {
                let named = endpoints.iter().find(|endpoint| endpoint.key() == key);
                let circuit = named.expect("it is in the list").circuit(record.now);
                assert_eq!(status.circuit, circuit, "{status}\n{case}");
            }
            dials = record.action.dial().map_or(dials, |dial| dial.id.get()).max(dials);
            assert_eq!(status.dials, dials, "{status}\n{case}");
        }
    }
}

#[test]
fn a_policy_survives_its_own_builder() {
    let mut random = Random::new(seed("a_policy_survives_its_own_builder"));
    for _ in 0..10_000 {
        let policy = policy(&mut Bytes::new(&random.array::<POLICY_BYTES>()));
        assert_eq!(policy.to_builder().build().as_ref(), Ok(&policy));
    }
}

/// Every law through proptest, as a user would write it.
#[test]
fn every_law_holds_under_proptest() {
    let seed = seed("every_law_holds_under_proptest").to_le_bytes().repeat(4);
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let config = Config { cases: 200, failure_persistence: None, ..Config::default() };
    let runs = (policies(), any::<u64>(), operations(100));
    let result = TestRunner::new_with_rng(config, rng).run(&runs, |(policy, seed, ops)| {
        let trace = Trace::run(&policy, seed, &[1, 2], ops);
        check(&trace).map_err(|violation| TestCaseError::fail(violation.to_string()))
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}
