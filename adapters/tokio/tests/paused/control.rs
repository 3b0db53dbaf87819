//! A link changed from outside, in simulated time: endpoints, circuits, snapshots, observers.

use std::future::pending;
use std::io;
use std::sync::{Arc, Mutex};

use redial_tokio::redial::{
    Endpoint, EndpointSnapshot, Failure, Phase, PolicyBuilder, Reconnector, Snapshot, Timestamp,
    WaitReason,
};
use redial_tokio::{Ended, Link, Runtime, TokioRuntime, Transition, driver, spawn_drive};
use tokio::time::sleep;

use crate::support::{MS, exact};

fn policy() -> PolicyBuilder {
    exact().cap(MS(10_000)).stable_after(MS(50)).rate_limit(100, MS(10))
}

fn endpoints(keys: impl IntoIterator<Item = u32>) -> Vec<Endpoint> {
    keys.into_iter().map(Endpoint::new).collect()
}

/// A link over these endpoints that connects to whichever it dials, and shares its key.
fn link(keys: impl IntoIterator<Item = u32>) -> Link<u32> {
    let reconnector = Reconnector::with_endpoints(policy().build().unwrap(), 1, endpoints(keys));
    let drive = driver(reconnector).changeable().share(|key: &u32| *key).drive(
        |attempt| async move { io::Result::Ok(attempt.dial.endpoint) },
        |_, session| async move {
            session.draining().await;
            sleep(MS(20)).await;
            Ended::Finished
        },
    );
    spawn_drive(drive)
}

#[tokio::test(start_paused = true)]
async fn a_connection_to_a_removed_endpoint_is_replaced() {
    let link = link([1, 2]);
    assert_eq!(*link.connection().await.unwrap(), 1);
    sleep(MS(100)).await;
    assert!(link.set_endpoints(endpoints([2, 3])));
    sleep(MS(10)).await;
    assert_eq!(*link.connection().await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_link_without_endpoints_is_idle_and_dials_when_one_appears() {
    let link = link([]);
    sleep(MS(60_000)).await;
    assert_eq!(link.status().phase, Phase::Idle);
    assert!(link.set_endpoints([Endpoint::new(7)]));
    assert_eq!(*link.connection().await.unwrap(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_may_not_change_does_not() {
    let drive = driver(Reconnector::new(policy().build().unwrap(), 1))
        .drive(|_| async { io::Result::Ok(()) }, |(), _| pending());
    let link = spawn_drive(drive);
    assert!(!link.set_endpoints([Endpoint::new(7)]));
    assert_eq!(link.connection().await.unwrap().endpoint, 0);
}

#[tokio::test(start_paused = true)]
async fn a_tripped_endpoint_is_not_dialed_until_it_is_reset() {
    let link = link([1]);
    let first = link.connection().await.unwrap().id;
    link.trip(1);
    sleep(MS(100)).await;
    assert_eq!(link.current().unwrap().id, first, "the connection is kept");
    link.report(first, io::Error::from(io::ErrorKind::BrokenPipe));
    sleep(MS(60_000)).await;
    let Phase::Reconnecting { until, reason, .. } = link.status().phase else { panic!() };
    assert_eq!((until, reason), (Timestamp::MAX, WaitReason::Breaker));
    link.reset(1);
    assert!(link.connection().await.unwrap().id > first);
}

/// A link whose dials are all refused.
fn refused() -> Link {
    let reconnector = Reconnector::with_endpoints(policy().build().unwrap(), 1, endpoints([4, 5]));
    let refused = |_| async { Err::<(), _>(io::Error::from(io::ErrorKind::ConnectionRefused)) };
    spawn_drive(driver(reconnector).drive(refused, |(), _| pending()))
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_is_as_of_now_though_the_link_only_waits() {
    let runtime = TokioRuntime::new();
    let link = refused();
    sleep(MS(60_000)).await;
    let left = || match link.status().phase {
        Phase::Reconnecting { until, .. } => until.saturating_since(runtime.now()),
        _ => MS(0),
    };
    let mut watch = link.watch();
    while left() < MS(9000) {
        watch.changed().await.unwrap();
    }
    for pause in [MS(0), MS(1000), MS(3000)] {
        sleep(pause).await;
        let (one, other) = tokio::join!(link.snapshot(), link.snapshot());
        assert_eq!(one, other);
        let saved = one.unwrap();
        let restored = Reconnector::restore_with_endpoints(
            policy().build().unwrap(),
            1,
            endpoints([4, 5]),
            &saved.link,
            &saved.endpoints,
            MS(0),
            Timestamp::ORIGIN,
        );
        assert_eq!(restored.action().wake(), Timestamp::from_origin(left()));
        assert_eq!(restored.endpoints()[1].key(), 5);
    }
}

#[tokio::test(start_paused = true)]
async fn a_link_that_is_over_has_no_snapshot() {
    let link = refused();
    assert!(link.snapshot().await.is_some());
    link.stop();
    assert!(link.snapshot().await.is_some(), "it may be started again");
    let (closed, saved) = tokio::join!(link.shutdown(MS(0)), link.snapshot());
    closed.unwrap();
    assert!(saved.is_some(), "it was asked before the end");
    assert_eq!(link.snapshot().await, None);
}

type Saved = Arc<Mutex<Option<(Snapshot, Vec<EndpointSnapshot>)>>>;

#[tokio::test(start_paused = true)]
async fn a_link_that_was_restored_does_not_forget_its_backoff() {
    let saved = Saved::default();
    let to = saved.clone();
    let refused = || async { Err::<(), _>(io::Error::from(io::ErrorKind::ConnectionRefused)) };
    let drive = driver(Reconnector::new(policy().build().unwrap(), 1))
        .observe(move |transition: &Transition<'_, io::Error>| {
            let saving = (transition.snapshot(), transition.endpoint_snapshots());
            *to.lock().unwrap() = Some(saving);
        })
        .drive(move |_| refused(), |(), _| pending());
    let link = spawn_drive(drive);
    sleep(MS(2000)).await;
    let Phase::Reconnecting { attempt: 5, .. } = link.status().phase else { panic!() };
    drop(link);

    let (snapshot, endpoints) = saved.lock().unwrap().take().unwrap();
    let runtime = TokioRuntime::new();
    let seen = Snapshot::from_bytes(&snapshot.to_bytes()).unwrap();
    let reconnector = Reconnector::restore_with_endpoints(
        policy().build().unwrap(),
        1,
        vec![Endpoint::new(0)],
        &seen,
        &endpoints,
        MS(100),
        runtime.now(),
    );
    let drive = redial_tokio::Driver::new(reconnector, runtime)
        .drive(move |_| refused(), |(), _| pending());
    let link = spawn_drive(drive);
    tokio::task::yield_now().await;
    let Phase::Reconnecting { attempt, .. } = link.status().phase else {
        panic!("it dials at once: {}", link.status())
    };
    assert_eq!(attempt, 5);
}

#[tokio::test(start_paused = true)]
async fn every_transition_is_observed_in_order() {
    let log = Arc::new(Mutex::new(Vec::new()));
    let lines = log.clone();
    let policy = policy().dial_timeout(MS(300)).max_attempts(3).build().unwrap();
    let drive = driver(Reconnector::new(policy, 1))
        .observe(move |transition: &Transition<'_, Failure>| {
            assert_eq!(transition.error.copied().or(transition.failure), transition.failure);
            let phase = match transition.to.phase {
                Phase::Connecting { attempt } => format!("dial {attempt}"),
                Phase::Connected { stable, .. } => format!("up, stable {stable}"),
                Phase::Reconnecting { reason, .. } => format!("wait ({reason})"),
                Phase::GaveUp { reason, .. } => format!("over ({reason})"),
                phase => phase.to_string(),
            };
            let failure = transition.failure.map(|failure| format!(": {failure}"));
            lines.lock().unwrap().push(phase + &failure.unwrap_or_default());
        })
        .drive(
            |attempt| async move {
                match attempt.dial.id.get() {
                    1 => Err(Failure::Unreachable),
                    2 => Ok(()),
                    _ => pending().await,
                }
            },
            |(), _| async {
                sleep(MS(60)).await;
                Ended::Lost(Failure::Unreachable)
            },
        );
    spawn_drive(drive).closed().await.unwrap_err();
    let log = log.lock().unwrap().join("\n");
    let expected = "\
        dial 1\n\
        wait (backoff): unreachable\n\
        dial 2\n\
        up, stable false\n\
        up, stable true\n\
        dial 1: unreachable\n\
        wait (backoff): timed out\n\
        dial 2\n\
        wait (backoff): timed out\n\
        dial 3\n\
        over (max_attempts reached): timed out";
    assert_eq!(log, expected, "{log}");
}
