//! One list of [scenarios] that every runtime plays alike: tokio, smol, and a [third] that was written
//! for this, on one thread, with nothing `Send`.
//!
//! A [`Scenario`] is data: what each dial and its connection do, and what the application says. A
//! [`Stage`] is a runtime in simulated time, and [`play`] gives back what was seen on it.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod log;
mod play;
pub mod scenarios;
mod script;
mod stages;
pub mod third;

pub use play::play;
pub use script::{Command, Op, Scenario, Step};
pub use stages::{Smol, Stage, Third, Tokio};
