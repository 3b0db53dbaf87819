//! What a person reads of a link's life.

use std::future::pending;
use std::io;
use std::sync::{Arc, Mutex};

use redial_tokio::redial::{Endpoint, Policy, Reconnector};
use redial_tokio::{Attempt, Ended, Session, driver, spawn_drive};
use tokio::time::sleep;

use crate::support::{MS, exact, refused};

type Lines = Arc<Mutex<Vec<String>>>;

fn link<const N: usize>(endpoints: [Endpoint; N]) -> Reconnector<Policy, [Endpoint; N]> {
    let policy = exact().stable_after(MS(5000)).idle_timeout(MS(25_000)).build().unwrap();
    Reconnector::with_endpoints(policy, 1, endpoints)
}

/// The second, third and fourth dial are refused, and the sixth hangs.
async fn dial(id: u64) -> io::Result<u64> {
    match id {
        2..=4 => Err(refused()),
        6 => pending().await,
        id => Ok(id),
    }
}

/// The first connection is lost after 20 s with the error `last`, the second is told to leave after 30 s,
/// and the third falls silent.
async fn serve(id: u64, session: Session, last: &'static str) -> Ended<io::Error> {
    if id == 1 {
        sleep(MS(20_000)).await;
        return Ended::Lost(io::Error::other(last));
    }
    if id > 5 {
        return pending().await;
    }
    for _ in 0..30 {
        sleep(MS(1000)).await;
        session.activity();
    }
    session.going_away(None);
    session.draining().await;
    Ended::Finished
}

/// What a link with these endpoints prints in a minute and a half.
async fn lines<const N: usize>(endpoints: [Endpoint; N], last: &'static str) -> Vec<String> {
    let lines = Lines::default();
    let seen = lines.clone();
    let driver = driver(link(endpoints))
        .observe(move |transition| seen.lock().unwrap().push(transition.to_string()));
    let connect = |attempt: Attempt| dial(attempt.dial.id.get());
    let serve = move |id, session| serve(id, session, last);
    let link = spawn_drive(driver.drive(connect, serve));
    sleep(MS(92_000)).await;
    link.shutdown(MS(0)).await.unwrap();
    let lines = lines.lock().unwrap();
    lines.clone()
}

/// The same link, as one of a fleet.
#[cfg(feature = "fleet")]
async fn lines_in_fleet<const N: usize>(
    endpoints: [Endpoint; N],
    last: &'static str,
) -> Vec<String> {
    use redial_tokio::redial::Timestamp;
    use redial_tokio::redial_fleet::Fleet;
    use redial_tokio::{TokioRuntime, drive_fleet_observed};

    let lines = Lines::default();
    let (seen, mut fleet) = (lines.clone(), Fleet::new());
    fleet.insert(Timestamp::ORIGIN, link(endpoints));
    let drive = drive_fleet_observed(
        fleet,
        TokioRuntime::new(),
        |_, attempt| dial(attempt.dial.id.get()),
        move |_, id, session| serve(id, session, last),
        move |_, transition| seen.lock().unwrap().push(transition.to_string()),
    );
    let handle = drive.handle();
    let task = tokio::spawn(drive);
    sleep(MS(92_000)).await;
    handle.shutdown(MS(0));
    task.await.unwrap();
    let lines = lines.lock().unwrap();
    lines.clone()
}

#[cfg(feature = "fleet")]
#[tokio::test(start_paused = true)]
async fn one_of_a_fleet_reads_as_one_by_itself() {
    let one = [Endpoint::new(7)];
    assert_eq!(lines_in_fleet(one, "gone").await, lines(one, "gone").await);
    let two = [Endpoint::new(7), Endpoint::new(8)];
    assert_eq!(lines_in_fleet(two, "gone").await, lines(two, "gone").await);
}

#[tokio::test(start_paused = true)]
async fn a_transition_reads_as_a_line() {
    assert_eq!(
        lines([Endpoint::new(7)], "gone\nroot: \u{1b}[2J it's").await,
        [
            "dialing (attempt 1)",
            "connected",
            "connected, stable",
            r"gone\nroot: \u{1b}[2J it's; dialing (attempt 1)",
            "connection refused; dialing in 100.0ms (backoff, attempt 2)",
            "dialing (attempt 2)",
            "connection refused; dialing in 200.0ms (backoff, attempt 3)",
            "dialing (attempt 3)",
            "connection refused; dialing in 400.0ms (backoff, attempt 4)",
            "dialing (attempt 4)",
            "connected",
            "connected, stable",
            "connected, dialing to replace it",
            "timed out; connected, dialing again in 100.0ms at the earliest",
            "connected, dialing to replace it",
            "connected, #5 drains",
            "connected",
            "connected, stable",
            "timed out; dialing (attempt 1)",
            "connected",
            "connected, stable",
            "idle",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn endpoints_are_named_where_there_are_several() {
    assert_eq!(
        lines([Endpoint::new(7), Endpoint::new(8)], "gone").await,
        [
            "dialing endpoint 7 (attempt 1)",
            "connected to endpoint 7",
            "connected to endpoint 7, stable",
            "endpoint 7: gone; dialing endpoint 8 (attempt 1)",
            "endpoint 8: connection refused; dialing in 100.0ms (backoff, attempt 2)",
            "dialing endpoint 7 (attempt 2)",
            "endpoint 7: connection refused; dialing endpoint 8 (attempt 3)",
            "endpoint 8: connection refused; dialing in 200.0ms (backoff, attempt 4)",
            "dialing endpoint 7 (attempt 4)",
            "connected to endpoint 7",
            "connected to endpoint 7, stable",
            "connected to endpoint 7, dialing endpoint 8 to replace it",
            "endpoint 8: timed out; connected to endpoint 7, dialing again in 100.0ms at the earliest",
            "connected to endpoint 7, dialing endpoint 8 to replace it",
            "connected to endpoint 8, #5 drains",
            "connected to endpoint 8",
            "connected to endpoint 8, stable",
            "endpoint 8: timed out; dialing endpoint 7 (attempt 1)",
            "connected to endpoint 7",
            "connected to endpoint 7, stable",
            "idle",
        ]
    );
}
