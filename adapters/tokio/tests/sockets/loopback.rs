//! Real sockets: what the server sees when a link dies, stops or comes late.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use redial_tokio::redial::{Backoff, Jitter, Phase, Policy, Reconnector};
use redial_tokio::{Ended, connect, spawn};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};

use crate::support::{Counted, MS, Server, eventually, fixed, read_to_end};

fn policy() -> Policy {
    fixed(MS(50)).stable_after(MS(50)).rate_limit(50, MS(20)).build().unwrap()
}

/// With 100 ms × 2 the fifth dial is at 1.5 s and the sixth at 3.1 s. A slow machine dials later, never
/// sooner.
#[tokio::test]
async fn a_server_that_accepts_and_closes_sees_five_dials_in_two_seconds() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let backoff = Backoff::exponential(MS(100), 2, 1);
    let builder = Policy::builder().backoff(backoff).cap(MS(30_000)).jitter(Jitter::None);
    let _link = spawn(
        Reconnector::new(builder.build().unwrap(), 1),
        move |_| connect(address),
        |mut stream, _| async move {
            match stream.read(&mut [0; 1]).await {
                Ok(_) => Ended::Lost(io::ErrorKind::UnexpectedEof.into()),
                Err(error) => Ended::Lost(error),
            }
        },
    );
    let mut accepted = Vec::new();
    while accepted.len() < 6 {
        drop(listener.accept().await.unwrap());
        accepted.push(Instant::now());
    }
    let since = |dial: usize| accepted[dial].duration_since(accepted[0]);
    println!("dials after {:?}", (0..6).map(since).collect::<Vec<_>>());
    assert!(since(5) > MS(2000), "a sixth dial after {:?}", since(5));
}

#[tokio::test]
async fn a_link_rides_through_the_death_of_its_server() {
    let mut server = Server::start().await;
    let address = server.address;
    let link = spawn(
        Reconnector::new(policy(), 1),
        move |_| connect(address),
        |mut stream, _| async move {
            let mut answer = [0; 4];
            loop {
                if let Err(error) = stream.write_all(b"ping").await {
                    return Ended::Lost(error);
                }
                if let Err(error) = stream.read_exact(&mut answer).await {
                    return Ended::Lost(error);
                }
                sleep(MS(5)).await;
            }
        },
    );
    for round in 1..=3 {
        link.connection().await.unwrap();
        eventually("it is stable", || {
            matches!(link.status().phase, Phase::Connected { stable: true, .. })
        })
        .await;
        assert_eq!(server.accepted(), round);
        server.kill().await;
        eventually("it notices", || !matches!(link.status().phase, Phase::Connected { .. })).await;
        server.restart().await;
    }
    link.stop();
    link.closed().await.unwrap();
    eventually("the socket is closed", || server.open() == 0).await;
}

#[tokio::test]
async fn a_late_success_is_closed_as_the_server_sees() {
    let server = Server::start().await;
    let address = server.address;
    let (connected, waiting) = oneshot::channel::<()>();
    let (release, released) = oneshot::channel::<()>();
    let gates = Mutex::new(Some((connected, released)));
    let served = Arc::new(AtomicUsize::new(0));
    let count = served.clone();
    let link = spawn(
        Reconnector::new(policy(), 1),
        move |_| {
            let gates = gates.lock().unwrap().take();
            async move {
                let stream = connect(address).await?;
                if let Some((connected, released)) = gates {
                    connected.send(()).unwrap();
                    released.await.unwrap();
                }
                io::Result::Ok(stream)
            }
        },
        move |stream, _| {
            let served = Counted::new(&count);
            async move {
                let _served = served;
                Ended::Lost(read_to_end(stream).await)
            }
        },
    );
    waiting.await.unwrap();
    eventually("the server has accepted", || server.open() == 1).await;
    // Both at once: the dial succeeds, and the link is stopped.
    link.stop();
    release.send(()).unwrap();
    link.closed().await.unwrap();
    eventually("the server sees the end", || server.open() == 0).await;
    assert_eq!(served.load(Ordering::SeqCst), 0);
    assert_eq!(server.accepted(), 1, "and nothing more came");
}

#[tokio::test]
async fn a_dial_that_is_cut_off_is_closed_as_the_server_sees() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let policy = policy().to_builder().dial_timeout(MS(200)).max_attempts(1).build().unwrap();
    let link = spawn(
        Reconnector::new(policy, 1),
        move |_| async move {
            let mut stream = connect(address).await?;
            let mut hello = [0; 5];
            stream.read_exact(&mut hello).await?;
            io::Result::Ok(stream)
        },
        |stream, _| async { Ended::Lost(read_to_end(stream).await) },
    );
    let (mut silent, _) = listener.accept().await.unwrap();
    let seen = silent.read(&mut [0; 8]).await;
    assert!(matches!(seen, Ok(0) | Err(_)), "the server sees the end of it: {seen:?}");
    // Its hello comes too late for anyone.
    let _ = silent.write_all(b"hello").await;
    link.closed().await.unwrap_err();
}
