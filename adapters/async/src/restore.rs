//! Restoring a session is part of connecting: a link is connected only once its session is restored.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

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
        stage: Stage::Dialing { dial: connect(attempt), restore: Some(restore.clone()) },
    }
}

pin_project! {
    /// One dial that ends with a restored session; made by [`on_connected`].
    #[must_use = "futures do nothing unless awaited"]
    pub struct Restoring<D, Restore, V> {
        #[pin]
        stage: Stage<D, Restore, V>,
    }
}

pin_project! {
    #[project = StageProjection]
    enum Stage<D, Restore, V> {
        // `None` once it has been called.
        Dialing { #[pin] dial: D, restore: Option<Restore> },
        Restoring { #[pin] session: V },
    }
}

impl<C, E, D, Restore, V> Future for Restoring<D, Restore, V>
where
    D: Future<Output = Result<C, E>>,
    Restore: FnOnce(C) -> V,
    V: Future<Output = Result<C, E>>,
{
    type Output = Result<C, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<C, E>> {
        let mut stage = self.project().stage;
        loop {
            match stage.as_mut().project() {
                StageProjection::Dialing { dial, restore } => {
                    let connection = ready!(dial.poll(cx))?;
                    let Some(restore) = restore.take() else { panic!("polled after it had ended") };
                    stage.set(Stage::Restoring { session: restore(connection) });
                }
                StageProjection::Restoring { session } => return session.poll(cx),
            }
        }
    }
}

impl<D, Restore, V> fmt::Debug for Restoring<D, Restore, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let connected = matches!(self.stage, Stage::Restoring { .. });
        f.debug_struct("Restoring").field("connected", &connected).finish_non_exhaustive()
    }
}
