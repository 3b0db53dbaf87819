//! What callers say of a connection, in simulated time: that it is busy, or healthy.

use std::future::pending;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use redial_tokio::redial::{DialId, Phase, Policy, Reconnector};
use redial_tokio::{Idempotent, Link, driver, spawn_drive};
use tokio::time::sleep;

use crate::support::{MS, exact};

fn policy() -> Policy {
    exact().stable_after(MS(300)).idle_timeout(MS(1000)).build().unwrap()
}

/// A link that always connects, and is only used by callers; and the number of its dials.
fn link(policy: Policy) -> (Link<()>, Arc<AtomicUsize>) {
    let dials = Arc::new(AtomicUsize::new(0));
    let count = dials.clone();
    let driver = driver(Reconnector::new(policy, 1)).share(|()| ());
    let connect = move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        async { io::Result::Ok(()) }
    };
    (spawn_drive(driver.drive(connect, |(), _| pending())), dials)
}

#[tokio::test(start_paused = true)]
async fn answers_keep_the_idle_timeout_away_and_silence_does_not() {
    let (link, dials) = link(policy());
    for _ in 0..10 {
        sleep(MS(600)).await;
        link.run(|_| async { Ok(()) }, Idempotent::Yes).await.unwrap();
        sleep(MS(600)).await;
        let refused = || async { Err::<(), _>(io::ErrorKind::InvalidInput.into()) };
        link.run(|_| refused(), Idempotent::Yes).await.unwrap_err();
    }
    assert_eq!(dials.load(Ordering::SeqCst), 1, "every answer is a sign of life");
    // Operations that wait for an answer are none.
    let hung = link.run(|_| pending::<io::Result<()>>(), Idempotent::Yes).within(MS(2500));
    hung.await.unwrap_err();
    assert_eq!(dials.load(Ordering::SeqCst), 3, "a server that is silent is found out");
}

#[tokio::test(start_paused = true)]
async fn a_caller_says_that_a_connection_is_busy() {
    let (link, dials) = link(policy());
    let connection = link.connection().await.unwrap();
    for _ in 0..10 {
        sleep(MS(600)).await;
        link.activity(connection.id);
    }
    assert_eq!(dials.load(Ordering::SeqCst), 1);
    let next = link.run(
        |connection| {
            let link = link.handle();
            async move {
                // A long answer, piece by piece.
                for _ in 0..5 {
                    sleep(MS(600)).await;
                    link.activity(connection.id);
                }
                Ok(connection.id)
            }
        },
        Idempotent::No,
    );
    assert_eq!(next.await.unwrap(), connection.id);
    sleep(MS(1500)).await;
    assert_eq!(dials.load(Ordering::SeqCst), 2);
    for _ in 0..5 {
        sleep(MS(600)).await;
        link.activity(connection.id);
    }
    assert!(dials.load(Ordering::SeqCst) > 2, "another connection is none of its business");
}

#[tokio::test(start_paused = true)]
async fn a_caller_says_that_a_connection_is_healthy_and_no_answer_does() {
    for healthy in [false, true] {
        let policy = exact().stable_after(MS(60_000)).max_attempts(1).build().unwrap();
        let (link, dials) = link(policy);
        let id = link.connection().await.unwrap().id;
        link.run(|_| async { Ok(()) }, Idempotent::Yes).await.unwrap();
        link.confirmed(DialId::new(99).unwrap());
        if healthy {
            link.confirmed(id);
        }
        assert!(link.report(id, io::Error::from(io::ErrorKind::BrokenPipe)));
        // Too late.
        link.confirmed(id);
        sleep(MS(1000)).await;
        assert_eq!(dials.load(Ordering::SeqCst), if healthy { 2 } else { 1 });
        let gave_up = matches!(link.status().phase, Phase::GaveUp { .. });
        assert_eq!(
            gave_up, !healthy,
            "a connection that ends early is a failed attempt, or an outage over"
        );
    }
}
