//! A server that does what it is told, and a clock that jumps.

use std::collections::VecDeque;
use std::fmt;
use std::future::{Ready, ready};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use redial::{Backoff, Jitter, Policy};
use redial_tokio::TokioRuntime;
use redial_tower::{Once, Reconnect, ReconnectError, ReconnectLayer};
use tokio::time::{Instant, sleep};
use tower::{Layer, Service, ServiceExt};

/// A request's error. Both read alike on purpose: only the kind tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Error {
    /// The connection is gone.
    Reset,
    /// The request was nonsense.
    Refused,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("connection reset by peer")
    }
}

impl std::error::Error for Error {}

/// Why nobody answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Down(pub(crate) u32);

impl fmt::Display for Down {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "dial {} found nobody", self.0)
    }
}

impl std::error::Error for Down {}

#[derive(Debug, Default)]
struct State {
    begin: Option<Instant>,
    /// When each dial came.
    dials: Vec<u64>,
    /// The next dials fail.
    down: u32,
    /// What the next requests answer; then the connection's number.
    answers: VecDeque<Error>,
    /// Connections up to this one are dead.
    dead: u32,
    /// Connections up to this one are never ready.
    busy: u32,
    requests: Vec<(u32, u32)>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Server(Arc<Mutex<State>>);

impl Server {
    pub(crate) fn new() -> Self {
        let server = Self::default();
        server.0.lock().unwrap().begin = Some(Instant::now());
        server
    }

    /// The next `dials` find nobody.
    pub(crate) fn go_down(&self, dials: u32) {
        self.0.lock().unwrap().down = dials;
    }

    /// The next requests fail with these.
    pub(crate) fn fail(&self, answers: &[Error]) {
        self.0.lock().unwrap().answers = answers.iter().copied().collect();
    }

    /// Every connection made so far is dead: its requests fail with `Reset`.
    pub(crate) fn kill(&self) {
        let mut state = self.0.lock().unwrap();
        state.dead = u32::try_from(state.dials.len()).unwrap();
    }

    /// No connection made so far is ever ready again.
    pub(crate) fn stall(&self) {
        let mut state = self.0.lock().unwrap();
        state.busy = u32::try_from(state.dials.len()).unwrap();
    }

    /// Milliseconds from the begin to each dial.
    pub(crate) fn dials(&self) -> Vec<u64> {
        self.0.lock().unwrap().dials.clone()
    }

    pub(crate) fn waits(&self) -> Vec<u64> {
        self.dials().windows(2).map(|pair| pair[1] - pair[0]).collect()
    }

    /// Connection and content of each request.
    pub(crate) fn requests(&self) -> Vec<(u32, u32)> {
        self.0.lock().unwrap().requests.clone()
    }
}

/// The maker.
impl Service<()> for Server {
    type Response = Conn;
    type Error = Down;
    type Future = Ready<Result<Conn, Down>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Down>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, (): ()) -> Self::Future {
        let mut state = self.0.lock().unwrap();
        let passed = state.begin.unwrap().elapsed().as_millis();
        state.dials.push(u64::try_from(passed).unwrap());
        let number = u32::try_from(state.dials.len()).unwrap();
        if state.down > 0 {
            state.down -= 1;
            return ready(Err(Down(number)));
        }
        ready(Ok(Conn { server: self.clone(), number }))
    }
}

/// The service over one connection: answers with the connection's number.
#[derive(Clone, Debug)]
pub(crate) struct Conn {
    server: Server,
    number: u32,
}

impl Service<u32> for Conn {
    type Response = u32;
    type Error = Error;
    type Future = Ready<Result<u32, Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let state = self.server.0.lock().unwrap();
        if self.number <= state.busy { Poll::Pending } else { Poll::Ready(Ok(())) }
    }

    fn call(&mut self, request: u32) -> Self::Future {
        let mut state = self.server.0.lock().unwrap();
        state.requests.push((self.number, request));
        if self.number <= state.dead {
            return ready(Err(Error::Reset));
        }
        ready(state.answers.pop_front().map_or(Ok(self.number), Err))
    }
}

/// A request that cannot be cloned.
#[derive(Debug)]
pub(crate) struct Unique(pub(crate) u32);

impl Service<Unique> for Conn {
    type Response = u32;
    type Error = Error;
    type Future = Ready<Result<u32, Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        <Self as Service<u32>>::poll_ready(self, cx)
    }

    fn call(&mut self, Unique(request): Unique) -> Self::Future {
        <Self as Service<u32>>::call(self, request)
    }
}

pub(crate) type Client = Reconnect<Conn, Down>;
pub(crate) type OnceClient = Reconnect<Conn, Down, Once>;

pub(crate) fn layer() -> ReconnectLayer<TokioRuntime, Down> {
    ReconnectLayer::new(TokioRuntime::new(), 42, |link| drop(tokio::spawn(link)))
}

/// The default policy's waits, to the millisecond.
pub(crate) fn exact() -> Policy {
    Policy::builder()
        .backoff(Backoff::exponential(Duration::from_millis(100), 2, 1))
        .cap(Duration::from_secs(5))
        .jitter(Jitter::None)
        .rate_limit(100, Duration::from_millis(10))
        .build()
        .unwrap()
}

pub(crate) fn client(server: &Server) -> Client {
    layer().policy(exact()).layer(server.clone())
}

pub(crate) async fn ask<C>(client: &mut C, request: u32) -> Result<u32, C::Error>
where
    C: Service<u32, Response = u32, Error = ReconnectError<Down, Error>>,
{
    ServiceExt::<u32>::ready(client).await?.call(request).await
}

/// Until the connection is stable.
pub(crate) async fn settle() {
    sleep(Duration::from_secs(11)).await;
}
