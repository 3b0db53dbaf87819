//! What an error means for the link: by kind, never by its text.

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::sync::Arc;

use redial::Failure;

/// Says what an error means for dialing again. What it displays as goes into logs.
///
/// ```
/// use std::fmt;
/// use redial_async::{Classify, io_failure, redial::Failure};
///
/// enum Error {
///     Io(std::io::Error),
///     BadPassword,
///     NoSuchKey,
/// }
///
/// impl Classify for Error {
///     fn classify(&self) -> Failure {
///         match self {
///             Self::Io(error) => io_failure(error),
///             Self::BadPassword => Failure::Fatal,
///             Self::NoSuchKey => Failure::Unreachable,
///         }
///     }
///
///     fn breaks_connection(&self) -> bool {
///         !matches!(self, Self::NoSuchKey)
///     }
/// }
///
/// impl fmt::Display for Error {
///     fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
///         match self {
///             Self::Io(error) => error.fmt(f),
///             Self::BadPassword => f.write_str("bad password"),
///             Self::NoSuchKey => f.write_str("no such key"),
///         }
///     }
/// }
/// ```
///
/// An error of another crate goes into a type of your own: a tuple struct, with `From` so that `?`
/// works.
///
/// ```
/// # mod client {
/// #     #[derive(Debug)]
/// #     pub struct Error;
/// #     impl Error {
/// #         pub fn is_timeout(&self) -> bool { true }
/// #         pub fn is_answer(&self) -> bool { false }
/// #     }
/// #     impl std::fmt::Display for Error {
/// #         fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { Ok(()) }
/// #     }
/// #     impl std::error::Error for Error {}
/// # }
/// use std::{error, fmt};
/// use redial_async::{Classify, redial::Failure};
///
/// #[derive(Debug)]
/// struct Error(client::Error);
///
/// impl From<client::Error> for Error {
///     fn from(error: client::Error) -> Self {
///         Self(error)
///     }
/// }
///
/// impl Classify for Error {
///     fn classify(&self) -> Failure {
///         if self.0.is_timeout() { Failure::TimedOut } else { Failure::Unreachable }
///     }
///
///     /// "No such key" is an answer; the connection that brought it is fine.
///     fn breaks_connection(&self) -> bool {
///         !self.0.is_answer()
///     }
/// }
///
/// impl fmt::Display for Error {
///     fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
///         self.0.fmt(f)
///     }
/// }
///
/// impl error::Error for Error {
///     fn source(&self) -> Option<&(dyn error::Error + 'static)> {
///         self.0.source()
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say what it means for the link",
    label = "not `Classify`",
    note = "for an error of your own: `impl Classify for {Self}`",
    note = "for one of another crate: put it into a struct of your own, and implement `Classify` for that; \
            the trait's documentation has the lines",
    note = "where its kind does not matter: `.map_err(std::io::Error::other)`, which is `Unreachable`; not in an \
            operation, whose connection it does not break"
)]
pub trait Classify: fmt::Display {
    /// What the end of a dial or connection with this error says about the server.
    fn classify(&self) -> Failure;

    /// Whether an operation that failed with this error shows that its connection is broken. If not, the
    /// error is the answer, and the connection stays. Asked for operations only: a dial or connection
    /// that ended has ended.
    fn breaks_connection(&self) -> bool {
        true
    }
}

/// [`io_failure`]; and an operation's connection is broken by the kinds that come from the network:
/// refused, reset, aborted, timed out, unreachable, not connected, broken pipe, unexpected end. Any other kind
/// is the operation's answer, `Other` as well: an error of a client that was wrapped in `io::Error` for
/// convenience leaves its broken connection up. Give it a type of your own.
impl Classify for io::Error {
    fn classify(&self) -> Failure {
        io_failure(self)
    }

    fn breaks_connection(&self) -> bool {
        use io::ErrorKind::{
            BrokenPipe, ConnectionAborted, ConnectionRefused, ConnectionReset, HostUnreachable,
            NetworkDown, NetworkUnreachable, NotConnected, TimedOut, UnexpectedEof,
        };
        matches!(
            self.kind(),
            BrokenPipe
                | ConnectionAborted
                | ConnectionRefused
                | ConnectionReset
                | HostUnreachable
                | NetworkDown
                | NetworkUnreachable
                | NotConnected
                | TimedOut
                | UnexpectedEof
        )
    }
}

impl Classify for Failure {
    fn classify(&self) -> Failure {
        *self
    }
}

impl Classify for Infallible {
    fn classify(&self) -> Failure {
        match *self {}
    }
}

impl<E: Classify + ?Sized> Classify for Box<E> {
    fn classify(&self) -> Failure {
        (**self).classify()
    }

    fn breaks_connection(&self) -> bool {
        (**self).breaks_connection()
    }
}

impl<E: Classify + ?Sized> Classify for Arc<E> {
    fn classify(&self) -> Failure {
        (**self).classify()
    }

    fn breaks_connection(&self) -> bool {
        (**self).breaks_connection()
    }
}

/// What an I/O error says about the server: timed out is [`Failure::TimedOut`], everything else is
/// [`Failure::Unreachable`].
///
/// Nothing in `io::Error` is [`Failure::Fatal`]: a VPN's kill switch gives `PermissionDenied`, and a
/// resolver's errors have no kind of their own. Check addresses before the link starts.
pub fn io_failure(error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::TimedOut => Failure::TimedOut,
        _ => Failure::Unreachable,
    }
}

/// How a connection ended, as `serve` says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ended<E> {
    /// It was lost, cleanly or not. Every close by the other side is a loss.
    Lost(E),
    /// The application is done: the link stops. From a connection that was told to
    /// [drain](crate::Session::draining) it is only that connection's end.
    Finished,
}
