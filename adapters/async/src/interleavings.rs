//! Every interleaving of the loop with those who speak to it and wait for it, by `loom`: all schedules
//! with a bounded number of preemptions, and all that the memory model allows in each.
//!
//! A lost wake-up is a deadlock here, which fails the test. Only built with `--cfg loom`.

use std::cell::Cell;
use std::future::{Pending, Ready, pending, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::task::{Context, Poll};
use std::time::Duration;

use loom::thread::{JoinHandle, spawn};
use redial::{DialId, Endpoint, Failure, Policy, Reconnector, Timestamp};

use crate::session::Line;
use crate::{Attempt, Drive, Driver, Ended, LinkError, LinkHandle, Runtime, ShareBy};

mod commands;
#[cfg(feature = "fleet")]
mod fleet;
mod observers;
mod waiters;

/// Preemptions that are tried in one run, if `LOOM_MAX_PREEMPTIONS` does not say.
const PREEMPTIONS: usize = 2;

/// Runs `scenario` in every interleaving, and says how many those were.
fn explore(name: &str, preemptions: usize, scenario: impl Fn() + Send + Sync + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = model.preemption_bound.or(Some(preemptions));
    model.max_branches = 20_000;
    let runs = Arc::new(AtomicUsize::new(0));
    let count = runs.clone();
    model.check(move || {
        count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        scenario();
    });
    let bound = model.preemption_bound.unwrap_or(preemptions);
    println!(
        "{name}: {} interleavings, at most {bound} preemptions",
        Arc::into_inner(runs).map_or(0, AtomicUsize::into_inner)
    );
}

/// A clock that is a second further at each look, so that whatever is waited for has come: all that can
/// still make a thread wait is another thread.
#[derive(Default)]
struct Flying(Cell<u64>);

/// Whether its time has come; if not, it never does.
struct Sleep(bool);

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if self.0 { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Runtime for Flying {
    type Sleep = Sleep;

    fn now(&self) -> Timestamp {
        self.0.set(self.0.get() + 1_000_000_000);
        Timestamp::from_nanos(self.0.get())
    }

    fn sleep_until(&self, at: Timestamp) -> Sleep {
        Sleep(self.now() >= at)
    }
}

type Handle = LinkHandle<DialId, Failure>;
type Share = ShareBy<fn(&DialId) -> DialId>;

static QUICK: Policy = match Policy::builder().stable_after(Duration::from_millis(1)).build() {
    Ok(policy) => policy,
    Err(_) => panic!(),
};

/// A link whose connections are shared by their ids.
fn link() -> Driver<Flying, &'static Policy, Vec<Endpoint>, Share> {
    let reconnector = Reconnector::with_endpoints(&QUICK, 1, vec![Endpoint::new(0)]);
    Driver::new(reconnector, Flying::default()).share(|id: &DialId| *id)
}

/// A connection of nobody's.
fn line() -> Line {
    Line::new(DialId::new(1).unwrap(), 0)
}

/// Every dial succeeds at once.
#[expect(clippy::needless_pass_by_value, reason = "as the driver calls it")]
fn connect(attempt: Attempt) -> Ready<Result<DialId, Failure>> {
    ready(Ok(attempt.dial.id))
}

/// Every connection stays up.
fn serve<C>(_: C, _: crate::Session) -> Pending<Ended<Failure>> {
    pending()
}

/// On a thread of its own.
fn driven<F>(drive: Drive<F, DialId, Failure>) -> JoinHandle<Result<(), LinkError<Failure>>>
where
    F: Future<Output = Result<(), LinkError<Failure>>> + 'static,
{
    spawn(move || loom::future::block_on(drive))
}
