//! Calls a gRPC service over a link: callers share a clone of one `Channel`, and each dial makes one.
//!
//! Run it: `cargo run -p redial-real --example tonic_client`, followed by ` -- IP:PORT` of such a
//! service where there is one.
//!
//! A `Channel` dials again by itself: at once, for each call, without backoff. So the link's endpoint is
//! `connect`ed, not lazy, and the channel is dropped with the connection it was made for.

use std::fmt;
use std::io::{Write, stdout};
use std::net::SocketAddr;
use std::time::Duration;

use http::uri::PathAndQuery;
use redial_tokio::redial::{Backoff, Failure, Policy, Reconnector};
use redial_tokio::{Classify, Ended, Idempotent, Link, RunError, driver, spawn_drive};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;

/// Why a dial or a call failed.
#[derive(Debug)]
pub(crate) enum Error {
    /// There is no connection.
    Transport(tonic::transport::Error),
    /// What the server, or the channel in its place, said.
    Status(Box<Status>),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transport(error) => fmt::Display::fmt(error, f),
            Self::Status(status) => fmt::Display::fmt(status, f),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Transport(error) => error.source(),
            Self::Status(status) => Some(&**status),
        }
    }
}

impl Classify for Error {
    fn classify(&self) -> Failure {
        match self {
            Self::Transport(_) => Failure::Unreachable,
            Self::Status(status) => match status.code() {
                Code::ResourceExhausted => Failure::Overloaded,
                Code::DeadlineExceeded => Failure::TimedOut,
                Code::Unauthenticated | Code::PermissionDenied => Failure::Fatal,
                _ => Failure::Unreachable,
            },
        }
    }

    /// A status is an answer, unless the channel gave it because the connection is gone: then it has the
    /// transport's error as its source.
    fn breaks_connection(&self) -> bool {
        match self {
            Self::Transport(_) => true,
            Self::Status(status) => {
                status.code() == Code::Unavailable || std::error::Error::source(status).is_some()
            }
        }
    }
}

/// A link to the service at `address`.
pub(crate) fn service(address: SocketAddr, seed: u64) -> Link<Channel, Error> {
    let policy = Policy::builder()
        .backoff(Backoff::exponential(Duration::from_millis(50), 2, 1))
        .cap(Duration::from_secs(5))
        .rate_limit(20, Duration::from_millis(100))
        .build()
        .expect("a valid policy");
    let driver = driver(Reconnector::new(policy, seed)).share(Channel::clone);
    spawn_drive(driver.drive(
        move |_| async move {
            let endpoint = Endpoint::from_shared(format!("http://{address}"));
            endpoint.map_err(Error::Transport)?.connect().await.map_err(Error::Transport)
        },
        // Those who call see when it is broken.
        |_, _| std::future::pending::<Ended<Error>>(),
    ))
}

/// Asks the service for its next number.
///
/// # Errors
/// If there is no answer in 30 s.
pub(crate) async fn next(link: &Link<Channel, Error>) -> Result<u64, RunError<Error>> {
    let asked = link.run(
        |connection| async move {
            let mut client = tonic::client::Grpc::new(connection.shared);
            client.ready().await.map_err(Error::Transport)?;
            let path = PathAndQuery::from_static("/redial.Ids/Next");
            let codec = ProstCodec::<(), u64>::default();
            let answer = client.unary(Request::new(()), path, codec).await;
            answer.map(tonic::Response::into_inner).map_err(|status| Error::Status(status.into()))
        },
        // A number that nobody got is no loss.
        Idempotent::Yes,
    );
    asked.within(Duration::from_secs(30)).await
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    use redial_real::{clients, port};

    let address = if let Some(given) = std::env::args_os().nth(1) {
        let address = given.to_str().and_then(|given| given.parse().ok());
        address.ok_or(format!("{given:?} is not IP:PORT"))?
    } else {
        let own = port::free();
        tokio::spawn(clients::serve_grpc(own));
        own
    };
    let link = service(address, 1);
    for _ in 0..5 {
        writeln!(stdout(), "{}", next(&link).await?)?;
    }
    Ok(())
}
