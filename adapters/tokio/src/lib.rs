//! redial on tokio: links that reconnect.
//!
//! ```no_run
//! use redial_tokio::redial::{Policy, Reconnector};
//! use redial_tokio::{Ended, connect, random_seed, spawn};
//! use tokio::io::AsyncReadExt;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let link = spawn(
//!     Reconnector::new(Policy::DEFAULT, random_seed()),
//!     |_attempt| connect("example.com:7000"),
//!     |mut stream, session| async move {
//!         let mut buffer = [0; 4096];
//!         loop {
//!             match stream.read(&mut buffer).await {
//!                 Ok(0) => return Ended::Lost(std::io::ErrorKind::UnexpectedEof.into()),
//!                 Ok(n) => println!("{} bytes on connection {}", n, session.id()),
//!                 Err(error) => return Ended::Lost(error),
//!             }
//!         }
//!     },
//! );
//! link.closed().await?;
//! # Ok(())
//! # }
//! ```
//!
//! [`spawn`] gives a [`Link`], which owns its task: dropping it ends the link. `connect` is called for each
//! dial, and `serve` for each connection: [`Ended::Lost`] dials again, [`Ended::Finished`] stops. What
//! surprises:
//!
//! * A connection that ends within `stable_after`, 10 s by default, is a failed attempt: the waits grow on.
//! * Nothing gives up unless the policy has a limit, and no [`io::Error`](std::io::Error) is fatal; an error
//!   of your own says what it means by [`Classify`].
//! * A dial that its deadline cuts is dropped: `connect` must stand being dropped wherever it waits.
//!
//! # Sharing the connection
//!
//! Callers get what [`Driver::share`] takes from each connection. [`LinkHandle::run`] runs an operation on
//! whichever there is, and again on the next one if the operation may be executed twice.
//!
//! ```
//! use std::time::Duration;
//! use redial_tokio::redial::{Policy, Reconnector};
//! use redial_tokio::{Ended, Idempotent, driver, random_seed, spawn_drive};
//! use tokio::sync::{mpsc, oneshot};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # type Request = (&'static str, oneshot::Sender<usize>);
//! // A client that is a task behind a channel: callers share the sending half.
//! let driver = driver(Reconnector::new(Policy::DEFAULT, random_seed()))
//!     .lazy()
//!     .share(|(client, _): &(mpsc::Sender<Request>, _)| client.clone());
//! let link = spawn_drive(driver.drive(
//!     |_attempt| async { Ok(mpsc::channel(16)) },
//!     |(_client, mut requests): (_, mpsc::Receiver<Request>), _session| async move {
//!         while let Some((text, answer)) = requests.recv().await {
//!             let _ = answer.send(text.len());
//!         }
//!         Ended::Finished
//!     },
//! ));
//!
//! let ask = |client: redial_tokio::Connection<mpsc::Sender<Request>>| async move {
//!     let (answer, answered) = oneshot::channel();
//!     let broken = |_| std::io::Error::from(std::io::ErrorKind::BrokenPipe);
//!     client.send(("hello", answer)).await.map_err(|_| std::io::ErrorKind::BrokenPipe)?;
//!     answered.await.map_err(broken)
//! };
//! let length = link.run(ask, Idempotent::Yes).within(Duration::from_secs(5)).await?;
//! assert_eq!(length, 5);
//! # Ok(())
//! # }
//! ```
//!
//! # Seeing what it does
//!
//! [`Driver::observe`] is told of every transition, which displays as a line; [`LinkHandle::watch`] follows
//! the status, and the features `tracing` and `metrics` need no code at all. With [`Driver::health`] there is
//! a record of how reliable the link was. What must outlive the process comes with each transition, and from
//! [`LinkHandle::snapshot`] at any time.
//!
//! ```no_run
//! # use std::time::Duration;
//! # use redial_tokio::redial::{Policy, Reconnector};
//! # use redial_tokio::{Ended, connect, driver, random_seed, spawn_drive};
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let driver = driver(Reconnector::new(Policy::DEFAULT, random_seed()))
//!     .observe(|transition| eprintln!("{transition}"))
//!     .health(Duration::from_secs(3600));
//! # let serve = |_, _| std::future::pending::<Ended<std::io::Error>>();
//! let link = spawn_drive(driver.drive(|_attempt| connect("example.com:7000"), serve));
//! if let Some(health) = link.health().await {
//!     println!("{} ppm up in the last hour", health.recent());
//! }
//! # }
//! ```
//!
//! # Several endpoints
//!
//! Addresses stay with `connect`; the reconnector knows them by key.
//!
//! ```no_run
//! use redial_tokio::redial::{BreakerPolicy, Endpoint, Policy, Reconnector};
//! use redial_tokio::{Attempt, Ended, connect, random_seed, spawn};
//! # use tokio::io::AsyncReadExt;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! const ADDRESSES: [&str; 2] = ["a.example.com:7000", "b.example.com:7000"];
//! let policy = Policy::builder().breaker(BreakerPolicy::consecutive(3)).build()?;
//! let link = spawn(
//!     Reconnector::with_endpoints(policy, random_seed(), [Endpoint::new(0), Endpoint::new(1)]),
//!     |attempt: Attempt| connect(ADDRESSES[attempt.dial.endpoint as usize]),
//!     |mut stream, session| async move {
//!         tokio::select! {
//!             read = stream.read_u8() => match read {
//!                 Ok(_) => Ended::Finished,
//!                 Err(error) => Ended::Lost(error),
//!             },
//!             // Another connection has taken over: finish what was begun, and go.
//!             () = session.draining() => Ended::Finished,
//!         }
//!     },
//! );
//! link.closed().await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Thousands of links
//!
//! With the feature `fleet`, `drive_fleet` drives all links of a `redial_fleet::Fleet` in one future, under
//! one timer and the fleet's limits: `spawn` it as any other, with a [`TokioRuntime`].
//! `drive_fleet_observed` also tells how each link changes.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod connect;
mod runtime;
mod spawn;
mod stream;

pub use connect::connect;
pub use redial_async::*;
pub use runtime::TokioRuntime;
pub use spawn::{driver, spawn, spawn_drive, spawn_drive_local, spawn_local};
pub use stream::ReconnectingStream;

/// The snippets of the README run as doctests.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
