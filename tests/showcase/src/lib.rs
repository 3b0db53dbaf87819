//! Scripted worlds for the real machine: what the tests of this package and its pictures are played on.
//!
//! Larger examples are in `examples/`.

mod picture;
mod world;

pub use picture::{Timeline, Weather, states};
pub use world::{Answer, Moment, Said, World};
