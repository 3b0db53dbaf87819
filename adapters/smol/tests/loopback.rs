//! Links on smol over real sockets on loopback.

use std::io;
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_executor::{Executor, LocalExecutor, Task};
use async_io::Timer;
use async_net::{SocketAddr, TcpListener, TcpStream};
use futures_lite::future::{block_on, or, zip};
use futures_lite::{AsyncReadExt, AsyncWriteExt};
use redial_smol::redial::{
    Backoff, DialId, Endpoint, FirstRetry, GiveUpReason, Jitter, Overload, Phase, Policy,
    PolicyBuilder, Reconnector,
};
use redial_smol::{
    Ended, Idempotent, LinkError, ReconnectingStream, RunError, connect, driver, spawn,
    spawn_drive, spawn_local,
};

const MS: fn(u64) -> Duration = Duration::from_millis;

fn policy() -> PolicyBuilder {
    Policy::builder()
        .backoff(Backoff::fixed(MS(30)))
        .jitter(Jitter::None)
        .first_retry(FirstRetry::Immediate)
        .overload(Overload::Ignore)
        .stable_after(MS(30))
        .rate_limit(100, MS(5))
}

/// Echoes until it is dropped.
struct Server {
    address: SocketAddr,
    accepted: Arc<AtomicUsize>,
    task: Task<()>,
}

impl Server {
    /// Gone, with every connection.
    async fn kill(self) {
        self.task.cancel().await;
    }
}

async fn serve_at(executor: Rc<LocalExecutor<'static>>, address: SocketAddr) -> Server {
    let listener = TcpListener::bind(address).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (accepted, weak) = (Arc::new(AtomicUsize::new(0)), Rc::downgrade(&executor));
    let count = accepted.clone();
    let task = executor.spawn(async move {
        let mut echoes: Vec<Task<io::Result<()>>> = Vec::new();
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            count.fetch_add(1, Ordering::SeqCst);
            let Some(executor) = weak.upgrade() else { return };
            echoes.push(executor.spawn(async move {
                let mut buffer = [0; 256];
                loop {
                    match stream.read(&mut buffer).await? {
                        0 => return Ok(()),
                        read => stream.write_all(&buffer[..read]).await?,
                    }
                }
            }));
        }
    });
    Server { address, accepted, task }
}

fn anywhere() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

/// Runs a test on one thread, for no longer than a slow machine might take.
fn local<F: Future<Output = ()>>(test: impl FnOnce(Rc<LocalExecutor<'static>>) -> F) {
    let executor = Rc::new(LocalExecutor::new());
    let limit = async {
        Timer::after(MS(20_000)).await;
        panic!("it hangs");
    };
    block_on(executor.run(or(test(executor.clone()), limit)));
}

async fn read_to_end(mut stream: TcpStream) -> Ended<io::Error> {
    let mut buffer = [0; 256];
    loop {
        match stream.read(&mut buffer).await {
            Ok(0) => return Ended::Lost(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => {}
            Err(error) => return Ended::Lost(error),
        }
    }
}

#[test]
fn a_link_rides_through_the_death_of_its_server() {
    local(async |executor| {
        let mut server = serve_at(executor.clone(), anywhere()).await;
        let address = server.address;
        let link = spawn_local(
            &executor,
            Reconnector::new(policy().build().unwrap(), 1),
            move |_| connect(address),
            |stream, _| read_to_end(stream),
        );
        let mut watch = link.watch();
        for _ in 0..3 {
            while !matches!(link.status().phase, Phase::Connected { stable: true, .. }) {
                watch.changed().await.unwrap();
            }
            assert_eq!(server.accepted.load(Ordering::SeqCst), 1);
            server.kill().await;
            while matches!(link.status().phase, Phase::Connected { .. }) {
                watch.changed().await.unwrap();
            }
            server = serve_at(executor.clone(), address).await;
        }
        link.stop();
        link.closed().await.unwrap();
    });
}

#[test]
fn it_fails_over_and_a_connection_needs_no_send() {
    local(async |executor| {
        let servers = [
            serve_at(executor.clone(), anywhere()).await,
            serve_at(executor.clone(), anywhere()).await,
        ];
        let addresses = servers.each_ref().map(|server| server.address);
        let endpoints = [Endpoint::new(0), Endpoint::new(1)];
        let drive = driver(Reconnector::with_endpoints(policy().build().unwrap(), 1, endpoints))
            .share(|(key, _): &(Rc<u32>, TcpStream)| key.clone())
            .drive(
                move |attempt| async move {
                    let key = attempt.dial.endpoint;
                    Ok((Rc::new(key), connect(addresses[key as usize]).await?))
                },
                |(_, stream), _| read_to_end(stream),
            );
        let link = redial_smol::spawn_drive_local(&executor, drive);
        assert_eq!(**link.connection().await.unwrap(), 0);
        let [first, _second] = servers;
        first.kill().await;
        let mut watch = link.watch();
        while link.current().is_none_or(|connection| *connection.shared != 1) {
            watch.changed().await.unwrap();
        }
    });
}

#[test]
fn a_hung_dial_ends_at_its_deadline() {
    local(async |executor| {
        let policy = policy().dial_timeout(MS(50)).max_attempts(2).build().unwrap();
        let link = spawn_local(
            &executor,
            Reconnector::new(policy, 1),
            |_| std::future::pending::<io::Result<()>>(),
            |(), _| std::future::pending(),
        );
        let LinkError::GaveUp { end, last } = link.closed().await.unwrap_err() else { panic!() };
        assert_eq!((end.reason, end.attempts), (GiveUpReason::MaxAttempts, 2));
        assert!(end.elapsed >= MS(130) && last.is_none());
    });
}

#[test]
fn operations_run_on_the_next_connection_and_have_deadlines() {
    local(async |executor| {
        let drive = driver(Reconnector::new(policy().build().unwrap(), 1))
            .lazy()
            .share(|id: &DialId| *id)
            .drive(
                |attempt| async move { io::Result::Ok(attempt.dial.id) },
                |_, _| std::future::pending(),
            );
        let link = redial_smol::spawn_drive_local(&executor, drive);
        let broken_until_the_third = |connection: redial_smol::Connection<DialId>| async move {
            if connection.get() < 3 { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(()) }
        };
        link.run(broken_until_the_third, Idempotent::Yes).await.unwrap();
        let hung = link.run(|_| std::future::pending::<io::Result<()>>(), Idempotent::No);
        assert!(matches!(hung.within(MS(50)).await, Err(RunError::TimedOut(None))));
    });
}

#[test]
fn a_stream_goes_on_with_the_next_connection() {
    let executor = Executor::new();
    local(async |local| {
        let mut server = serve_at(local.clone(), anywhere()).await;
        let address = server.address;
        let reconnector = Reconnector::new(policy().build().unwrap(), 1);
        let test = async {
            let mut stream: ReconnectingStream<TcpStream> =
                ReconnectingStream::new(&executor, reconnector, move |_| connect(address));
            for line in [b"one", b"two"] {
                loop {
                    stream.write_all(line).await.unwrap();
                    if stream.flush().await.is_err() {
                        continue;
                    }
                    let mut answer = [0; 3];
                    let read = async { Some(stream.read_exact(&mut answer).await) };
                    let late = async {
                        Timer::after(MS(300)).await;
                        None
                    };
                    if or(read, late).await.is_some() {
                        assert_eq!(&answer, line);
                        break;
                    }
                }
                server.kill().await;
                server = serve_at(local.clone(), address).await;
            }
            stream.close().await.unwrap();
            stream.link().closed().await.unwrap();
        };
        executor.run(test).await;
    });
}

#[test]
fn a_spawned_link_may_borrow_and_is_aborted_by_its_drop() {
    let dials = AtomicUsize::new(0);
    let executor = Executor::new();
    let link = spawn(
        &executor,
        Reconnector::new(policy().build().unwrap(), 1),
        |_| {
            dials.fetch_add(1, Ordering::SeqCst);
            async { Err::<(), _>(io::Error::from(io::ErrorKind::ConnectionRefused)) }
        },
        |(), _| std::future::pending(),
    );
    let handle = link.handle();
    let (ended, ()) = block_on(executor.run(zip(handle.closed(), async {
        Timer::after(MS(100)).await;
        drop(link);
    })));
    assert!(matches!(ended, Err(LinkError::Aborted)));
    let dialed = dials.load(Ordering::SeqCst);
    assert!((2..=5).contains(&dialed), "{dialed} dials in 100 ms, one each 30 ms");
    let idle = spawn_drive(
        &executor,
        driver(Reconnector::new(Policy::DEFAULT, 1))
            .lazy()
            .drive(|_| async { io::Result::Ok(()) }, |(), _| std::future::pending()),
    );
    block_on(executor.run(idle.connection())).unwrap();
}
