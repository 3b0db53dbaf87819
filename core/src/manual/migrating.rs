//! I come from another crate: what changes?
//!
//! Retry crates answer "how long until the next try?". That is one of the gates here; what they
//! leave to the caller (when to reset, what counts as a success, which socket is current, when to
//! stop) is the rest of this machine.
//!
//! # backon
//!
//! ```text
//! // before
//! let conn = (|| connect(addr)).retry(ExponentialBuilder::default().with_jitter().with_max_times(5)).await?;
//! // after: covers the first connect and every later one
//! let policy = Policy::builder().backoff(Backoff::exponential(secs(1), 2, 1)).cap(secs(60)).max_attempts(6).build()?;
//! ```
//! `with_max_times(5)` is 5 *re*tries, so `max_attempts(6)`. Its `max_delay` of 60 s can make a
//! wait of 120 s with jitter; a cap is a cap here.
//!
//! # backoff
//!
//! `max_elapsed_time` of 15 minutes is its default and ends a client after 15 minutes; here nothing
//! gives up unless asked. `reset()` is not yours to call: it happens when a connection was stable.
//!
//! # tokio-retry
//!
//! `ExponentialBackoff::from_millis(10)` is 10 ms *to the power of* the attempt.
//! `Backoff::exponential(ms(10), 10, 1)` is the same schedule; `exponential(ms(10), 2, 1)` is what
//! was probably meant. `.take(3)` is `max_attempts(4)`.
//!
//! # stubborn-io
//!
//! `StubbornTcpStream` is `ReconnectingStream` of `redial-tokio`. Its default durations panic on
//! the 64th attempt; the first connect is not covered, here it is the same path.
//!
//! # tower-resilience
//!
//! `ReconnectLayer` is `redial-tower`'s, with the same defaults as
//! [`presets::tower`](crate::presets::tower). Its `max_attempts(3)` makes four dials; here it makes
//! three.
//!
//! # tourniquet
//!
//! A list of providers is a list of endpoints; `conn.run(op)` is `handle.run(op, Idempotent::Yes)`.
//! [`presets::tourniquet`](crate::presets::tourniquet) is one round. Say `Idempotent::No` for what
//! must not run twice.
//!
//! # moq's `Reconnect`
//!
//! [`presets::moq`](crate::presets::moq), `redial-config` for the flags, `Link` for the task.
//! `timeout = 0` is unlimited in a configuration file; in code, leave `max_elapsed` unset.
//!
//! # reconnecting-websocket
//!
//! [`presets::reconnecting_websocket`](crate::presets::reconnecting_websocket). `minUptime` is
//! `stable_after`; `reconnect()` is `Event::Redial`, and works after it gave up as `Event::Start`.
