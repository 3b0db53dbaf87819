//! How do I test a client that reconnects?
//!
//! # The policy
//!
//! In simulated time: an outage of a year is a loop.
//!
//! ```
//! use core::time::Duration;
//! use redial::{Action, Event, Failure, Policy, Reconnector, Timestamp};
//!
//! /// Dials of one link in the first hour of an outage.
//! fn dials_in_an_hour(policy: &Policy, seed: u64) -> u32 {
//!     let mut link = Reconnector::new(policy, seed);
//!     let (mut now, mut dials) = (Timestamp::ORIGIN, 0);
//!     let hour = Timestamp::from_origin(Duration::from_secs(3600));
//!     let mut action = link.handle(now, Event::Start);
//!     while now < hour {
//!         action = match action {
//!             Action::Dial(dial) => {
//!                 dials += 1;
//!                 link.handle(now, Event::DialFailed(dial.id, Failure::Unreachable))
//!             }
//!             other => {
//!                 now = other.wake();
//!                 link.handle(now, Event::Tick)
//!             }
//!         };
//!     }
//!     dials
//! }
//! for seed in 0..100 {
//!     let dials = dials_in_an_hour(&Policy::DEFAULT, seed);
//!     assert!((80..=260).contains(&dials), "seed {seed}: {dials}");
//! }
//! ```
//!
//! `redial-testkit` has the simulator for it, the laws as functions, and an operation list to drive
//! your policy, or your client, with.
//!
//! # The client
//!
//! With `tokio`'s `start_paused`, time jumps to the next timer, and a test of an hour's outage
//! takes milliseconds; the driver reads tokio's clock. Against real sockets assert the order of
//! things, not milliseconds.
//!
//! # A bug from the field
//!
//! The machine is a function of (policy, seed, events with their times). Log these, and the log is
//! the test.
