//! redis: SUBSCRIBE, with the `redis` crate.

use std::io;
use std::net::SocketAddr;

use futures_util::StreamExt;
use redis::aio::PubSubStream;

use super::{Client, TOPIC, ended, number};

/// SUBSCRIBE.
#[derive(Clone, Copy, Debug)]
pub struct Redis;

impl Client for Redis {
    type Connection = PubSubStream;

    async fn connect(address: SocketAddr) -> io::Result<PubSubStream> {
        let client = redis::Client::open(format!("redis://{address}")).map_err(io::Error::other)?;
        let mut connection = client.get_async_pubsub().await.map_err(io::Error::other)?;
        connection.subscribe(TOPIC).await.map_err(io::Error::other)?;
        Ok(connection.into_on_message())
    }

    async fn next(connection: &mut PubSubStream) -> io::Result<u64> {
        let message = connection.next().await.ok_or_else(ended)?;
        number(message.get_payload_bytes())
    }
}
