//! Laws, reference model and simulator for `redial`, for its own tests and its users'.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod bytes;
mod case;
pub mod fuzz_targets;
pub mod laws;
pub mod ops;
mod policies;
pub mod reference;
pub mod sim;
#[cfg(feature = "lab")]
pub mod storm;
mod strategies;
mod trace;

pub use bytes::{Bytes, Random, positive, seed, span};
pub use case::Case;
pub use ops::{Call, Op};
pub use policies::{POLICY_BYTES, policy};
pub use strategies::{operations, policies};
pub use trace::{Record, Subject, Trace, apply};
