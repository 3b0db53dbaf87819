//! Operations over a link: run on whatever connection there is, and again on the next if that is allowed.

use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use redial::DialId;

use crate::classify::Classify;
use crate::error::LinkError;
use crate::handle::LinkHandle;
use crate::hub::poll_until;
use crate::view::Connection;

/// Whether an operation may be executed twice.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Idempotent {
    /// It may: when its connection breaks it runs again on the next one. Not if it was its own panic that
    /// broke it.
    Yes,
    /// It may not: when its connection breaks nobody knows whether it was executed, and the caller gets the
    /// error.
    No,
}

/// Why an operation has no result.
#[derive(Debug)]
#[non_exhaustive]
pub enum RunError<E> {
    /// The operation's own error: one that does not break the connection, or that of the last try.
    Failed(Arc<E>),
    /// The connection ended under the operation, which may or may not have been executed.
    Lost,
    /// There was no connection to be had.
    Link(LinkError<E>),
    /// The deadline has passed. With the error of the try before, if there was one.
    TimedOut(Option<Arc<E>>),
}

impl<E> RunError<E> {
    /// The last error of the operation itself.
    pub fn failed(&self) -> Option<&Arc<E>> {
        match self {
            Self::Failed(error) => Some(error),
            Self::TimedOut(last) => last.as_ref(),
            Self::Lost | Self::Link(_) => None,
        }
    }
}

impl<E: fmt::Display> fmt::Display for RunError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => fmt::Display::fmt(error, f),
            Self::Lost => f.write_str("the connection ended under the operation"),
            Self::Link(_) => f.write_str("no connection"),
            Self::TimedOut(_) => f.write_str("the operation's deadline has passed"),
        }
    }
}

impl<E: Error + 'static> Error for RunError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            // It displays as that error, so its source is the next.
            Self::Failed(error) => error.source(),
            Self::Link(error) => Some(error),
            Self::TimedOut(Some(last)) => Some(&**last),
            Self::Lost | Self::TimedOut(None) => None,
        }
    }
}

/// An operation over a link; made by [`LinkHandle::run`].
///
/// ```
/// use std::io;
/// use std::time::Duration;
/// use redial_async::{Connection, Idempotent, LinkHandle, RunError};
///
/// /// A client that callers clone.
/// #[derive(Clone)]
/// struct Client;
///
/// impl Client {
///     async fn price(&self, name: &str) -> io::Result<u64> {
///         # let _ = name;
///         Ok(42)
///     }
/// }
///
/// async fn price(link: &LinkHandle<Client>, name: &str) -> Option<u64> {
///     let ask = |client: Connection<Client>| async move { client.price(name).await };
///     match link.run(ask, Idempotent::Yes).tries(3).within(Duration::from_secs(5)).await {
///         Ok(price) => return Some(price),
///         Err(RunError::Failed(error)) => println!("the server says {error}"),
///         Err(RunError::Link(error)) => println!("there is no connection: {error}"),
///         Err(error) => println!("{error}"),
///     }
///     None
/// }
/// # let _ = price;
/// ```
#[must_use = "futures do nothing unless awaited"]
pub struct Run<H, E, Op, F> {
    handle: LinkHandle<H, E>,
    op: Op,
    idempotent: Idempotent,
    tries: u32,
    within: Option<Duration>,
    deadline: Option<u64>,
    running: Option<(DialId, Pin<Box<F>>)>,
    last: Option<Arc<E>>,
}

/// Why a try is to be given up.
enum Cut {
    Lost,
    TimedOut,
}

impl<H: Clone, E> LinkHandle<H, E> {
    /// Runs an operation on the connection, waiting for one if there is none. If the operation's error
    /// [breaks the connection](Classify::breaks_connection) it is reported, once however many see it, and an
    /// idempotent operation runs again on the next connection, as often as it takes unless
    /// [`tries`](Run::tries) or [`within`](Run::within) says otherwise. Any other error is the answer.
    ///
    /// Give `tries` to what goes over a shared connection: a request that its server chokes on breaks one
    /// connection after another otherwise, for all callers, and each early end makes the next wait longer.
    ///
    /// An answer, also an error that is one, keeps the policy's `idle_timeout` away from its connection. A
    /// server that has gone silent is found out by that, however many operations wait for it. What is received
    /// before the answer, piece by piece, is the operation's to [say](Self::activity).
    ///
    /// Dropping the future never touches the link. The operation may be dropped wherever it waits, by `within`
    /// too: what is shared has to cope with a request that was sent by half, or whose answer nobody takes.
    ///
    /// # Panics
    /// If the operation does. Nobody knows what it has left of its connection, which is closed as if it had
    /// been reported, as [`Unreachable`](redial::Failure::Unreachable); the link goes on, and so do other
    /// callers, on the next connection.
    ///
    /// # Errors
    /// [`RunError`], which tells an operation that failed from one that found no connection.
    pub fn run<T, F, Op>(&self, op: Op, idempotent: Idempotent) -> Run<H, E, Op, F>
    where
        Op: FnMut(Connection<H>) -> F,
        F: Future<Output = Result<T, E>>,
        E: Classify,
    {
        Run::new(self.clone(), op, idempotent)
    }
}

impl<H, E, Op, F> Run<H, E, Op, F> {
    fn new(handle: LinkHandle<H, E>, op: Op, idempotent: Idempotent) -> Self {
        Self {
            handle,
            op,
            idempotent,
            tries: u32::MAX,
            within: None,
            deadline: None,
            running: None,
            last: None,
        }
    }

    /// Ends with [`TimedOut`](RunError::TimedOut) when this time has passed since the first poll, the wait
    /// for a connection included. Without it only the policy's limits end that wait.
    pub fn within(mut self, within: Duration) -> Self {
        self.within = Some(within);
        self
    }

    /// Runs the operation at most this many times; zero counts as one.
    pub fn tries(mut self, tries: u32) -> Self {
        self.tries = tries.max(1);
        self
    }

    fn is_expired(&self) -> bool {
        self.deadline.is_some_and(|number| self.handle.view.hub.is_expired(number))
    }

    fn timed_out(&mut self) -> RunError<E> {
        RunError::TimedOut(self.last.take())
    }

    /// The answer if the try that just ended was the last.
    fn failed(&mut self, error: Option<Arc<E>>, again: bool) -> Option<RunError<E>> {
        let again = again && self.idempotent == Idempotent::Yes && self.tries > 0;
        match error {
            Some(error) if !again => Some(RunError::Failed(error)),
            None if !again => Some(RunError::Lost),
            error => {
                self.last = error.or(self.last.take());
                None
            }
        }
    }

    /// Calls the operation's code. A panic in it goes on to the caller, and leaves a connection behind of
    /// which nobody knows what was sent.
    fn guarded<T>(handle: &LinkHandle<H, E>, id: DialId, call: impl FnOnce() -> T) -> T {
        catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|payload| {
            handle.view.report(id, None);
            resume_unwind(payload)
        })
    }
}

/// Only the operation's future is pinned, and that is in a box.
impl<H, E, Op, F> Unpin for Run<H, E, Op, F> {}

impl<T, H, E, Op, F> Future for Run<H, E, Op, F>
where
    H: Clone,
    E: Classify,
    Op: FnMut(Connection<H>) -> F,
    F: Future<Output = Result<T, E>>,
{
    type Output = Result<T, RunError<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let run = self.get_mut();
        if let Some(within) = run.within.take() {
            run.deadline = Some(run.handle.view.hub.add_deadline(within));
        }
        loop {
            let Some((id, future)) = &mut run.running else {
                match run.handle.poll_connection(cx) {
                    Poll::Ready(Ok(connection)) => {
                        let id = connection.id;
                        let future = Self::guarded(&run.handle, id, || (run.op)(connection));
                        run.tries -= 1;
                        run.running = Some((id, Box::pin(future)));
                        continue;
                    }
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(RunError::Link(error))),
                    // It is woken by whatever changes, and so by the deadline too.
                    Poll::Pending if run.is_expired() => return Poll::Ready(Err(run.timed_out())),
                    Poll::Pending => return Poll::Pending,
                }
            };
            let id = *id;
            let polled = Self::guarded(&run.handle, id, || {
                future.as_mut().poll(cx).map_err(|error| (error.breaks_connection(), error))
            });
            match polled {
                Poll::Ready(Ok(value)) => {
                    run.handle.activity(id);
                    return Poll::Ready(Ok(value));
                }
                Poll::Ready(Err((breaks, error))) => {
                    let error = Arc::new(error);
                    run.running = None;
                    if breaks {
                        run.handle.report(id, error.clone());
                    } else {
                        run.handle.activity(id);
                    }
                    match run.failed(Some(error), breaks) {
                        Some(error) => return Poll::Ready(Err(error)),
                        None => continue,
                    }
                }
                Poll::Pending => {}
            }
            let deadline = run.deadline;
            let LinkHandle { view, listener, .. } = &mut run.handle;
            let cut = poll_until(&view.hub.changed, listener, cx, || {
                let expired = deadline.is_some_and(|number| view.hub.is_expired(number));
                if view.names(id) { expired.then_some(Cut::TimedOut) } else { Some(Cut::Lost) }
            });
            let Poll::Ready(cut) = cut else { return Poll::Pending };
            run.running = None;
            let error = match cut {
                Cut::TimedOut => Some(run.timed_out()),
                Cut::Lost => run.failed(None, true),
            };
            if let Some(error) = error {
                return Poll::Ready(Err(error));
            }
        }
    }
}

impl<H, E, Op, F> Drop for Run<H, E, Op, F> {
    fn drop(&mut self) {
        if let Some(number) = self.deadline {
            self.handle.view.hub.drop_deadline(number);
        }
    }
}

impl<H, E, Op, F> fmt::Debug for Run<H, E, Op, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let on = self.running.as_ref().map(|(id, _)| id);
        f.debug_struct("Run").field("on", &on).field("tries", &self.tries).finish_non_exhaustive()
    }
}
