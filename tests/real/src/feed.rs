//! A link that is subscribed to a feed, and what came through it.

use std::collections::HashSet;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use async_executor::Executor;
use redial_tokio::redial::{
    Backoff, FirstRetry, Jitter, Overload, Phase, Policy, PolicyBuilder, Reconnector,
};
use redial_tokio::{Ended, Link, Session, spawn};
use tokio::time::{sleep, timeout};

use crate::clients::Client;

/// Whatever is waited for comes within this time, on the slowest machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// What came through a feed.
#[derive(Debug, Default)]
struct Seen {
    numbers: HashSet<u64>,
    twice: usize,
    /// The last connection through which something came, and how much.
    last: u64,
    through_it: usize,
}

/// A subscribed link.
#[derive(Debug)]
pub struct Feed {
    link: Link<()>,
    seen: Arc<Mutex<Seen>>,
}

/// Fast enough for a test: 20 ms ×2 → 200 ms, dials of 400 ms, and a feed that is silent for 600 ms is
/// dead.
pub fn policy() -> PolicyBuilder {
    let ms = Duration::from_millis;
    Policy::builder()
        .backoff(Backoff::exponential(ms(20), 2, 1))
        .cap(ms(200))
        .jitter(Jitter::Equal)
        .first_retry(FirstRetry::Immediate)
        .overload(Overload::Ignore)
        .stable_after(ms(50))
        .dial_timeout(ms(400))
        .dial_timeout_max(ms(400))
        .handshake_timeout(ms(400))
        .handshake_timeout_max(ms(400))
        .idle_timeout(ms(600))
        .rate_limit(100, ms(10))
}

impl Feed {
    /// Subscribes at `address`.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn from<C: Client>(address: SocketAddr) -> Self {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let link = spawn(reconnector(), move |_| C::connect(address), follow::<C>(seen.clone()));
        Self { link, seen }
    }

    /// As [`from`](Self::from), with a link that lives on smol, on a thread of its own.
    pub fn on_smol<C: Client>(address: SocketAddr) -> Self {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let executor = Executor::new();
        let follow = follow::<C>(seen.clone());
        let link =
            redial_smol::spawn(&executor, reconnector(), move |_| C::connect(address), follow);
        let closed = link.closed();
        thread::spawn(move || drop(async_io::block_on(executor.run(closed))));
        Self { link, seen }
    }

    /// Names the connection through which numbers come.
    pub fn connection(&self) -> u64 {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).last
    }

    /// Different numbers that came, and how many came again.
    pub fn counts(&self) -> (usize, usize) {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        (seen.numbers.len(), seen.twice)
    }

    /// Dials so far.
    pub fn dials(&self) -> u64 {
        self.link.status().dials
    }

    /// Waits until the link has noticed that `connection` is no more.
    ///
    /// # Panics
    /// If it does not in 30 s.
    pub async fn lost(&self, connection: u64) {
        let lost = async {
            while self.connected() && self.connection() <= connection {
                sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(PATIENCE, lost).await.expect("the loss is noticed");
    }

    /// Waits until numbers come through a connection after `connection`, and some more.
    ///
    /// # Panics
    /// If none come in 30 s.
    pub async fn back(&self, connection: u64) {
        let flows = || {
            let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.last > connection && seen.through_it >= 5
        };
        let back = async {
            while !flows() {
                sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(PATIENCE, back).await.expect("the feed comes back");
    }

    fn connected(&self) -> bool {
        matches!(self.link.status().phase, Phase::Connected { .. })
    }
}

fn reconnector() -> Reconnector {
    Reconnector::new(policy().build().expect("a valid policy"), 1)
}

/// Listens to a connection for as long as it lasts.
fn follow<C: Client>(
    seen: Arc<Mutex<Seen>>,
) -> impl FnMut(C::Connection, Session) -> Pin<Box<dyn Future<Output = Ended<io::Error>> + Send>> {
    move |mut connection, session| {
        let seen = seen.clone();
        Box::pin(async move {
            loop {
                match C::next(&mut connection).await {
                    Ok(number) => hear(&seen, session.id().get(), number),
                    Err(error) => return Ended::Lost(error),
                }
                session.activity();
            }
        })
    }
}

fn hear(seen: &Mutex<Seen>, connection: u64, number: u64) {
    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    let new = seen.numbers.insert(number);
    seen.twice += usize::from(!new);
    if seen.last < connection {
        seen.last = connection;
        seen.through_it = 0;
    }
    seen.through_it += 1;
}
