//! Where the unique numbers come from.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use rumqttc::QoS;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::clients::{MqttConnection, NatsConnection, TOPIC};

/// Time between two numbers.
const PACE: Duration = Duration::from_millis(2);

/// A publish that takes longer is given up. Its number is not used again.
const PATIENCE: Duration = Duration::from_millis(300);

/// Numbers that no other process has had, or will have.
#[derive(Clone, Debug)]
pub struct Numbers(Arc<AtomicU64>);

impl Default for Numbers {
    fn default() -> Self {
        Self::new()
    }
}

impl Numbers {
    /// Beginning with the nanoseconds of now: a later process begins later than this one can count.
    pub fn new() -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "processes have only the wall clock in common"
        )]
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self(Arc::new(AtomicU64::new(u64::try_from(now.as_nanos()).unwrap_or_default())))
    }

    /// The next number, when it is time.
    pub async fn next(&self) -> u64 {
        sleep(PACE).await;
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

/// How numbers get to a broker.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Broker {
    /// PUBLISH.
    Redis,
    /// PUBLISH, at most once.
    Mqtt,
    /// PUB.
    Nats,
}

/// Publishes to a broker, whatever happens to it. Stops when dropped.
#[derive(Debug)]
pub struct Publisher(JoinHandle<()>);

impl Publisher {
    /// Publishes to the broker at `address`, past all proxies.
    pub fn to(broker: Broker, address: SocketAddr) -> Self {
        let numbers = Numbers::new();
        Self(tokio::spawn(async move {
            loop {
                // Every end of it is followed by a new beginning.
                drop(match broker {
                    Broker::Redis => redis(&numbers, address).await,
                    Broker::Mqtt => mqtt(&numbers, address).await,
                    Broker::Nats => nats(&numbers, address).await,
                });
                sleep(PACE).await;
            }
        }))
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn redis(numbers: &Numbers, address: SocketAddr) -> io::Result<()> {
    let client = redis::Client::open(format!("redis://{address}")).map_err(io::Error::other)?;
    let connecting = timeout(PATIENCE, client.get_multiplexed_async_connection()).await?;
    let mut connection = connecting.map_err(io::Error::other)?;
    loop {
        let number = numbers.next().await;
        let publish = redis::cmd("PUBLISH").arg(TOPIC).arg(number).to_owned();
        let published = timeout(PATIENCE, publish.query_async::<()>(&mut connection)).await?;
        published.map_err(io::Error::other)?;
    }
}

async fn mqtt(numbers: &Numbers, address: SocketAddr) -> io::Result<()> {
    let mut connection = timeout(PATIENCE, MqttConnection::open("publisher", address)).await??;
    let client = connection.client();
    let publish = async {
        loop {
            let number = numbers.next().await.to_string();
            client
                .publish(TOPIC, QoS::AtMostOnce, false, number)
                .await
                .map_err(io::Error::other)?;
        }
    };
    let carry_out = async {
        loop {
            connection.packet().await?;
        }
    };
    tokio::select! { result = publish => result, result = carry_out => result }
}

async fn nats(numbers: &Numbers, address: SocketAddr) -> io::Result<()> {
    let mut connection = timeout(PATIENCE, NatsConnection::open(address, "")).await??;
    loop {
        let number = numbers.next().await.to_string();
        let command = format!("PUB {TOPIC} {}\r\n{number}\r\n", number.len());
        timeout(PATIENCE, connection.send(&command)).await??;
    }
}
