//! Three servers on loopback, one link: who is dialed when which of them dies.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use redial_tokio::redial::{DialId, Endpoint, Overload, Phase, Policy, Reconnector};
use redial_tokio::{Ended, Link, connect, driver, spawn, spawn_drive};
use tokio::time::{Instant, sleep};

use crate::support::{BlackHole, MS, Server, eventually, fixed, read_to_end};

fn policy() -> Policy {
    let builder = fixed(MS(200))
        .overload(Overload::Ignore)
        .stable_after(MS(50))
        .dial_timeout(MS(500))
        .rate_limit(5, MS(20));
    builder.build().unwrap()
}

/// A link over some addresses that shares the key of the endpoint it is connected to, and remembers every
/// endpoint that it dials.
fn link(addresses: Vec<SocketAddr>) -> (Link<u32>, Arc<Mutex<Vec<u32>>>) {
    let dials = Arc::new(Mutex::new(Vec::new()));
    let dialed = dials.clone();
    let endpoints: Vec<_> = (0..).zip(&addresses).map(|(key, _)| Endpoint::new(key)).collect();
    let drive = driver(Reconnector::with_endpoints(policy(), 1, endpoints))
        .share(|(key, _): &(u32, _)| *key)
        .drive(
            move |attempt| {
                let key = attempt.dial.endpoint;
                dialed.lock().unwrap().push(key);
                let address = addresses[key as usize];
                async move { Ok((key, connect(address).await?)) }
            },
            |(_, stream), _| async { Ended::Lost(read_to_end(stream).await) },
        );
    (spawn_drive(drive), dials)
}

/// Waits for a stable connection other than `old`; returns its id and the endpoint it is to.
async fn stable(link: &Link<u32>, old: Option<DialId>) -> (Option<DialId>, u32) {
    let mut watch = link.watch();
    loop {
        let current = link.current();
        let stable = matches!(link.status().phase, Phase::Connected { stable: true, .. });
        match current {
            Some(new) if stable && Some(new.id) != old => return (Some(new.id), new.shared),
            _ => watch.changed().await.unwrap(),
        };
    }
}

#[tokio::test]
async fn three_servers_fail_over() {
    let mut servers = [Server::start().await, Server::start().await, Server::start().await];
    let (link, dials) = link(servers.iter().map(|server| server.address).collect());
    let dialed = || dials.lock().unwrap().len();
    let (first, key) = stable(&link, None).await;
    assert_eq!(key, 0);

    // The one in use dies: the next, in one dial, without delay.
    let died = Instant::now();
    servers[0].kill().await;
    let (second, key) = stable(&link, first).await;
    assert_eq!(key, 1);
    assert_eq!(*dials.lock().unwrap(), [0, 1]);
    assert!(died.elapsed() < MS(1000), "no wait but for stability: {:?}", died.elapsed());

    // It stays, though the first is back.
    servers[0].restart().await;
    sleep(MS(300)).await;
    assert_eq!(link.current().unwrap().shared, 1);

    // All die: attempts are paced, and visit each in turn.
    for server in &mut servers {
        server.kill().await;
    }
    let before = dialed();
    sleep(MS(1000)).await;
    let paced = dialed() - before;
    assert!((6..=18).contains(&paced), "{paced} dials in a second of 200 ms rounds of three");
    let tail: Vec<u32> = dials.lock().unwrap().iter().rev().take(6).copied().collect();
    assert!(
        (0..3).all(|key| tail.iter().filter(|dialed| **dialed == key).count() == 2),
        "{tail:?}"
    );

    // One comes back: it is found within a round.
    let before = dialed();
    servers[2].restart().await;
    assert_eq!(stable(&link, second).await.1, 2);
    let round = dialed() - before;
    assert!(round <= 4, "{round} dials, where one may have been in flight");
    drop(link);
    eventually("the last socket is closed", || servers[2].open() == 0).await;
}

#[tokio::test]
async fn ten_reports_of_one_failure_cause_one_dial() {
    let servers = [Server::start().await, Server::start().await, Server::start().await];
    let (link, dials) = link(servers.iter().map(|server| server.address).collect());
    assert_eq!(stable(&link, None).await.1, 0);
    let broken = link.current().unwrap().id;
    let reports: Vec<_> = (0..10)
        .map(|_| {
            let handle = link.handle();
            tokio::spawn(async move {
                handle.report(broken, io::Error::from(io::ErrorKind::BrokenPipe));
                handle.connection().await.unwrap().shared
            })
        })
        .collect();
    for report in reports {
        assert_eq!(report.await.unwrap(), 1, "to the next, and not past it");
    }
    sleep(MS(300)).await;
    assert_eq!(*dials.lock().unwrap(), [0, 1]);
    eventually("the broken socket is closed", || servers[0].open() == 0).await;
}

#[tokio::test]
async fn a_black_hole_does_not_keep_the_others_from_being_tried() {
    let hole = BlackHole::open().await;
    let server = Server::start().await;
    let (link, dials) = link(vec![hole.address, server.address]);
    assert_eq!(stable(&link, None).await.1, 1);
    assert_eq!(*dials.lock().unwrap(), [0, 1]);
}

#[tokio::test]
async fn a_name_with_a_dead_and_a_black_address_connects_to_the_third() {
    let hole = BlackHole::open().await;
    let server = Server::start().await;
    let mut dead = Server::start().await;
    dead.kill().await;
    let addresses = [hole.address, dead.address, server.address];
    let stream = connect(&addresses[..]).await.unwrap();
    assert_eq!(stream.peer_addr().unwrap(), server.address);
    let error = connect(&addresses[1..2]).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_an_outage() {
    let dials = Arc::new(AtomicUsize::new(0));
    let count = dials.clone();
    let link = spawn(
        Reconnector::new(policy().to_builder().max_attempts(3).build().unwrap(), 1),
        move |_| {
            count.fetch_add(1, Ordering::SeqCst);
            connect("no-such-name.invalid:1")
        },
        |stream, _| async { Ended::Lost(read_to_end(stream).await) },
    );
    let error = link.closed().await.unwrap_err();
    assert_eq!(dials.load(Ordering::SeqCst), 3, "{error}");
    assert!(error.last().is_some());
}
