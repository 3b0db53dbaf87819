//! How a link ends when nobody asked it to.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use redial::GiveUp;

/// Why a link is over. Its [`source`](Error::source) is the last error itself, with its own sources.
///
/// ```
/// use std::error::Error;
/// use redial_async::{LinkError, LinkHandle};
///
/// async fn supervise(link: LinkHandle) {
///     match link.closed().await {
///         Ok(()) => println!("stopped"),
///         Err(LinkError::GaveUp { end, .. }) if end.attempts == 0 => println!("not even tried"),
///         Err(error) => {
///             eprintln!("{error}");
///             let mut source = error.source();
///             while let Some(error) = source {
///                 eprintln!("  because {error}");
///                 source = error.source();
///             }
///         }
///     }
/// }
/// # let _ = supervise;
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum LinkError<E> {
    /// A limit of the policy was reached.
    GaveUp {
        /// Which limit, after how many attempts, and what the last failure was.
        end: GiveUp,
        /// The last error of this outage. Older than `end.last` if the last dial was cut off by its
        /// deadline, or the last connection closed because an operation panicked: those leave no error.
        /// `None` if there was none.
        last: Option<Arc<E>>,
    },
    /// `connect`, `serve`, an observer, or whatever else the loop calls or drops panicked, with this
    /// message. A panic of an operation ends its connection, and not the link; see
    /// [`run`](crate::LinkHandle::run).
    Panicked(Arc<str>),
    /// The link was stopped, so there is nothing to wait for.
    Stopped,
    /// The future that drives the link was dropped, or the [`Link`](crate::Link) that owns it.
    Aborted,
}

/// The last error of an outage, shared only once somebody else has it.
#[derive(Debug)]
pub(crate) enum Last<E> {
    Own(E),
    Shared(Arc<E>),
}

impl<E> Last<E> {
    pub(crate) fn get(&self) -> &E {
        match self {
            Self::Own(error) => error,
            Self::Shared(error) => error,
        }
    }

    pub(crate) fn share(self) -> Arc<E> {
        match self {
            Self::Own(error) => Arc::new(error),
            Self::Shared(error) => error,
        }
    }
}

impl<E> LinkError<E> {
    /// The last error of the outage that ended the link.
    pub fn last(&self) -> Option<&Arc<E>> {
        match self {
            Self::GaveUp { last, .. } => last.as_ref(),
            Self::Panicked(_) | Self::Stopped | Self::Aborted => None,
        }
    }
}

impl<E> Clone for LinkError<E> {
    fn clone(&self) -> Self {
        match self {
            Self::GaveUp { end, last } => Self::GaveUp { end: *end, last: last.clone() },
            Self::Panicked(message) => Self::Panicked(message.clone()),
            Self::Stopped => Self::Stopped,
            Self::Aborted => Self::Aborted,
        }
    }
}

impl<E> fmt::Display for LinkError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::GaveUp { end, .. } => fmt::Display::fmt(end, f),
            Self::Panicked(message) => write!(f, "panicked: {message}"),
            Self::Stopped => f.write_str("stopped"),
            Self::Aborted => f.write_str("aborted"),
        }
    }
}

impl<E: Error + 'static> Error for LinkError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.last().map(|last| &**last as &(dyn Error + 'static))
    }
}
