//! What goes wrong there does not here.

use std::num::NonZeroU32;

use redial_tower::ReconnectError;
use tower::Layer;

use crate::support::{Error, Server, ask, client, exact, layer, settle};

#[tokio::test(start_paused = true)]
async fn s1_bug_a_dead_service_is_not_cloned_but_made_anew() {
    let server = Server::new();
    let mut client = client(&server);
    for connection in 1..=5 {
        assert_eq!(ask(&mut client, 0).await.unwrap(), connection);
        settle().await;
        server.kill();
    }
}

#[tokio::test(start_paused = true)]
async fn s1_bug_the_first_delay_is_the_configured_one() {
    let server = Server::new();
    server.go_down(8);
    ask(&mut client(&server), 0).await.unwrap();
    assert_eq!(server.waits(), [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
}

#[tokio::test(start_paused = true)]
async fn s1_bug_three_attempts_are_three_dials() {
    for limit in 1..6 {
        let server = Server::new();
        server.go_down(1000);
        let attempts = NonZeroU32::new(limit).unwrap();
        let mut client = layer().policy(exact()).max_attempts(attempts).layer(server.clone());
        let error = ask(&mut client, 0).await.unwrap_err();
        assert!(matches!(error, ReconnectError::MaxAttempts { attempts, .. } if attempts == limit));
        assert_eq!(server.dials().len(), limit as usize);
    }
}

#[tokio::test(start_paused = true)]
async fn s1_bug_a_flapping_server_meets_growing_waits_and_the_limit() {
    let server = Server::new();
    let limit = NonZeroU32::new(6).unwrap();
    let mut client = layer().policy(exact()).max_attempts(limit).layer(server.clone());
    // It accepts every connection and breaks it with the first request.
    server.fail(&[Error::Reset; 20]);
    let error = loop {
        match ask(&mut client, 0).await {
            Err(ReconnectError::Service(Error::Reset)) => {}
            Ok(answer) => panic!("connection {answer} has answered"),
            Err(error) => break error,
        }
        assert!(server.dials().len() <= 6, "{:?}", server.dials());
    };
    assert!(matches!(error, ReconnectError::MaxAttempts { attempts: 6, .. }), "{error:?}");
    assert_eq!(server.waits(), [100, 200, 400, 800, 1600]);
}

#[tokio::test(start_paused = true)]
async fn s1_bug_errors_are_told_apart_by_kind_and_not_by_text() {
    assert_eq!(Error::Reset.to_string(), Error::Refused.to_string());
    let server = Server::new();
    let mut client = layer()
        .policy(exact())
        .broken_if(|error: &Error| *error == Error::Reset)
        .layer(server.clone());
    server.fail(&[Error::Refused, Error::Refused]);
    for _ in 0..2 {
        ask(&mut client, 0).await.unwrap_err();
    }
    assert_eq!(server.dials().len(), 1);
    server.fail(&[Error::Reset]);
    assert_eq!(ask(&mut client, 0).await.unwrap(), 2);
}
