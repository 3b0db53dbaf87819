//! A server on loopback that refuses, accepts and closes, hangs, crashes and recovers.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use redial_tokio::redial::{Backoff, FirstRetry, Growth, Overload, Policy, PolicyError};
use redial_tokio::{Attempt, connect};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;

use crate::printer::{Printer, Tally, short};

const HELLO: &[u8; 6] = b"hello\n";

/// [`Policy::DEFAULT`], with every time a tenth.
fn policy() -> Result<Policy, PolicyError> {
    let ms = Duration::from_millis;
    Policy::builder()
        .backoff(Backoff::exponential(ms(75), 3, 2))
        .cap(ms(4500))
        .first_retry(FirstRetry::Jittered(ms(100)))
        .stable_after(ms(1000))
        .dial_timeout(ms(1000))
        .handshake_timeout(ms(1500))
        .overload(Overload::Jump { floor: ms(900), growth: Growth::ratio(3, 2), cap: ms(90_000) })
        .rate_limit(5, ms(100))
        .build()
}

/// Runs the whole play.
pub(crate) async fn run() -> io::Result<()> {
    let policy = policy().map_err(io::Error::other)?;
    let closed = reserve((Ipv4Addr::LOCALHOST, 0).into())?;
    let address = closed.local_addr()?;
    say!("A server on {address} is taken through every kind of outage, in about 20 s.");
    say!("The policy is the default one with every time a tenth:");
    explain(&policy);
    let printer = Printer::new(vec![address.to_string()]);
    let mut tally = printer.tally.subscribe();
    let link = crate::watch(policy, vec![address.to_string()], printer.clone(), hello);

    say("is down: nobody listens, dials are refused");
    losses(&mut tally, 5).await;

    say("accepts, says hello, and closes at once");
    let listener = closed.listen(64)?;
    accept_until(&listener, |stream| drop(greeted(stream)), losses(&mut tally, 3)).await?;

    say("hangs: it accepts, but its hello never comes");
    let mut silent = Vec::new();
    accept_until(&listener, |stream| silent.push(stream), losses(&mut tally, 2)).await?;
    drop(silent);

    say("recovers: says hello and stays");
    let mut served = Vec::new();
    let greet = |stream: TcpStream| served.extend(greeted(stream).ok());
    accept_until(&listener, greet, stable(&mut tally)).await?;

    say("crashes while connected, and is down");
    drop(listener);
    // Reset, as a crash does, and not a close that leaves the port in use.
    for stream in served.drain(..) {
        stream.set_zero_linger()?;
    }
    let closed = reserve(address)?;
    losses(&mut tally, 5).await;

    say("is back");
    let listener = closed.listen(64)?;
    let greet = |stream: TcpStream| served.extend(greeted(stream).ok());
    accept_until(&listener, greet, stable(&mut tally)).await?;

    link.stop();
    link.closed().await.map_err(io::Error::other)?;
    printer.summary();
    Ok(())
}

/// The figures of a policy that the lines below come from.
fn explain(policy: &Policy) {
    let Overload::Jump { floor, .. } = policy.overload() else { return };
    let (burst, spacing) = policy.rate_limit();
    say!(
        "  waits         from 75 ms growing by half up to {}, jittered; from {} if the server is silent",
        short(policy.cap()),
        short(floor)
    );
    say!(
        "  a dial        may take {}, and {} once the server has answered, × 3 after each that then hangs",
        short(policy.dial_timeout()),
        short(policy.handshake_timeout())
    );
    say!(
        "  a connection  is a success when it has stayed up for {}, and a failed attempt if not",
        short(policy.stable_after())
    );
    say!("  rate limit    {burst} dials at once, then one per {}\n", short(spacing));
}

fn say(what: &str) {
    say!("           the server {what}");
}

/// A port of our own at which nobody listens: connections are refused.
fn reserve(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// Gives every connection to `with`, until `end`.
async fn accept_until(
    listener: &TcpListener,
    mut with: impl FnMut(TcpStream),
    end: impl Future<Output = ()>,
) -> io::Result<()> {
    tokio::pin!(end);
    loop {
        tokio::select! {
            () = &mut end => return Ok(()),
            accepted = listener.accept() => with(accepted?.0),
        }
    }
}

/// Says hello. A fresh connection's buffer has room for it.
fn greeted(stream: TcpStream) -> io::Result<TcpStream> {
    stream.try_write(HELLO)?;
    Ok(stream)
}

/// `count` more dials or connections were lost.
async fn losses(tally: &mut watch::Receiver<Tally>, count: u32) {
    let target = tally.borrow().losses + count;
    let _ = tally.wait_for(|tally| tally.losses >= target).await;
}

/// The connection is stable, and has been for a while.
async fn stable(tally: &mut watch::Receiver<Tally>) {
    let _ = tally.wait_for(|tally| tally.stable).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
}

/// A TCP connection on which the server has said hello.
async fn hello(address: String, attempt: Attempt) -> io::Result<TcpStream> {
    let mut stream = connect(address).await?;
    attempt.progress();
    let mut hello = [0; HELLO.len()];
    stream.read_exact(&mut hello).await?;
    stream.write_all(b"hello, server\n").await?;
    Ok(stream)
}
