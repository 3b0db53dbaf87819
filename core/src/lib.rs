//! When to dial a broken connection again, and where: a pure, sans-IO state machine.
//!
//! A [`Reconnector`] never touches a socket, a clock or a thread. Events go in with the time they
//! happened, and out comes what should exist in the world now. `redial-tokio`, `redial-smol` and
//! `redial-tower` have the driver around it; for one of your own there is [`manual::driver`].
//!
//! ```
//! use redial::{Action, Event, Failure, Policy, Reconnector, Timestamp};
//!
//! let mut link = Reconnector::new(Policy::DEFAULT, 42);
//! let mut now = Timestamp::ORIGIN;
//! let mut action = link.handle(now, Event::Start);
//! for _ in 0..10 {
//!     action = match action {
//!         Action::Dial(dial) => link.handle(now, Event::DialFailed(dial.id, Failure::Unreachable)),
//!         Action::SleepUntil(wait) => {
//!             now = wait.until;
//!             link.handle(now, Event::Tick)
//!         }
//!         Action::Hold(_) | Action::GiveUp(_) | Action::Idle => unreachable!(),
//!     };
//! }
//! assert_eq!(action.dial().unwrap().attempt, 6);
//! ```
//!
//! What surprises:
//!
//! * An [`Action`] is the whole truth: what it does not name is to be dropped.
//! * Being accepted is no success. A connection that ends within [`stable_after`], 10 s by default, is
//!   a failed attempt, and the waits go on growing.
//! * Nothing gives up unless the [`Policy`] has a limit.
//! * Each link needs a seed of its own, or a fleet dials in step.
//!
//! [`stable_after`]: PolicyBuilder::stable_after
//!
//! The [`manual`] has the rest: which policy, which failure, several endpoints, fleets, testing.
//!
//! Words. **Dial**: one attempt to connect. **Outage**: from losing a stable connection (or from
//! `Start`) until the next connection is stable. **Stable**: has stayed up for `stable_after`.
//! **Flap**: a connection that ended before it was stable. **Link**: one logical connection that
//! should be up.
//!
//! No allocator, no `std`, no dependencies, no unsafe code, no floats in the arithmetic.
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::float_arithmetic,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::string_slice,
        clippy::unwrap_used
    )
)]

#[cfg(test)]
extern crate std;

mod action;
mod backoff;
mod booking;
mod breaker;
mod builder;
mod bytes;
mod check;
mod circuit;
mod ending;
mod endpoint;
mod error;
mod event;
mod failure;
mod format;
mod gates;
mod health;
mod id;
mod jitter;
mod machine;
pub mod manual;
mod overload;
mod plan;
mod policy;
pub mod presets;
mod queue;
mod rate_limit;
mod reconnector;
mod rng;
mod round;
mod rule;
mod run;
mod snapshot;
mod status;
mod step;
mod time;

pub use action::{Action, Dial, Draining, GiveUp, GiveUpReason, Hold, Wait, WaitReason};
pub use backoff::{After, Backoff, Failures, Growth};
pub use breaker::{Breaker, Permit, Refused};
pub use builder::PolicyBuilder;
pub use circuit::Circuit;
pub use endpoint::Endpoint;
pub use error::{PolicyError, SnapshotError};
pub use event::Event;
pub use failure::Failure;
pub use health::{Crossing, Health};
pub use id::DialId;
pub use jitter::Jitter;
pub use overload::Overload;
pub use policy::{FirstRetry, Policy, Refresh, Selection};
pub use queue::{Admission, VirtualQueue};
pub use reconnector::{Counters, Reconnector};
pub use rule::{BreakerPolicy, Trip};
pub use snapshot::{EndpointSnapshot, Snapshot};
pub use status::{Phase, Status};
pub use time::Timestamp;
