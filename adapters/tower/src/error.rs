//! What a caller is told, and what the link is told.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use redial::{Failure, GiveUpReason};
use redial_async::{Classify, LinkError};

/// Why a request has no answer. `M` is the maker's error, `S` that of the service over a connection.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReconnectError<M, S> {
    /// The policy's limit of dials was reached.
    MaxAttempts {
        /// Dials of this outage, exactly as many as the policy allows.
        attempts: u32,
        /// What the last one ended with; `None` if its deadline cut it off.
        last: Option<Arc<Cause<M>>>,
    },
    /// There is no connection to be had, for any other reason. Its source is the last error.
    ConnectionFailed(LinkError<Cause<M>>),
    /// The service's own error, untouched.
    Service(S),
}

/// Why a dial failed or a connection ended.
#[derive(Debug)]
#[non_exhaustive]
pub enum Cause<M> {
    /// The maker's error.
    Connect {
        /// The error itself.
        error: M,
        /// What it says about the server.
        failure: Failure,
    },
    /// A request's error that showed the connection to be broken, as it displays. Its caller has the error.
    Request(String),
}

impl<M> Cause<M> {
    /// The maker's error, if it was that.
    pub const fn connect(&self) -> Option<&M> {
        match self {
            Self::Connect { error, .. } => Some(error),
            Self::Request(_) => None,
        }
    }
}

impl<M: fmt::Display> Classify for Cause<M> {
    fn classify(&self) -> Failure {
        match self {
            Self::Connect { failure, .. } => *failure,
            Self::Request(_) => Failure::Unreachable,
        }
    }
}

impl<M: fmt::Display> fmt::Display for Cause<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect { error, .. } => fmt::Display::fmt(error, f),
            Self::Request(error) => f.write_str(error),
        }
    }
}

impl<M: Error + 'static> Error for Cause<M> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        // It displays as that error, so its source is the next.
        self.connect().and_then(Error::source)
    }
}

impl<M, S> ReconnectError<M, S> {
    pub(crate) fn link(error: LinkError<Cause<M>>) -> Self {
        match error {
            LinkError::GaveUp { end, last } if end.reason == GiveUpReason::MaxAttempts => {
                Self::MaxAttempts { attempts: end.attempts, last }
            }
            error => Self::ConnectionFailed(error),
        }
    }

    /// The service's own error, if it was that.
    pub fn into_service(self) -> Option<S> {
        match self {
            Self::Service(error) => Some(error),
            Self::MaxAttempts { .. } | Self::ConnectionFailed(_) => None,
        }
    }
}

impl<M: fmt::Display, S: fmt::Display> fmt::Display for ReconnectError<M, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MaxAttempts { attempts: 1, .. } => f.write_str("no connection after 1 attempt"),
            Self::MaxAttempts { attempts, .. } => {
                write!(f, "no connection after {attempts} attempts")
            }
            Self::ConnectionFailed(_) => f.write_str("no connection"),
            Self::Service(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl<M: Error + 'static, S: Error + 'static> Error for ReconnectError<M, S> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::MaxAttempts { last, .. } => {
                last.as_ref().map(|last| &**last as &(dyn Error + 'static))
            }
            Self::ConnectionFailed(error) => Some(error),
            Self::Service(error) => error.source(),
        }
    }
}
