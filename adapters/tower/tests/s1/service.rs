//! Readiness, and requests that are dropped.

use std::time::Duration;

use redial_async::LinkError;
use redial_tower::ConnectionState;
use tokio::time::{sleep, timeout};
use tower::{Service, ServiceExt};

use crate::support::{Server, ask, client};

#[tokio::test(start_paused = true)]
async fn backpressure_goes_through_poll_ready() {
    let server = Server::new();
    let mut client = client(&server);
    ask(&mut client, 0).await.unwrap();
    server.stall();
    let ready = timeout(Duration::from_secs(5), ServiceExt::<u32>::ready(&mut client));
    assert!(ready.await.is_err(), "not ready, and not broken either");
    assert_eq!(client.state(), ConnectionState::Connected);
    // It is waited for no longer than it is the link.
    let link = client.link();
    let asking = tokio::spawn(async move { ask(&mut client, 0).await.unwrap() });
    sleep(Duration::from_secs(1)).await;
    link.redial();
    assert_eq!(asking.await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn dropping_a_request_never_touches_the_link_and_dropping_all_clones_ends_it() {
    let server = Server::new();
    let mut client = client(&server);
    ask(&mut client, 0).await.unwrap();
    let future = ServiceExt::<u32>::ready(&mut client).await.unwrap().call(1);
    drop(future);
    assert_eq!(client.state(), ConnectionState::Connected);
    let link = client.link();
    drop(client);
    assert!(matches!(link.closed().await, Err(LinkError::Aborted)));
}
