//! The one wait of a loop: for what happens, or for the time.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use redial::Timestamp;

use crate::runtime::Runtime;

/// A wake that is further away has hardly come since the caller looked at the clock; if it has, its
/// sleep ends at once.
const NEAR: Duration = Duration::from_millis(1);

/// The one timer, and how long the loop has gone without a pause.
pub(crate) struct Wait<T> {
    timer: Option<Timer<T>>,
    /// Things that happened without a pause.
    busy: u32,
}

/// A sleep, whose place on the heap serves the next one too.
struct Timer<T> {
    /// When it ends; `MAX` if it has, and is not to be polled again.
    ends: Timestamp,
    sleep: Pin<Box<T>>,
}

impl<T: Future<Output = ()>> Wait<T> {
    pub(crate) fn new() -> Self {
        Self { timer: None, busy: 0 }
    }

    /// So much has happened without a pause that the next poll is one.
    pub(crate) fn is_tired(&self) -> bool {
        self.busy >= 64
    }

    /// What has happened; `None` if nothing has before `wake`. What happened comes first: a success that
    /// is there when the deadline comes counts. `now` is when the caller looked at the clock last.
    pub(crate) fn poll<H>(
        &mut self,
        cx: &mut Context<'_>,
        runtime: &impl Runtime<Sleep = T>,
        now: Timestamp,
        wake: Timestamp,
        happened: impl FnOnce(&mut Context<'_>) -> Poll<H>,
    ) -> Poll<Option<H>> {
        // Callers on other threads may speak without end; the executor has other tasks.
        if self.is_tired() {
            self.busy = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let poll = match happened(cx) {
            Poll::Ready(happened) => Poll::Ready(Some(happened)),
            Poll::Pending => self.poll_timer(cx, runtime, now, wake).map(|()| None),
        };
        self.busy = if poll.is_ready() { self.busy + 1 } else { 0 };
        poll
    }

    /// No timer for a wake that is seen to have come, and none for one that never will. One that ends before the wake
    /// is kept, since looking too early does no harm: the deadline of a dial is hardly ever reached.
    fn poll_timer(
        &mut self,
        cx: &mut Context<'_>,
        runtime: &impl Runtime<Sleep = T>,
        now: Timestamp,
        wake: Timestamp,
    ) -> Poll<()> {
        if wake == Timestamp::MAX {
            self.timer = None;
            return Poll::Pending;
        }
        loop {
            let timer = match &mut self.timer {
                Some(timer) if timer.ends <= wake => timer,
                // So near, it may have come since.
                _ if wake.saturating_since(now) < NEAR && runtime.now() >= wake => {
                    return Poll::Ready(());
                }
                Some(timer) => {
                    runtime.reset(timer.sleep.as_mut(), wake);
                    timer.ends = wake;
                    timer
                }
                none => {
                    let sleep = Box::pin(runtime.sleep_until(wake));
                    none.insert(Timer { ends: wake, sleep })
                }
            };
            ready!(timer.sleep.as_mut().poll(cx));
            if std::mem::replace(&mut timer.ends, Timestamp::MAX) == wake {
                return Poll::Ready(());
            }
        }
    }
}
