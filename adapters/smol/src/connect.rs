//! A TCP connection to whatever the name means now.

use std::io;
use std::time::Duration;

use async_net::{AsyncToSocketAddrs, TcpStream, resolve};

use crate::runtime::SmolRuntime;

/// How long an address may be silent before the next one is tried beside it (RFC 8305).
const HEAD_START: Duration = Duration::from_millis(250);

/// Resolves `address` anew, tries all that it resolves to, and takes the first that answers. An address
/// that is silent for 250 ms does not keep the next from being tried.
///
/// # Errors
/// That of the resolver, or the last of the attempts.
pub async fn connect(address: impl AsyncToSocketAddrs) -> io::Result<TcpStream> {
    let addresses = resolve(address).await?;
    redial_async::race(SmolRuntime::new(), addresses, HEAD_START, TcpStream::connect).await
}
