//! The driver on tokio's paused clock: deadlines, stops and drops in simulated time.

use std::future::pending;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use redial_tokio::redial::{
    Backoff, FirstRetry, GiveUpReason, Jitter, Overload, Phase, Policy, PolicyBuilder, Reconnector,
    WaitReason,
};
use redial_tokio::{Ended, LinkError, Session, driver, spawn, spawn_drive};
use tokio::time::{Instant, sleep, timeout};

const MS: fn(u64) -> Duration = Duration::from_millis;

/// 100 ms ×2 → 30 s, exact.
fn exact() -> PolicyBuilder {
    Policy::builder()
        .backoff(Backoff::exponential(MS(100), 2, 1))
        .cap(MS(30_000))
        .jitter(Jitter::None)
        .first_retry(FirstRetry::Immediate)
        .overload(Overload::Ignore)
}

fn refused() -> io::Error {
    io::ErrorKind::ConnectionRefused.into()
}

/// Counts itself while it exists: a socket, as far as a leak is concerned.
struct Socket(Arc<AtomicUsize>);

impl Socket {
    fn open(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count.clone())
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

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
