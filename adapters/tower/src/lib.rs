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
//!
//! # Servers that close idle connections
//!
//! Node and Apache close a connection after five idle seconds, others after two, and nobody here sees it
//! before the next request fails on it. That is no failure: the link dials at once, and the request is sent
//! again. What tells it from a server that accepts and closes is time alone, the policy's `stable_after`.
//! [`DEFAULT_POLICY`] has 500 ms, and its rate limit leaves room for as many dials. A connection that breaks
//! sooner, answered or not, meets the growing delays, up to 5 s; one that breaks later costs a dial, and the
//! rate limit is the bound.
//!
//! | you have | change |
//! |---|---|
//! | a server that closes idle connections after T | `stable_after` below T, [`FirstRetry::Immediate`] |
//! | many busy clients of one server, which lose it together | [`FirstRetry::Jittered`] of 1 s: the request after a loss waits for half of it on average |
//! | a server that takes seconds to drop whom it cannot serve, as a balancer without a backend does | a longer `stable_after`, below its idle time |
//! | a server that closes after each answer | no such layer: call the maker for each request |
//!
//! The first answer over a connection confirms it ([`Session::confirmed`](redial_async::Session::confirmed)):
//! its outage is over, so `max_attempts` and `max_elapsed` begin anew when it ends, and its breaker is told
//! of a success. The delays alone do not shrink before it is stable: to answer once and close would be a hot
//! loop otherwise.
//!
//! [`FirstRetry::Immediate`]: redial::FirstRetry::Immediate
//! [`FirstRetry::Jittered`]: redial::FirstRetry::Jittered
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
pub use builder::{DEFAULT_POLICY, ReconnectLayer};
pub use error::{Cause, ReconnectError};
pub use future::ResponseFuture;
pub use resend::{Once, Resend, ResendRequest, ResendWith};
pub use service::Reconnect;
pub use state::ConnectionState;
