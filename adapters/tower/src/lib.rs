//! A tower [`Layer`](tower_layer::Layer) that keeps one connection up under a service.
//!
//! [`ReconnectLayer`] goes around a *maker*, a service that makes a connection and answers with a
//! service over it: tower's `MakeService`, any connector. What comes out is a [`Reconnect`], a service
//! for requests. `poll_ready` waits for the connection; a request whose error shows that the connection
//! is broken makes the link dial again, with the policy's backoff and limits, and is sent once more on
//! the next connection unless that was switched off.
//!
//! ```
//! use std::convert::Infallible;
//! use redial_tokio::{TokioRuntime, random_seed};
//! use redial_tower::ReconnectLayer;
//! use tower::{Layer, Service, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! // Makes a connection; a real one awaits `TcpStream::connect` and the handshake in here.
//! let connector = service_fn(|()| async {
//!     Ok::<_, std::io::Error>(service_fn(|name: String| async move {
//!         Ok::<_, Infallible>(format!("hello {name}"))
//!     }))
//! });
//!
//! let spawn = |link| drop(tokio::spawn(link));
//! let layer = ReconnectLayer::new(TokioRuntime::new(), random_seed(), spawn);
//! let mut service = layer.layer(connector);
//! let answer = service.ready().await.unwrap().call("world".into()).await.unwrap();
//! assert_eq!(answer, "hello world");
//! # }
//! ```
//!
//! The link is a [`redial_async`] link: it dials when the first caller asks, callers share it, and it ends
//! with the last clone of the service. Reconnecting and retrying are separate: put `tower::retry` and
//! `tower::timeout` around it, a breaker or rate limit into the policy. A request that such a timeout drops
//! tells nothing about its connection: what finds a silent one is a timeout inside the maker's service, whose
//! error breaks it, or the policy's `idle_timeout`.
//!
//! Layers that box errors, as `tower::timeout` and `tower::buffer` do, ask for one that implements `Error`:
//! [`ReconnectError`] does if the maker's and the connection's both do, which `tower::BoxError` does not.
//! Convert a boxed error to a type of your own in the maker. A `tower::buffer` around the service stops for
//! good at the first error of `poll_ready`, which comes when the link gives up.
//!
//! A connection's service must be `Clone`, since every clone of [`Reconnect`] asks its own for readiness. One
//! that is not, such as an HTTP/1 connection, goes into `tower::buffer` in the maker.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod access;
mod breaks;
mod builder;
mod connect;
mod error;
mod future;
mod resend;
mod service;
mod state;

pub use breaks::{BreaksConnection, BrokenIf, EveryError};
pub use builder::ReconnectLayer;
pub use error::{Cause, ReconnectError};
pub use future::ResponseFuture;
pub use resend::{Once, Resend, ResendRequest, ResendWith};
pub use service::Reconnect;
pub use state::ConnectionState;
