//! Links as smol tasks.

use std::borrow::Borrow;

use async_executor::{Executor, LocalExecutor};
use redial_async::redial::{Endpoint, Policy, Reconnector};
use redial_async::{Attempt, Classify, Drive, Driver, Ended, Link, LinkError, Session};

use crate::runtime::SmolRuntime;

/// What to choose before a link is driven on smol; see [`Driver`]. Spawn what its
/// [`drive`](Driver::drive) gives with [`spawn_drive`].
pub fn driver<P, S>(reconnector: Reconnector<P, S>) -> Driver<SmolRuntime, P, S> {
    Driver::new(reconnector, SmolRuntime::new())
}

/// Spawns a link onto `executor`: `connect` is called for each dial and `serve` for each connection.
/// Dropping the [`Link`] aborts it.
pub fn spawn<'a, P, S, C, E, Connect, Dialing, Serve, Serving>(
    executor: &Executor<'a>,
    reconnector: Reconnector<P, S>,
    connect: Connect,
    serve: Serve,
) -> Link<(), E>
where
    P: Borrow<Policy> + Send + 'a,
    S: AsRef<[Endpoint]> + AsMut<[Endpoint]> + Send + 'a,
    C: Send + 'a,
    E: Classify + Send + Sync + 'a,
    Connect: FnMut(Attempt) -> Dialing + Send + 'a,
    Dialing: Future<Output = Result<C, E>> + Send + 'a,
    Serve: FnMut(C, Session) -> Serving + Send + 'a,
    Serving: Future<Output = Ended<E>> + Send + 'a,
{
    spawn_drive(executor, driver(reconnector).drive(connect, serve))
}

/// As [`spawn`], onto an executor of this thread: nothing needs to be `Send`.
pub fn spawn_local<'a, P, S, C, E, Connect, Dialing, Serve, Serving>(
    executor: &LocalExecutor<'a>,
    reconnector: Reconnector<P, S>,
    connect: Connect,
    serve: Serve,
) -> Link<(), E>
where
    P: Borrow<Policy> + 'a,
    S: AsRef<[Endpoint]> + AsMut<[Endpoint]> + 'a,
    C: 'a,
    E: Classify + 'a,
    Connect: FnMut(Attempt) -> Dialing + 'a,
    Dialing: Future<Output = Result<C, E>> + 'a,
    Serve: FnMut(C, Session) -> Serving + 'a,
    Serving: Future<Output = Ended<E>> + 'a,
{
    spawn_drive_local(executor, driver(reconnector).drive(connect, serve))
}

/// Spawns what a [`Driver`] made.
pub fn spawn_drive<'a, F, H, E>(executor: &Executor<'a>, drive: Drive<F, H, E>) -> Link<H, E>
where
    F: Future<Output = Result<(), LinkError<E>>> + Send + 'a,
    H: Send + 'a,
    E: Send + Sync + 'a,
{
    let link = drive.link();
    // Not from an `async` block, which would hold it twice.
    executor.spawn(drive).detach();
    link
}

/// As [`spawn_drive`], onto an executor of this thread: nothing needs to be `Send`.
pub fn spawn_drive_local<'a, F, H, E>(
    executor: &LocalExecutor<'a>,
    drive: Drive<F, H, E>,
) -> Link<H, E>
where
    F: Future<Output = Result<(), LinkError<E>>> + 'a,
    H: 'a,
    E: 'a,
{
    let link = drive.link();
    executor.spawn(drive).detach();
    link
}
