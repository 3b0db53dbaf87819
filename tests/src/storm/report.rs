//! What is simulated, and what came of it.

use serde::Serialize;

use super::client::Strategy;
use super::scenario::Cell;

/// One simulation: which clients, in which cell, how many, and from which seed.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// What the clients do.
    pub strategy: &'a Strategy,
    /// What happens to them.
    pub cell: &'a Cell,
    /// How many there are; results do not depend on it, beyond a few per cent.
    pub clients: u32,
    /// Where all randomness comes from.
    pub seed: u64,
}

/// What came of it. Times are in seconds after the server's return.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Report {
    /// Name of the strategy.
    pub strategy: String,
    /// Name of the server mode.
    pub mode: String,
    /// Length of the outage, `D`.
    pub outage: f64,
    /// `K = N / C`.
    pub limit: f64,
    /// How many clients.
    pub clients: u32,
    /// The seed.
    pub seed: u64,
    /// Not 99 % were back within `12 K + 600 s`.
    pub stuck: bool,
    /// When half were back for good.
    pub t50: Option<f64>,
    /// When 99 % were.
    pub t99: Option<f64>,
    /// When all were.
    pub t100: Option<f64>,
    /// `t99 / (K + 0.1 D + 1 s)`; infinite if stuck.
    pub rho: f64,
    /// Share connected at the end.
    pub connected: f64,
    /// Clients that gave up.
    pub gave_up: u32,
    /// Dials per client while the server was down, after a crash too.
    pub dials_down: f64,
    /// Dials per client to a server that was up.
    pub dials_after: f64,
    /// Most dials in one second, as a multiple of the capacity.
    pub peak: f64,
    /// The same after the return.
    pub peak_after: f64,
    /// Handshakes per client that were wasted on clients that had gone.
    pub wasted: f64,
}
