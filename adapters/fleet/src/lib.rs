//! A million redial reconnectors in one event loop: `no_std` with `alloc`, sans-IO, no runtime.
//!
//! A [`Fleet`] owns [`Reconnector`](redial::Reconnector)s by key, looks at each when its wake has come,
//! and holds all of them together to limits that no single one can know: dials per second and dials in
//! flight.
//!
//! ```
//! use redial::{Action, Event, Failure, Policy, Reconnector, Timestamp};
//! use redial_fleet::Fleet;
//!
//! let mut fleet = Fleet::new();
//! let now = Timestamp::ORIGIN;
//! let key = fleet.insert(now, Reconnector::new(&Policy::DEFAULT, 42));
//! let Some(Action::Dial(dial)) = fleet.handle(now, key, Event::Start) else { panic!() };
//! fleet.handle(now, key, Event::DialFailed(dial.id, Failure::Unreachable));
//! assert_eq!(fleet.counts().reconnecting, 1);
//!
//! // Nothing to do before the wake; at the wake the link dials again.
//! assert_eq!(fleet.poll(now), None);
//! let (again, action) = loop {
//!     if let Some(told) = fleet.poll(fleet.wake()) {
//!         break told;
//!     }
//! };
//! assert_eq!((again, action.dial().unwrap().attempt), (key, 2));
//! ```
//!
//! On an async runtime, `redial_async::drive_fleet` (feature `fleet`) runs a fleet in one future.
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod bounds;
mod cells;
mod census;
mod fleet;
mod limits;
mod order;
mod ring;
mod slot;
mod turns;
mod wheel;

pub use census::{Counts, Key};
pub use fleet::Fleet;
