//! redial on a runtime of your own: a clock, and a sleep on it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use redial_async::{Runtime, redial::Timestamp};

/// The time, and who sleeps until when.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    now: Rc<Cell<Timestamp>>,
    timers: Rc<RefCell<BTreeMap<Timestamp, Vec<Waker>>>>,
}

impl Clock {
    /// When the event loop has to come back at the latest.
    pub fn earliest(&self) -> Option<Timestamp> {
        self.timers.borrow().keys().next().copied()
    }

    /// It is `now`, says the event loop: wakes all that slept until then.
    pub fn advance(&self, now: Timestamp) {
        self.now.set(now);
        while let Some(at) = self.earliest().filter(|at| *at <= now) {
            let due = self.timers.borrow_mut().remove(&at);
            due.into_iter().flatten().for_each(Waker::wake);
        }
    }
}

impl Runtime for Clock {
    type Sleep = Sleep;

    fn now(&self) -> Timestamp {
        self.now.get()
    }

    fn sleep_until(&self, at: Timestamp) -> Sleep {
        // Ticks of a millisecond, rounded up: a sleep never ends early.
        let millis = at.as_nanos().div_ceil(1_000_000);
        Sleep(self.clone(), Timestamp::from_nanos(millis.saturating_mul(1_000_000)))
    }
}

/// Ends at its tick.
#[derive(Debug)]
pub struct Sleep(Clock, Timestamp);

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.0.now() >= self.1 {
            return Poll::Ready(());
        }
        self.0.timers.borrow_mut().entry(self.1).or_default().push(cx.waker().clone());
        Poll::Pending
    }
}
