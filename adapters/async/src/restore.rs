//! Restoring a session is part of connecting: it is up when it is restored.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::session::Attempt;

/// A `connect` that restores the session with `restore` after each connect, before the link counts as
/// connected. A restore that fails is a failed dial, and the dial's deadline is the restore's too.
///
/// ```
/// # use std::io;
/// use redial_async::{Attempt, on_connected};
///
/// let connect = |_: Attempt| async { io::Result::Ok(Vec::new()) };
/// let connect = on_connected(connect, |mut session: Vec<&str>| async move {
///     session.push("login");
///     Ok(session)
/// });
/// # let _ = connect;
/// ```
pub fn on_connected<C, E, Connect, D, Restore, V>(
    mut connect: Connect,
    restore: Restore,
) -> impl FnMut(Attempt) -> Restoring<D, Restore, V>
where
    Connect: FnMut(Attempt) -> D,
    D: Future<Output = Result<C, E>>,
    Restore: FnOnce(C) -> V + Clone,
    V: Future<Output = Result<C, E>>,
{
    move |attempt| Restoring {
        dial: Some(Box::pin(connect(attempt))),
        restore: Some(restore.clone()),
        last: None,
    }
}

/// One dial that ends with a restored session; made by [`on_connected`].
#[must_use = "futures do nothing unless awaited"]
pub struct Restoring<D, Restore, V> {
    dial: Option<Pin<Box<D>>>,
    restore: Option<Restore>,
    last: Option<Pin<Box<V>>>,
}

/// What is pinned is in boxes.
impl<D, Restore, V> Unpin for Restoring<D, Restore, V> {}

impl<C, E, D, Restore, V> Future for Restoring<D, Restore, V>
where
    D: Future<Output = Result<C, E>>,
    Restore: FnOnce(C) -> V,
    V: Future<Output = Result<C, E>>,
{
    type Output = Result<C, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<C, E>> {
        if let Some(dial) = &mut self.dial {
            let Poll::Ready(connected) = dial.as_mut().poll(cx) else { return Poll::Pending };
            self.dial = None;
            match (connected, self.restore.take()) {
                (Ok(connection), Some(restore)) => {
                    self.last = Some(Box::pin(restore(connection)));
                }
                (connected, _) => return Poll::Ready(connected),
            }
        }
        match &mut self.last {
            Some(restoring) => restoring.as_mut().poll(cx),
            None => Poll::Pending,
        }
    }
}

impl<D, Restore, V> fmt::Debug for Restoring<D, Restore, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Restoring").field("connected", &self.dial.is_none()).finish_non_exhaustive()
    }
}
