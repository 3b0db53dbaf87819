//! A server of this package's own: `served websocket|grpc ADDRESS`.

use std::net::SocketAddr;

use redial_real::clients::{serve_grpc, serve_websocket};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let protocol = arguments.next().ok_or("no protocol")?;
    let address: SocketAddr = arguments.next().ok_or("no address")?.parse()?;
    match protocol.as_str() {
        "websocket" => serve_websocket(address).await?,
        "grpc" => serve_grpc(address).await?,
        other => return Err(format!("no protocol {other}").into()),
    }
    Ok(())
}
