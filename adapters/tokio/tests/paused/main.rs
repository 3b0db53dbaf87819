//! Links on tokio's paused clock: everything that depends on time, in simulated time.

mod busy;
mod control;
mod dials;
mod fleet;
mod handover;
mod life;
mod lines;
mod run;
mod stream;
mod support;
