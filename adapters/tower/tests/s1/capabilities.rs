//! Each capability, by its line.

use std::error::Error as _;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use redial::{Backoff, Failure, GiveUpReason, Jitter, Policy};
use redial_async::LinkError;
use redial_tower::{Cause, ConnectionState, ReconnectError};
use tokio::time::{Instant, sleep};
use tower::retry::Retry;
use tower::timeout::Timeout;
use tower::{Layer, Service, ServiceExt};

use crate::support::{
    Client, Down, Error, OnceClient, Server, Unique, ask, client, exact, layer, settle,
};

#[tokio::test(start_paused = true)]
async fn s1_1_a_layer_around_a_connector_reconnects() {
    let server = Server::new();
    server.go_down(3);
    let mut client = client(&server);
    assert_eq!(server.dials(), [], "nobody has asked yet");
    assert_eq!(ask(&mut client, 7).await.unwrap(), 4);
    settle().await;
    server.kill();
    assert_eq!(ask(&mut client, 8).await.unwrap(), 5);
    assert_eq!(server.requests(), [(4, 7), (4, 8), (5, 8)]);
}

/// The answers to twenty clones that ask at once.
async fn ask_together(client: &Client) -> Vec<u32> {
    let tasks: Vec<_> = (0..20)
        .map(|request| {
            let mut client = client.clone();
            tokio::spawn(async move { ask(&mut client, request).await.unwrap() })
        })
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    answers
}

#[tokio::test(start_paused = true)]
async fn s1_1_clones_share_one_connection_and_one_dial() {
    let server = Server::new();
    let client = client(&server);
    assert_eq!(ask_together(&client).await, [1; 20]);
    assert_eq!(server.dials().len(), 1);
    // And when it breaks under all of them, it is made anew once.
    settle().await;
    server.kill();
    assert_eq!(ask_together(&client).await, [2; 20]);
    assert_eq!(server.dials().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn s1_2_backoff_is_pluggable() {
    let millis = Duration::from_millis;
    let golden = |f: redial::Failures| Some((f.previous * 3 / 2).max(Duration::from_millis(40)));
    let shapes = [
        (Backoff::exponential(millis(50), 2, 1), [50, 100, 200, 400]),
        (Backoff::linear(millis(30), millis(10)), [30, 40, 50, 60]),
        (Backoff::fixed(millis(70)), [70, 70, 70, 70]),
        (Backoff::Custom(golden), [40, 60, 90, 135]),
    ];
    for (backoff, waits) in shapes {
        let server = Server::new();
        server.go_down(4);
        let policy = exact().to_builder().backoff(backoff).build().unwrap();
        let mut client = layer().policy(policy).layer(server.clone());
        ask(&mut client, 0).await.unwrap();
        assert_eq!(server.waits(), waits, "{backoff}");
    }
}

#[tokio::test(start_paused = true)]
async fn s1_3_the_state_is_visible() {
    let server = Server::new();
    server.go_down(1);
    let mut client = client(&server);
    assert_eq!(client.state(), ConnectionState::Disconnected);
    let mut other = client.clone();
    let asking = tokio::spawn(async move { ask(&mut other, 0).await });
    sleep(Duration::from_millis(50)).await;
    assert_eq!(client.state(), ConnectionState::Reconnecting { attempt: 1 });
    asking.await.unwrap().unwrap();
    assert_eq!(client.state(), ConnectionState::Connected);
    client.link().stop();
    sleep(Duration::from_millis(1)).await;
    assert_eq!(client.state(), ConnectionState::Disconnected);
    let stopped = ask(&mut client, 0).await.unwrap_err();
    assert!(matches!(stopped, ReconnectError::ConnectionFailed(LinkError::Stopped)));
}

#[tokio::test(start_paused = true)]
async fn s1_4_attempts_and_time_since_connected_are_visible() {
    let server = Server::new();
    server.go_down(3);
    let client = client(&server);
    assert_eq!((client.attempts(), client.connected_for()), (0, None));
    let mut other = client.clone();
    let asking = tokio::spawn(async move { ask(&mut other, 0).await });
    // Dials at 0, 100, 300 and 700 ms.
    sleep(Duration::from_millis(500)).await;
    assert_eq!((client.attempts(), client.connected_for()), (3, None));
    asking.await.unwrap().unwrap();
    sleep(Duration::from_secs(60)).await;
    assert_eq!(client.attempts(), 0);
    let up = client.connected_for().unwrap();
    assert!(up >= Duration::from_secs(60) && up < Duration::from_secs(61), "{up:?}");
}

#[tokio::test(start_paused = true)]
async fn s1_5_hooks_see_reconnects_and_every_change_of_state() {
    let (changes, reconnects) =
        (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
    let server = Server::new();
    let (seen, counted) = (changes.clone(), reconnects.clone());
    let mut client = layer()
        .policy(exact())
        .on_state_change(move |from, to| seen.lock().unwrap().push(format!("{from} → {to}")))
        .on_reconnect(move |attempts| counted.lock().unwrap().push(attempts))
        .layer(server.clone());
    ask(&mut client, 0).await.unwrap();
    assert_eq!(*reconnects.lock().unwrap(), [], "the first connection is none");
    settle().await;
    server.kill();
    server.go_down(1);
    ask(&mut client, 0).await.unwrap();
    assert_eq!(*reconnects.lock().unwrap(), [2]);
    assert_eq!(
        *changes.lock().unwrap(),
        [
            "disconnected → reconnecting (attempt 1)",
            "reconnecting (attempt 1) → connected",
            "connected → reconnecting (attempt 1)",
            "reconnecting (attempt 1) → reconnecting (attempt 2)",
            "reconnecting (attempt 2) → connected",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn s1_6_the_failed_request_is_sent_again_by_default() {
    let server = Server::new();
    let mut client = client(&server);
    ask(&mut client, 1).await.unwrap();
    settle().await;
    server.fail(&[Error::Reset]);
    assert_eq!(ask(&mut client, 2).await.unwrap(), 2);
    assert_eq!(server.requests(), [(1, 1), (1, 2), (2, 2)]);
    // Once: a request that breaks every connection is not sent for ever.
    settle().await;
    server.fail(&[Error::Reset, Error::Reset, Error::Reset]);
    let error = ask(&mut client, 3).await.unwrap_err();
    assert_eq!(error.into_service(), Some(Error::Reset));
    assert_eq!(server.requests()[3..], [(2, 3), (3, 3)]);
}

#[tokio::test(start_paused = true)]
async fn s1_6_without_it_the_error_is_untouched_and_the_reconnect_still_happens() {
    let server = Server::new();
    let mut client = layer().policy(exact()).retry_on_reconnect(false).layer(server.clone());
    ask(&mut client, 1).await.unwrap();
    settle().await;
    server.kill();
    let error = ask(&mut client, 2).await.unwrap_err();
    assert!(matches!(error, ReconnectError::Service(Error::Reset)));
    sleep(Duration::from_millis(1)).await;
    assert_eq!(server.dials().len(), 2, "nobody had to ask again");
    assert_eq!(client.state(), ConnectionState::Connected);
    assert_eq!(server.requests(), [(1, 1), (1, 2)]);

    // Requests that cannot be cloned ask for nothing more.
    let server = Server::new();
    let mut client: OnceClient = layer().policy(exact()).never_resend().layer(server.clone());
    server.fail(&[Error::Reset]);
    let service = ServiceExt::<Unique>::ready(&mut client).await.unwrap();
    let error = service.call(Unique(3)).await.unwrap_err();
    assert_eq!(error.into_service(), Some(Error::Reset));
}

#[tokio::test(start_paused = true)]
async fn s1_6_a_function_chooses_what_is_sent_again() {
    let server = Server::new();
    let even = |request: &u32| (request % 2 == 0).then_some(*request);
    let mut client = layer().policy(exact()).resend_with(even).layer(server.clone());
    server.fail(&[Error::Reset]);
    let odd = client.ready().await.unwrap().call(1).await.unwrap_err();
    assert_eq!(odd.into_service(), Some(Error::Reset));
    server.fail(&[Error::Reset]);
    assert_eq!(client.ready().await.unwrap().call(2).await.unwrap(), 3);
}

/// Retries `Refused`, which is no concern of the connection.
#[derive(Clone)]
struct Refusals(usize);

impl tower::retry::Policy<u32, u32, ReconnectError<Down, Error>> for Refusals {
    type Future = std::future::Ready<()>;

    fn retry(
        &mut self,
        _: &mut u32,
        result: &mut Result<u32, ReconnectError<Down, Error>>,
    ) -> Option<Self::Future> {
        let refused = matches!(result, Err(ReconnectError::Service(Error::Refused)));
        (refused && self.0 > 0).then(|| {
            self.0 -= 1;
            std::future::ready(())
        })
    }

    fn clone_request(&mut self, request: &u32) -> Option<u32> {
        Some(*request)
    }
}

#[tokio::test(start_paused = true)]
async fn s1_7_composes_with_retry_and_timeout_outside() {
    let server = Server::new();
    let inner = layer()
        .policy(exact())
        .broken_if(|error: &Error| *error == Error::Reset)
        .layer(server.clone());
    let mut service = Timeout::new(Retry::new(Refusals(3), inner), Duration::from_secs(2));
    // The inner layer handles the reset, the outer one the refusals.
    server.fail(&[Error::Refused, Error::Reset, Error::Refused]);
    assert_eq!(service.ready().await.unwrap().call(5).await.unwrap(), 2);
    assert_eq!(server.requests(), [(1, 5), (1, 5), (2, 5), (2, 5)]);
    // And the outermost does not wait for an outage.
    settle().await;
    server.kill();
    server.go_down(1000);
    let begin = Instant::now();
    let error = service.ready().await.unwrap().call(6).await.unwrap_err();
    assert!(error.is::<tower::timeout::error::Elapsed>(), "{error}");
    assert!(begin.elapsed() < Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn s1_8_the_builder_takes_policy_limits_and_a_typed_predicate() {
    let ten = Policy::builder().max_attempts(10).jitter(Jitter::None).build().unwrap();
    for (limit, dials) in [(Some(4), 4), (None, 10)] {
        let server = Server::new();
        server.go_down(1000);
        let mut layer = layer().policy(ten.clone());
        if let Some(limit) = limit {
            layer = layer.max_attempts(NonZeroU32::new(limit).unwrap());
        }
        let mut client = layer.layer(server.clone());
        ask(&mut client, 0).await.unwrap_err();
        assert_eq!(server.dials().len(), dials);
    }
    let server = Server::new();
    server.go_down(50);
    let mut client = layer().policy(ten).unlimited().layer(server.clone());
    ask(&mut client, 0).await.unwrap();
    assert_eq!(server.dials().len(), 51);
}

#[tokio::test(start_paused = true)]
async fn s1_8_what_the_makers_error_says_counts() {
    let server = Server::new();
    server.go_down(1);
    let mut client = layer().classify(|_: &Down| Failure::Fatal).layer(server.clone());
    let error = ask(&mut client, 0).await.unwrap_err();
    let ReconnectError::ConnectionFailed(LinkError::GaveUp { end, .. }) = error else {
        panic!("{error:?}")
    };
    assert_eq!(end.reason, GiveUpReason::Fatal);
    assert_eq!(server.dials().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn s1_9_by_default_100_ms_doubling_to_5_s_for_ever_on_every_error() {
    let server = Server::new();
    server.go_down(40);
    let mut client = layer().layer(server.clone());
    ask(&mut client, 0).await.unwrap();
    let waits = server.waits();
    // Jitter takes at most two thirds, and the rate limit holds some for longer.
    for (place, wait) in waits.iter().enumerate() {
        let base = (100_u64 << place.min(20)).min(5000);
        assert!(*wait >= base / 3 && *wait <= base.max(1001), "wait {place}: {wait} ms");
    }
    assert_eq!(waits.len(), 40);
    for error in [Error::Reset, Error::Refused] {
        settle().await;
        let before = server.dials().len();
        server.fail(&[error]);
        ask(&mut client, 0).await.unwrap();
        assert_eq!(server.dials().len(), before + 1, "{error:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn s1_10_errors_tell_attempts_connection_and_service_apart() {
    let server = Server::new();
    server.go_down(3);
    let three = NonZeroU32::new(3).unwrap();
    let mut client = layer()
        .policy(exact())
        .max_attempts(three)
        .broken_if(|error: &Error| *error == Error::Reset)
        .layer(server.clone());
    let error = ask(&mut client, 0).await.unwrap_err();
    assert_eq!(error.to_string(), "no connection after 3 attempts");
    assert_eq!(error.source().unwrap().to_string(), "dial 3 found nobody");
    let ReconnectError::MaxAttempts { attempts: 3, last: Some(last) } = error else {
        panic!("{error:?}")
    };
    assert!(matches!(&*last, Cause::Connect { error: Down(3), .. }));
    // It can be asked again: a new outage.
    assert_eq!(ask(&mut client, 0).await.unwrap(), 4);
    server.fail(&[Error::Refused]);
    let error = ask(&mut client, 0).await.unwrap_err();
    assert!(matches!(error, ReconnectError::Service(Error::Refused)), "{error:?}");
    assert_eq!(client.state(), ConnectionState::Connected);

    let server = Server::new();
    server.go_down(1000);
    let policy = exact().to_builder().max_elapsed(Duration::from_secs(1)).build().unwrap();
    let mut client = layer().policy(policy).layer(server.clone());
    let error = ask(&mut client, 0).await.unwrap_err();
    assert!(matches!(error, ReconnectError::ConnectionFailed(_)), "{error:?}");
    let chain = error.source().and_then(|link| link.source()).unwrap();
    assert!(chain.to_string().ends_with("found nobody"), "{chain}");
}
