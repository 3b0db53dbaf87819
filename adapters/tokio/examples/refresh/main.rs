//! Refreshes a healthy connection every 1.5 s (think of 12 h) with no failed call, and catches up on
//! what was missed after a drop.
//!
//! Run it: `cargo run -p redial-tokio --example refresh` (9 s)
//!
//! Three callers share one connection to a server that pushes numbered updates and answers calls. At a
//! refresh the new connection comes up first and the old one finishes what it has started. Then the
//! server is cut off, comes back busy ("wait 1 s"), and the network goes away and returns.

mod client;
mod server;

use std::error::Error;
use std::io::{Write, stdout};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use redial_tokio::redial::{Backoff, Failures, FirstRetry, Jitter, Policy, Reconnector};
use redial_tokio::{
    Connection, Idempotent, LinkHandle, Transition, driver, on_connected, spawn_drive,
};
use tokio::time::sleep;

use client::{Calls, ClientError, Seen};
use server::Server;

/// A policy of one's own: 500 ms, 1 s, 2 s … 60 s, less up to a fifth that is drawn, and no more after
/// the thirtieth failure. What it goes by is kept by the machine, and reset when a connection was stable.
fn schedule(failures: Failures) -> Option<Duration> {
    let wait = (failures.previous * 2).max(Duration::from_millis(500)).min(Duration::from_secs(60));
    let per_mille = 1000 - u32::try_from(failures.draw % 200).unwrap_or(0);
    (failures.count <= 30).then(|| wait * per_mille / 1000)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let policy = Policy::builder()
        .backoff(Backoff::Custom(schedule))
        .jitter(Jitter::None) // the schedule brings its own
        .cap(Duration::from_secs(60))
        .first_retry(FirstRetry::Backoff)
        .stable_after(Duration::from_millis(300))
        .max_age(Duration::from_millis(1500))
        .drain_timeout(Duration::from_secs(1))
        .build()?;

    let mut server = Server::start().await?;
    let (address, seen) = (server.address(), Arc::new(Seen::default()));
    let (dial, update) = (seen.clone(), seen.clone());
    let drive = driver(Reconnector::new(policy, u64::from(std::process::id())))
        .share(client::Connection::calls)
        .observe(|transition: &Transition<'_, ClientError>| tell(transition))
        .drive(
            on_connected(
                move |_| client::Connection::open(address),
                move |connection| connection.catch_up(dial),
            ),
            move |connection, session| client::serve(connection, session, update.clone()),
        );
    let link = spawn_drive(drive);

    let (made, again) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let callers: Vec<_> =
        (0..3).map(|_| tokio::spawn(caller(link.handle(), made.clone(), again.clone()))).collect();

    sleep(Duration::from_millis(4700)).await;
    let (calls, failed) = (made.load(Ordering::Relaxed), again.load(Ordering::Relaxed));
    writeln!(
        stdout(),
        "-- {calls} calls over {} connections, {failed} sent twice",
        link.status().dials
    )?;
    if failed > 0 {
        return Err("a call was lost at a refresh".into());
    }

    writeln!(stdout(), "-- the server is cut off, and busy when it returns")?;
    server.cut();
    sleep(Duration::from_millis(400)).await;
    server.restart(true).await?;
    sleep(Duration::from_secs(2)).await;

    writeln!(stdout(), "-- the network is gone, and then restored")?;
    link.offline();
    server.cut();
    sleep(Duration::from_secs(1)).await;
    server.restart(false).await?;
    link.online();
    link.connection().await?;
    sleep(Duration::from_millis(500)).await;

    callers.iter().for_each(tokio::task::JoinHandle::abort);
    link.shutdown(Duration::from_secs(1)).await?;
    let (calls, again) = (made.load(Ordering::Relaxed), again.load(Ordering::Relaxed));
    writeln!(stdout(), "-- {calls} calls answered, of which {again} were sent again after a cut")?;
    writeln!(stdout(), "-- updates 1 to {} seen, each once", seen.newest())?;
    Ok(())
}

/// Calls on whatever connection there is. A call whose connection broke is sent again on the next one,
/// since asking twice does no harm.
async fn caller(link: LinkHandle<Calls, ClientError>, made: Arc<AtomicU64>, again: Arc<AtomicU64>) {
    for number in 0.. {
        let mut sent = false;
        let ask = |calls: Connection<Calls>| {
            again.fetch_add(u64::from(std::mem::replace(&mut sent, true)), Ordering::Relaxed);
            async move { client::call(&calls, number).await }
        };
        match link.run(ask, Idempotent::Yes).await {
            Ok(answer) => assert_eq!(answer, number),
            Err(error) => return drop(writeln!(stdout(), "-- a call failed: {error}")),
        }
        made.fetch_add(1, Ordering::Relaxed);
        sleep(Duration::from_millis(10)).await;
    }
}

fn tell(transition: &Transition<'_, ClientError>) {
    let Transition { at, before, action, .. } = transition;
    if before.to_string() == action.to_string() {
        return; // the same, but stable now, or waiting for something else
    }
    let why = transition.error.map_or_else(String::new, |error| format!("; {error}"));
    // Whoever reads this may have had enough of it.
    let _ = writeln!(stdout(), "[{:6.3}s] {action}{why}", at.since_origin().as_secs_f64());
}
