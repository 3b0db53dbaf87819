//! The storm simulator can be trusted, and the default policy passes it.
#![cfg(feature = "lab")]

use redial::{Jitter, Policy};
use redial_testkit::storm::{Cell, Run, Strategy, Suite, matrix, run, summarise, waits};

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

fn storm(mode: &str, outage: f64, limit: f64, clients: u32) -> redial_testkit::storm::Report {
    let mode = Suite::helped().mode(mode).unwrap().clone();
    let cell = Cell { mode, outage, limit };
    run(&Run { strategy: &Strategy::default_policy(), cell: &cell, clients, seed: 1 })
}

#[test]
fn a_server_that_says_when_gets_everybody_back_with_two_dials_each() {
    for mode in ["hint", "hintcostly"] {
        for (outage, limit) in [(5.0, 60.0), (60.0, 60.0), (5.0, 300.0), (600.0, 300.0)] {
            let report = storm(mode, outage, limit, 2000);
            assert!(report.t99.unwrap() <= 1.20 * limit, "{report:?}");
            assert!(report.dials_after <= 2.2, "{report:?}");
        }
    }
}

#[test]
fn a_planned_restart_costs_one_dial_each() {
    for (outage, limit) in [(5.0, 60.0), (60.0, 100.0)] {
        let report = storm("goaway", outage, limit, 10_000);
        assert!((report.dials_down + report.dials_after - 1.0).abs() < 1e-9, "{report:?}");
        assert!(report.t99.unwrap() <= 1.12 * limit, "{report:?}");
        assert!(report.peak <= 1.4, "{report:?}");
    }
}

#[test]
fn ten_minutes_of_accept_and_close_cost_thirty_one_dials() {
    let report = storm("flap", 600.0, 10.0, 500);
    assert!(report.dials_down <= 31.0, "{report:?}");
}

#[test]
fn a_blip_of_a_second_is_over_a_second_later() {
    let mode = Suite::storm96().mode("reject").unwrap().clone();
    let cell = Cell { mode, outage: 1.0, limit: 0.01 };
    let strategy = Strategy::default_policy();
    let report = run(&Run { strategy: &strategy, cell: &cell, clients: 10_000, seed: 1 });
    assert!(report.t50.unwrap() <= 0.45 && report.t99.unwrap() <= 1.2, "{report:?}");
}

#[test]
fn what_a_policy_waits_is_told_as_ranges() {
    let servers = waits(&Policy::DEFAULT, 15);
    let refused = &servers[0].waits;
    assert_eq!(refused.len(), 15);
    // The first retry within a second, the second in [1/3, 1] of 750 ms, the last in that of 45 s.
    for (wait, low, high) in [(0, 0.0, 1.0), (1, 0.2475, 0.75), (14, 14.85, 45.0)] {
        let [from, middle, to] = refused[wait];
        assert!(low <= from && from < middle && middle < to && to <= high, "{:?}", refused[wait]);
        assert!(to - from > 0.95 * (high - low), "{:?}", refused[wait]);
    }
    assert!(servers.iter().all(|server| server.gave_up.is_none()));
    let policy = Policy::builder().max_attempts(3).build().unwrap();
    assert!(waits(&policy, 15).iter().all(|server| server.waits.len() == 3));
}
