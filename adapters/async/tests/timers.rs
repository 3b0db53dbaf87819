//! One timer, and none for what has come.

use std::cell::Cell;
use std::future::{pending, ready};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use redial_async::redial::{Backoff, Failure, FirstRetry, Jitter, Policy, Reconnector, Timestamp};
use redial_async::{Ended, LinkError, Runtime, drive};

/// A clock that is a bit further at each look, and what was asked of it.
struct Clock {
    now: Cell<u64>,
    step: Duration,
    made: Cell<u32>,
    moved: Cell<u32>,
}

impl Clock {
    fn new(step: Duration) -> Self {
        Self { now: Cell::new(0), step, made: Cell::new(0), moved: Cell::new(0) }
    }
}

/// Ends when it is polled: the clock is then as far as it said.
struct Sleep<'a> {
    clock: &'a Clock,
    at: Timestamp,
}

impl Future for Sleep<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        self.clock.now.set(self.clock.now.get().max(self.at.as_nanos()));
        Poll::Ready(())
    }
}

impl<'a> Runtime for &'a Clock {
    type Sleep = Sleep<'a>;

    fn now(&self) -> Timestamp {
        self.now.set(self.now.get() + u64::try_from(self.step.as_nanos()).unwrap());
        Timestamp::from_nanos(self.now.get())
    }

    fn sleep_until(&self, at: Timestamp) -> Sleep<'a> {
        self.made.set(self.made.get() + 1);
        Sleep { clock: self, at }
    }

    fn reset(&self, mut sleep: Pin<&mut Sleep<'a>>, at: Timestamp) {
        self.moved.set(self.moved.get() + 1);
        sleep.at = at;
    }
}

/// Ten dials that fail at once, with waits of this length in between.
fn fails(clock: &Clock, wait: Duration) {
    let policy = Policy::builder()
        .backoff(Backoff::fixed(wait))
        .floor(Duration::ZERO)
        .cap(wait)
        .jitter(Jitter::None)
        .first_retry(FirstRetry::Backoff)
        .rate_limit(u32::MAX, Duration::from_nanos(1))
        .max_attempts(10);
    let link = drive(
        Reconnector::new(policy.build().unwrap(), 1),
        clock,
        |_| ready(Err::<(), _>(Failure::Unreachable)),
        |(), _| pending::<Ended<Failure>>(),
    );
    let mut link = pin!(link);
    let mut cx = Context::from_waker(Waker::noop());
    let ended = (0..100).find_map(|_| match link.as_mut().poll(&mut cx) {
        Poll::Ready(ended) => Some(ended),
        Poll::Pending => None,
    });
    assert!(matches!(ended, Some(Err(LinkError::GaveUp { end, .. })) if end.attempts == 10));
}

#[test]
fn a_wake_that_has_come_gets_no_timer() {
    let clock = Clock::new(Duration::from_micros(10));
    fails(&clock, Duration::from_micros(5));
    assert_eq!((clock.made.get(), clock.moved.get()), (0, 0));
}

#[test]
fn a_timer_is_moved_and_not_made_anew() {
    let clock = Clock::new(Duration::from_micros(10));
    fails(&clock, Duration::from_secs(1));
    assert_eq!((clock.made.get(), clock.moved.get()), (1, 8));
}
