//! A TCP connection to whatever the name means now.

use std::io;
use std::time::Duration;

use tokio::net::{TcpStream, ToSocketAddrs, lookup_host};

use crate::runtime::TokioRuntime;

/// How long an address may be silent before the next one is tried beside it (RFC 8305).
const HEAD_START: Duration = Duration::from_millis(250);

/// Resolves `address` anew, tries all that it resolves to, and takes the first that answers. An address
/// that is silent for 250 ms does not keep the next from being tried.
///
/// # Errors
/// That of the resolver, or the last of the attempts.
pub async fn connect(address: impl ToSocketAddrs) -> io::Result<TcpStream> {
    let addresses = lookup_host(address).await?;
    redial_async::race(TokioRuntime::new(), addresses, HEAD_START, TcpStream::connect).await
}
