//! A TCP proxy that does to its connections what networks do.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::port;

/// What is wrong with the network.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// Nothing.
    None,
    /// Each piece of data takes this long, either way.
    Latency(Duration),
    /// Connections that carry data now are dead for good, and neither side is told: what is sent is
    /// swallowed. New ones are accepted and swallow too.
    HalfOpen,
    /// A connection is reset when this many bytes have gone to the client, in the midst of a message.
    ResetAfter(usize),
    /// Connections are accepted this late.
    SlowAccept(Duration),
    /// Connections are accepted and closed.
    AcceptThenClose,
    /// Nothing is accepted or read; what is in the kernel's hands stays there.
    Stall,
    /// Nobody listens. Connections that are there stay.
    Refuse,
}

/// Stands between clients and a server on loopback.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    fault: watch::Sender<Fault>,
    cut: watch::Sender<u64>,
    counts: Arc<Counts>,
    task: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Counts {
    accepted: AtomicUsize,
    open: AtomicUsize,
}

/// How one direction of a connection ended.
enum End {
    Closed,
    Reset,
}

impl Proxy {
    /// A proxy in front of `upstream`, which need not be up.
    ///
    /// # Errors
    /// If it cannot listen.
    pub async fn before(upstream: SocketAddr) -> io::Result<Self> {
        let address = port::free();
        let (fault, faults) = watch::channel(Fault::None);
        let (cut, cuts) = watch::channel(0);
        let counts = Arc::new(Counts::default());
        let listener = TcpListener::bind(address).await?;
        let line = Line { upstream, faults, cuts, counts: counts.clone() };
        let task = tokio::spawn(line.accept(listener, address));
        Ok(Self { address, fault, cut, counts, task })
    }

    /// What clients dial.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on this is wrong.
    pub fn set(&self, fault: Fault) {
        self.fault.send_replace(fault);
    }

    /// Resets every connection there is.
    pub fn cut(&self) {
        self.cut.send_modify(|cuts| *cuts += 1);
    }

    /// Connections ever accepted.
    pub fn accepted(&self) -> usize {
        self.counts.accepted.load(Ordering::SeqCst)
    }

    /// Connections of clients that are open.
    pub fn open(&self) -> usize {
        self.counts.open.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
        self.cut();
    }
}

/// Counted for as long as it lives.
struct Counted(Arc<Counts>);

impl Counted {
    fn new(counts: &Arc<Counts>) -> Self {
        counts.accepted.fetch_add(1, Ordering::SeqCst);
        counts.open.fetch_add(1, Ordering::SeqCst);
        Self(counts.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

#[derive(Clone)]
struct Line {
    upstream: SocketAddr,
    faults: watch::Receiver<Fault>,
    cuts: watch::Receiver<u64>,
    counts: Arc<Counts>,
}

impl Line {
    async fn accept(mut self, listener: TcpListener, address: SocketAddr) {
        let mut listener = Some(listener);
        loop {
            let fault = *self.faults.borrow_and_update();
            match (fault, &listener) {
                (Fault::Refuse, _) => listener = None,
                (_, None) => {
                    listener = TcpListener::bind(address).await.ok();
                    if listener.is_none() {
                        sleep(Duration::from_millis(10)).await;
                        continue;
                    }
                }
                (Fault::SlowAccept(late), Some(_)) => sleep(late).await,
                (_, Some(_)) => {}
            }
            let taken = async {
                match &listener {
                    Some(listener) if fault != Fault::Stall => listener.accept().await,
                    _ => std::future::pending().await,
                }
            };
            tokio::select! {
                changed = self.faults.changed() => if changed.is_err() { return },
                taken = taken => if let Ok((client, _)) = taken {
                    let counted = Counted::new(&self.counts);
                    if fault != Fault::AcceptThenClose {
                        tokio::spawn(self.clone().carry(client, counted));
                    }
                },
            }
        }
    }

    /// One connection, until either side ends it or it is cut.
    async fn carry(mut self, mut client: TcpStream, counted: Counted) {
        self.cuts.mark_unchanged();
        let cut = self.cuts.changed();
        let ended = async {
            let mut server = TcpStream::connect(self.upstream).await?;
            let (from_client, to_client) = client.split();
            let (from_server, to_server) = server.split();
            tokio::select! {
                end = pump(from_client, to_server, self.faults.clone(), false) => end,
                end = pump(from_server, to_client, self.faults.clone(), true) => end,
            }
        };
        let end = tokio::select! {
            end = ended => end,
            _ = cut => Ok(End::Reset),
        };
        if !matches!(end, Ok(End::Closed)) {
            // Closing then sends a reset. It fails only on a socket that is gone already.
            drop(client.set_zero_linger());
        }
        drop(client);
        drop(counted);
    }
}

async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut faults: watch::Receiver<Fault>,
    to_client: bool,
) -> io::Result<End> {
    let mut buffer = vec![0; 16 * 1024];
    let mut passed = 0;
    let mut dead = false;
    loop {
        let read = from.read(&mut buffer).await?;
        let fault = *faults.borrow();
        dead |= fault == Fault::HalfOpen;
        if dead && to_client {
            return std::future::pending().await;
        }
        if read == 0 {
            return Ok(End::Closed);
        }
        if dead {
            continue;
        }
        let mut rest = &buffer[..read];
        match fault {
            Fault::Latency(late) => sleep(late).await,
            Fault::Stall => drop(faults.wait_for(|fault| *fault != Fault::Stall).await),
            Fault::ResetAfter(limit) if to_client => {
                if passed + read > limit {
                    rest = &rest[..limit.saturating_sub(passed)];
                    to.write_all(rest).await?;
                    to.flush().await?;
                    return Ok(End::Reset);
                }
                passed += read;
            }
            Fault::None
            | Fault::HalfOpen
            | Fault::ResetAfter(_)
            | Fault::SlowAccept(_)
            | Fault::AcceptThenClose
            | Fault::Refuse => {}
        }
        to.write_all(rest).await?;
    }
}
