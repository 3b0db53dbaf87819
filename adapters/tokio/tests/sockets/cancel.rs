//! A future that drives a link over real sockets is dropped after any number of polls.

use std::future::{pending, poll_fn};
use std::io;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use redial_tokio::redial::{Policy, Reconnector};
use redial_tokio::{Ended, Idempotent, LinkHandle, Session, connect, driver};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::time::timeout;

use crate::support::{Server, eventually};

/// Polls so many times and drops it; true if it ended.
async fn polled(future: impl Future, mut polls: usize) -> bool {
    let mut future = pin!(future);
    poll_fn(|cx| {
        if polls == 0 {
            return Poll::Ready(false);
        }
        polls -= 1;
        match future.as_mut().poll(cx) {
            Poll::Ready(_) => Poll::Ready(true),
            Poll::Pending if polls == 0 => Poll::Ready(false),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// The first connection is replaced when it is stable, and the second ends the link.
async fn serve(mut stream: TcpStream, session: Session) -> Ended<io::Error> {
    let mut echo = [0; 4];
    for _ in 0..3 {
        if let Err(error) = stream.write_all(b"ping").await {
            return Ended::Lost(error);
        }
        if let Err(error) = stream.read_exact(&mut echo).await {
            return Ended::Lost(error);
        }
    }
    if session.id().get() > 1 {
        return Ended::Finished;
    }
    tokio::time::sleep(Duration::from_millis(5)).await;
    session.going_away(None);
    session.draining().await;
    Ended::Lost(io::ErrorKind::ConnectionReset.into())
}

/// Everyone who waits for a link is done.
async fn waited(handle: LinkHandle<()>) {
    let operation = handle.run(|_| pending::<io::Result<()>>(), Idempotent::No);
    let mut watch = handle.watch();
    let watching = async { while watch.changed().await.is_some() {} };
    let _ = tokio::join!(operation, watching, handle.closed(), handle.health());
    let _ = handle.connection().await;
}

#[tokio::test]
async fn a_drive_dropped_after_any_number_of_polls_leaves_nothing() {
    let server = Server::start().await;
    let address = server.address;
    let policy = Policy::builder().stable_after(Duration::from_millis(1)).build().unwrap();
    let idle = Handle::current().metrics().num_alive_tasks();
    let mut polls = 0;
    loop {
        let drive = driver(Reconnector::new(policy.clone(), 1))
            .health(Duration::from_secs(1))
            .drive(move |_| connect(address), serve);
        let waiting = tokio::spawn(waited(drive.handle()));
        let ended = timeout(Duration::from_secs(20), polled(drive, polls)).await.unwrap();
        let done = timeout(Duration::from_secs(20), waiting).await;
        assert!(done.is_ok(), "somebody still waits after {polls} polls");
        eventually("every socket is closed", || server.open() == 0).await;
        eventually("every task has ended", || {
            Handle::current().metrics().num_alive_tasks() == idle
        })
        .await;
        if ended {
            break;
        }
        polls += 1;
    }
    println!("it ended after {polls} polls");
    assert!(polls > 5, "{polls}");
    assert!(server.accepted() > polls, "each but the first few had a connection");
}
