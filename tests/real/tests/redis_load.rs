//! redis under load, killed and restarted 50 times: nothing that may not be executed twice is, nothing
//! that was acknowledged is lost, and everything that may be repeated gets done.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use redial_real::feed::policy;
use redial_real::server::Server;
use redial_tokio::redial::{Failure, Reconnector};
use redial_tokio::{Classify, Ended, Idempotent, LinkHandle, RunError, driver, spawn_drive};
use redis::aio::MultiplexedConnection;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

const TASKS: u64 = 16;
const KILLS: usize = 50;
const LONG: Duration = Duration::from_secs(60);

/// An error of redis, which says more than an `io::Error`.
#[derive(Debug)]
struct Error(redis::RedisError);

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Classify for Error {
    fn classify(&self) -> Failure {
        if self.0.is_timeout() { Failure::TimedOut } else { Failure::Unreachable }
    }

    /// An answer of the server is an answer. A server that is loading its data soon has another one.
    fn breaks_connection(&self) -> bool {
        self.0.is_unrecoverable_error()
            || self.0.is_io_error()
            || self.0.is_timeout()
            || loading(&self.0)
    }
}

fn loading(error: &redis::RedisError) -> bool {
    error.code() == Some("LOADING")
}

type Handle = LinkHandle<MultiplexedConnection, Error>;

/// What one task did.
#[derive(Default)]
struct Done {
    /// Increments that were acknowledged, and those of which nobody knows.
    acknowledged: Vec<u64>,
    unknown: Vec<u64>,
    /// Sets that were finished.
    set: Vec<u64>,
    /// Operations that were not.
    unfinished: usize,
}

async fn load(handle: Handle, stop: Arc<AtomicBool>, numbers: Arc<AtomicU64>) -> Done {
    let mut done = Done::default();
    while !stop.load(Ordering::SeqCst) {
        let number = numbers.fetch_add(1, Ordering::SeqCst);
        // Not idempotent: executed twice it leaves a 2.
        let increment = handle.run(
            |connection| {
                let mut redis = connection.shared;
                async move {
                    let key = format!("once:{number}");
                    let incr = redis::cmd("INCR").arg(key).to_owned();
                    incr.query_async::<u64>(&mut redis).await.map_err(Error)
                }
            },
            Idempotent::No,
        );
        match increment.await {
            Ok(1) => done.acknowledged.push(number),
            Ok(times) => panic!("number {number} was executed {times} times"),
            Err(RunError::Failed(_) | RunError::Lost) => done.unknown.push(number),
            Err(other) => panic!("{other}"),
        }
        let set = handle.run(
            |connection| {
                let mut redis = connection.shared;
                async move {
                    let set = redis::cmd("SADD").arg("set").arg(number).to_owned();
                    set.query_async::<()>(&mut redis).await.map_err(Error)
                }
            },
            Idempotent::Yes,
        );
        match set.within(LONG).await {
            Ok(()) => done.set.push(number),
            Err(_) => done.unfinished += 1,
        }
    }
    done
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_killed_fifty_times_under_load() {
    let mut server =
        Server::redis_with(&["--appendonly", "yes", "--appendfsync", "always"]).await.unwrap();
    let client = redis::Client::open(format!("redis://{}", server.address())).unwrap();
    let policy = policy().idle_timeout(LONG).build().unwrap();
    let driver = driver(Reconnector::new(policy, 1)).share(MultiplexedConnection::clone);
    let drive = driver.drive(
        move |_| {
            let client = client.clone();
            async move {
                let mut redis = client.get_multiplexed_async_connection().await.map_err(Error)?;
                // It accepts before it has loaded its data.
                redis::cmd("PING").query_async::<()>(&mut redis).await.map_err(Error)?;
                Ok(redis)
            }
        },
        // The end of the connection is seen by those who use it.
        |_, _| std::future::pending::<Ended<Error>>(),
    );
    let link = spawn_drive(drive);
    let (stop, numbers) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut tasks = JoinSet::new();
    for _ in 0..TASKS {
        tasks.spawn(load(link.handle(), stop.clone(), numbers.clone()));
    }

    let mut dials = Vec::new();
    for kill in 0..KILLS as u64 {
        // Somewhere between two commands, or within one.
        sleep(Duration::from_millis(20 + kill * 37 % 60)).await;
        let before = link.status().dials;
        server.kill().unwrap();
        sleep(Duration::from_millis(kill * 13 % 100)).await;
        server.start().await.unwrap();
        let finished = numbers.load(Ordering::SeqCst) + 2 * TASKS;
        let goes_on = async {
            while numbers.load(Ordering::SeqCst) < finished {
                sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(LONG, goes_on).await.expect("the load goes on");
        dials.push(link.status().dials - before);
    }
    stop.store(true, Ordering::SeqCst);

    let mut all = Done::default();
    while let Some(done) = tasks.join_next().await {
        let done = done.unwrap();
        all.acknowledged.extend(done.acknowledged);
        all.unknown.extend(done.unknown);
        all.set.extend(done.set);
        all.unfinished += done.unfinished;
    }
    let mut redis = link.connection().await.unwrap().shared;
    let mut executed: HashMap<u64, u64> = HashMap::new();
    for number in 0..numbers.load(Ordering::SeqCst) {
        let get = redis::cmd("GET").arg(format!("once:{number}")).to_owned();
        if let Some(times) = get.query_async::<Option<u64>>(&mut redis).await.unwrap() {
            executed.insert(number, times);
        }
    }
    let set: HashSet<u64> =
        redis::cmd("SMEMBERS").arg("set").query_async(&mut redis).await.unwrap();

    let twice = executed.values().filter(|times| **times > 1).count();
    let lost = all.acknowledged.iter().filter(|number| !executed.contains_key(number)).count();
    let unset = all.set.iter().filter(|number| !set.contains(number)).count();
    let executed_unknown =
        all.unknown.iter().filter(|number| executed.contains_key(number)).count();
    println!("redis under load: {KILLS} kills, {TASKS} tasks");
    println!(
        "  not idempotent: {} acknowledged, {} unknown ({executed_unknown} of them executed)",
        all.acknowledged.len(),
        all.unknown.len()
    );
    println!("  executed twice: {twice}; acknowledged and lost: {lost}");
    println!("  idempotent: {} finished, {} not; lost: {unset}", all.set.len(), all.unfinished);
    println!("  dials per outage: {dials:?}, {} in all", dials.iter().sum::<u64>());
    assert_eq!((twice, lost, unset, all.unfinished), (0, 0, 0, 0));
    assert!(all.acknowledged.len() > KILLS && !all.unknown.is_empty());
    assert!(dials.iter().all(|dials| (1..=30).contains(dials)));
}
