//! The client: what to do with a connection. When there is one is the link's affair.

use std::fmt;
use std::io::{Write, stdout};
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use redial_tokio::redial::{Action, Failure, Hold, Phase, Policy, Reconnector};
use redial_tokio::{
    Attempt, Change, Classify, Cursor, Ended, LinkError, Session, Subscriptions, Transition,
    driver, io_failure, on_connected, spawn_drive,
};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

pub(crate) struct Price {
    pub(crate) symbol: String,
    pub(crate) cents: u64,
}

/// The symbols that are wanted: in order, each once, whether or not anything is connected.
pub(crate) type Symbols = Subscriptions<String>;

/// Sends prices until the exchange closes for the day (`Ok`), nobody receives them any more (`Ok`), or
/// the policy gives up.
pub(crate) async fn price_feed(
    address: SocketAddr,
    policy: Policy,
    symbols: Symbols,
    prices: mpsc::Sender<Price>,
) -> Result<(), LinkError<FeedError>> {
    let out = prices.clone();
    let drive = driver(Reconnector::new(policy, u64::from(std::process::id())))
        .observe(|transition: &Transition<'_, FeedError>| log(transition))
        .drive(
            on_connected(
                move |attempt| Feed::connect(address, attempt, symbols.cursor()),
                Feed::subscribe_all,
            ),
            move |feed: Feed, session| feed.serve(session, out.clone()),
        );
    let link = spawn_drive(drive);
    tokio::select! {
        end = link.closed() => end,
        () = prices.closed() => link.shutdown(Duration::from_secs(1)).await,
    }
}

struct Feed {
    socket: WebSocketStream<TcpStream>,
    /// What this connection has been told of the symbols.
    symbols: Cursor<String>,
}

impl Feed {
    async fn connect(
        address: SocketAddr,
        attempt: Attempt,
        symbols: Cursor<String>,
    ) -> Result<Self, FeedError> {
        let stream = TcpStream::connect(address).await?;
        attempt.progress();
        let (socket, _) = client_async(format!("ws://{address}/prices"), stream).await?;
        Ok(Self { socket, symbols })
    }

    /// Before the link counts as connected. If one is refused, the dial has failed.
    async fn subscribe_all(mut self) -> Result<Self, FeedError> {
        while let Some(change) = self.symbols.next() {
            self.subscribe(change).await?;
        }
        Ok(self)
    }

    /// Prices that come meanwhile are skipped: the next is along soon.
    async fn subscribe(&mut self, change: Change<String>) -> Result<(), FeedError> {
        let request = match change {
            Change::Add(symbol) => format!("subscribe {symbol}"),
            Change::Remove(symbol) => format!("unsubscribe {symbol}"),
        };
        self.socket.send(Message::text(request)).await?;
        loop {
            match read(self.socket.next().await)? {
                News::Subscribed => return Ok(()),
                News::Refused(why) => return Err(FeedError::Refused(why)),
                News::Closed => return Err(FeedError::Closed),
                News::Price(_) | News::GoingAway(_) | News::Other => {}
            }
        }
    }

    async fn serve(mut self, session: Session, prices: mpsc::Sender<Price>) -> Ended<FeedError> {
        loop {
            let done = tokio::select! {
                message = self.socket.next() => match read(message) {
                    Ok(News::Price(price)) => {
                        session.activity();
                        match prices.send(price).await {
                            Ok(()) => Ok(()),
                            Err(_) => return Ended::Finished, // nobody wants prices
                        }
                    }
                    Ok(News::GoingAway(within)) => {
                        session.going_away(Some(within));
                        Ok(())
                    }
                    Ok(News::Closed) => return Ended::Finished,
                    Ok(News::Subscribed | News::Refused(_) | News::Other) => Ok(()),
                    Err(error) => Err(error),
                },
                change = self.symbols.changed() => self.subscribe(change).await,
                // The next connection is up, or the application is done.
                () = session.draining() => {
                    drop(self.socket.close(None).await);
                    return Ended::Finished;
                }
            };
            if let Err(error) = done {
                return Ended::Lost(error);
            }
        }
    }
}

fn read(message: Option<Result<Message, WsError>>) -> Result<News, FeedError> {
    Ok(match &message.ok_or(FeedError::Closed)?? {
        Message::Text(text) => text.parse()?,
        Message::Close(Some(frame)) if frame.code == CloseCode::Normal => News::Closed,
        Message::Close(_) => return Err(FeedError::Closed),
        Message::Ping(_) | Message::Pong(_) | Message::Binary(_) | Message::Frame(_) => News::Other,
    })
}

/// What the exchange says.
enum News {
    Price(Price),
    Subscribed,
    Refused(String),
    GoingAway(Duration),
    /// With code 1000: it has nothing more to say.
    Closed,
    Other,
}

impl FromStr for News {
    type Err = FeedError;

    fn from_str(text: &str) -> Result<Self, FeedError> {
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        let number = |text: &str| text.parse().map_err(|_| FeedError::Garbled(text.into()));
        Ok(match word {
            "price" => {
                let (symbol, cents) = rest.split_once(' ').unwrap_or((rest, ""));
                News::Price(Price { symbol: symbol.into(), cents: number(cents)? })
            }
            "subscribed" => News::Subscribed,
            "error" => News::Refused(rest.into()),
            "away" => News::GoingAway(Duration::from_millis(number(rest)?)),
            _ => News::Other,
        })
    }
}

#[derive(Debug)]
pub(crate) enum FeedError {
    Socket(Box<WsError>),
    Refused(String),
    Garbled(String),
    Closed,
}

/// By kind, never by text.
impl Classify for FeedError {
    fn classify(&self) -> Failure {
        match self {
            Self::Socket(error) => match &**error {
                WsError::Io(error) => io_failure(error),
                WsError::Http(answer) if answer.status() == 503 => Failure::Overloaded,
                WsError::Http(answer) if answer.status() == 401 => Failure::Fatal,
                _ => Failure::Unreachable,
            },
            Self::Refused(_) | Self::Garbled(_) | Self::Closed => Failure::Unreachable,
        }
    }
}

impl fmt::Display for FeedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(error) => error.fmt(f),
            Self::Refused(why) => write!(f, "subscription refused: {why:?}"),
            Self::Garbled(text) => write!(f, "not a number: {text:?}"),
            Self::Closed => f.write_str("closed by the exchange"),
        }
    }
}

impl std::error::Error for FeedError {}

impl From<WsError> for FeedError {
    fn from(error: WsError) -> Self {
        Self::Socket(Box::new(error))
    }
}

impl From<std::io::Error> for FeedError {
    fn from(error: std::io::Error) -> Self {
        WsError::Io(error).into()
    }
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}.{:02}", self.symbol, self.cents / 100, self.cents % 100)
    }
}

fn log(transition: &Transition<'_, FeedError>) {
    let Transition { at, to, .. } = transition;
    let line = match to.phase {
        Phase::Reconnecting { attempt, until, reason } => {
            let wait = until.saturating_since(*at);
            format!("attempt {attempt} failed, next in {wait:.0?} ({reason})")
        }
        Phase::Connected { stable, .. } => {
            let stable = if stable { "" } else { ", not yet stable" };
            match transition.action {
                Action::Dial(dial) => {
                    format!("connected{stable}, and dialing {} to replace it", dial.id)
                }
                Action::Hold(Hold { draining: Some(old), .. }) => {
                    format!("connected{stable}, {} drains", old.id)
                }
                _ => format!("connected{stable}"),
            }
        }
        phase => phase.to_string(),
    };
    let why = transition.error.map_or_else(String::new, |error| format!("; {error}"));
    // Whoever reads this may have had enough of it.
    let _ = writeln!(stdout(), "[{:6.3}s] {line}{why}", at.since_origin().as_secs_f64());
}
