//! Clients that subscribe to a feed of unique numbers, each with the library of its protocol.

use std::io;
use std::net::SocketAddr;

mod grpc;
mod mqtt;
mod nats;
mod redis;
mod websocket;

pub use self::grpc::{Grpc, serve as serve_grpc};
pub use self::mqtt::{Connection as MqttConnection, Mqtt};
pub use self::nats::{Connection as NatsConnection, Nats};
pub use self::redis::Redis;
pub use self::websocket::{
    AsyncTungstenite, SmolTungstenite, TokioTungstenite, serve as serve_websocket,
};

/// What everyone subscribes to.
pub const TOPIC: &str = "ids";

/// A protocol with a feed.
pub trait Client: 'static {
    /// A connection that is subscribed.
    type Connection: Send + 'static;

    /// Connects and subscribes: it has not connected before the server has confirmed both.
    fn connect(
        address: SocketAddr,
    ) -> impl Future<Output = io::Result<Self::Connection>> + Send + 'static;

    /// The next number of the feed.
    fn next(connection: &mut Self::Connection) -> impl Future<Output = io::Result<u64>> + Send;
}

/// The text of a message as its number.
fn number(payload: &[u8]) -> io::Result<u64> {
    let text = std::str::from_utf8(payload).map_err(io::Error::other)?;
    text.trim().parse().map_err(io::Error::other)
}

fn ended() -> io::Error {
    io::ErrorKind::UnexpectedEof.into()
}
