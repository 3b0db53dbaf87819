//! redial on tokio: links that reconnect.
//!
//! ```no_run
//! use redial_tokio::redial::{Policy, Reconnector};
//! use redial_tokio::{Ended, connect, spawn};
//! use tokio::io::AsyncReadExt;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let link = spawn(
//!     Reconnector::new(Policy::DEFAULT, 42), // a seed of its own for every link
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
