//! Dials, sockets, tasks and timers that count themselves, on a clock that moves between polls.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use redial_async::redial::{Backoff, Failure, FirstRetry, Jitter, Overload, Policy, Timestamp};
use redial_async::{Attempt, Ended, Runtime, Session};

pub(crate) const STEP: Duration = Duration::from_millis(10);

/// What exists, by kind.
#[derive(Default)]
pub(crate) struct Census {
    now: Cell<u64>,
    dials: Cell<usize>,
    sockets: Cell<usize>,
    serves: Cell<usize>,
    sleeps: Cell<usize>,
    operations: Cell<usize>,
}

impl Census {
    /// Dials, sockets, tasks that serve, and timers.
    pub(crate) fn all(&self) -> [usize; 4] {
        [self.dials.get(), self.sockets.get(), self.serves.get(), self.sleeps.get()]
    }

    pub(crate) fn operations(&self) -> usize {
        self.operations.get()
    }

    pub(crate) fn step(&self) {
        self.now.set(self.now.get() + u64::try_from(STEP.as_nanos()).unwrap());
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_nanos(self.now.get())
    }
}

/// Counts itself while it exists.
pub(crate) struct Counted {
    census: Rc<Census>,
    kind: fn(&Census) -> &Cell<usize>,
}

impl Counted {
    fn new(census: &Rc<Census>, kind: fn(&Census) -> &Cell<usize>) -> Self {
        kind(census).set(kind(census).get() + 1);
        Self { census: census.clone(), kind }
    }

    pub(crate) fn operation(census: &Rc<Census>) -> Self {
        Self::new(census, |census| &census.operations)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let count = (self.kind)(&self.census);
        count.set(count.get() - 1);
    }
}

/// A socket that callers may hold longer than it is open.
pub(crate) struct Socket {
    /// Its dial.
    number: u64,
    open: Cell<Option<Counted>>,
}

impl Socket {
    pub(crate) fn close(&self) {
        self.open.set(None);
    }
}

pub(crate) struct Stepped(pub(crate) Rc<Census>);

pub(crate) struct Sleep {
    at: Timestamp,
    counted: Counted,
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if self.counted.census.now() >= self.at { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Runtime for Stepped {
    type Sleep = Sleep;

    fn now(&self) -> Timestamp {
        self.0.now()
    }

    fn sleep_until(&self, at: Timestamp) -> Sleep {
        Sleep { at, counted: Counted::new(&self.0, |census| &census.sleeps) }
    }
}

/// Pending for so many polls.
async fn polls(count: u64) {
    let mut left = count;
    poll_fn(|_| {
        left = left.saturating_sub(1);
        if left == 0 { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// Dials fail, hang, flap, succeed, fail while another serves, and replace it, by turns of six.
pub(crate) fn dial(
    attempt: &Attempt,
    census: Rc<Census>,
) -> impl Future<Output = Result<Rc<Socket>, Failure>> + use<> {
    let number = attempt.dial.id.get();
    async move {
        let _dial = Counted::new(&census, |census| &census.dials);
        polls(3).await;
        match number % 6 {
            1 | 5 => Err(Failure::Unreachable),
            2 => std::future::pending().await,
            _ => {
                let open = Counted::new(&census, |census| &census.sockets);
                Ok(Rc::new(Socket { number, open: Cell::new(Some(open)) }))
            }
        }
    }
}

pub(crate) async fn serve(socket: Rc<Socket>, session: Session) -> Ended<Failure> {
    let open = socket.open.take();
    let census = open.as_ref().map(|open| open.census.clone());
    socket.open.set(open);
    let _serve = census.map(|census| Counted::new(&census, |census| &census.serves));
    match socket.number % 6 {
        3 => polls(2).await,
        4 => {
            polls(10).await;
            session.going_away(Some(Duration::from_secs(60)));
            session.draining().await;
            polls(4).await;
        }
        _ => polls(30).await,
    }
    Ended::Lost(Failure::Unreachable)
}

pub(crate) fn policy() -> Policy {
    let builder = Policy::builder()
        .backoff(Backoff::fixed(Duration::from_millis(40)))
        .jitter(Jitter::None)
        .first_retry(FirstRetry::Backoff)
        .overload(Overload::Ignore)
        .stable_after(Duration::from_millis(50))
        .dial_timeout(Duration::from_millis(80))
        .rate_limit(50, Duration::from_millis(1));
    builder.build().unwrap()
}
