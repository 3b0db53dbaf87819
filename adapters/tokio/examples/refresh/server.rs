//! A server that pushes an update every 50 ms, answers calls after 5 ms, and can be cut off.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{interval, sleep};

pub(crate) struct Server {
    address: SocketAddr,
    world: Arc<World>,
    accepting: JoinHandle<()>,
}

#[derive(Default)]
struct World {
    newest: AtomicU64,
    /// Turns the next client away.
    busy: AtomicBool,
}

impl Server {
    pub(crate) async fn start() -> io::Result<Self> {
        let world = Arc::new(World::default());
        let news = world.clone();
        tokio::spawn(async move {
            let mut tick = interval(Duration::from_millis(50));
            loop {
                tick.tick().await;
                news.newest.fetch_add(1, Ordering::Relaxed);
            }
        });
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let accepting = tokio::spawn(accept(listener, world.clone()));
        Ok(Self { address, world, accepting })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Drops the listener and all connections; updates go on.
    pub(crate) fn cut(&self) {
        self.accepting.abort();
    }

    pub(crate) async fn restart(&mut self, busy: bool) -> io::Result<()> {
        self.world.busy.store(busy, Ordering::Relaxed);
        let listener = TcpListener::bind(self.address).await?;
        self.accepting = tokio::spawn(accept(listener, self.world.clone()));
        Ok(())
    }
}

async fn accept(listener: TcpListener, world: Arc<World>) {
    let mut clients = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        clients.spawn(serve(stream, world.clone()));
    }
}

async fn serve(stream: TcpStream, world: Arc<World>) -> io::Result<()> {
    let (read, mut out) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    let hello = lines.next_line().await?.unwrap_or_default();
    if world.busy.swap(false, Ordering::Relaxed) {
        return out.write_all(b"wait 1\n").await;
    }
    let mut sent = hello.rsplit(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0);
    push(&mut out, &mut sent, &world).await?;
    out.write_all(b"ready\n").await?;
    let mut tick = interval(Duration::from_millis(25));
    loop {
        tokio::select! {
            _ = tick.tick() => push(&mut out, &mut sent, &world).await?,
            line = lines.next_line() => match line? {
                Some(call) => {
                    sleep(Duration::from_millis(5)).await;
                    out.write_all(format!("{}\n", call.replace("call", "answer")).as_bytes()).await?;
                }
                None => return Ok(()),
            },
        }
    }
}

async fn push(
    out: &mut (impl AsyncWriteExt + Unpin),
    sent: &mut u64,
    world: &World,
) -> io::Result<()> {
    for number in *sent + 1..=world.newest.load(Ordering::Relaxed) {
        out.write_all(format!("update {number}\n").as_bytes()).await?;
        *sent = number;
    }
    Ok(())
}
