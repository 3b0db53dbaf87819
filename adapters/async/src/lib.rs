//! The driver loop of redial, for any async runtime: the one place where its actions become dials,
//! connections and timers.
//!
//! [`drive`] is a plain future. It asks a [`Runtime`] for the time, calls `connect` for each dial and
//! `serve` for each connection, and drops whatever the reconnector no longer names. It spawns nothing,
//! and asks for neither `Send` nor `'static`. Dropping it leaves no dial, connection or timer behind; so
//! `connect` and `serve` must stand being dropped wherever they wait.
//!
//! ```
//! use std::future::{Ready, ready};
//! use redial_async::{Attempt, Ended, Runtime, Session, drive, redial::{Policy, Reconnector, Timestamp}};
//!
//! // A runtime is a clock and a sleep. This one stands still, which is enough for a link that
//! // connects at once and finishes.
//! struct Still;
//! impl Runtime for Still {
//!     type Sleep = Ready<()>;
//!     fn now(&self) -> Timestamp { Timestamp::ORIGIN }
//!     fn sleep_until(&self, _: Timestamp) -> Ready<()> { ready(()) }
//! }
//!
//! let link = drive(
//!     Reconnector::new(Policy::DEFAULT, 1),
//!     Still,
//!     |attempt: Attempt| async move { std::io::Result::Ok(attempt.dial.endpoint) },
//!     |connection, session: Session| async move {
//!         println!("connection {} to endpoint {connection}", session.id());
//!         Ended::Finished
//!     },
//! );
//! # let mut link = std::pin::pin!(link);
//! # let mut context = std::task::Context::from_waker(std::task::Waker::noop());
//! # assert!(matches!(link.as_mut().poll(&mut context), std::task::Poll::Ready(Ok(()))));
//! ```
//!
//! The runtime crates (`redial-tokio`, `redial-smol`) spawn such a future and give back a [`Link`], which
//! owns it. Everyone else holds a [`LinkHandle`], or a [`Watch`] on its status.
//!
//! # Features
//!
//! - `fleet`: `drive_fleet` and `drive_fleet_observed`, which drive all links of a `redial_fleet::Fleet` in
//!   one future.
//! - `tracing`: one event per transition, with the target `redial` and the fields `link`, `endpoint`,
//!   `attempt`, `delay`, `reason`, `stable`, `draining`, `failure` and `error`, where they apply. Errors
//!   are escaped and cut to a line.
//! - `metrics`: the counter `redial_dials_total{link, endpoint, outcome}`, the gauge `redial_up{link}` and
//!   the histogram `redial_outage_seconds{link}`. An outcome is `connected`, `dropped`, or the failure:
//!   `unreachable`, `timed_out`, `overloaded`, `retry_after`, `unsuitable`, `fatal`, or `other` for one that a
//!   later version of `redial` adds.
//!
//! In all of them `link` is the name that was given with [`Driver::named`], and `link` without one.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

#[cfg(feature = "fleet")]
mod bells;
mod classify;
mod deadlines;
mod drive;
mod driver;
mod engine;
mod error;
#[cfg(feature = "fleet")]
mod fleet;
mod handle;
mod hub;
#[cfg(all(test, loom))]
mod interleavings;
mod link;
mod listen;
mod race;
mod restore;
mod run;
mod runtime;
mod saved;
mod seed;
mod session;
mod sharing;
mod storage;
mod stream;
mod subscriptions;
mod sync;
mod telemetry;
mod transition;
mod view;
mod wait;
mod watch;
mod world;

pub use classify::{Classify, Ended, io_failure};
pub use drive::Drive;
pub use driver::{Driver, drive};
pub use error::LinkError;
#[cfg(feature = "fleet")]
pub use fleet::{DriveFleet, FleetHandle, drive_fleet, drive_fleet_observed};
pub use handle::{Checkup, Closed, Connecting, LinkHandle};
pub use link::Link;
pub use race::race;
pub use redial;
#[cfg(feature = "fleet")]
pub use redial_fleet;
pub use restore::{Restoring, on_connected};
pub use run::{Idempotent, Run, RunError};
pub use runtime::Runtime;
pub use saved::{Saved, Saving};
pub use seed::random_seed;
pub use session::{Attempt, Drain, Session};
pub use sharing::{Private, ShareBy, ShareClosing, Sharing};
pub use storage::Changeable;
pub use stream::{Half, StreamCore, StreamIo};
pub use subscriptions::{Change, Cursor, Subscriptions};
pub use transition::{Observe, Silent, Transition};
pub use view::Connection;
pub use watch::{Changed, Watch};
