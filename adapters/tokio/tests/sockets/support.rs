//! Servers on loopback that can be killed and brought back, and ports that swallow packets.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use redial_tokio::redial::{Backoff, FirstRetry, Jitter, Policy, PolicyBuilder};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

pub(crate) const MS: fn(u64) -> Duration = Duration::from_millis;

/// The same wait before every retry but the first, exact.
pub(crate) fn fixed(wait: Duration) -> PolicyBuilder {
    Policy::builder()
        .backoff(Backoff::fixed(wait))
        .jitter(Jitter::None)
        .first_retry(FirstRetry::Immediate)
}

/// Echoes until it is killed, and counts the sockets it has open.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) open: Arc<AtomicUsize>,
    pub(crate) accepted: Arc<AtomicUsize>,
    task: Option<JoinHandle<()>>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let mut server = Self {
            address: (Ipv4Addr::LOCALHOST, 0).into(),
            open: Arc::default(),
            accepted: Arc::default(),
            task: None,
        };
        server.restart().await;
        server
    }

    /// Listens again at the same address.
    pub(crate) async fn restart(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.address = listener.local_addr().unwrap();
        let (open, accepted) = (self.open.clone(), self.accepted.clone());
        self.task = Some(tokio::spawn(async move {
            let mut echoes = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                accepted.fetch_add(1, Ordering::SeqCst);
                let open = Counted::new(&open);
                echoes.spawn(async move {
                    let _open = open;
                    let _ = echo(stream).await;
                });
            }
        }));
    }

    /// Gone, with every connection, as if its process had been killed.
    pub(crate) async fn kill(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
            let _ = task.await;
        }
        eventually("the server's sockets are closed", || self.open() == 0).await;
    }

    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    pub(crate) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }
}

async fn echo(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = [0; 1024];
    loop {
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..count]).await?;
    }
}

/// Counts itself while it exists.
pub(crate) struct Counted(Arc<AtomicUsize>);

impl Counted {
    pub(crate) fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Waits until `holds`, for as long as a slow machine might take.
pub(crate) async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..2000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it never came that {what}");
}

/// A port whose connects hang: its listener never accepts, and its backlog is full.
pub(crate) struct BlackHole {
    pub(crate) address: SocketAddr,
    _listener: TcpListener,
    _backlog: Vec<TcpStream>,
}

impl BlackHole {
    pub(crate) async fn open() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let mut backlog = Vec::new();
        while let Ok(stream) =
            timeout(Duration::from_millis(300), TcpStream::connect(address)).await
        {
            backlog.push(stream.unwrap());
        }
        Self { address, _listener: listener, _backlog: backlog }
    }
}

/// Reads whatever comes until the other side closes.
pub(crate) async fn read_to_end(mut stream: TcpStream) -> io::Error {
    let mut buffer = [0; 1024];
    loop {
        match stream.read(&mut buffer).await {
            Ok(0) => return io::ErrorKind::UnexpectedEof.into(),
            Ok(_) => {}
            Err(error) => return error,
        }
    }
}
