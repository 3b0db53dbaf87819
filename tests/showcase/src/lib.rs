//! Scripted worlds for the real machine: what the tests of this package and its pictures are played on.
//!
//! Larger examples are in `examples/`.

mod world;

pub use world::{Answer, Moment, Said, World};
