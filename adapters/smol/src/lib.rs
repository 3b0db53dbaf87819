//! redial on smol: links that reconnect.
//!
//! ```no_run
//! use redial_smol::redial::{Policy, Reconnector};
//! use redial_smol::{Ended, connect, random_seed, spawn};
//! use futures_lite::AsyncReadExt;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let executor = async_executor::Executor::new();
//! let link = spawn(
//!     &executor,
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
//! futures_lite::future::block_on(executor.run(link.closed()))?;
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
//! All but the executor that `spawn` is given is as in `redial-tokio`, whose documentation shows a
//! connection that callers share, several endpoints, and how to see what a link does.
//!
//! # Thousands of links
//!
//! With the feature `fleet`, `drive_fleet` drives all links of a `redial_fleet::Fleet` in one future, under
//! one timer and the fleet's limits: `spawn` it as any other, with a [`SmolRuntime`].
//! `drive_fleet_observed` also tells how each link changes.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod connect;
mod runtime;
mod spawn;
mod stream;

pub use connect::connect;
pub use redial_async::*;
pub use runtime::{Sleep, SmolRuntime};
pub use spawn::{driver, spawn, spawn_drive, spawn_drive_local, spawn_local};
pub use stream::ReconnectingStream;
