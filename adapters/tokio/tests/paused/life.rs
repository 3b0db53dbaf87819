//! Starting, stopping, giving up, dropping and panicking.

use std::future::pending;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use redial_tokio::redial::{Phase, Reconnector, WaitReason};
use redial_tokio::{Ended, LinkError, spawn, spawn_local};
use tokio::time::{sleep, timeout};

use crate::support::{MS, Socket, exact, refused};

#[tokio::test(start_paused = true)]
async fn a_stop_while_dialing_drops_the_dial() {
    let sockets = Arc::new(AtomicUsize::new(0));
    let count = sockets.clone();
    let link = spawn(
        Reconnector::new(exact().build().unwrap(), 1),
        move |_| {
            let socket = Socket::open(&count);
            async move {
                let _socket = socket;
                pending::<io::Result<()>>().await
            }
        },
        |(), _| pending::<Ended<io::Error>>(),
    );
    let mut watch = link.watch();
    assert!(matches!(watch.changed().await.unwrap().phase, Phase::Connecting { attempt: 1 }));
    assert_eq!(sockets.load(Ordering::SeqCst), 1);
    link.stop();
    link.closed().await.unwrap();
    assert_eq!(sockets.load(Ordering::SeqCst), 0);
    assert_eq!(link.status().phase, Phase::Idle);
    sleep(MS(100_000)).await;
    assert_eq!(sockets.load(Ordering::SeqCst), 0, "nothing dials after a stop");
}

#[tokio::test(start_paused = true)]
async fn a_stopped_link_starts_again() {
    let link = spawn(
        Reconnector::new(exact().build().unwrap(), 1),
        |attempt| async move { io::Result::Ok(attempt.dial.id) },
        |_, _| pending::<Ended<io::Error>>(),
    );
    let first = link.connection().await.unwrap().id;
    link.stop();
    link.closed().await.unwrap();
    assert!(matches!(link.connection().await, Err(LinkError::Stopped)));
    link.start();
    let second = link.connection().await.unwrap().id;
    assert!(second > first);
}

#[tokio::test(start_paused = true)]
async fn a_link_dropped_while_it_waits_is_gone() {
    let dials = Arc::new(AtomicUsize::new(0));
    let count = dials.clone();
    let link = spawn(
        Reconnector::new(exact().build().unwrap(), 1),
        move |_| {
            count.fetch_add(1, Ordering::SeqCst);
            async { Err::<(), _>(refused()) }
        },
        |(), _| pending(),
    );
    sleep(MS(150)).await;
    let handle = link.handle();
    let Phase::Reconnecting { reason, .. } = handle.status().phase else { panic!() };
    assert_eq!(reason, WaitReason::Backoff);
    drop(link);
    assert!(matches!(handle.closed().await, Err(LinkError::Aborted)));
    let dialed = dials.load(Ordering::SeqCst);
    assert!(matches!(handle.connection().await, Err(LinkError::Aborted)), "no waiter hangs");
    sleep(MS(100_000)).await;
    assert_eq!(dials.load(Ordering::SeqCst), dialed);
    assert_eq!(Arc::strong_count(&dials), 1, "connect itself is gone");
}

#[tokio::test(start_paused = true)]
async fn a_detached_link_lives_until_it_gives_up() {
    let dials = Arc::new(AtomicUsize::new(0));
    let count = dials.clone();
    spawn(
        Reconnector::new(exact().max_attempts(3).build().unwrap(), 1),
        move |_| {
            count.fetch_add(1, Ordering::SeqCst);
            async { Err::<(), _>(refused()) }
        },
        |(), _| pending(),
    )
    .detach();
    sleep(MS(10_000)).await;
    assert_eq!(dials.load(Ordering::SeqCst), 3);
    assert_eq!(Arc::strong_count(&dials), 1, "nobody could start it again, so it is gone");
}

#[tokio::test(start_paused = true)]
async fn a_link_that_gave_up_starts_a_new_outage() {
    let dials = Arc::new(AtomicUsize::new(0));
    let count = dials.clone();
    let link = spawn(
        Reconnector::new(exact().max_attempts(2).build().unwrap(), 1),
        move |_| {
            let dial = count.fetch_add(1, Ordering::SeqCst);
            async move { if dial < 2 { Err(refused()) } else { Ok(()) } }
        },
        |(), _| pending(),
    );
    let error = link.closed().await.unwrap_err();
    let told = error.to_string();
    assert!(told.starts_with("gave up: max_attempts reached after 2 attempts in 10"), "{told}");
    assert!(told.ends_with("ms, last failure: unreachable"), "{told}");
    let source = std::error::Error::source(&error).unwrap();
    assert_eq!(
        source.downcast_ref::<io::Error>().unwrap().kind(),
        io::ErrorKind::ConnectionRefused
    );
    link.connection().await.unwrap();
    assert_eq!(dials.load(Ordering::SeqCst), 3);
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_connect_or_serve_ends_the_link() {
    for (here, message) in
        [("connect", "connect is broken"), ("poll", "dial is broken"), ("serve", "serve is broken")]
    {
        let link = spawn(
            Reconnector::new(exact().build().unwrap(), 1),
            move |_| {
                assert!(here != "connect", "connect is broken");
                async move {
                    assert!(here != "poll", "dial is broken");
                    io::Result::Ok(())
                }
            },
            move |(), _| async move {
                assert!(here != "serve", "serve is broken");
                pending().await
            },
        );
        let handle = link.handle();
        let waiter = tokio::spawn(async move { handle.connection().await.map(|_| ()) });
        let LinkError::Panicked(told) = link.closed().await.unwrap_err() else { panic!() };
        assert_eq!(&*told, message);
        let waited = timeout(MS(1000), waiter).await.expect("no waiter hangs").unwrap();
        assert!(here == "serve" || matches!(waited, Err(LinkError::Panicked(_))));
    }
}

#[tokio::test(start_paused = true)]
async fn finished_stops_the_link() {
    let link = spawn(
        Reconnector::new(exact().build().unwrap(), 1),
        |_| async { io::Result::Ok(()) },
        |(), _| async {
            sleep(MS(500)).await;
            Ended::Finished
        },
    );
    link.closed().await.unwrap();
    assert_eq!(link.status().phase, Phase::Idle);
}

#[tokio::test(start_paused = true)]
async fn a_watch_tells_the_last_status_and_then_that_the_link_is_gone() {
    let link = spawn(
        Reconnector::new(exact().max_attempts(1).build().unwrap(), 1),
        |_| async { Err::<(), _>(refused()) },
        |(), _| pending(),
    );
    let mut watch = link.watch();
    let told = watch.changed().await.unwrap();
    assert!(matches!(told.phase, Phase::GaveUp { .. }), "what came before is not told: {told}");
    link.detach();
    assert!(watch.changed().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_local_link_needs_no_send() {
    let local = tokio::task::LocalSet::new();
    let test = async {
        let shared = std::rc::Rc::new(7);
        let link = spawn_local(
            Reconnector::new(exact().build().unwrap(), 1),
            move |_| {
                let shared = shared.clone();
                async move { io::Result::Ok(shared) }
            },
            |shared: std::rc::Rc<i32>, _| async move {
                assert_eq!(*shared, 7);
                Ended::Finished
            },
        );
        link.closed().await.unwrap();
    };
    local.run_until(test).await;
}
