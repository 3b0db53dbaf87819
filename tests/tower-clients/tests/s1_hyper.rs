//! An HTTP client that comes back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use redial_tower_clients::http1::{Client, Error, Get, client};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tower::ServiceExt;

/// Answers every request with the number of its connection, until it is dropped.
fn serve(listener: TcpListener, accepted: Arc<AtomicU32>) -> JoinSet<()> {
    let mut server = JoinSet::new();
    server.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let number = accepted.fetch_add(1, Ordering::SeqCst) + 1;
            connections.spawn(async move {
                let mut request = [0; 4096];
                while stream.read(&mut request).await.is_ok_and(|len| len > 0) {
                    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n{number}");
                    if stream.write_all(answer.as_bytes()).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    server
}

async fn get(client: Client) -> Result<String, Error> {
    let request: Get = Get::new(Empty::new());
    let asked = async move {
        let response = client.oneshot(request).await?;
        let body = response.into_body().collect().await.unwrap().to_bytes();
        Ok(String::from_utf8(body.to_vec()).unwrap())
    };
    timeout(Duration::from_secs(20), asked).await.expect("no answer in 20 s")
}

#[tokio::test]
async fn s1_1_hyper_reconnects_and_sends_the_request_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let accepted = Arc::new(AtomicU32::new(0));
    let server = serve(listener, accepted.clone());
    let client = client(format!("http://{address}").parse().unwrap(), 42);
    for _ in 0..3 {
        assert_eq!(get(client.clone()).await.unwrap(), "1", "one connection for all");
    }
    // Every connection is cut, and nobody listens for a while.
    drop(server);
    let asking = tokio::spawn(get(client.clone()));
    tokio::time::sleep(Duration::from_millis(500)).await;
    let server = serve(TcpListener::bind(address).await.unwrap(), accepted.clone());
    let answer = asking.await.unwrap();
    // The dials in between met a closed port, so this is the next connection that was accepted.
    assert_eq!(answer.unwrap(), "2");
    assert_eq!(get(client.clone()).await.unwrap(), "2");
    drop(server);
}
