//! Callers share a connection to the first of several redis servers that works.
//!
//! Run it: `cargo run -p redial-real --example redis_failover`, followed by ` -- redis://HOST:PORT` and
//! other addresses where there are such. Without, it starts two servers of its own, kills the one in use
//! and then freezes the other, while a caller goes on counting.

use std::fmt;
use std::time::Duration;

use redial_real::server::Server;
use redial_tokio::redial::{Endpoint, Failure, Policy, Reconnector};
use redial_tokio::{
    Attempt, Classify, Connection, Ended, Idempotent, Link, driver, random_seed, spawn_drive,
};
use redis::aio::MultiplexedConnection;
use redis::{AsyncTypedCommands, RedisError};
use tokio::time::sleep;

/// An error of redis, and what it means for the link.
#[derive(Debug)]
struct Error(RedisError);

impl Classify for Error {
    fn classify(&self) -> Failure {
        match self.0.code() {
            Some("NOAUTH" | "WRONGPASS") => Failure::Fatal,
            Some("READONLY" | "MASTERDOWN") => Failure::Unsuitable,
            Some("LOADING") => Failure::Overloaded,
            _ if self.0.is_timeout() => Failure::TimedOut,
            _ => Failure::Unreachable,
        }
    }

    /// What the server answers is an answer, but for one that says that another is to be asked.
    fn breaks_connection(&self) -> bool {
        self.0.code().is_none_or(|code| matches!(code, "READONLY" | "LOADING" | "MASTERDOWN"))
    }
}

impl From<RedisError> for Error {
    fn from(error: RedisError) -> Self {
        Self(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

/// Keeps a connection to the first of `urls` that works, and says what happens to it.
fn redis(urls: Vec<String>) -> Link<MultiplexedConnection, Error> {
    let endpoints: Vec<_> = (0..).zip(&urls).map(|(key, _)| Endpoint::new(key)).collect();
    let reconnector = Reconnector::with_endpoints(Policy::DEFAULT, random_seed(), endpoints);
    let driver = driver(reconnector)
        .observe(|transition| println!("{transition}"))
        .share(MultiplexedConnection::clone);
    spawn_drive(driver.drive(
        move |attempt: Attempt| {
            let client = redis::Client::open(&*urls[attempt.dial.endpoint as usize]);
            async move { Ok(client?.get_multiplexed_async_connection().await?) }
        },
        |mut connection: MultiplexedConnection, session| async move {
            loop {
                if let Err(error) = connection.ping().await {
                    return Ended::Lost(Error(error));
                }
                // It answers, so it is more than an open port.
                session.confirmed();
                sleep(Duration::from_secs(1)).await;
            }
        },
    ))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut urls: Vec<String> = std::env::args().skip(1).collect();
    let mut own = Vec::new();
    if urls.is_empty() {
        own = vec![Server::redis().await?, Server::redis().await?];
        urls = own.iter().map(|server| format!("redis://{}", server.address())).collect();
    }
    let link = redis(urls);
    let mut done = 0;
    for number in 0..20 {
        match (number, &mut *own) {
            (5, [first, _]) => {
                println!("-- the first server is killed");
                first.kill()?;
            }
            (10, [first, second]) => {
                println!("-- the first server is back, and the second one hangs");
                first.start().await?;
                second.freeze()?;
            }
            _ => {}
        }
        // Twice is no harm: it may run again on the next connection.
        let set = |mut redis: Connection<MultiplexedConnection>| async move {
            redis.set("number", number).await?;
            Ok(redis.get_int("number").await?)
        };
        match link.run(set, Idempotent::Yes).within(Duration::from_secs(20)).await {
            Ok(_) => done += 1,
            Err(error) => println!("number {number}: {error}"),
        }
        sleep(Duration::from_millis(250)).await;
    }
    println!("{done} of 20 done, the last on endpoint {:?}", link.status().endpoint);
    link.shutdown(Duration::from_secs(1)).await?;
    Ok(())
}
