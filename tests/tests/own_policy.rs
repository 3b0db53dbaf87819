//! A property test of a policy of one's own, as a user would write it.

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use redial::{Backoff, Policy, Reconnector};
use redial_testkit::sim::{Answer, Sim};
use redial_testkit::{Trace, laws, operations, seed};

fn policy() -> Policy {
    let backoff = Backoff::exponential(Duration::from_millis(200), 2, 1);
    Policy::builder().backoff(backoff).cap(Duration::from_secs(20)).build().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig {
        rng_seed: RngSeed::Fixed(seed("own_policy")),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn an_hour_of_outage_is_a_few_hundred_dials_and_a_quick_return(seed: u64) {
        let hour = Duration::from_secs(3600);
        let mut sim = Sim::new(Reconnector::new(policy(), seed), |now, _| {
            if now.since_origin() < hour { Answer::refused() } else { Answer::accepted(Duration::ZERO) }
        });
        sim.start();
        sim.run_for(hour + Duration::from_secs(20));
        prop_assert!(sim.dials.len() < 600, "{} dials", sim.dials.len());
        prop_assert_eq!(sim.connections.len(), 1, "back within the cap");
    }

    #[test]
    fn every_law_holds_for_it(seed: u64, ops in operations(200)) {
        laws::check(&Trace::run(&policy(), seed, &[1, 2, 3], ops)).map_err(|broken| {
            TestCaseError::fail(broken.to_string())
        })?;
    }
}
