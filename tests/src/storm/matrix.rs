//! Many cells at once, on all cores, and what they come to.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use super::client::Strategy;
use super::report::{Report, Run};
use super::scenario::Cell;
use super::sim::run;

/// What a strategy's cells come to.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Summary {
    /// Name of the strategy.
    pub strategy: String,
    /// How many cells there are.
    pub cells: usize,
    /// In how many the fleet is stuck.
    pub stuck: usize,
    /// Geometric mean of `ρ`, a stuck cell counting as `patience / ideal`.
    pub geo_rho: f64,
    /// The largest `ρ`.
    pub worst_rho: f64,
    /// The most dials per client after the server's return.
    pub worst_dials: f64,
    /// The highest rate of dials, as a multiple of the capacity.
    pub worst_peak: f64,
}

/// Runs every cell from every seed, on `threads` threads, and returns the reports in order, all cells
/// of the first seed first. `done` is told after each how many are.
pub fn matrix(
    strategy: &Strategy,
    cells: &[Cell],
    clients: u32,
    seeds: &[u64],
    threads: usize,
    done: impl Fn(usize) + Sync,
) -> Vec<Report> {
    let jobs: Vec<_> =
        seeds.iter().flat_map(|seed| cells.iter().map(move |c| (*seed, c))).collect();
    let reports: Vec<Mutex<Option<Report>>> = jobs.iter().map(|_| Mutex::new(None)).collect();
    let (next, finished) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let (Some((seed, cell)), Some(slot)) = (jobs.get(index), reports.get(index))
                    else {
                        break;
                    };
                    let report = run(&Run { strategy, cell, clients, seed: *seed });
                    *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(report);
                    done(finished.fetch_add(1, Ordering::Relaxed) + 1);
                }
            });
        }
    });
    let take = |slot: Mutex<_>| slot.into_inner().unwrap_or_else(PoisonError::into_inner);
    reports.into_iter().filter_map(take).collect()
}

/// What `reports`, all of one strategy, come to.
pub fn summarise(reports: &[Report]) -> Summary {
    let most = |figure: fn(&Report) -> f64| reports.iter().map(figure).fold(0.0, f64::max);
    let logs = reports.iter().map(|report| {
        let patience = 12.0 * report.limit + 600.0;
        let ideal = report.limit + 0.1 * report.outage + 1.0;
        report.rho.min(patience / ideal).max(1e-3).ln()
    });
    Summary {
        strategy: reports.first().map_or_else(String::new, |report| report.strategy.clone()),
        cells: reports.len(),
        stuck: reports.iter().filter(|report| report.stuck).count(),
        geo_rho: (logs.sum::<f64>() / reports.len().max(1) as f64).exp(),
        worst_rho: most(|report| report.rho),
        worst_dials: most(|report| report.dials_after),
        worst_peak: most(|report| report.peak),
    }
}
