//! A byte stream under a clock that jumps: how it is shut down, and what keeps it alive.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use redial_tokio::ReconnectingStream;
use redial_tokio::redial::{Policy, PolicyBuilder, Reconnector};
use tokio::io::{
    AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex,
};
use tokio::time::{sleep, timeout};

/// The other ends of all connections.
type Peers = Arc<Mutex<Vec<DuplexStream>>>;

/// One end of a connection, which is shut down as `how` says.
struct Conn {
    io: DuplexStream,
    how: fn() -> Poll<io::Result<()>>,
}

impl AsyncRead for Conn {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl AsyncWrite for Conn {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        (self.how)()
    }
}

fn stream(
    policy: PolicyBuilder,
    how: fn() -> Poll<io::Result<()>>,
) -> (ReconnectingStream<Conn>, Peers) {
    let peers = Peers::default();
    let made = peers.clone();
    let connect = move |_| {
        let (io, peer) = duplex(64);
        made.lock().unwrap().push(peer);
        async move { Ok(Conn { io, how }) }
    };
    (ReconnectingStream::new(Reconnector::new(policy.build().unwrap(), 1), connect), peers)
}

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn bytes_that_were_lost_are_told_by_a_shutdown_too() {
    let done = || Poll::Ready(Ok(()));
    for closed_under_it in [false, true] {
        let (mut stream, peers) = stream(Policy::builder(), done);
        stream.write_all(b"one").await.unwrap();
        sleep(60 * SECOND).await;
        peers.lock().unwrap().clear();
        if closed_under_it {
            stream.link().redial();
            sleep(SECOND).await;
        } else {
            // Finds out, and goes to the next connection.
            stream.write_all(b"two").await.unwrap();
        }
        let lost = stream.shutdown().await.unwrap_err();
        assert_eq!(lost.kind(), io::ErrorKind::ConnectionReset);
        stream.shutdown().await.unwrap();
        stream.link().closed().await.unwrap();
    }
    let (mut stream, _peers) = stream(Policy::builder(), done);
    stream.write_all(b"one").await.unwrap();
    stream.shutdown().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_that_fails_stops_the_link_all_the_same() {
    let fails = || Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
    let (mut stream, _peers) = stream(Policy::builder(), fails);
    stream.write_all(b"one").await.unwrap();
    assert_eq!(stream.shutdown().await.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    timeout(SECOND, stream.link().closed()).await.expect("it is stopped").unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_ends_with_its_connection() {
    let (mut stream, _peers) = stream(Policy::builder(), || Poll::Pending);
    stream.write_all(b"one").await.unwrap();
    sleep(60 * SECOND).await;
    let link = stream.link().handle();
    let (shut, ()) = tokio::join!(timeout(60 * SECOND, stream.shutdown()), async {
        sleep(SECOND).await;
        link.redial();
    });
    let lost = shut.expect("nobody waits for what is gone").unwrap_err();
    assert_eq!(lost.kind(), io::ErrorKind::ConnectionReset);
    link.closed().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_is_received_keeps_the_idle_timeout_away() {
    let policy = Policy::builder().idle_timeout(15 * SECOND);
    let (mut stream, peers) = stream(policy, || Poll::Ready(Ok(())));
    sleep(SECOND).await;
    for _ in 0..10 {
        let mut peer = peers.lock().unwrap().pop().unwrap();
        peer.write_all(b"!").await.unwrap();
        peers.lock().unwrap().push(peer);
        stream.read_u8().await.unwrap();
        sleep(10 * SECOND).await;
    }
    assert_eq!(peers.lock().unwrap().len(), 1);
    // What is sent is no sign of life.
    for _ in 0..2 {
        stream.write_all(b"?").await.unwrap();
        sleep(10 * SECOND).await;
    }
    assert_eq!(peers.lock().unwrap().len(), 2);
}
