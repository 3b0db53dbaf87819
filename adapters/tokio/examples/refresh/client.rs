//! The client's side of the protocol: `since N`, then `call N`; `answer N` and `update N` come back.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, Write, stdout};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use redial_tokio::redial::Failure;
use redial_tokio::{Classify, Ended, Session, io_failure};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, oneshot};

/// What callers share of a connection: a way to hand in a call and where to answer it.
pub(crate) type Calls = mpsc::UnboundedSender<(u64, oneshot::Sender<u64>)>;

pub(crate) struct Connection {
    lines: Lines<BufReader<OwnedReadHalf>>,
    out: OwnedWriteHalf,
    calls: Calls,
    inbox: mpsc::UnboundedReceiver<(u64, oneshot::Sender<u64>)>,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Result<Self, ClientError> {
        let (read, out) = TcpStream::connect(address).await?.into_split();
        let (calls, inbox) = mpsc::unbounded_channel();
        Ok(Self { lines: BufReader::new(read).lines(), out, calls, inbox })
    }

    /// Asks for what was missed. If that fails, the dial has failed.
    pub(crate) async fn catch_up(mut self, seen: Arc<Seen>) -> Result<Self, ClientError> {
        self.out.write_all(format!("since {}\n", seen.newest()).as_bytes()).await?;
        let mut missed = 0;
        loop {
            let line = self.lines.next_line().await?.ok_or_else(eof)?;
            match word(&line) {
                ("update", number) => missed += u64::from(seen.take(number)),
                ("wait", seconds) => return Err(ClientError::Flood(Duration::from_secs(seconds))),
                _ => break,
            }
        }
        if missed > 0 {
            let _ = writeln!(stdout(), "           caught up on {missed} updates");
        }
        Ok(self)
    }

    pub(crate) fn calls(&self) -> Calls {
        self.calls.clone()
    }
}

/// The newest update seen. During a refresh two connections bring the same ones.
#[derive(Default)]
pub(crate) struct Seen(AtomicU64);

impl Seen {
    pub(crate) fn newest(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Whether it is news.
    fn take(&self, update: u64) -> bool {
        let newest = self.0.fetch_max(update, Ordering::Relaxed);
        assert!(update <= newest + 1, "updates {newest} to {update} were missed");
        update > newest
    }
}

#[derive(Debug)]
pub(crate) enum ClientError {
    Io(io::Error),
    /// The server asks for this long a pause.
    Flood(Duration),
}

impl Classify for ClientError {
    fn classify(&self) -> Failure {
        match self {
            Self::Io(error) => io_failure(error),
            Self::Flood(delay) => Failure::RetryAfter { delay: *delay, spread: Duration::ZERO },
        }
    }
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Flood(wait) => write!(f, "the server says wait {wait:?}"),
        }
    }
}

impl std::error::Error for ClientError {}

impl From<io::Error> for ClientError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

fn eof() -> io::Error {
    io::ErrorKind::UnexpectedEof.into()
}

/// Until the connection ends; or until it was told to drain and nothing is unanswered.
pub(crate) async fn serve(
    mut c: Connection,
    session: Session,
    seen: Arc<Seen>,
) -> Ended<ClientError> {
    let mut unanswered = VecDeque::new();
    loop {
        let step = tokio::select! {
            Some((number, answer)) = c.inbox.recv() => {
                unanswered.push_back(answer);
                c.out.write_all(format!("call {number}\n").as_bytes()).await
            }
            line = c.lines.next_line() => line.and_then(|line| line.ok_or_else(eof)).map(|line| {
                match word(&line) {
                    ("answer", number) => drop(unanswered.pop_front().map(|to| to.send(number))),
                    (_, number) => drop(seen.take(number)),
                }
            }),
            () = session.draining(), if !c.inbox.is_closed() => {
                c.inbox.close();
                Ok(())
            }
        };
        match step {
            Err(error) => return Ended::Lost(error.into()),
            Ok(()) if c.inbox.is_closed() && c.inbox.is_empty() && unanswered.is_empty() => {
                return Ended::Finished;
            }
            Ok(()) => {}
        }
    }
}

/// An error is that of a connection which ended, or takes no new calls.
pub(crate) async fn call(calls: &Calls, number: u64) -> Result<u64, ClientError> {
    let (answer, answered) = oneshot::channel();
    calls.send((number, answer)).map_err(|_| io::Error::from(io::ErrorKind::NotConnected))?;
    Ok(answered.await.map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?)
}

fn word(line: &str) -> (&str, u64) {
    let (word, number) = line.split_once(' ').unwrap_or((line, ""));
    (word, number.parse().unwrap_or(0))
}
