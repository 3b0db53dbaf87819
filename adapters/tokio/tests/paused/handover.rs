//! How connections end, and how one replaces another.

use std::future::pending;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use redial_tokio::redial::{Phase, Reconnector, Refresh};
use redial_tokio::{Ended, LinkError, Session, driver, spawn, spawn_drive};
use tokio::time::{Instant, sleep};

use crate::support::{MS, Socket, exact, refused};

/// Serves until told to drain, and then for as long as its last request takes.
async fn serve_then_finish(session: Session, last: Duration) -> Ended<io::Error> {
    session.draining().await;
    sleep(last).await;
    Ended::Finished
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_drains_and_then_stops() {
    for (last, within, took) in [(300, 1000, 300), (3000, 1000, 1000)] {
        let link = spawn(
            Reconnector::new(exact().build().unwrap(), 1),
            |_| async { io::Result::Ok(()) },
            move |(), session| serve_then_finish(session, MS(last)),
        );
        link.connection().await.unwrap();
        let started = Instant::now();
        link.shutdown(MS(within)).await.unwrap();
        let elapsed = started.elapsed();
        assert!((MS(took)..MS(took + 10)).contains(&elapsed), "{elapsed:?}");
        link.start();
        assert!(matches!(link.connection().await, Err(LinkError::Stopped)), "it is for good");
    }
}

#[tokio::test(start_paused = true)]
async fn a_redial_hands_over_and_the_old_connection_finishes() {
    let policy = exact().stable_after(MS(100)).build().unwrap();
    let served = Arc::new(AtomicUsize::new(0));
    let count = served.clone();
    let drive = driver(Reconnector::new(policy, 1)).share(|id: &u64| *id).drive(
        |attempt| async move { io::Result::Ok(attempt.dial.id.get()) },
        move |_, session| {
            let socket = Socket::open(&count);
            async move {
                let _socket = socket;
                serve_then_finish(session, MS(300)).await
            }
        },
    );
    let link = spawn_drive(drive);
    assert_eq!(link.connection().await.unwrap().shared, 1);
    sleep(MS(200)).await;
    link.redial();
    sleep(MS(10)).await;
    assert_eq!(served.load(Ordering::SeqCst), 2, "the old one drains");
    assert_eq!(link.connection().await.unwrap().shared, 2, "callers get the new one");
    sleep(MS(1000)).await;
    assert_eq!(served.load(Ordering::SeqCst), 1, "the old one's end is no stop");
    assert!(matches!(link.status().phase, Phase::Connected { stable: true, .. }));
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_does_not_drain_is_closed_on_time() {
    for server_says in [None, Some(MS(400))] {
        let policy = exact().stable_after(MS(100)).drain_timeout(MS(2000)).build().unwrap();
        let sockets = Arc::new(AtomicUsize::new(0));
        let count = sockets.clone();
        let link = spawn(
            Reconnector::new(policy, 1),
            move |_| {
                let socket = Socket::open(&count);
                async move { io::Result::Ok(socket) }
            },
            move |socket, session| async move {
                sleep(MS(200)).await;
                if session.id().get() == 1 {
                    session.going_away(server_says);
                }
                let _socket = socket;
                pending::<Ended<io::Error>>().await
            },
        );
        link.connection().await.unwrap();
        let by = server_says.unwrap_or(MS(2000));
        sleep(MS(190) + by).await;
        assert_eq!(sockets.load(Ordering::SeqCst), 2, "it may still drain");
        sleep(MS(30)).await;
        assert_eq!(sockets.load(Ordering::SeqCst), 1, "its time is over");
        assert_eq!(link.current().unwrap().id.get(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn breaking_first_never_has_two_connections() {
    let policy = exact().stable_after(MS(100)).refresh(Refresh::BreakFirst).build().unwrap();
    let sockets = Arc::new(AtomicUsize::new(0));
    let (count, most) = (sockets.clone(), Arc::new(AtomicUsize::new(0)));
    let seen = most.clone();
    let link = spawn(
        Reconnector::new(policy, 1),
        move |_| {
            let socket = Socket::open(&count);
            seen.fetch_max(count.load(Ordering::SeqCst), Ordering::SeqCst);
            async move {
                sleep(MS(50)).await;
                io::Result::Ok(socket)
            }
        },
        |socket, _| async move {
            let _socket = socket;
            pending::<Ended<io::Error>>().await
        },
    );
    for id in 1..=3 {
        assert_eq!(link.connection().await.unwrap().id.get(), id);
        sleep(MS(200)).await;
        link.redial();
        sleep(MS(10)).await;
        assert!(link.current().is_none(), "the old one went first");
    }
    assert_eq!(most.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn what_was_shared_is_closed_once_when_it_is_no_longer_named() {
    let policy = exact().stable_after(MS(100)).build().unwrap();
    let closed = Arc::new(std::sync::Mutex::new(Vec::new()));
    let log = closed.clone();
    let drive = driver(Reconnector::new(policy, 1))
        .share_closing(|id: &u64| *id, move |id: u64| log.lock().unwrap().push(id))
        .drive(
            |attempt| async move { io::Result::Ok(attempt.dial.id.get()) },
            |_, session| serve_then_finish(session, MS(50)),
        );
    let link = spawn_drive(drive);
    let held = link.connection().await.unwrap();
    sleep(MS(200)).await;
    assert!(closed.lock().unwrap().is_empty());
    link.redial();
    sleep(MS(200)).await;
    assert_eq!(*closed.lock().unwrap(), [held.shared], "though a caller still holds it");
    link.report(link.current().unwrap().id, refused());
    sleep(MS(200)).await;
    assert_eq!(*closed.lock().unwrap(), [1, 2]);
    link.stop();
    link.closed().await.unwrap();
    assert_eq!(*closed.lock().unwrap(), [1, 2, 3]);
    link.start();
    let handle = link.handle();
    assert_eq!(*link.connection().await.unwrap(), 4);
    drop(link);
    assert!(matches!(handle.closed().await, Err(LinkError::Aborted)));
    assert_eq!(*closed.lock().unwrap(), [1, 2, 3, 4], "an aborted link closes too");
}

#[tokio::test(start_paused = true)]
async fn a_silent_connection_is_dropped_and_an_active_one_is_kept() {
    let policy =
        exact().stable_after(MS(100)).idle_timeout(MS(1000)).max_age(MS(86_400_000)).build();
    let link = spawn(
        Reconnector::new(policy.unwrap(), 1),
        |_| async { io::Result::Ok(()) },
        |(), session| async move {
            for _ in 0..10 {
                sleep(MS(500)).await;
                session.activity();
            }
            pending().await
        },
    );
    let first = link.connection().await.unwrap().id;
    sleep(MS(5900)).await;
    assert_eq!(link.current().unwrap().id, first);
    sleep(MS(200)).await;
    assert!(link.connection().await.unwrap().id > first);
}

#[tokio::test(start_paused = true)]
async fn a_connection_fails_once_however_many_report_it() {
    let dials = Arc::new(AtomicUsize::new(0));
    let count = dials.clone();
    let policy = exact().stable_after(MS(100)).build().unwrap();
    let link = spawn(
        Reconnector::new(policy, 1),
        move |_| {
            count.fetch_add(1, Ordering::SeqCst);
            async { io::Result::Ok(()) }
        },
        |(), _| pending(),
    );
    let broken = link.connection().await.unwrap().id;
    sleep(MS(200)).await;
    let news = (0..10).filter(|_| link.report(broken, refused())).count();
    assert_eq!(news, 1);
    let next = link.connection().await.unwrap().id;
    assert!(next > broken);
    assert!(!link.report(broken, refused()), "the old one cannot touch the new one");
    sleep(MS(1000)).await;
    assert_eq!(dials.load(Ordering::SeqCst), 2);
}
