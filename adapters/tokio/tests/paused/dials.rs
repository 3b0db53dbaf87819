//! When a link dials, and when a dial or a limit ends.

use std::future::pending;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use redial_tokio::redial::{GiveUpReason, Jitter, Phase, Reconnector};
use redial_tokio::{Ended, LinkError, driver, spawn, spawn_drive};
use tokio::time::{Instant, sleep, timeout};

use crate::support::{MS, exact, refused};

#[tokio::test(start_paused = true)]
async fn a_hung_dial_ends_at_its_deadline() {
    let policy = exact().dial_timeout(MS(3000)).max_attempts(2).build().unwrap();
    let started = Instant::now();
    let link = spawn(
        Reconnector::new(policy, 1),
        |_| pending::<io::Result<()>>(),
        |(), _| pending::<Ended<io::Error>>(),
    );
    let error = link.closed().await.unwrap_err();
    let LinkError::GaveUp { end, last } = error else { panic!("{error}") };
    assert_eq!(end.reason, GiveUpReason::MaxAttempts);
    assert_eq!(end.attempts, 2);
    assert!(last.is_none(), "a deadline leaves no error");
    let elapsed = started.elapsed();
    assert!((MS(6100)..MS(6110)).contains(&elapsed), "two deadlines and a wait: {elapsed:?}");
}

/// Dials of a server that accepts and closes at once, in the first 2 s and in 10 minutes.
async fn accept_then_close(jitter: Jitter, seed: u64) -> (usize, usize) {
    let policy = exact().jitter(jitter).build().unwrap();
    let dials = Arc::new(AtomicUsize::new(0));
    let count = dials.clone();
    let _link = spawn(
        Reconnector::new(policy, seed),
        move |_| {
            count.fetch_add(1, Ordering::SeqCst);
            async { Ok(()) }
        },
        |(), _| async { Ended::Lost(io::Error::from(io::ErrorKind::UnexpectedEof)) },
    );
    sleep(MS(2000)).await;
    let early = dials.load(Ordering::SeqCst);
    sleep(MS(598_000)).await;
    (early, dials.load(Ordering::SeqCst))
}

#[tokio::test(start_paused = true)]
async fn accept_then_close_is_no_hot_loop() {
    let exact = accept_then_close(Jitter::None, 1).await;
    assert_eq!(exact, (5, 28));
    for seed in 0..50 {
        let (early, all) = accept_then_close(Jitter::Equal, seed).await;
        assert!(early <= 6 && all <= 48, "seed {seed}: {early} and {all}");
    }
    println!("accept-then-close: {exact:?} dials in 2 s and 10 min without jitter");
}

#[tokio::test(start_paused = true)]
async fn limits_end_accept_then_close_as_they_end_a_refusal() {
    for limited in [exact().max_attempts(7), exact().max_elapsed(MS(20_000))] {
        let policy = limited.build().unwrap();
        let mut ends = Vec::new();
        for accepts in [true, false] {
            let link = spawn(
                Reconnector::new(policy.clone(), 1),
                move |_| async move { if accepts { Ok(()) } else { Err(refused()) } },
                |(), _| async { Ended::Lost(refused()) },
            );
            let LinkError::GaveUp { end, last } = link.closed().await.unwrap_err() else {
                panic!()
            };
            assert_eq!(last.unwrap().kind(), io::ErrorKind::ConnectionRefused);
            ends.push((end.reason, end.attempts));
        }
        assert_eq!(ends[0], ends[1]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_deferred_link_waits() {
    let started = Instant::now();
    let drive = driver(Reconnector::new(exact().build().unwrap(), 1))
        .lazy()
        .drive(|_| async { io::Result::Ok(()) }, |(), _| pending());
    let link = spawn_drive(drive);
    link.defer(MS(7000));
    link.connection().await.unwrap();
    assert!(started.elapsed() >= MS(7000));
}

#[tokio::test(start_paused = true)]
async fn progress_moves_the_deadline_to_the_handshakes() {
    let policy =
        exact().dial_timeout(MS(1000)).handshake_timeout(MS(5000)).max_attempts(1).build().unwrap();
    let started = Instant::now();
    let link = spawn(
        Reconnector::new(policy, 1),
        |attempt| async move {
            attempt.progress();
            pending::<io::Result<()>>().await
        },
        |(), _| pending(),
    );
    link.closed().await.unwrap_err();
    let elapsed = started.elapsed();
    assert!((MS(5000)..MS(5010)).contains(&elapsed), "{elapsed:?}");
}

#[tokio::test(start_paused = true)]
async fn a_confirmed_connection_need_not_become_stable_to_count() {
    for confirms in [true, false] {
        let policy = exact().max_attempts(3).build().unwrap();
        let link = spawn(
            Reconnector::new(policy, 1),
            |_| async { io::Result::Ok(()) },
            move |(), session| async move {
                if confirms {
                    session.confirmed();
                }
                sleep(MS(100)).await;
                Ended::Lost(refused())
            },
        );
        let gave_up = timeout(MS(60_000), link.closed()).await.is_ok();
        assert_eq!(gave_up, !confirms);
    }
}

#[tokio::test(start_paused = true)]
async fn a_lazy_link_dials_on_first_use_and_once() {
    let dials = Arc::new(AtomicUsize::new(0));
    let count = dials.clone();
    let drive = driver(Reconnector::new(exact().build().unwrap(), 1)).lazy().drive(
        move |_| {
            count.fetch_add(1, Ordering::SeqCst);
            async {
                sleep(MS(50)).await;
                io::Result::Ok(())
            }
        },
        |(), _| pending(),
    );
    let link = spawn_drive(drive);
    sleep(MS(10_000)).await;
    assert_eq!(dials.load(Ordering::SeqCst), 0);
    link.stop();
    link.closed().await.unwrap();
    link.start();
    let users: Vec<_> = (0..10)
        .map(|_| {
            let handle = link.handle();
            tokio::spawn(async move { handle.connection().await.unwrap().id })
        })
        .collect();
    for user in users {
        user.await.unwrap();
    }
    assert_eq!(dials.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn offline_keeps_the_connection_and_online_brings_a_new_one() {
    let policy = exact().stable_after(MS(100)).build().unwrap();
    let link =
        spawn(Reconnector::new(policy, 1), |_| async { io::Result::Ok(()) }, |(), _| pending());
    let first = link.connection().await.unwrap().id;
    sleep(MS(200)).await;
    link.offline();
    sleep(MS(200)).await;
    assert_eq!(link.current().unwrap().id, first);
    link.report(first, refused());
    sleep(MS(10_000)).await;
    assert_eq!(link.status().phase, Phase::Offline);
    link.online();
    assert!(link.connection().await.unwrap().id > first);
}
