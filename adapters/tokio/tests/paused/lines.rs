//! What a person reads of a link's life.

use std::io;
use std::sync::{Arc, Mutex};

use redial_tokio::redial::{Endpoint, Reconnector};
use redial_tokio::{Attempt, Ended, Session, driver, spawn_drive};
use tokio::time::sleep;

use crate::support::{MS, exact, refused};

/// What a link with these endpoints prints in a minute: its first connection is lost after 20 s with the
/// error `last`, the next three dials are refused, and 30 s after that it is told to leave.
async fn lines<const N: usize>(endpoints: [Endpoint; N], last: &'static str) -> Vec<String> {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let seen = lines.clone();
    let policy = exact().stable_after(MS(5000)).build().unwrap();
    let driver = driver(Reconnector::with_endpoints(policy, 1, endpoints))
        .observe(move |transition| seen.lock().unwrap().push(transition.to_string()));
    let connect = |attempt: Attempt| async move {
        let id = attempt.dial.id.get();
        if (2..5).contains(&id) { Err(refused()) } else { Ok(id) }
    };
    let serve = move |id, session: Session| async move {
        if id == 1 {
            sleep(MS(20_000)).await;
            return Ended::Lost(io::Error::other(last));
        }
        sleep(MS(30_000)).await;
        session.going_away(None);
        session.draining().await;
        Ended::Finished
    };
    let link = spawn_drive(driver.drive(connect, serve));
    sleep(MS(52_000)).await;
    link.shutdown(MS(0)).await.unwrap();
    let lines = lines.lock().unwrap();
    lines.clone()
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
            "connected, #5 drains",
            "connected",
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
            "connected to endpoint 8, #5 drains",
            "connected to endpoint 8",
            "idle",
        ]
    );
}
