//! WebSocket, with `tokio-tungstenite` and with `async-tungstenite`; and a server that pushes.

use std::io;
use std::net::SocketAddr;

use async_tungstenite::smol::{ConnectStream as SmolStream, connect_async as connect_on_smol};
use async_tungstenite::tokio::{ConnectStream as TokioStream, connect_async};
use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, accept_async};

use super::{Client, TOPIC, ended, number};
use crate::publish::Numbers;

/// `tokio-tungstenite`.
#[derive(Clone, Copy, Debug)]
pub struct TokioTungstenite;

/// `async-tungstenite` on tokio.
#[derive(Clone, Copy, Debug)]
pub struct AsyncTungstenite;

/// `async-tungstenite` on smol.
#[derive(Clone, Copy, Debug)]
pub struct SmolTungstenite;

impl Client for TokioTungstenite {
    type Connection = WebSocketStream<MaybeTlsStream<TcpStream>>;

    async fn connect(address: SocketAddr) -> io::Result<Self::Connection> {
        let dialed = tokio_tungstenite::connect_async(format!("ws://{address}/")).await;
        let (mut socket, _) = dialed.map_err(io::Error::other)?;
        socket.send(TOPIC.into()).await.map_err(io::Error::other)?;
        // The first message says that the subscription is there.
        text(socket.next().await)?;
        Ok(socket)
    }

    async fn next(socket: &mut Self::Connection) -> io::Result<u64> {
        number(text(socket.next().await)?.as_bytes())
    }
}

impl Client for AsyncTungstenite {
    type Connection = async_tungstenite::WebSocketStream<TokioStream>;

    async fn connect(address: SocketAddr) -> io::Result<Self::Connection> {
        let dialed = connect_async(format!("ws://{address}/")).await;
        let (mut socket, _) = dialed.map_err(io::Error::other)?;
        socket.send(TOPIC.into()).await.map_err(io::Error::other)?;
        text(socket.next().await)?;
        Ok(socket)
    }

    async fn next(socket: &mut Self::Connection) -> io::Result<u64> {
        number(text(socket.next().await)?.as_bytes())
    }
}

impl Client for SmolTungstenite {
    type Connection = async_tungstenite::WebSocketStream<SmolStream>;

    async fn connect(address: SocketAddr) -> io::Result<Self::Connection> {
        let dialed = connect_on_smol(format!("ws://{address}/")).await;
        let (mut socket, _) = dialed.map_err(io::Error::other)?;
        socket.send(TOPIC.into()).await.map_err(io::Error::other)?;
        text(socket.next().await)?;
        Ok(socket)
    }

    async fn next(socket: &mut Self::Connection) -> io::Result<u64> {
        number(text(socket.next().await)?.as_bytes())
    }
}

/// Pushes numbers to all who send a message first.
///
/// # Errors
/// If it cannot listen.
pub async fn serve(address: SocketAddr) -> io::Result<()> {
    let listener = TcpListener::bind(address).await?;
    let numbers = Numbers::new();
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(push(stream, numbers.clone()));
    }
}

async fn push(stream: TcpStream, numbers: Numbers) -> Result<(), Error> {
    let mut socket = accept_async(stream).await?;
    socket.next().await.ok_or(Error::ConnectionClosed)??;
    socket.send("subscribed".into()).await?;
    loop {
        socket.send(numbers.next().await.to_string().into()).await?;
    }
}

fn text(message: Option<Result<Message, Error>>) -> io::Result<String> {
    match message.ok_or_else(ended)?.map_err(io::Error::other)? {
        Message::Text(text) => Ok(text.to_string()),
        _ => Err(ended()),
    }
}
