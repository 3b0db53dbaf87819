//! Operations over a link, in simulated time: retried when allowed, reported once, ended on time.

use std::future::{Ready, pending};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use redial_tokio::redial::{Backoff, DialId, Policy, PolicyBuilder, Reconnector};
use redial_tokio::{
    Change, Connection, Ended, Idempotent, Link, LinkError, RunError, Subscriptions, driver,
    on_connected, spawn_drive,
};
use tokio::time::{Instant, sleep, timeout};

use crate::support::{MS, exact};

fn policy() -> PolicyBuilder {
    exact().backoff(Backoff::fixed(MS(100))).stable_after(MS(50)).rate_limit(100, MS(10))
}

fn broken() -> io::Error {
    io::ErrorKind::BrokenPipe.into()
}

/// A link that always connects and shares its dial's id, and the number of its dials.
fn link(policy: Policy) -> (Link<u64>, Arc<AtomicUsize>) {
    let dials = Arc::new(AtomicUsize::new(0));
    let count = dials.clone();
    let driver = driver(Reconnector::new(policy, 1)).share(|id: &u64| *id).health(MS(3_600_000));
    let drive = driver.drive(
        move |attempt| {
            count.fetch_add(1, Ordering::SeqCst);
            async move { io::Result::Ok(attempt.dial.id.get()) }
        },
        |_, session| async move {
            session.draining().await;
            sleep(MS(100)).await;
            Ended::Finished
        },
    );
    (spawn_drive(drive), dials)
}

#[tokio::test(start_paused = true)]
async fn an_idempotent_operation_runs_again_on_the_next_connection() {
    let (link, dials) = link(policy().build().unwrap());
    let answer = link.run(
        |connection| async move { if *connection < 3 { Err(broken()) } else { Ok(*connection) } },
        Idempotent::Yes,
    );
    assert_eq!(answer.await.unwrap(), 3);
    assert_eq!(dials.load(Ordering::SeqCst), 3);
}

#[tokio::test(start_paused = true)]
async fn an_operation_that_is_not_idempotent_runs_once() {
    let (link, dials) = link(policy().build().unwrap());
    let runs = AtomicUsize::new(0);
    let count = &runs;
    let answer = link.run(
        |_| async move {
            count.fetch_add(1, Ordering::SeqCst);
            Err::<(), _>(broken())
        },
        Idempotent::No,
    );
    let RunError::Failed(error) = answer.await.unwrap_err() else { panic!() };
    assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    assert_eq!(runs.load(Ordering::SeqCst), 1);
    link.connection().await.unwrap();
    assert_eq!(dials.load(Ordering::SeqCst), 2, "the link reconnects all the same");
}

#[tokio::test(start_paused = true)]
async fn a_business_error_is_the_answer_and_keeps_the_connection() {
    let (link, dials) = link(policy().build().unwrap());
    let answer = link.run(
        |_| async { Err::<(), _>(io::Error::from(io::ErrorKind::InvalidInput)) },
        Idempotent::Yes,
    );
    assert!(matches!(answer.await, Err(RunError::Failed(_))));
    sleep(MS(1000)).await;
    assert_eq!(dials.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn concurrent_failures_move_on_once() {
    let (link, dials) = link(policy().build().unwrap());
    let first = link.connection().await.unwrap().id;
    sleep(MS(100)).await;
    let runs: Vec<_> = (0..10)
        .map(|_| {
            let handle = link.handle();
            tokio::spawn(async move {
                let op = |connection: Connection<u64>| async move {
                    if connection.id == first { Err(broken()) } else { Ok(*connection) }
                };
                handle.run(op, Idempotent::Yes).await.unwrap()
            })
        })
        .collect();
    for run in runs {
        assert_eq!(run.await.unwrap(), 2);
    }
    assert_eq!(dials.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_ends_an_operation_and_not_the_link() {
    let (link, dials) = link(policy().build().unwrap());
    let started = Instant::now();
    let hung = link.run(|_| pending::<io::Result<()>>(), Idempotent::Yes).within(MS(700));
    assert!(matches!(hung.await, Err(RunError::TimedOut(None))));
    let elapsed = started.elapsed();
    assert!((MS(700)..MS(710)).contains(&elapsed), "{elapsed:?}");
    assert_eq!(*link.connection().await.unwrap(), 1);
    assert_eq!(dials.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_covers_the_wait_for_a_connection() {
    let drive = driver(Reconnector::new(policy().build().unwrap(), 1))
        .drive(|_| async { Err::<(), _>(broken()) }, |(), _| pending());
    let link = spawn_drive(drive);
    let started = Instant::now();
    let run = link.run(|_| async { Ok(()) }, Idempotent::Yes).within(MS(450));
    assert!(matches!(run.await, Err(RunError::TimedOut(None))));
    assert!((MS(450)..MS(460)).contains(&started.elapsed()));
    // Many at once, each at its own time, and one that is dropped long before.
    drop(timeout(MS(10), link.run(|_| async { Ok(()) }, Idempotent::No).within(MS(99_000))).await);
    let runs: Vec<_> = (1..=20)
        .map(|turn| {
            let (handle, within) = (link.handle(), MS(turn * 37));
            tokio::spawn(async move {
                let started = Instant::now();
                let run = handle.run(|_| async { Ok(()) }, Idempotent::Yes).within(within);
                assert!(matches!(run.await, Err(RunError::TimedOut(_))));
                assert!((within..within + MS(10)).contains(&started.elapsed()));
            })
        })
        .collect();
    for run in runs {
        run.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn tries_are_limited() {
    let (link, dials) = link(policy().build().unwrap());
    let run = link.run(|_| async { Err::<(), _>(broken()) }, Idempotent::Yes).tries(4);
    assert!(matches!(run.await, Err(RunError::Failed(_))));
    link.connection().await.unwrap();
    assert_eq!(dials.load(Ordering::SeqCst), 5);
}

#[tokio::test(start_paused = true)]
async fn a_give_up_ends_those_who_wait_and_the_next_call_starts_anew() {
    let dials = Arc::new(AtomicUsize::new(0));
    let count = dials.clone();
    let drive =
        driver(Reconnector::new(policy().max_attempts(3).build().unwrap(), 1)).lazy().drive(
            move |_| {
                count.fetch_add(1, Ordering::SeqCst);
                async { Err::<(), _>(broken()) }
            },
            |(), _| pending(),
        );
    let link = spawn_drive(drive);
    for outage in 1..=3 {
        let run = link.run(|_| async { Ok(()) }, Idempotent::Yes).await;
        assert!(matches!(run, Err(RunError::Link(LinkError::GaveUp { .. }))));
        assert_eq!(dials.load(Ordering::SeqCst), 3 * outage);
    }
}

#[tokio::test(start_paused = true)]
async fn a_dropped_run_leaves_the_link_alone() {
    let (link, dials) = link(policy().build().unwrap());
    let hung = link.run(|_| pending::<io::Result<()>>(), Idempotent::No);
    assert!(timeout(MS(200), hung).await.is_err());
    sleep(MS(1000)).await;
    assert_eq!(dials.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn an_operation_in_flight_finishes_on_the_old_connection() {
    let (link, _) = link(policy().build().unwrap());
    link.connection().await.unwrap();
    sleep(MS(100)).await;
    let slow = |connection: Connection<u64>| async move {
        sleep(MS(80)).await;
        io::Result::Ok(*connection)
    };
    let (answer, ()) = tokio::join!(link.run(slow, Idempotent::No), async {
        sleep(MS(10)).await;
        link.redial();
    });
    assert_eq!(answer.unwrap(), 1);
    assert_eq!(*link.connection().await.unwrap(), 2);
    sleep(MS(500)).await;
    let (answer, closed) =
        tokio::join!(link.run(slow, Idempotent::No), async { link.shutdown(MS(5000)).await });
    assert_eq!(answer.unwrap(), 2, "also through a shutdown");
    closed.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_operation_ends_with_its_connection() {
    let (link, _) = link(policy().build().unwrap());
    let first = link.connection().await.unwrap().id;
    let hang_on_the_first = |connection: Connection<u64>| async move {
        if connection.id == first {
            pending::<()>().await;
        }
        io::Result::Ok(connection.id)
    };
    let (once, again, reported) = tokio::join!(
        link.run(hang_on_the_first, Idempotent::No),
        link.run(hang_on_the_first, Idempotent::Yes),
        async {
            sleep(MS(100)).await;
            link.report(first, broken())
        }
    );
    assert!(reported);
    assert!(matches!(once, Err(RunError::Lost)));
    assert!(again.unwrap() > first);
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_an_operation_ends_its_connection_and_reaches_its_caller_alone() {
    let (link, dials) = link(policy().build().unwrap());
    let first = link.connection().await.unwrap().id;
    sleep(MS(100)).await;
    let waiters = [Idempotent::Yes, Idempotent::No].map(|idempotent| {
        let handle = link.handle();
        tokio::spawn(async move {
            let op = |connection: Connection<u64>| async move {
                if connection.id == first { pending().await } else { Ok(connection.id) }
            };
            handle.run(op, idempotent).await
        })
    });
    sleep(MS(100)).await;
    let callers = [(); 2].map(|()| {
        let handle = link.handle();
        let op = |_| async {
            sleep(MS(10)).await;
            panic!("the operation is broken")
        };
        tokio::spawn(async move { handle.run::<(), _, _>(op, Idempotent::Yes).await })
    });
    for caller in callers {
        assert!(caller.await.unwrap_err().is_panic());
    }
    let [again, once] = waiters;
    assert!(again.await.unwrap().unwrap() > first, "it runs on the next connection");
    assert!(matches!(once.await.unwrap(), Err(RunError::Lost)));
    sleep(MS(1000)).await;
    assert_eq!(dials.load(Ordering::SeqCst), 2, "two panics over one connection end it once");

    // Also before it has a future.
    let handle = link.handle();
    let op = |_| -> Ready<io::Result<()>> { panic!("it cannot even begin") };
    let caller = tokio::spawn(async move { handle.run(op, Idempotent::Yes).await });
    assert!(caller.await.unwrap_err().is_panic());
    sleep(MS(1000)).await;
    assert_eq!(dials.load(Ordering::SeqCst), 3);
    assert_eq!(link.health().await.unwrap().flaps(), 0);
}

#[tokio::test(start_paused = true)]
async fn health_is_up_to_now() {
    let (link, _) = link(policy().build().unwrap());
    link.connection().await.unwrap();
    sleep(MS(8000)).await;
    let health = link.health().await.unwrap();
    assert!((MS(8000)..MS(8010)).contains(&health.uptime()), "{:?}", health.uptime());
    assert_eq!(health.dials(), 1);
    link.stop();
    sleep(MS(2000)).await;
    let health = link.health().await.unwrap();
    assert!((MS(2000)..MS(2010)).contains(&health.stopped()), "{:?}", health.stopped());
}

#[tokio::test(start_paused = true)]
async fn health_that_is_not_kept_is_not_waited_for() {
    let drive = driver(Reconnector::new(policy().build().unwrap(), 1))
        .drive(|_| pending::<io::Result<()>>(), |(), _| pending());
    let link = spawn_drive(drive);
    assert_eq!(timeout(MS(1000), link.health()).await, Ok(None));
}

#[tokio::test(start_paused = true)]
async fn a_restore_that_fails_is_a_failed_dial() {
    let restores = Arc::new(AtomicUsize::new(0));
    let count = restores.clone();
    let connect = on_connected(
        |_| async { Ok(Vec::new()) },
        move |mut session: Vec<&str>| async move {
            sleep(MS(10)).await;
            if count.fetch_add(1, Ordering::SeqCst) < 2 {
                return Err(broken());
            }
            session.push("logged in");
            Ok(session)
        },
    );
    let drive = driver(Reconnector::new(policy().build().unwrap(), 1))
        .share(|session: &Vec<&'static str>| session.clone())
        .drive(connect, |_, _| pending());
    let link = spawn_drive(drive);
    assert_eq!(link.connection().await.unwrap().shared, ["logged in"]);
    assert_eq!(restores.load(Ordering::SeqCst), 3);
    assert_eq!(link.current().unwrap().id, DialId::new(3).unwrap());
}

#[tokio::test(start_paused = true)]
async fn subscriptions_are_replayed_in_order_and_followed() {
    type Told = Arc<std::sync::Mutex<Vec<(u64, String)>>>;
    let topics: Subscriptions<&'static str> = ["a", "b", "a", "bad", "c"].into_iter().collect();
    let told = Told::default();
    let (for_dial, for_serve, log) = (topics.clone(), told.clone(), told.clone());
    let drive = driver(Reconnector::new(policy().build().unwrap(), 1)).share(|_: &_| ()).drive(
        move |attempt| {
            let (mut cursor, told, id) =
                (for_dial.cursor(), for_serve.clone(), attempt.dial.id.get());
            async move {
                let subscribe = |topic: &'static str| {
                    told.lock().unwrap().push((id, format!("+{topic}")));
                    async move {
                        let bad = io::Error::from(io::ErrorKind::InvalidInput);
                        if topic == "bad" { Err(bad) } else { Ok(()) }
                    }
                };
                let failed = cursor.replay(subscribe).await?;
                let failed: Vec<_> = failed.iter().map(|(topic, _)| *topic).collect();
                assert!(failed == ["bad"] || id > 1, "it is that item's failure alone");
                Ok((id, cursor))
            }
        },
        move |(id, mut cursor), _| {
            let told = log.clone();
            async move {
                loop {
                    let change = match cursor.changed().await {
                        Change::Add(topic) => format!("+{topic}"),
                        Change::Remove(topic) => format!("-{topic}"),
                    };
                    told.lock().unwrap().push((id, change));
                }
            }
        },
    );
    let link: Link<(), io::Error> = spawn_drive(drive);
    let first = link.connection().await.unwrap().id;
    sleep(MS(100)).await;
    topics.add("d");
    topics.remove(&"bad");
    topics.add("gone before it was told");
    topics.remove(&"gone before it was told");
    sleep(MS(10)).await;
    link.report(first, broken());
    link.connection().await.unwrap();
    topics.remove(&"a");
    sleep(MS(100)).await;
    let seen = |id| {
        let told = told.lock().unwrap();
        let of = told.iter().filter(|(on, _)| *on == id).map(|(_, change)| change.clone());
        of.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(seen(1), "+a +b +bad +c -bad +d");
    assert_eq!(seen(2), "+a +b +c +d -a");
}
