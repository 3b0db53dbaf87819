//! MQTT, with `rumqttc`. Its event loop would dial again by itself after an error, so it is polled no
//! more then.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, Packet, QoS};

use super::{Client, TOPIC, number};

/// MQTT 3.1.1.
#[derive(Clone, Copy, Debug)]
pub struct Mqtt;

/// A connection of `rumqttc`.
pub struct Connection {
    client: AsyncClient,
    events: EventLoop,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}

impl Connection {
    /// Connects as `name`.
    ///
    /// # Errors
    /// If the broker does not accept.
    pub async fn open(name: &str, address: SocketAddr) -> io::Result<Self> {
        let options = MqttOptions::new(name, address.ip().to_string(), address.port());
        let (client, events) = AsyncClient::new(options, 16);
        let mut connection = Self { client, events };
        while !matches!(connection.packet().await?, Packet::ConnAck(_)) {}
        Ok(connection)
    }

    /// To publish with; [`packet`](Self::packet) is what carries it out.
    pub fn client(&self) -> AsyncClient {
        self.client.clone()
    }

    /// The next packet from the broker.
    ///
    /// # Errors
    /// If the connection is lost.
    pub async fn packet(&mut self) -> io::Result<Packet> {
        loop {
            match self.events.poll().await {
                Ok(Event::Incoming(packet)) => return Ok(packet),
                Ok(Event::Outgoing(_)) => {}
                Err(error) => return Err(io::Error::other(error)),
            }
        }
    }
}

impl Client for Mqtt {
    type Connection = Connection;

    async fn connect(address: SocketAddr) -> io::Result<Connection> {
        let mut connection = Connection::open("redial", address).await?;
        let subscribed = connection.client.subscribe(TOPIC, QoS::AtMostOnce).await;
        subscribed.map_err(io::Error::other)?;
        while !matches!(connection.packet().await?, Packet::SubAck(_)) {}
        Ok(connection)
    }

    async fn next(connection: &mut Connection) -> io::Result<u64> {
        loop {
            if let Packet::Publish(message) = connection.packet().await? {
                return number(&message.payload);
            }
        }
    }
}
