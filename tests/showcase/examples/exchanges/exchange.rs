//! Simulated exchanges: real sockets on the loopback, each with a script.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep_until};

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum State {
    Up,
    /// Refuses, and has cut all connections.
    Down,
    /// Accepts, and closes at once.
    Flapping,
}

/// From when on, in milliseconds, it is in which state.
pub(crate) type Script = &'static [(u64, State)];

pub(crate) async fn open(script: Script) -> io::Result<SocketAddr> {
    let address = TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
    let start = Instant::now();
    let mut doors = Some(doors(address, State::Up).await?);
    tokio::spawn(async move {
        for &(at, state) in script {
            sleep_until(start + Duration::from_millis(at)).await;
            if let Some(doors) = doors.take() {
                doors.abort();
                drop(doors.await);
            }
            if state != State::Down {
                doors = Some(self::doors(address, state).await?);
            }
        }
        io::Result::Ok(())
    });
    Ok(address)
}

async fn doors(address: SocketAddr, state: State) -> io::Result<JoinHandle<()>> {
    let listener = TcpListener::bind(address).await?;
    Ok(tokio::spawn(async move {
        let mut clients = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            if state == State::Up {
                clients.spawn(fill(stream));
            }
        }
    }))
}

async fn fill(stream: TcpStream) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    while let Some(order) = lines.next_line().await? {
        write.write_all(format!("{}\n", order.replace("order", "filled")).as_bytes()).await?;
    }
    Ok(())
}
