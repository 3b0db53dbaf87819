//! Storms: what a fleet does when it loses its server, simulated with the real machine.
//!
//! One cell is a fleet of `N` clients, all of whose connections end within 0.1 s, and a server that
//! is back after an outage of `D` seconds with a capacity of `C` accepts a second. `K = N / C` is the
//! physical limit: nobody can bring all back faster. `t99` is when 99 % are back for good, counted
//! from the server's return, and **`ρ = t99 / (K + 0.1 D + 1 s)`** compares cells of all sizes. A fleet
//! that is not back after `12 K + 600 s` is *stuck*.
//!
//! What the server does while it is down and when too many come at once is a [`Mode`], which is data:
//! see `scenarios/storm96.toml`. What the clients do is a [`Strategy`]: a [`redial::Policy`], run by
//! N real [`redial::Reconnector`]s, or a model of what another library does.
//!
//! The model: a round trip of 50 ms; a server that works first come, first served, with a backlog
//! of at most `queue` seconds of work. A client that has timed out before its turn costs the server
//! `stale` of a handshake; a client turned away costs it `reject_cost`. A dropped SYN is sent again 1,
//! 3, 7, 15, 31 and 63 s after the first, for as long as the dial lives. Everything random comes from
//! one seed, so a run can be repeated exactly.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "simulated times stay far below 2⁵³ ns and fleets below 2³²"
)]

mod client;
mod matrix;
mod peers;
mod picture;
mod report;
mod rng;
mod scenario;
mod server;
mod sim;
mod svg;
mod timeline;
mod waits;

pub use client::Strategy;
pub use matrix::{Summary, matrix, summarise};
pub use peers::{Peer, Peers};
pub use picture::{heat_map, panels, verdict};
pub use report::{Report, Run};
pub use scenario::{Cell, Down, Mode, Overflow, ScenarioError, Suite};
pub use sim::{run, run_with_timeline};
pub use timeline::Timeline;
pub use waits::{Waits, back_after, timeline, waits};
