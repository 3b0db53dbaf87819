//! An exchange with a bad day: it restarts, flaps, refuses a subscription, drains, and closes.

use std::io::{self, Write, stdout};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{interval, sleep};
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};

#[derive(Clone, Copy, PartialEq)]
enum Mood {
    Open,
    /// Connections of before are to go, those that come now may stay.
    Draining,
    Closed,
}

#[derive(Clone)]
struct Floor {
    mood: watch::Receiver<Mood>,
    /// So many of the next clients are dropped right after they have subscribed.
    flaps: Arc<AtomicU32>,
    /// So many of the next subscriptions are refused.
    refusals: Arc<AtomicU32>,
}

/// Opens the exchange; its day goes on in the task.
pub(crate) async fn open() -> io::Result<(SocketAddr, JoinHandle<()>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    Ok((address, tokio::spawn(async move { day(address, listener).await.unwrap_or_default() })))
}

async fn day(address: SocketAddr, listener: TcpListener) -> io::Result<()> {
    let mood = watch::Sender::new(Mood::Open);
    let (flaps, refusals) = (Arc::default(), Arc::default());
    let floor = Floor { mood: mood.subscribe(), flaps, refusals };
    let doors = tokio::spawn(accept(listener, floor.clone()));
    sleep(Duration::from_millis(1500)).await;

    // Whoever reads this may have had enough of it; the day goes on.
    let _ = writeln!(
        stdout(),
        "-- the exchange restarts; it will refuse a subscription, and drop two clients"
    );
    doors.abort();
    sleep(Duration::from_millis(250)).await;
    floor.refusals.store(1, Ordering::Relaxed);
    floor.flaps.store(2, Ordering::Relaxed);
    let doors = tokio::spawn(accept(TcpListener::bind(address).await?, floor));
    sleep(Duration::from_secs(4)).await;

    let _ = writeln!(stdout(), "-- the exchange drains: who is connected has half a second");
    mood.send_replace(Mood::Draining);
    sleep(Duration::from_secs(1)).await;

    let _ = writeln!(stdout(), "-- the exchange closes for the day");
    mood.send_replace(Mood::Closed);
    sleep(Duration::from_millis(300)).await;
    doors.abort();
    Ok(())
}

async fn accept(listener: TcpListener, floor: Floor) {
    let mut clients = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        clients.spawn(serve(stream, floor.clone()));
    }
}

async fn serve(stream: TcpStream, mut floor: Floor) -> Result<(), Error> {
    let mut socket = accept_async(stream).await?;
    let mut symbols: Vec<String> = Vec::new();
    let (mut cents, mut tick) = (6_400_000_u64, interval(Duration::from_millis(40)));
    floor.mood.mark_unchanged();
    let flaps = take(&floor.flaps);
    loop {
        tokio::select! {
            message = socket.next() => {
                let Some(Message::Text(text)) = message.transpose()? else { return Ok(()) };
                let answer = match text.strip_prefix("subscribe ") {
                    Some(_) if take(&floor.refusals) => "error not now".into(),
                    Some(symbol) => {
                        symbols.push(symbol.into());
                        format!("subscribed {symbol}")
                    }
                    None => "error what".into(),
                };
                socket.send(Message::text(answer)).await?;
            }
            _ = tick.tick() => {
                if flaps && symbols.len() > 2 {
                    return Ok(());
                }
                for symbol in &symbols {
                    cents = cents * 16_807 % 9_999_991;
                    socket.send(Message::text(format!("price {symbol} {cents}"))).await?;
                }
            }
            Ok(()) = floor.mood.changed() => {
                let mood = *floor.mood.borrow();
                match mood {
                    Mood::Open => {}
                    Mood::Draining => socket.send(Message::text("away 500")).await?,
                    Mood::Closed => {
                        let reason = "good night".into();
                        socket.close(Some(CloseFrame { code: CloseCode::Normal, reason })).await?;
                    }
                }
            }
        }
    }
}

/// Counts down; false at zero.
fn take(left: &AtomicU32) -> bool {
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
}
