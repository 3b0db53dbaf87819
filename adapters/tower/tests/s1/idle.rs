//! Servers that close idle connections, and those that only look as if they did.

use std::num::NonZeroU32;
use std::time::Duration;

use redial_async::LinkError;
use redial_tower::{DEFAULT_POLICY, ReconnectError};
use tokio::time::{Instant, sleep};
use tower::Layer;

use crate::support::{Client, Error, Server, ask, exact, layer};

/// What a request takes that meets a connection which was closed after `idle`, again and again.
async fn latencies(client: &mut Client, server: &Server, idle: Duration) -> Vec<u128> {
    let mut latencies = Vec::new();
    for _ in 0..50 {
        let asked = Instant::now();
        ask(client, 0).await.unwrap();
        latencies.push(asked.elapsed().as_millis());
        sleep(idle).await;
        server.kill();
    }
    latencies
}

#[tokio::test(start_paused = true)]
async fn no_request_waits_for_a_server_that_closes_idle_connections() {
    for idle in [600, 2_000, 5_001, 60_000] {
        let server = Server::new();
        let mut client = layer().layer(server.clone());
        let latencies = latencies(&mut client, &server, Duration::from_millis(idle)).await;
        assert!(latencies.iter().all(|latency| *latency <= 5), "{idle}: {latencies:?}");
        assert_eq!(server.dials().len(), 50);
    }
}

#[tokio::test(start_paused = true)]
async fn a_limit_of_time_never_ends_a_link_that_has_answered_all_along() {
    let policy = DEFAULT_POLICY.to_builder().max_elapsed(Duration::from_secs(4)).build().unwrap();
    let server = Server::new();
    let mut client = layer().policy(policy).layer(server.clone());
    let latencies = latencies(&mut client, &server, Duration::from_secs(3)).await;
    assert!(latencies.iter().all(|latency| *latency <= 5), "{latencies:?}");
}

#[tokio::test(start_paused = true)]
async fn who_asks_seldom_of_a_server_that_closes_at_once_costs_it_two_dials_a_request() {
    let server = Server::new();
    let mut client = layer().layer(server.clone());
    server.fail(&[Error::Reset; 1000]);
    for request in 1..=50 {
        let _broken = ask(&mut client, request).await;
        sleep(Duration::from_secs(2)).await;
        // And the one that waits for the next request.
        assert!(server.dials().len() <= 2 * request as usize + 1, "{:?}", server.dials());
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_closes_at_once_meets_growing_delays_by_default_answered_or_not() {
    for answers in [false, true] {
        let server = Server::new();
        let mut client = layer().layer(server.clone());
        if !answers {
            server.fail(&[Error::Reset; 100]);
        }
        while server.dials().len() < 30 {
            let _broken = ask(&mut client, 0).await;
            server.kill();
        }
        let waits = server.waits();
        let cap = DEFAULT_POLICY.cap().as_millis();
        // The one phase of this outage takes at most two thirds.
        assert!(waits.iter().all(|wait| u128::from(*wait) <= cap), "{waits:?}");
        assert!(waits[10..].iter().all(|wait| u128::from(*wait) >= cap / 3), "{waits:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_begins_the_limits_anew_and_a_mere_connection_does_not() {
    let policy = exact().to_builder().max_elapsed(Duration::from_secs(4)).build().unwrap();
    let three = NonZeroU32::new(3).unwrap();
    for layer in [layer().policy(policy), layer().policy(exact()).max_attempts(three)] {
        let server = Server::new();
        let mut client = layer.layer(server.clone());
        for _ in 0..4 {
            // Answered all along, and never stable: ten seconds are not over.
            ask(&mut client, 0).await.unwrap();
            sleep(Duration::from_secs(6)).await;
            server.kill();
        }
        assert_eq!(server.dials().len(), 4);
        server.fail(&[Error::Reset; 100]);
        let error = loop {
            match ask(&mut client, 0).await {
                Ok(answer) => panic!("connection {answer} has answered"),
                Err(ReconnectError::Service(_)) => {}
                Err(error) => break error,
            }
            assert!(server.dials().len() < 20, "{:?}", server.dials());
        };
        let gave_up = matches!(error, ReconnectError::MaxAttempts { attempts: 3, .. })
            || matches!(error, ReconnectError::ConnectionFailed(LinkError::GaveUp { .. }));
        assert!(gave_up, "{error:?}");
    }
}
