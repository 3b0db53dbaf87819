//! What exists: at most one dial, two connections and one timer, polled in the order that matters.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use redial::{Dial, DialId, Timestamp};

use crate::classify::Ended;
use crate::hub::Hub;
use crate::runtime::Runtime;
use crate::session::Slot;

/// The message of a panic.
pub(crate) type Panic = Arc<str>;

/// Calls foreign code; a panic becomes its message.
pub(crate) fn caught<T>(call: impl FnOnce() -> T) -> Result<T, Panic> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|payload| message(payload.as_ref()))
}

pub(crate) fn message(payload: &(dyn Any + Send)) -> Panic {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("(no message)").into()
}

/// A dial in flight.
pub(crate) struct Dialing<D> {
    pub(crate) dial: Dial,
    pub(crate) slot: Arc<Slot>,
    pub(crate) future: Pin<Box<D>>,
}

/// A connection.
pub(crate) struct Serving<V, H> {
    pub(crate) dial: Dial,
    pub(crate) slot: Arc<Slot>,
    pub(crate) shared: H,
    pub(crate) future: Pin<Box<V>>,
}

/// What ended the wait.
pub(crate) enum Happened<D, V, H, C, E> {
    Dialed(Dialing<D>, Result<C, E>),
    Ended(Serving<V, H>, Ended<E>),
    Panicked(Panic),
    /// Somebody spoke.
    Spoken,
    Time,
}

pub(crate) struct World<D, V, H, T> {
    pub(crate) dial: Option<Dialing<D>>,
    pub(crate) links: Vec<Serving<V, H>>,
    timer: Option<(Timestamp, Pin<Box<T>>)>,
}

impl<D, V, H, T> World<D, V, H, T> {
    pub(crate) fn new() -> Self {
        Self { dial: None, links: Vec::with_capacity(2), timer: None }
    }

    /// Takes out the connection `id`, if it exists.
    pub(crate) fn remove(&mut self, id: DialId) -> Option<Serving<V, H>> {
        let index = self.links.iter().position(|link| link.dial.id == id)?;
        Some(self.links.swap_remove(index))
    }
}

impl<D, V, H, T, C, E> World<D, V, H, T>
where
    D: Future<Output = Result<C, E>>,
    V: Future<Output = Ended<E>>,
    T: Future<Output = ()>,
{
    /// Ready when something has happened: results of I/O first, then what was said, then the time. A
    /// success that is there when the deadline comes counts.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        hub: &Hub,
        runtime: &impl Runtime<Sleep = T>,
        wake: Timestamp,
    ) -> Poll<Happened<D, V, H, C, E>> {
        if let Some(mut dialing) = self.dial.take() {
            match caught(|| dialing.future.as_mut().poll(cx)) {
                Ok(Poll::Pending) => self.dial = Some(dialing),
                Ok(Poll::Ready(result)) => return Poll::Ready(Happened::Dialed(dialing, result)),
                Err(panic) => return Poll::Ready(Happened::Panicked(panic)),
            }
        }
        for index in 0..self.links.len() {
            match caught(|| self.links[index].future.as_mut().poll(cx)) {
                Ok(Poll::Pending) => {}
                Ok(Poll::Ready(ended)) => {
                    let link = self.links.swap_remove(index);
                    return Poll::Ready(Happened::Ended(link, ended));
                }
                Err(panic) => return Poll::Ready(Happened::Panicked(panic)),
            }
        }
        if hub.poll_spoken(cx).is_ready() {
            return Poll::Ready(Happened::Spoken);
        }
        self.poll_timer(cx, runtime, wake).map(|()| Happened::Time)
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
