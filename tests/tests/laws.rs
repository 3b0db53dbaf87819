//! Every law over random policies, seeds, endpoints and operations.
//!
//! `REDIAL_SEED=n` replays a run, `REDIAL_STEPS=n` makes it longer or shorter.

use proptest::prelude::any;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

use redial_testkit::laws::{accept_then_close_is_a_refusal, check};
use redial_testkit::{Case, Random, Trace, operations, policies, seed};

/// Steps of one case.
const STEPS: usize = 400;

#[test]
fn every_law_holds_for_random_operations() {
    let steps = std::env::var("REDIAL_STEPS").map(|steps| steps.parse().expect("a number"));
    let steps = steps.unwrap_or(if cfg!(debug_assertions) { 1_000_000 } else { 10_000_000 });
    let mut random = Random::new(seed("every_law_holds_for_random_operations"));
    for _ in 0..steps / STEPS {
        let case = Case::random(&mut random, STEPS);
        let Err(first) = case.check() else { continue };
        let small = case
            .shrink(|case| case.check().is_err_and(|violation| violation.number == first.number));
        let violation = small.check().expect_err("it still fails");
        panic!("{violation}\n{small}");
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
    }
}

/// The same through proptest, as a user would write it.
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
