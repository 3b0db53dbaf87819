//! Sends Celery tasks to the first of several redis servers that works, each task once.
//!
//! Run it: `cargo run -p redial-real --example celery`, followed by ` -- 127.0.0.1:6379` and other
//! addresses where there are such. Without, it starts two servers of its own, and kills the first one
//! between two tasks. A worker with a task `tasks.add` carries them out.

use std::fmt;
use std::io::{Write, stdout};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use redial_tokio::redial::{Backoff, Endpoint, Failure, Policy, Reconnector};
use redial_tokio::{Classify, Ended, Idempotent, Link, RunError, driver, spawn_drive};
use redis::aio::MultiplexedConnection;
use serde_json::{Value, json};

/// The queue that a worker reads by default.
pub(crate) const QUEUE: &str = "celery";

/// An error of redis.
#[derive(Debug)]
pub(crate) struct Error(redis::RedisError);

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

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

/// A link to the first of `brokers` that works. It dials when the first task is sent.
pub(crate) fn broker(brokers: Arc<[SocketAddr]>, seed: u64) -> Link<MultiplexedConnection, Error> {
    let policy = Policy::builder()
        .backoff(Backoff::exponential(Duration::from_millis(50), 2, 1))
        .cap(Duration::from_secs(5))
        .rate_limit(20, Duration::from_millis(100))
        .park_for(Duration::from_secs(5))
        .build()
        .expect("a valid policy");
    let endpoints: Vec<_> = (0..).zip(brokers.iter()).map(|(key, _)| Endpoint::new(key)).collect();
    let reconnector = Reconnector::with_endpoints(policy, seed, endpoints);
    let driver = driver(reconnector).lazy().share(MultiplexedConnection::clone);
    spawn_drive(driver.drive(
        move |attempt| {
            let broker = brokers[attempt.dial.endpoint as usize];
            async move {
                let client = redis::Client::open(format!("redis://{broker}")).map_err(Error)?;
                let mut redis = client.get_multiplexed_async_connection().await.map_err(Error)?;
                redis::cmd("PING").query_async::<()>(&mut redis).await.map_err(Error)?;
                Ok(redis)
            }
        },
        // Those who send see when it is broken.
        |_, _| std::future::pending::<Ended<Error>>(),
    ))
}

/// Sends a task. However often it has to be tried, the queue of a broker gets it once: the broker
/// remembers the task's id for a day.
///
/// # Errors
/// If it is not sent in 30 s.
pub(crate) async fn send(
    broker: &Link<MultiplexedConnection, Error>,
    id: &str,
    task: &str,
    arguments: Value,
) -> Result<(), RunError<Error>> {
    let once = "if redis.call('SET', KEYS[2], 1, 'NX', 'EX', 86400) then \
                redis.call('LPUSH', KEYS[1], ARGV[1]) end";
    let text = message(id, task, &arguments).to_string();
    let push = redis::cmd("EVAL")
        .arg(once)
        .arg(2)
        .arg(QUEUE)
        .arg(format!("sent:{id}"))
        .arg(text)
        .to_owned();
    let sent = broker.run(
        |connection| {
            let (push, mut redis) = (push.clone(), connection.shared);
            async move { push.query_async::<()>(&mut redis).await.map_err(Error) }
        },
        Idempotent::Yes,
    );
    sent.within(Duration::from_secs(30)).await
}

/// A message of Celery's protocol 2, as kombu's redis transport puts it into a list.
pub(crate) fn message(id: &str, task: &str, arguments: &Value) -> Value {
    let embed = json!({ "callbacks": null, "errbacks": null, "chain": null, "chord": null });
    let body = json!([arguments, {}, embed]).to_string();
    json!({
        "body": BASE64_STANDARD.encode(body),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {
            "lang": "rust",
            "task": task,
            "id": id,
            "root_id": id,
            "parent_id": null,
            "group": null,
            "argsrepr": arguments.to_string(),
            "kwargsrepr": "{}",
            "retries": 0,
            "timelimit": [null, null],
            "eta": null,
            "expires": null,
        },
        "properties": {
            "correlation_id": id,
            "reply_to": "",
            "delivery_mode": 2,
            "delivery_info": { "exchange": "", "routing_key": QUEUE },
            "priority": 0,
            "body_encoding": "base64",
            "delivery_tag": id,
        },
    })
}

/// An id in the form that Celery's are, from the application's own number of the task.
pub(crate) fn id(number: u64) -> String {
    format!("00000000-0000-4000-8000-{number:012x}")
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    use redial_real::server::Server;

    let mut own = Vec::new();
    let mut brokers: Vec<SocketAddr> = Vec::new();
    for given in std::env::args_os().skip(1) {
        let broker = given.to_str().and_then(|given| given.parse().ok());
        brokers.push(broker.ok_or(format!("{given:?} is not IP:PORT"))?);
    }
    if brokers.is_empty() {
        own = vec![Server::redis().await?, Server::redis().await?];
        brokers = own.iter().map(Server::address).collect();
    }
    let link = broker(brokers.into(), 1);
    for number in 0..10 {
        if let (5, Some(server)) = (number, own.first_mut()) {
            writeln!(stdout(), "the first broker is killed")?;
            server.kill()?;
        }
        send(&link, &id(number), "tasks.add", json!([number, 1])).await?;
        writeln!(stdout(), "sent {} to broker {:?}", id(number), link.status().endpoint)?;
    }
    Ok(())
}
