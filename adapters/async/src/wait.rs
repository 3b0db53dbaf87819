//! The one wait of a loop: for what happens, or for the time.

use std::pin::Pin;
use std::task::{Context, Poll};

use redial::Timestamp;

use crate::runtime::Runtime;

/// The one timer, and how long the loop has gone without a pause.
pub(crate) struct Wait<T> {
    timer: Option<(Timestamp, Pin<Box<T>>)>,
    /// Things that happened without a pause.
    busy: u32,
}

impl<T: Future<Output = ()>> Wait<T> {
    pub(crate) fn new() -> Self {
        Self { timer: None, busy: 0 }
    }

    /// What has happened; `None` if nothing has before `wake`. What happened comes first: a success that
    /// is there when the deadline comes counts.
    pub(crate) fn poll<H>(
        &mut self,
        cx: &mut Context<'_>,
        runtime: &impl Runtime<Sleep = T>,
        wake: Timestamp,
        happened: impl FnOnce(&mut Context<'_>) -> Poll<H>,
    ) -> Poll<Option<H>> {
        // Callers on other threads may speak without end; the executor has other tasks.
        if self.busy >= 64 {
            self.busy = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let poll = match happened(cx) {
            Poll::Ready(happened) => Poll::Ready(Some(happened)),
            Poll::Pending => self.poll_timer(cx, runtime, wake).map(|()| None),
        };
        self.busy = if poll.is_ready() { self.busy + 1 } else { 0 };
        poll
    }

    /// No timer for a wake that has come, and none for one that never will.
    fn poll_timer(
        &mut self,
        cx: &mut Context<'_>,
        runtime: &impl Runtime<Sleep = T>,
        wake: Timestamp,
    ) -> Poll<()> {
        if wake == Timestamp::MAX {
            self.timer = None;
            return Poll::Pending;
        }
        if runtime.now() >= wake {
            self.timer = None;
            return Poll::Ready(());
        }
        let (_, sleep) = match self.timer.take() {
            Some(timer) if timer.0 == wake => self.timer.insert(timer),
            _ => self.timer.insert((wake, Box::pin(runtime.sleep_until(wake)))),
        };
        let poll = sleep.as_mut().poll(cx);
        if poll.is_ready() {
            self.timer = None;
        }
        poll
    }
}
