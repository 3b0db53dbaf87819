//! What is dialed: a socket on loopback, or a server in memory that costs next to nothing.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

/// The client's side.
pub(crate) trait Net: Clone + Send + Sync + Unpin + 'static {
    type Stream: AsyncRead + Send + Sync + Unpin + 'static;

    fn dial(self) -> impl Future<Output = io::Result<Self::Stream>> + Send;
}

/// The server's side: takes a connection, and closes the one it has.
pub(crate) trait Server {
    type Net: Net;

    fn net(&self) -> Self::Net;
    async fn accept(&mut self) -> io::Result<()>;
    fn close(&mut self);
}

/// Loopback.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tcp(SocketAddr);

impl Tcp {
    /// An address that refuses.
    pub(crate) async fn nobody() -> io::Result<Self> {
        Ok(TcpServer::new().await?.net())
    }
}

#[derive(Debug)]
pub(crate) struct TcpServer {
    listener: TcpListener,
    address: SocketAddr,
    connection: Option<TcpStream>,
}

impl TcpServer {
    pub(crate) async fn new() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address, connection: None })
    }
}

impl Net for Tcp {
    type Stream = TcpStream;

    fn dial(self) -> impl Future<Output = io::Result<TcpStream>> + Send {
        TcpStream::connect(self.0)
    }
}

impl Server for TcpServer {
    type Net = Tcp;

    fn net(&self) -> Tcp {
        Tcp(self.address)
    }

    async fn accept(&mut self) -> io::Result<()> {
        self.connection = Some(self.listener.accept().await?.0);
        Ok(())
    }

    fn close(&mut self) {
        self.connection = None;
    }
}

/// A server in the same memory: two counters and two wakers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory(Arc<Mutex<Port>>);

#[derive(Debug, Default)]
struct Port {
    dialed: u64,
    accepted: u64,
    closed: u64,
    client: Option<Waker>,
    server: Option<Waker>,
}

impl Port {
    /// Wakes `client` when either count has moved.
    fn wait<T>(&mut self, cx: &Context<'_>) -> Poll<T> {
        match &mut self.client {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        Poll::Pending
    }
}

impl Memory {
    fn port(&self) -> MutexGuard<'_, Port> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection in memory, by its number.
#[derive(Debug)]
pub(crate) struct Pipe {
    port: Memory,
    number: u64,
}

struct Dialing {
    port: Memory,
    number: Option<u64>,
}

impl Net for Memory {
    type Stream = Pipe;

    fn dial(self) -> impl Future<Output = io::Result<Pipe>> + Send {
        Dialing { port: self, number: None }
    }
}

impl Future for Dialing {
    type Output = io::Result<Pipe>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<Pipe>> {
        let Self { port, number } = &mut *self;
        let mut state = port.port();
        let number = *number.get_or_insert_with(|| {
            state.dialed += 1;
            if let Some(server) = state.server.take() {
                server.wake();
            }
            state.dialed
        });
        if state.accepted < number {
            return state.wait(cx);
        }
        drop(state);
        Poll::Ready(Ok(Pipe { port: port.clone(), number }))
    }
}

impl AsyncRead for Pipe {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        _: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut state = self.port.port();
        if state.closed < self.number { state.wait(cx) } else { Poll::Ready(Ok(())) }
    }
}

impl Server for Memory {
    type Net = Self;

    fn net(&self) -> Self {
        self.clone()
    }

    async fn accept(&mut self) -> io::Result<()> {
        std::future::poll_fn(|cx| {
            let mut state = self.port();
            if state.dialed == state.accepted {
                state.server = Some(cx.waker().clone());
                return Poll::Pending;
            }
            state.accepted += 1;
            if let Some(client) = state.client.take() {
                client.wake();
            }
            Poll::Ready(Ok(()))
        })
        .await
    }

    fn close(&mut self) {
        let mut state = self.port();
        state.closed = state.accepted;
        if let Some(client) = state.client.take() {
            client.wake();
        }
    }
}
