//! `moq_native`'s `Reconnect`, line by line, and the bugs not to have. What is configuration is tested in
//! `redial-config`.

use std::error::Error;
use std::fmt;
use std::future::{pending, poll_fn};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use redial::{Backoff, Failure, GiveUpReason, Jitter, Phase, Policy, Reconnector, presets};
use redial_tokio::{Classify, Ended, Link, LinkError, Transition, driver, spawn, spawn_drive};
use tokio::time::{Instant, sleep, timeout};

const S: fn(u64) -> Duration = Duration::from_secs;

fn reset() -> io::Error {
    io::ErrorKind::ConnectionReset.into()
}

/// A server that is up for a minute and then refuses for one, and so on.
fn now_and_then() -> Link {
    let started = Instant::now();
    let up = move || started.elapsed().as_secs() % 120 < 60;
    spawn(
        Reconnector::new(presets::moq(), 1),
        move |_| async move {
            sleep(Duration::from_millis(1)).await;
            if up() { Ok(()) } else { Err(reset()) }
        },
        move |(), _| async move {
            while up() {
                sleep(S(1)).await;
            }
            Ended::Lost(reset())
        },
    )
}

#[tokio::test(start_paused = true)]
async fn s2_6_connected_or_disconnected_and_neither_before_the_first_connect() {
    let link = now_and_then();
    assert_eq!(link.status().phase, Phase::Idle);
    sleep(S(5)).await;
    assert!(link.watch().is_connected());
    sleep(S(60)).await;
    assert!(!link.watch().is_connected());
    assert!(matches!(link.status().phase, Phase::Reconnecting { .. }));
}

#[tokio::test(start_paused = true)]
async fn s2_7_a_watch_tells_a_change_since_it_last_told() {
    let link = now_and_then();
    let mut watch = link.watch();
    let first = watch.changed().await.unwrap();
    assert_eq!(first.phase, Phase::Connecting { attempt: 1 });
    // Lost and connected again between two looks: one report, of what is.
    sleep(S(125)).await;
    let Phase::Connected { since, .. } = watch.changed().await.unwrap().phase else { panic!() };
    assert!(since.since_origin() >= S(120));
    // Nothing is told twice.
    assert!(timeout(S(4), watch.changed()).await.is_err());
    // Another watch has a cursor of its own, and a change in between is not lost.
    let mut other = link.watch();
    sleep(S(60)).await;
    assert!(!matches!(other.changed().await.unwrap().phase, Phase::Connected { .. }));
    assert!(!matches!(watch.changed().await.unwrap().phase, Phase::Connected { .. }));
}

#[tokio::test(start_paused = true)]
async fn s2_8_the_poll_forms_do_the_same() {
    let link = now_and_then();
    let (mut watch, mut handle) = (link.watch(), link.handle());
    let status = poll_fn(|cx| watch.poll_changed(cx)).await.unwrap();
    assert_eq!(status.phase, Phase::Connecting { attempt: 1 });
    poll_fn(|cx| {
        assert!(handle.poll_closed(cx).is_pending(), "it is running");
        Poll::Ready(())
    })
    .await;
    link.stop();
    poll_fn(|cx| handle.poll_closed(cx)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn s2_9_closed_is_an_error_on_give_up_and_ok_on_a_stop_and_else_pending() {
    let link = now_and_then();
    assert!(timeout(S(7200), link.closed()).await.is_err(), "pending while it runs");
    link.stop();
    link.closed().await.unwrap();

    let started = Instant::now();
    let link = spawn(
        Reconnector::new(presets::moq(), 1),
        |_| async { Err::<(), _>(reset()) },
        |(), _| pending(),
    );
    let LinkError::GaveUp { end, .. } = link.closed().await.unwrap_err() else { panic!() };
    assert_eq!(end.reason, GiveUpReason::MaxElapsed);
    assert!(started.elapsed() < S(300), "not late: {:?}", started.elapsed());
}

/// Two sources deep, as a TLS error in a transport error.
#[derive(Debug)]
struct Transport(io::Error);

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("transport failed")
    }
}

impl Error for Transport {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

impl Classify for Transport {
    fn classify(&self) -> Failure {
        if self.0.kind() == io::ErrorKind::PermissionDenied {
            Failure::Fatal
        } else {
            Failure::Unreachable
        }
    }
}

#[tokio::test(start_paused = true)]
async fn s2_10_the_give_up_error_keeps_the_last_error_and_its_sources() {
    let link = spawn(
        Reconnector::new(presets::moq(), 1),
        |_| async { Err::<(), _>(Transport(io::Error::other("bad certificate"))) },
        |(), _| pending(),
    );
    let error = link.closed().await.unwrap_err();
    let mut chain = vec![error.to_string()];
    let mut source = error.source();
    while let Some(error) = source {
        chain.push(error.to_string());
        source = error.source();
    }
    assert!(chain[0].starts_with("gave up: max_elapsed reached after 14 attempts"), "{chain:?}");
    assert_eq!(chain[1..], ["transport failed", "bad certificate"]);
}

#[tokio::test(start_paused = true)]
async fn s2_11_dropping_the_link_aborts_its_task() {
    let alive = Arc::new(());
    let held = alive.clone();
    let link = spawn(
        Reconnector::new(presets::moq(), 1),
        |_| async { io::Result::Ok(()) },
        move |(), _| {
            let held = held.clone();
            async move {
                pending::<()>().await;
                drop(held);
                Ended::Finished
            }
        },
    );
    link.connection().await.unwrap();
    drop(link);
    sleep(S(1)).await;
    assert_eq!(Arc::strong_count(&alive), 1, "connection and task are gone");
}

#[tokio::test(start_paused = true)]
async fn s2_12_the_first_dial_is_immediate() {
    let started = Instant::now();
    let link = spawn(
        Reconnector::new(presets::moq(), 1),
        |_| async { io::Result::Ok(()) },
        |(), _| pending(),
    );
    link.connection().await.unwrap();
    assert_eq!(started.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn s2_13_each_transition_makes_a_line() {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let log = lines.clone();
    let tries = AtomicU64::new(0);
    let drive = driver(Reconnector::new(presets::moq(), 1))
        .observe(move |t: &Transition<'_, io::Error>| {
            log.lock().unwrap().push(t.to.phase.to_string());
        })
        .drive(
            move |_| {
                let dial = tries.fetch_add(1, Ordering::Relaxed);
                async move { if dial == 0 { Err(reset()) } else { Ok(()) } }
            },
            |(), _| pending(),
        );
    let link = spawn_drive(drive);
    sleep(S(60)).await;
    link.stop();
    link.closed().await.unwrap();
    let told: Vec<_> = lines.lock().unwrap().iter().map(|line| word(line)).collect();
    let words = ["connecting", "reconnecting", "connecting", "connected", "connected", "idle"];
    assert_eq!(told, words);
}

fn word(line: &str) -> String {
    line.split(' ').next().unwrap().into()
}

/// Dials in the first minute, and how it ended, of a server that accepts and closes at once.
async fn accept_then_close(policy: Policy) -> (u64, GiveUpReason) {
    let dials = Arc::new(AtomicU64::new(0));
    let count = dials.clone();
    let link = spawn(
        Reconnector::new(policy, 1),
        move |_| {
            count.fetch_add(1, Ordering::Relaxed);
            async { Ok(()) }
        },
        |(), _| async { Ended::Lost(reset()) },
    );
    sleep(S(60)).await;
    let dialed = dials.load(Ordering::Relaxed);
    let LinkError::GaveUp { end, .. } = link.closed().await.unwrap_err() else { panic!() };
    (dialed, end.reason)
}

#[tokio::test(start_paused = true)]
async fn s2_bug_accept_then_close_is_no_hot_loop_and_ends() {
    let (dials, end) = accept_then_close(presets::moq()).await;
    assert_eq!((dials, end), (6, GiveUpReason::MaxElapsed), "0, 1, 3, 7, 15, 31 s");
}

#[tokio::test(start_paused = true)]
async fn s2_bug_a_hung_dial_does_not_defeat_the_timeout() {
    let started = Instant::now();
    let link = spawn(
        Reconnector::new(presets::moq(), 1),
        |_| pending::<io::Result<()>>(),
        |(), _| pending(),
    );
    let LinkError::GaveUp { end, .. } = link.closed().await.unwrap_err() else { panic!() };
    assert_eq!(end.reason, GiveUpReason::MaxElapsed);
    assert!(end.attempts > 3, "each dial has a deadline");
    assert!(started.elapsed() <= S(301), "{:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn s2_bug_bad_credentials_are_not_retried() {
    let started = Instant::now();
    let link = spawn(
        Reconnector::new(presets::moq(), 1),
        |_| async { Err::<(), _>(Transport(io::ErrorKind::PermissionDenied.into())) },
        |(), _| pending(),
    );
    let LinkError::GaveUp { end, .. } = link.closed().await.unwrap_err() else { panic!() };
    assert_eq!((end.reason, end.attempts), (GiveUpReason::Fatal, 1));
    assert_eq!(started.elapsed(), Duration::ZERO);
}

#[test]
fn s2_bug_nothing_overflows_and_jitter_is_one_word_away() {
    let huge = Backoff::exponential(S(1), u32::MAX, 1);
    let policy = presets::moq().to_builder().backoff(huge).cap(Duration::MAX).jitter(Jitter::Full);
    let policy = policy.max_elapsed(Duration::MAX).build().unwrap();
    let mut link = Reconnector::new(policy, 1);
    let mut action = link.handle(redial::Timestamp::ORIGIN, redial::Event::Start);
    for _ in 0..1000 {
        let event = match action.dial() {
            Some(dial) => redial::Event::DialFailed(dial.id, Failure::Unreachable),
            None => redial::Event::Tick,
        };
        action = link.handle(action.wake().min(redial::Timestamp::MAX), event);
    }
}
