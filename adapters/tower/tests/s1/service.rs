//! Readiness, and requests that are dropped.

use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use redial_async::LinkError;
use redial_tower::ConnectionState;
use tokio::time::{sleep, timeout};
use tower::buffer::Buffer;
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::support::{Down, Error, Server, ask, client, exact, layer, settle};

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

/// Tokens of which each connection's service has one.
#[derive(Clone, Default)]
struct Connections(Arc<Mutex<Vec<Weak<()>>>>);

impl Connections {
    fn add(&self) -> Arc<()> {
        let token = Arc::new(());
        self.0.lock().unwrap().push(Arc::downgrade(&token));
        token
    }

    /// Those that are still there, by number.
    fn alive(&self) -> Vec<usize> {
        let all = self.0.lock().unwrap();
        (1..).zip(all.iter()).filter(|(_, one)| one.strong_count() > 0).map(|one| one.0).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_lives_for_as_long_as_the_link_or_a_request_needs_it() {
    let connections = Connections::default();
    let made = connections.clone();
    let maker = service_fn(move |()| {
        let token = made.add();
        // Waits for as long as it is asked to.
        let connection = service_fn(move |pause: Duration| {
            let _ = &token;
            async move {
                sleep(pause).await;
                Ok::<_, Error>(())
            }
        });
        async move { Ok::<_, Down>(connection) }
    });
    let mut clients = [(); 3].map({
        let client = layer().policy(exact()).layer(maker);
        move |()| client.clone()
    });
    for client in &mut clients {
        client.ready().await.unwrap().call(Duration::ZERO).await.unwrap();
    }
    settle().await;
    let long = clients[0].ready().await.unwrap().call(Duration::from_secs(60));
    let long = tokio::spawn(long);
    clients[0].link().redial();
    settle().await;
    assert_eq!(connections.alive(), [1, 2], "a request is under way on the first");
    long.await.unwrap().unwrap();
    // No client has asked since, and none keeps what it used before.
    assert_eq!(connections.alive(), [2]);
    drop(clients);
    settle().await;
    assert_eq!(connections.alive(), []);
}

#[tokio::test(start_paused = true)]
async fn answers_keep_the_idle_timeout_away_and_silence_does_not() {
    let policy = exact().to_builder().idle_timeout(Duration::from_secs(15)).build().unwrap();
    let server = Server::new();
    let broken_if = |error: &Error| *error == Error::Reset;
    let mut client = layer().policy(policy).broken_if(broken_if).layer(server.clone());
    for request in 0..20 {
        if request == 10 {
            server.fail(&[Error::Refused; 10]);
        }
        // That a request is refused is an answer too.
        assert_eq!(ask(&mut client, request).await.is_ok(), request < 10);
        settle().await;
    }
    assert_eq!(server.dials().len(), 1);
    settle().await;
    assert_eq!(server.dials().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn it_can_be_shared_sent_and_buffered() {
    fn shared<T: Send + Sync + 'static>(one: T) -> T {
        one
    }
    let server = Server::new();
    let mut client = shared(client(&server));
    let answer = shared(ServiceExt::<u32>::ready(&mut client).await.unwrap().call(1));
    assert_eq!(answer.await.unwrap(), 1);
    let mut buffered = Buffer::new(client, 8);
    assert_eq!(buffered.ready().await.unwrap().call(2_u32).await.unwrap(), 1);
}
