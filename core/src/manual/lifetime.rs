//! How reliable was the link, and what survives the process?
//!
//! # Health
//!
//! Feed a [`Health`](crate::Health) with [`status()`](crate::Reconnector::status): uptime,
//! downtime, the longest outage, dials, failures, flaps, reliability in parts per million over its
//! life and over a sliding window, and one report each time the latter crosses a threshold. It is
//! an observer: it decides nothing.
//!
//! # Snapshot
//!
//! A process that crashes *because* it connects is restarted by its supervisor, and connects. Its
//! backoff lived in memory. [`snapshot()`](crate::Reconnector::snapshot) after each `handle` that
//! changes the action, written to a file, and [`restore`](crate::Reconnector::restore) at start, keep
//! failures, interval, limits, hints, circuits and ids over all of its lives.
//!
//! What was in flight when the process died has failed: a dial is a failed dial, an unstable
//! connection a flap, a stable one a loss. Waits are shortened by the time away, and cut to what
//! the policy could have made. Damaged bytes are an error that says which; begin anew then.
//!
//! The time away counts from when the snapshot was taken. A device without a clock of its own does not
//! know it: it should also save every few seconds while it waits, or a watchdog that restarts it sooner
//! than the wait ends makes that wait begin anew each time.
//!
//! ```
//! use core::time::Duration;
//! use redial::{Policy, Reconnector, Snapshot, Timestamp};
//!
//! fn start(saved: &[u8], away: Duration, now: Timestamp, seed: u64) -> Reconnector {
//!     match Snapshot::from_bytes(saved) {
//!         Ok(snapshot) => Reconnector::restore(Policy::DEFAULT, seed, &snapshot, away, now),
//!         Err(_) => Reconnector::new(Policy::DEFAULT, seed),
//!     }
//! }
//! # start(&[], Duration::ZERO, Timestamp::ORIGIN, 1);
//! ```
//!
//! Send `Start` after a restore in any case: a link that was stopped begins, on one that was
//! running it is a tick. A give-up is restored as stopped, and so begins anew: if that was for good, as
//! after `Fatal`, exit in a way that is not restarted.
