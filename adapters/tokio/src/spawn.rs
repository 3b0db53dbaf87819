//! Links as tokio tasks.

use std::borrow::Borrow;

use redial_async::redial::{Endpoint, Policy, Reconnector};
use redial_async::{Attempt, Classify, Drive, Driver, Ended, Link, LinkError, Session};

use crate::runtime::TokioRuntime;

/// What to choose before a link is driven on tokio; see [`Driver`]. Spawn what its
/// [`drive`](Driver::drive) gives with [`spawn_drive`].
pub fn driver<P, S>(reconnector: Reconnector<P, S>) -> Driver<TokioRuntime, P, S> {
    Driver::new(reconnector, TokioRuntime::new())
}

/// Spawns a link onto the current runtime: `connect` is called for each dial and `serve` for each
/// connection. Dropping the [`Link`] aborts it.
///
/// # Panics
/// Outside of a tokio runtime.
pub fn spawn<P, S, C, E, Connect, Dialing, Serve, Serving>(
    reconnector: Reconnector<P, S>,
    connect: Connect,
    serve: Serve,
) -> Link<(), E>
where
    P: Borrow<Policy> + Send + 'static,
    S: AsRef<[Endpoint]> + AsMut<[Endpoint]> + Send + 'static,
    C: Send + 'static,
    E: Classify + Send + Sync + 'static,
    Connect: FnMut(Attempt) -> Dialing + Send + 'static,
    Dialing: Future<Output = Result<C, E>> + Send + 'static,
    Serve: FnMut(C, Session) -> Serving + Send + 'static,
    Serving: Future<Output = Ended<E>> + Send + 'static,
{
    spawn_drive(driver(reconnector).drive(connect, serve))
}

/// As [`spawn`], onto the current [`LocalSet`](tokio::task::LocalSet): nothing needs to be `Send`.
///
/// # Panics
/// Outside of a `LocalSet`.
pub fn spawn_local<P, S, C, E, Connect, Dialing, Serve, Serving>(
    reconnector: Reconnector<P, S>,
    connect: Connect,
    serve: Serve,
) -> Link<(), E>
where
    P: Borrow<Policy> + 'static,
    S: AsRef<[Endpoint]> + AsMut<[Endpoint]> + 'static,
    C: 'static,
    E: Classify + 'static,
    Connect: FnMut(Attempt) -> Dialing + 'static,
    Dialing: Future<Output = Result<C, E>> + 'static,
    Serve: FnMut(C, Session) -> Serving + 'static,
    Serving: Future<Output = Ended<E>> + 'static,
{
    spawn_drive_local(driver(reconnector).drive(connect, serve))
}

/// Spawns what a [`Driver`] made.
///
/// # Panics
/// Outside of a tokio runtime.
pub fn spawn_drive<F, H, E>(drive: Drive<F, H, E>) -> Link<H, E>
where
    F: Future<Output = Result<(), LinkError<E>>> + Send + 'static,
    H: Send + 'static,
    E: Send + Sync + 'static,
{
    let link = drive.link();
    // Not from an `async` block, which would hold it twice.
    tokio::spawn(drive);
    link
}

/// As [`spawn_drive`], onto the current [`LocalSet`](tokio::task::LocalSet): nothing needs to be `Send`.
///
/// # Panics
/// Outside of a `LocalSet`.
pub fn spawn_drive_local<F, H, E>(drive: Drive<F, H, E>) -> Link<H, E>
where
    F: Future<Output = Result<(), LinkError<E>>> + 'static,
    H: 'static,
    E: 'static,
{
    let link = drive.link();
    tokio::task::spawn_local(drive);
    link
}
