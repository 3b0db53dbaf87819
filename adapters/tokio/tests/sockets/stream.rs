//! A byte stream over a server that dies and comes back.

use std::io;

use redial_tokio::redial::{Policy, Reconnector};
use redial_tokio::{ReconnectingStream, connect};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::{MS, Server, eventually, fixed};

fn stream(server: &Server) -> ReconnectingStream<TcpStream> {
    let policy = fixed(MS(20)).stable_after(MS(10)).rate_limit(100, MS(5));
    let address = server.address;
    ReconnectingStream::new(Reconnector::new(policy.build().unwrap(), 1), move |_| connect(address))
}

/// Writes until it is through, as a protocol that can resume would.
async fn exchange(stream: &mut ReconnectingStream<TcpStream>, line: &[u8]) -> usize {
    let mut tries = 0;
    loop {
        tries += 1;
        stream.write_all(line).await.unwrap();
        if stream.flush().await.is_err() {
            continue;
        }
        let mut answer = vec![0; line.len()];
        // If nothing comes, what was in flight is lost.
        if let Ok(read) = timeout(MS(300), stream.read_exact(&mut answer)).await {
            read.unwrap();
            assert_eq!(answer, line);
            return tries;
        }
    }
}

#[tokio::test]
async fn a_stream_goes_on_with_the_next_connection() {
    let mut server = Server::start().await;
    let mut stream = stream(&server);
    assert_eq!(exchange(&mut stream, b"one").await, 1);
    let first = stream.connection().unwrap();
    for line in [&b"two"[..], b"three", b"four"] {
        server.kill().await;
        let revived = async {
            tokio::time::sleep(MS(100)).await;
            server.restart().await;
        };
        let (tries, ()) = tokio::join!(exchange(&mut stream, line), revived);
        assert!(tries <= 3, "{tries} tries");
    }
    assert!(stream.connection().unwrap() > first);
    stream.shutdown().await.unwrap();
    stream.link().closed().await.unwrap();
    eventually("the socket is closed", || server.open() == 0).await;
    let after = stream.write(b"late").await.unwrap_err();
    assert_eq!(after.kind(), io::ErrorKind::NotConnected);
}

#[tokio::test]
async fn a_reader_that_waits_is_moved_to_the_next_connection() {
    let mut server = Server::start().await;
    let stream = stream(&server);
    let (mut read, mut write) = tokio::io::split(stream);
    let reader = tokio::spawn(async move {
        let mut answer = [0; 5];
        read.read_exact(&mut answer).await.unwrap();
        answer
    });
    eventually("it is connected", || server.open() == 1).await;
    server.kill().await;
    server.restart().await;
    eventually("it is connected again", || server.open() == 1).await;
    loop {
        write.write_all(b"hello").await.unwrap();
        if write.flush().await.is_ok() {
            break;
        }
    }
    let answer = timeout(MS(5000), reader).await.expect("the reader was not forgotten").unwrap();
    assert_eq!(&answer, b"hello");
}

#[tokio::test]
async fn a_flush_fails_once_for_bytes_in_flight() {
    let mut server = Server::start().await;
    let mut stream = stream(&server);
    exchange(&mut stream, b"one").await;
    let first = stream.connection();
    stream.write_all(b"two").await.unwrap();
    server.kill().await;
    server.restart().await;
    // A write finds out, some time, and goes to the next connection.
    while stream.connection() == first {
        stream.write_all(b"three").await.unwrap();
        tokio::time::sleep(MS(5)).await;
    }
    let lost = stream.flush().await.unwrap_err();
    assert_eq!(lost.kind(), io::ErrorKind::ConnectionReset);
    stream.flush().await.unwrap();
}

#[tokio::test]
async fn a_stream_whose_link_gives_up_says_why() {
    let mut server = Server::start().await;
    server.kill().await;
    let address = server.address;
    let policy = Policy::builder().max_attempts(1).build().unwrap();
    let mut stream: ReconnectingStream<TcpStream> =
        ReconnectingStream::new(Reconnector::new(policy, 1), move |_| connect(address));
    let error = stream.read_u8().await.unwrap_err();
    assert!(error.to_string().starts_with("gave up: max_attempts reached"), "{error}");
    let inner: &dyn std::error::Error = error.get_ref().unwrap();
    let refused = inner.source().unwrap().downcast_ref::<io::Error>().unwrap();
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
}
