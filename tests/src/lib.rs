//! Laws, reference model and simulator for `redial`, for its own tests and its users'.
//!
//! A reconnector is pure, so all that it can do can be tried: [`sim`] plays a server and jumps from
//! one thing that happens to the next, [`ops`] has everything that can be done at any time, and
//! [`laws`] says what none of it can break.
//!
//! # Property-test your policy
//!
//! A simulated hour takes less than a millisecond, so a claim about a policy can be tried for
//! thousands of seeds:
//!
//! ```
//! use std::time::Duration;
//! use proptest::prelude::*;
//! use redial::{Backoff, Policy, Reconnector};
//! use redial_testkit::sim::{Answer, Sim};
//!
//! proptest! {
//!     # #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]
//!     // #[test]
//!     fn a_night_of_outage_ends_within_the_cap(seed: u64) {
//!         let backoff = Backoff::exponential(Duration::from_millis(200), 2, 1);
//!         let cap = Duration::from_secs(20);
//!         let policy = Policy::builder().backoff(backoff).cap(cap).build()?;
//!         let night = Duration::from_secs(8 * 3600);
//!         let mut sim = Sim::new(Reconnector::new(policy, seed), |now, _dial| {
//!             let down = now.since_origin() < night;
//!             if down { Answer::refused() } else { Answer::accepted(Duration::ZERO) }
//!         });
//!         sim.start();
//!         sim.run_for(night + cap);
//!         prop_assert_eq!(sim.connections.len(), 1);
//!     }
//! }
//! # a_night_of_outage_ends_within_the_cap();
//! ```
//!
//! And [`laws::check`] tries it against everything at once; see [`operations`].
//!
//! # Fuzz your client
//!
//! The body of a `fuzz_target!`: the input is a list of operations at all kinds of times. Run your
//! driver's bookkeeping beside it, and check that what it keeps is what the action names:
//!
//! ```
//! use redial::{DialId, Policy};
//! use redial_testkit::{Bytes, Op, Trace};
//!
//! fn fuzz(input: &[u8]) {
//!     let mut trace = Trace::new(&Policy::DEFAULT, 7, &[1, 2]);
//!     let mut sockets: Vec<DialId> = Vec::new(); // your client's
//!     let mut bytes = Bytes::new(input);
//!     while let Some(op) = Op::next(&mut bytes) {
//!         let action = trace.step(&op);
//!         let dial = action.dial().map(|dial| dial.id);
//!         let named = [dial, action.held(), action.draining().map(|old| old.id)];
//!         sockets.retain(|id| named.contains(&Some(*id)));
//!         sockets.extend(dial.filter(|id| !sockets.contains(id)));
//!         assert!(action.held().is_none_or(|id| sockets.contains(&id)), "{action}");
//!     }
//!     redial_testkit::laws::check(&trace).unwrap();
//! }
//! # fuzz(&[0, 0, 60, 0, 0, 0, 0, 0, 0, 0, 100, 0, 0, 0, 0, 0]);
//! ```
//!
//! # Replaying
//!
//! Every random run prints its seed ([`seed`]); the environment variable `REDIAL_SEED` replays it.
//!
//! # Feature `lab`
//!
//! The module `storm`, which plays a fleet through an outage, and the binary `lab`. It is on by default
//! and more than doubles what is built; tests of your own need none of it:
//!
//! ```toml
//! [dev-dependencies]
//! redial-testkit = { version = "0.1", default-features = false }
//! ```
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
