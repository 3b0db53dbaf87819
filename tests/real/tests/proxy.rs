//! The fault proxy does what it says.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use redial_real::port;
use redial_real::proxy::{Fault, Proxy};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

const SHORT: Duration = Duration::from_millis(150);
const LONG: Duration = Duration::from_secs(20);

/// Sends back what it gets.
async fn echo() -> SocketAddr {
    let listener = TcpListener::bind(port::free()).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut from, mut to) = stream.split();
                tokio::io::copy(&mut from, &mut to).await
            });
        }
    });
    address
}

async fn ask(stream: &mut TcpStream) -> io::Result<[u8; 4]> {
    let mut answer = [0; 4];
    stream.write_all(b"ping").await?;
    stream.read_exact(&mut answer).await?;
    Ok(answer)
}

async fn proxied() -> (Proxy, TcpStream) {
    let proxy = Proxy::before(echo().await).await.unwrap();
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(&ask(&mut stream).await.unwrap(), b"ping");
    (proxy, stream)
}

#[tokio::test]
async fn latency_delays_both_ways() {
    let (proxy, mut stream) = proxied().await;
    proxy.set(Fault::Latency(SHORT));
    assert!(timeout(SHORT, ask(&mut stream)).await.is_err());
    proxy.set(Fault::None);
    let mut rest = [0; 4];
    timeout(LONG, stream.read_exact(&mut rest)).await.unwrap().unwrap();
}

#[tokio::test]
async fn half_open_swallows_and_tells_nobody() {
    let (proxy, mut stream) = proxied().await;
    proxy.set(Fault::HalfOpen);
    assert!(timeout(SHORT, ask(&mut stream)).await.is_err());
    proxy.set(Fault::None);
    assert!(timeout(SHORT, ask(&mut stream)).await.is_err(), "dead for good");
    let mut other = TcpStream::connect(proxy.address()).await.unwrap();
    timeout(LONG, ask(&mut other)).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_reset_comes_in_the_midst_of_a_message() {
    let (proxy, stream) = proxied().await;
    drop(stream);
    proxy.set(Fault::ResetAfter(6));
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    timeout(LONG, ask(&mut stream)).await.unwrap().unwrap();
    let error = timeout(LONG, ask(&mut stream)).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_cut_resets_what_is_open() {
    let (proxy, mut stream) = proxied().await;
    assert_eq!((proxy.open(), proxy.accepted()), (1, 1));
    proxy.cut();
    let error = timeout(LONG, stream.read(&mut [0])).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    let mut other = TcpStream::connect(proxy.address()).await.unwrap();
    timeout(LONG, ask(&mut other)).await.unwrap().unwrap();
    assert_eq!((proxy.open(), proxy.accepted()), (1, 2));
}

#[tokio::test]
async fn accept_then_close_and_slow_accept() {
    let (proxy, _stream) = proxied().await;
    proxy.set(Fault::AcceptThenClose);
    let mut closed = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(timeout(LONG, closed.read(&mut [0])).await.unwrap().unwrap(), 0);
    proxy.set(Fault::SlowAccept(2 * SHORT));
    let mut slow = TcpStream::connect(proxy.address()).await.unwrap();
    assert!(timeout(SHORT, ask(&mut slow)).await.is_err());
    let mut late = [0; 4];
    timeout(LONG, slow.read_exact(&mut late)).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_stall_holds_everything_back_until_it_ends() {
    let (proxy, mut stream) = proxied().await;
    proxy.set(Fault::Stall);
    assert!(timeout(SHORT, ask(&mut stream)).await.is_err());
    let mut other = TcpStream::connect(proxy.address()).await.unwrap();
    assert!(timeout(SHORT, ask(&mut other)).await.is_err(), "accepted by the kernel alone");
    proxy.set(Fault::None);
    let mut late = [0; 4];
    timeout(LONG, stream.read_exact(&mut late)).await.unwrap().unwrap();
    timeout(LONG, other.read_exact(&mut late)).await.unwrap().unwrap();
}

#[tokio::test]
async fn refused_and_back_on_the_same_port() {
    let (proxy, mut stream) = proxied().await;
    proxy.set(Fault::Refuse);
    let refused = async {
        while TcpStream::connect(proxy.address()).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(LONG, refused).await.unwrap();
    timeout(LONG, ask(&mut stream)).await.unwrap().unwrap();
    proxy.set(Fault::None);
    let back = async {
        loop {
            match TcpStream::connect(proxy.address()).await {
                Ok(mut other) => return ask(&mut other).await.unwrap(),
                Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    };
    timeout(LONG, back).await.unwrap();
}
