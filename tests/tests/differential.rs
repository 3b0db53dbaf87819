//! The machine does what the dull reference says, step by step.

use redial_testkit::reference::compare;
use redial_testkit::{Case, Random, seed};

/// Steps of all runs together: `REDIAL_STEPS`, or a million.
fn steps() -> u64 {
    match std::env::var("REDIAL_STEPS") {
        Ok(steps) => steps.parse().expect("REDIAL_STEPS is a number"),
        Err(_) => 1_000_000,
    }
}

#[test]
fn the_machine_does_what_the_reference_says() {
    let mut random = Random::new(seed("differential"));
    let mut left = steps();
    while left > 0 {
        // Mostly short runs, which are read more easily, and some long ones.
        let most = if random.number() % 8 == 0 { 400 } else { 60 };
        let run = 1 + random.number() % most;
        let length = usize::try_from(run).expect("short");
        let new = if random.number() % 2 == 0 { Case::likely } else { Case::random };
        let case = new(&mut random, length);
        if compare(&case).is_err() {
            let smallest = case.shrink(|smaller| compare(smaller).is_err());
            panic!("{}", compare(&smallest).expect_err("only what is not needed was left out"));
        }
        left = left.saturating_sub(run);
    }
}
