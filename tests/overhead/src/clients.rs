//! The contenders. Each keeps one connection up: reads until it is lost, waits, and dials again.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use backon::{ConstantBuilder, Retryable};
use redial::{Backoff, Endpoint, FirstRetry, Jitter, Policy, Reconnector};
use redial_tokio::redial_fleet::Fleet;
use redial_tokio::{
    Drive, DriveFleet, Ended, FleetHandle, LinkError, TokioRuntime, drive_fleet, driver,
    spawn_drive,
};
use stubborn_io::ReconnectOptions;
use stubborn_io::strategies::ExpBackoffStrategy;
use stubborn_io::tokio::{StubbornIo, UnderlyingIo};
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tower::{Service, ServiceExt, reconnect::Reconnect, service_fn};
use tower_resilience_reconnect::{ReconnectConfig, ReconnectPolicy, ReconnectService};

use crate::measured::measured;
use crate::net::Net;

const DIAL_TIMEOUT: Duration = Duration::from_secs(10);
const STABLE_AFTER: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Client {
    Hand,
    Watched,
    Redial,
    Fleet,
    Backon,
    Stubborn,
    Resilience,
    Tower,
}

impl Client {
    pub(crate) const ALL: [Self; 8] = [
        Self::Hand,
        Self::Watched,
        Self::Redial,
        Self::Fleet,
        Self::Backon,
        Self::Stubborn,
        Self::Resilience,
        Self::Tower,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Hand => "loop by hand",
            Self::Watched => "the same, watched",
            Self::Redial => "redial-tokio",
            Self::Fleet => "redial-tokio, one of a fleet",
            Self::Backon => "loop with backon 1.6",
            Self::Stubborn => "stubborn-io 0.3",
            Self::Resilience => "tower-resilience-reconnect 0.14",
            Self::Tower => "tower::reconnect 0.5",
        }
    }

    /// What it does not do.
    pub(crate) fn lacks(self) -> &'static str {
        match self {
            Self::Hand => "commands, status, health, rate limit, hints, handover",
            Self::Watched => "the same but for a status to watch and a stop",
            Self::Redial => "",
            Self::Fleet => "operations that callers share",
            Self::Backon => "what the loop by hand lacks; and a reset",
            Self::Stubborn => {
                "a deadline of a dial; and what the loop by hand lacks, but for a stop"
            }
            Self::Resilience => "a deadline of a dial, a reset",
            Self::Tower => "waits, and so backoff and jitter; a deadline of a dial",
        }
    }

    /// Whether it waits before it dials a server that refuses.
    pub(crate) fn waits(self) -> bool {
        self != Self::Tower
    }

    /// Spawns one, which waits between half of `wait` and all of it before each dial.
    pub(crate) fn spawn<N: Net>(self, net: N, wait: Duration, seed: u64) {
        match self {
            Self::Hand => start(by_hand(net, wait, seed)),
            Self::Watched => start(watched(net, wait, seed)),
            Self::Redial => spawn_drive(redial(net, wait, seed)).detach(),
            Self::Fleet => self.crowd(net, wait)(seed),
            Self::Backon => start(backon(net, wait)),
            Self::Stubborn => start(stubborn(net, wait)),
            Self::Resilience => start(resilience(net, wait)),
            Self::Tower => start(tower(net)),
        }
    }

    /// Spawns one at each call, as a program that has many would: a fleet's share one future.
    pub(crate) fn crowd<N: Net>(self, net: N, wait: Duration) -> Box<dyn Fn(u64)> {
        if self != Self::Fleet {
            return Box::new(move |seed| self.spawn(net.clone(), wait, seed));
        }
        let fleet = fleet(net);
        let handle = fleet.handle();
        start(fleet);
        Box::new(move |seed| insert(&handle, wait, seed))
    }

    /// The same as [`spawn`](Self::spawn), and what its polls do is counted.
    pub(crate) fn spawn_measured<N: Net>(self, net: N, wait: Duration, seed: u64) {
        match self {
            Self::Hand => start(measured(by_hand(net, wait, seed))),
            Self::Watched => start(measured(watched(net, wait, seed))),
            Self::Redial => start(measured(redial(net, wait, seed))),
            Self::Fleet => {
                let fleet = fleet(net);
                insert(&fleet.handle(), wait, seed);
                start(measured(fleet));
            }
            Self::Backon => start(measured(backon(net, wait))),
            Self::Stubborn => start(measured(stubborn(net, wait))),
            Self::Resilience => start(measured(resilience(net, wait))),
            Self::Tower => start(measured(tower(net))),
        }
    }
}

fn start(client: impl Future<Output: Send> + Send + 'static) {
    tokio::spawn(client);
}

/// Reads until the connection is lost.
async fn lost(stream: &mut (impl AsyncRead + Unpin)) -> io::Error {
    let mut buffer = [0; 16];
    loop {
        match stream.read(&mut buffer).await {
            Ok(0) => return io::ErrorKind::UnexpectedEof.into(),
            Ok(_) => {}
            Err(error) => return error,
        }
    }
}

/// What a careful programmer writes: backoff, jitter, a deadline, and no reset before the connection has
/// lasted.
async fn by_hand(net: impl Net, wait: Duration, seed: u64) {
    let mut draws = seed;
    let mut delay = wait;
    loop {
        if let Ok(Ok(mut stream)) = timeout(DIAL_TIMEOUT, net.clone().dial()).await {
            let connected = Instant::now();
            lost(&mut stream).await;
            if connected.elapsed() >= STABLE_AFTER {
                delay = wait;
            }
        }
        if !delay.is_zero() {
            sleep(jittered(delay, &mut draws)).await;
        }
        delay = (delay * 2).min(wait);
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Doing {
    Dialing,
    Connected,
    Waiting,
}

/// The same, with a status that others may watch and a way to stop it.
async fn watched(net: impl Net, wait: Duration, seed: u64) {
    let (stop, mut stopped) = watch::channel(false);
    let (doing, _seen) = watch::channel(Doing::Dialing);
    let mut draws = seed;
    let mut delay = wait;
    let link = async {
        loop {
            doing.send_replace(Doing::Dialing);
            if let Ok(Ok(mut stream)) = timeout(DIAL_TIMEOUT, net.clone().dial()).await {
                let connected = Instant::now();
                doing.send_replace(Doing::Connected);
                lost(&mut stream).await;
                if connected.elapsed() >= STABLE_AFTER {
                    delay = wait;
                }
            }
            doing.send_replace(Doing::Waiting);
            if !delay.is_zero() {
                sleep(jittered(delay, &mut draws)).await;
            }
            delay = (delay * 2).min(wait);
        }
    };
    let mut link = pin!(link);
    let mut asked = pin!(stopped.wait_for(|stop| *stop));
    poll_fn(|cx| match asked.as_mut().poll(cx) {
        Poll::Ready(_) => Poll::Ready(()),
        Poll::Pending => link.as_mut().poll(cx),
    })
    .await;
    drop(stop);
}

/// Uniform in the upper half.
fn jittered(delay: Duration, draws: &mut u64) -> Duration {
    // xorshift64.
    *draws ^= *draws << 13;
    *draws ^= *draws >> 7;
    *draws ^= *draws << 17;
    let half = delay / 2;
    let share = u32::try_from(*draws >> 32).map_or(0.0, f64::from) / f64::from(u32::MAX);
    half + half.mul_f64(share)
}

/// One policy for all, as a fleet has it.
fn policy(wait: Duration) -> &'static Policy {
    static POLICIES: Mutex<BTreeMap<Duration, &'static Policy>> = Mutex::new(BTreeMap::new());
    let mut policies = POLICIES.lock().unwrap_or_else(PoisonError::into_inner);
    policies.entry(wait).or_insert_with(|| {
        let wait = wait.max(Duration::from_nanos(1));
        let policy = Policy::builder()
            .backoff(Backoff::exponential(wait, 2, 1))
            .floor(Duration::ZERO)
            .cap(wait)
            .jitter(Jitter::Equal)
            .first_retry(FirstRetry::Backoff)
            .rate_limit(u32::MAX, Duration::from_nanos(1));
        match policy.build() {
            Ok(policy) => Box::leak(Box::new(policy)),
            Err(error) => panic!("{error}"),
        }
    })
}

fn redial(
    net: impl Net,
    wait: Duration,
    seed: u64,
) -> Drive<impl Future<Output = Result<(), LinkError<io::Error>>> + Send, (), io::Error> {
    driver(Reconnector::new(policy(wait), seed)).drive(
        move |_attempt| net.clone().dial(),
        |mut stream, _session| async move { Ended::Lost(lost(&mut stream).await) },
    )
}

type Links<F> = DriveFleet<F, TokioRuntime, &'static Policy, [Endpoint; 1]>;

fn fleet(net: impl Net) -> Links<impl Future<Output = ()> + Send + 'static> {
    drive_fleet(
        Fleet::new(),
        TokioRuntime::new(),
        move |_key, _attempt| net.clone().dial(),
        |_key, mut stream, _session| async move { Ended::Lost(lost(&mut stream).await) },
    )
}

fn insert(fleet: &FleetHandle<TokioRuntime, &'static Policy>, wait: Duration, seed: u64) {
    fleet.insert(Reconnector::new(policy(wait), seed));
}

/// `backon` retries an operation: here one that keeps a connection up until it is lost.
async fn backon(net: impl Net, wait: Duration) {
    let link = || async {
        let mut stream = timeout(DIAL_TIMEOUT, net.clone().dial()).await??;
        Err::<(), io::Error>(lost(&mut stream).await)
    };
    // Its jitter adds up to the delay again.
    let waits = ConstantBuilder::default().with_delay(wait / 2).with_jitter().without_max_times();
    let _ = link.retry(waits).sleep(sleep).await;
}

/// A connection as stubborn-io wants it.
struct Stubborn<N: Net>(N::Stream);

impl<N: Net> UnderlyingIo<N> for Stubborn<N> {
    fn establish(net: N) -> Pin<Box<dyn Future<Output = io::Result<Self>> + Send>> {
        let dial = net.dial();
        Box::pin(async move { Ok(Self(dial.await?)) })
    }
}

impl<N: Net> AsyncRead for Stubborn<N> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

async fn stubborn(net: impl Net, wait: Duration) {
    let waits = move || ExpBackoffStrategy::new(wait.mul_f64(0.75), 1.0, 1.0 / 3.0);
    let options = ReconnectOptions::new()
        .with_exit_if_first_connect_fails(false)
        .with_retries_generator(waits);
    if let Ok(mut stream) = StubbornIo::<Stubborn<_>, _>::connect_with_options(net, options).await {
        lost(&mut stream).await;
    }
}

/// A connection as tower's peers want it: a service whose only call lasts as long as the connection.
#[derive(Debug)]
struct Connection<S>(Arc<Mutex<Option<S>>>);

impl<S> Clone for Connection<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<S> Connection<S> {
    fn new(stream: S) -> Self {
        Self(Arc::new(Mutex::new(Some(stream))))
    }
}

impl<S: AsyncRead + Unpin> Service<()> for Connection<S> {
    type Response = ();
    type Error = io::Error;
    type Future = Reading<S>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let stream = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let closed = || io::ErrorKind::NotConnected.into();
        Poll::Ready(stream.as_ref().map(|_| ()).ok_or_else(closed))
    }

    fn call(&mut self, (): ()) -> Reading<S> {
        Reading(self.0.lock().unwrap_or_else(PoisonError::into_inner).take())
    }
}

/// Reads until the connection is lost.
#[derive(Debug)]
struct Reading<S>(Option<S>);

impl<S: AsyncRead + Unpin> Future for Reading<S> {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(stream) = &mut self.0 else {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        };
        pin!(lost(stream)).poll(cx).map(Err)
    }
}

/// The connection factory that tower's peers ask for.
fn factory<N: Net>() -> impl Service<
    N,
    Response = Connection<N::Stream>,
    Error = io::Error,
    Future = impl Future<Output = io::Result<Connection<N::Stream>>> + Send + Unpin,
> + Send {
    service_fn(|net: N| {
        let dial = net.dial();
        Box::pin(async move { Ok(Connection::new(dial.await?)) })
    })
}

async fn resilience<N: Net>(net: N, wait: Duration) {
    let Ok(policy) = ReconnectPolicy::exponential_random(wait.mul_f64(0.75), wait, 1.0 / 3.0)
    else {
        panic!("not a policy");
    };
    let config = ReconnectConfig::builder().policy(policy).unlimited_attempts();
    let config = config.retry_on_reconnect(true).build();
    let mut link = ReconnectService::new(factory(), net, config);
    if let Ok(link) = ServiceExt::<()>::ready(&mut link).await {
        let _ = link.call(()).await;
    }
}

async fn tower<N: Net>(net: N) {
    let mut link = Reconnect::new(factory(), net);
    while let Ok(link) = ServiceExt::<()>::ready(&mut link).await {
        let _ = link.call(()).await;
    }
}
