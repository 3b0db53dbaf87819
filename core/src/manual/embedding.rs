//! What does a runtime of my own need?
//!
//! A clock, and a sleep on it. `redial-async` has the loop; it spawns nothing, asks for neither
//! `Send` nor `'static`, and opens no socket: `connect` and `serve` are your code, on your sockets.
//! This is all of an adapter for an event loop on one thread, whose connections may hold an `Rc`:
//!
//! ```text
//! use std::cell::{Cell, RefCell};
//! use std::collections::BTreeMap;
//! use std::pin::Pin;
//! use std::rc::Rc;
//! use std::task::{Context, Poll, Waker};
//!
//! use redial_async::{Runtime, redial::Timestamp};
//!
//! /// The time, and who sleeps until when.
//! #[derive(Clone, Debug, Default)]
//! pub struct Clock {
//!     now: Rc<Cell<Timestamp>>,
//!     timers: Rc<RefCell<BTreeMap<Timestamp, Vec<Waker>>>>,
//! }
//!
//! impl Clock {
//!     /// When the event loop has to come back at the latest.
//!     pub fn earliest(&self) -> Option<Timestamp> {
//!         self.timers.borrow().keys().next().copied()
//!     }
//!
//!     /// It is `now`, says the event loop: wakes all that slept until then.
//!     pub fn advance(&self, now: Timestamp) {
//!         self.now.set(now);
//!         while let Some(at) = self.earliest().filter(|at| *at <= now) {
//!             let due = self.timers.borrow_mut().remove(&at);
//!             due.into_iter().flatten().for_each(Waker::wake);
//!         }
//!     }
//! }
//!
//! impl Runtime for Clock {
//!     type Sleep = Sleep;
//!
//!     fn now(&self) -> Timestamp {
//!         self.now.get()
//!     }
//!
//!     fn sleep_until(&self, at: Timestamp) -> Sleep {
//!         // Ticks of a millisecond, rounded up: a sleep never ends early.
//!         let millis = at.as_nanos().div_ceil(1_000_000);
//!         Sleep(self.clone(), Timestamp::from_nanos(millis.saturating_mul(1_000_000)))
//!     }
//! }
//!
//! /// Ends at its tick.
//! #[derive(Debug)]
//! pub struct Sleep(Clock, Timestamp);
//!
//! impl Future for Sleep {
//!     type Output = ();
//!
//!     fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
//!         if self.0.now() >= self.1 {
//!             return Poll::Ready(());
//!         }
//!         self.0.timers.borrow_mut().entry(self.1).or_default().push(cx.waker().clone());
//!         Poll::Pending
//!     }
//! }
//! ```
//!
//! The event loop polls what was woken, waits for its sockets until `earliest()`, and then says
//! `advance(now)`. In a test it does not wait: it advances to `earliest()`, and a year takes
//! milliseconds.
//!
//! ```text
//! let clock = Clock::default();
//! let drive = redial_async::drive(Reconnector::new(Policy::DEFAULT, seed), clock.clone(), connect, serve);
//! let link = drive.handle(); // or drive.link(), which ends it when dropped
//! executor.spawn(drive);
//! ```
//!
//! It is the third runtime of the conformance suite in the repository, `tests/conformance`: one
//! list of scenarios, played on tokio, smol and this, gives the same log of transitions on each.
//! Put your own adapter in a `Stage`, and play the list.
//!
//! # Without futures
//!
//! The loop in [`driver`](super::driver) is fifteen lines; `tests/examples/event_loop.rs` is the
//! same on mio.
