//! NATS, whose protocol is lines of text. Its official client dials again by itself, which is redial's
//! part here.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::{Client, TOPIC, ended, number};

/// Core NATS: SUB.
#[derive(Clone, Copy, Debug)]
pub struct Nats;

/// A connection whose server has answered.
#[derive(Debug)]
pub struct Connection {
    stream: BufReader<TcpStream>,
    line: String,
}

impl Connection {
    /// Connects, sends `commands`, and waits until they are carried out.
    ///
    /// # Errors
    /// If the server does not answer.
    pub async fn open(address: SocketAddr, commands: &str) -> io::Result<Self> {
        let stream = BufReader::new(TcpStream::connect(address).await?);
        let mut connection = Self { stream, line: String::new() };
        connection.line().await?;
        let hello = format!("CONNECT {{\"verbose\":false}}\r\n{commands}PING\r\n");
        connection.send(&hello).await?;
        while connection.line().await? != "PONG" {}
        Ok(connection)
    }

    /// Sends `commands`.
    ///
    /// # Errors
    /// If the connection is lost.
    pub async fn send(&mut self, commands: &str) -> io::Result<()> {
        self.stream.get_mut().write_all(commands.as_bytes()).await
    }

    async fn line(&mut self) -> io::Result<&str> {
        self.line.clear();
        if self.stream.read_line(&mut self.line).await? == 0 {
            return Err(ended());
        }
        Ok(self.line.trim_end())
    }
}

impl Client for Nats {
    type Connection = Connection;

    async fn connect(address: SocketAddr) -> io::Result<Connection> {
        Connection::open(address, &format!("SUB {TOPIC} 1\r\n")).await
    }

    async fn next(connection: &mut Connection) -> io::Result<u64> {
        loop {
            let line = connection.line().await?;
            if line == "PING" {
                connection.send("PONG\r\n").await?;
            } else if let Some(size) = line.strip_prefix("MSG ").and_then(|l| l.split(' ').nth(2)) {
                let size: usize = size.parse().map_err(io::Error::other)?;
                let mut payload = vec![0; size + 2];
                connection.stream.read_exact(&mut payload).await?;
                return number(&payload);
            }
        }
    }
}
