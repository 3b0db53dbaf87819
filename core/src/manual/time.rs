//! Which clock?
//!
//! Any that does not go backwards, counted from an origin of your choice. The machine only ever
//! subtracts.
//!
//! # On an operating system
//!
//! ```
//! use std::time::Instant;
//! use redial::Timestamp;
//!
//! let origin = Instant::now();
//! let now = || Timestamp::from_origin(origin.elapsed());
//! assert!(now() >= Timestamp::ORIGIN);
//! ```
//!
//! `Instant` stands still while a Linux machine is suspended; `CLOCK_BOOTTIME` does not. Either is
//! right: after a suspend with a clock that ran on, every timer that is due fires once and there is
//! one dial, never a burst; with one that stood still, the waits go on where they were. A phone or
//! laptop is better off with a clock that runs on, so that a lost link is dialed as soon as the lid
//! opens. Or report [`Event::Offline`](crate::Event::Offline) and then
//! [`Event::Online`](crate::Event::Online) on wake-up, which together cut a backoff short.
//!
//! # On a microcontroller
//!
//! Ticks times the length of a tick. With embassy:
//!
//! ```text
//! let now = Timestamp::from_nanos(embassy_time::Instant::now().as_micros() * 1_000);
//! ```
//!
//! A 32-bit tick counter that wraps must be extended before it comes here: going back is treated as
//! standing still, for as long as it takes to catch up. One of milliseconds wraps after 49 days, and is
//! to be read more often than that:
//!
//! ```
//! use redial::Timestamp;
//!
//! #[derive(Default)]
//! struct Clock {
//!     high: u64,
//!     last: u32,
//! }
//!
//! impl Clock {
//!     fn now(&mut self, ticks: u32) -> Timestamp {
//!         if ticks < self.last {
//!             self.high += 1 << 32;
//!         }
//!         self.last = ticks;
//!         Timestamp::from_nanos((self.high + u64::from(ticks)) * 1_000_000)
//!     }
//! }
//! let mut clock = Clock::default();
//! assert!(clock.now(u32::MAX) < clock.now(0));
//! ```
//!
//! # In a browser
//!
//! `performance.now()` in milliseconds, times a million. Background tabs delay timers by up to a
//! minute; a late tick fires each due timer once.
//!
//! # In a test
//!
//! A variable. The machine cannot tell the difference, and an hour costs nothing: see
//! [`testing`](super::testing).
//!
//! # How exact are waits?
//!
//! The machine works in nanoseconds. A driver rounds its sleeps *up*: a tick before `wake` is
//! harmless but changes nothing. Sleeping for nothing costs a timer's resolution (1 ms on tokio),
//! so a wake that has come is not slept for at all.
//!
//! # What is `Timestamp::MAX`?
//!
//! Never. A deadline there does not fire, whatever the time, and a time there counts as the instant
//! before.
