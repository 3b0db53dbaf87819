//! Callers share a connection to the first of several redis servers that works.
//!
//! Run it: `cargo run -p redial-real --example redis_failover`, followed by ` -- redis://HOST:PORT` and
//! other addresses where there are such. Without, it starts two servers of its own, kills the one in use
//! and then freezes the other, while a caller goes on counting.

use std::fmt;
use std::io::{Write, stdout};
use std::time::Duration;

use redial_real::server::Server;
use redial_tokio::redial::{Endpoint, Failure, Policy, Reconnector};
use redial_tokio::{
    Attempt, Classify, Connection, Ended, Idempotent, Link, driver, random_seed, spawn_drive,
};
use redis::aio::MultiplexedConnection;
use redis::{AsyncTypedCommands, Client, RedisError};
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

/// Keeps a connection to the first of `servers` that works, and says what happens to it.
fn redis(servers: Vec<Client>) -> Link<MultiplexedConnection, Error> {
    let endpoints: Vec<_> = (0..).zip(&servers).map(|(key, _)| Endpoint::new(key)).collect();
    let reconnector = Reconnector::with_endpoints(Policy::DEFAULT, random_seed(), endpoints);
    let driver = driver(reconnector)
        .observe(|transition| {
            // Whoever reads this may have had enough of it.
            let _ = writeln!(stdout(), "{transition}");
        })
        .share(MultiplexedConnection::clone);
    spawn_drive(driver.drive(
        move |attempt: Attempt| {
            let server = servers[attempt.dial.endpoint as usize].clone();
            async move { Ok(server.get_multiplexed_async_connection().await?) }
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
    let mut own = Vec::new();
    let mut urls: Vec<String> =
        std::env::args_os().skip(1).map(|url| url.to_string_lossy().into()).collect();
    if urls.is_empty() {
        own = vec![Server::redis().await?, Server::redis().await?];
        urls = own.iter().map(|server| format!("redis://{}", server.address())).collect();
    }
    // Addresses are checked before the link starts: no dial can mend one.
    let open = |url| Client::open(url).map_err(|error| format!("{url:?}: {error}"));
    let servers: Result<Vec<Client>, String> = urls.iter().map(String::as_str).map(open).collect();
    let link = redis(servers?);
    let mut done = 0;
    for number in 0..20 {
        match (number, &mut *own) {
            (5, [first, _]) => {
                writeln!(stdout(), "-- the first server is killed")?;
                first.kill()?;
            }
            (10, [first, second]) => {
                writeln!(stdout(), "-- the first server is back, and the second one hangs")?;
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
            Err(error) => writeln!(stdout(), "number {number}: {error}")?,
        }
        sleep(Duration::from_millis(250)).await;
    }
    let endpoint = link.status().endpoint;
    writeln!(stdout(), "{done} of 20 done, the last on endpoint {endpoint:?}")?;
    link.shutdown(Duration::from_secs(1)).await?;
    Ok(())
}
