//! The storm simulator can be trusted, and the default policy passes it.
#![cfg(feature = "lab")]

use redial::{Jitter, Policy};
use redial_testkit::storm::{Run, Strategy, Suite, matrix, run, summarise};

/// Only what overload does, at a size that keeps this quick.
const CLIENTS: u32 = 500;

#[test]
fn the_same_seed_gives_the_same_storm() {
    let suite = Suite::storm96();
    let strategy = Strategy::default_policy();
    let cell = suite.cells().swap_remove(50);
    let once = |seed| run(&Run { strategy: &strategy, cell: &cell, clients: 100, seed });
    assert_eq!(once(7), once(7));
    assert_ne!(once(7), once(8));
}

#[test]
fn a_fleet_of_any_size_fares_alike() {
    let strategy = Strategy::default_policy();
    let suite = Suite { outages: vec![60.0], limits: vec![60.0], ..Suite::storm96() };
    for cell in suite.cells().iter().filter(|c| ["costly", "trap30"].contains(&&*c.mode.name)) {
        let t99 = |clients| run(&Run { strategy: &strategy, cell, clients, seed: 1 }).t99.unwrap();
        let (small, large) = (t99(3000), t99(30_000));
        assert!((small / large - 1.0).abs() < 0.05, "{cell}: {small:.1} s, {large:.1} s");
    }
}

/// A harness that cannot see trouble proves nothing: without jitter the same policy is stuck.
#[test]
fn without_jitter_thirty_cells_are_stuck() {
    let policy = Policy::builder().jitter(Jitter::None).build().unwrap();
    let strategy = Strategy::policy("without jitter", &policy).unwrap();
    let summary =
        summarise(&matrix(&strategy, &Suite::storm96().cells(), CLIENTS, &[1], 2, |_| {}));
    assert!(summary.stuck >= 30, "{summary:?}");
}

#[test]
fn the_default_policy_is_never_stuck() {
    let strategy = Strategy::default_policy();
    let reports = matrix(&strategy, &Suite::storm96().cells(), CLIENTS, &[1], 2, |_| {});
    let summary = summarise(&reports);
    println!("{summary:?}");
    assert_eq!(summary.stuck, 0, "{summary:?}");
    assert!(summary.worst_rho <= 3.6, "{summary:?}");
    assert!((summary.geo_rho / 1.225 - 1.0).abs() < 0.05, "{summary:?}");
}
