//! One exchange: its link, its policy, and orders while its circuit is closed.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use redial_tokio::redial::{BreakerPolicy, Circuit, Policy, PolicyError, Reconnector, presets};
use redial_tokio::{
    Attempt, Driver, Ended, Link, LinkHandle, Session, TokioRuntime, Transition, connect,
    spawn_drive,
};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::interval;

use crate::board::Shared;

/// 100 ms × 2; the breaker shorter than the 10 s it would be for real.
fn policy(tries: u32) -> Result<Policy, PolicyError> {
    let open = Duration::from_secs(2);
    presets::day207_multi()
        .to_builder()
        .breaker(BreakerPolicy::consecutive(3).open_for(open).open_max(open))
        .stable_after(Duration::from_millis(500))
        .max_attempts(tries)
        .build()
}

/// What the link shares with the trader: where to hand in an order.
type Orders = mpsc::UnboundedSender<u64>;

struct Connection {
    stream: TcpStream,
    orders: (Orders, mpsc::UnboundedReceiver<u64>),
}

pub(crate) fn on(
    index: usize,
    tries: u32,
    address: SocketAddr,
    runtime: TokioRuntime,
    board: Shared,
) -> Result<Link<Orders>, PolicyError> {
    let seed = u64::from(std::process::id()) << 8 | index as u64;
    let (told, filled) = (board.clone(), board.clone());
    let drive = Driver::new(Reconnector::new(policy(tries)?, seed), runtime)
        .share(|connection: &Connection| connection.orders.0.clone())
        .observe(move |transition: &Transition<'_, io::Error>| {
            told.lock().transition(index, transition);
        })
        .drive(
            move |_: Attempt| async move {
                Ok(Connection {
                    stream: connect(address).await?,
                    orders: mpsc::unbounded_channel(),
                })
            },
            move |connection, session| serve(connection, session, index, filled.clone()),
        );
    let link = spawn_drive(drive);
    tokio::spawn(trade(index, link.handle(), board));
    Ok(link)
}

async fn serve(
    connection: Connection,
    session: Session,
    index: usize,
    board: Shared,
) -> Ended<io::Error> {
    let (read, mut write) = connection.stream.into_split();
    let (mut lines, mut orders) = (BufReader::new(read).lines(), connection.orders.1);
    loop {
        let step = tokio::select! {
            Some(order) = orders.recv() => write.write_all(format!("order {order}\n").as_bytes()).await,
            line = lines.next_line() => match line {
                Ok(Some(_)) => {
                    board.lock().filled(index);
                    Ok(())
                }
                Ok(None) => Err(io::ErrorKind::UnexpectedEof.into()),
                Err(error) => Err(error),
            },
            () = session.draining() => return Ended::Finished,
        };
        if let Err(error) = step {
            return Ended::Lost(error);
        }
    }
}

/// An order every 20 ms, while the circuit is closed and there is a connection.
async fn trade(index: usize, link: LinkHandle<Orders>, board: Shared) {
    let (mut tick, mut order) = (interval(Duration::from_millis(20)), 0);
    loop {
        tick.tick().await;
        let open = link.status().circuit != Circuit::Closed;
        board.lock().trading(index, !open);
        if let Some(connection) = link.current().filter(|_| !open) {
            // Refused if the connection has just ended: then it was not sent.
            order += u64::from(connection.send(order).is_ok());
        }
    }
}
