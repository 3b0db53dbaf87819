//! tourniquet, line by line, and the bugs not to have: failover over a list, for operations.

use std::fmt;
use std::future::pending;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use redial::{Endpoint, Failure, FirstRetry, Policy, Reconnector, presets};
use redial_tokio::{
    Attempt, Classify, Connection, Ended, Idempotent, Link, LinkError, RunError, driver,
    io_failure, spawn_drive,
};
use tokio::time::{Instant, sleep};

const MS: fn(u64) -> Duration = Duration::from_millis;

/// Providers that accept connections, and those that answer.
struct Providers {
    accepts: Vec<AtomicBool>,
    answers: Vec<AtomicBool>,
    dials: Mutex<Vec<u32>>,
    asked: AtomicU32,
}

impl Providers {
    fn of(number: usize) -> Arc<Self> {
        let all = || (0..number).map(|_| AtomicBool::new(true)).collect();
        Arc::new(Self {
            accepts: all(),
            answers: all(),
            dials: Mutex::default(),
            asked: AtomicU32::new(0),
        })
    }

    fn dials(&self) -> Vec<u32> {
        std::mem::take(&mut self.dials.lock().unwrap())
    }

    fn refuse(&self, provider: usize) {
        self.accepts[provider].store(false, Ordering::SeqCst);
        self.answers[provider].store(false, Ordering::SeqCst);
    }

    fn link(self: &Arc<Self>, policy: Policy) -> Link<u32, Fault> {
        let providers = self.clone();
        let keys = (0..u32::try_from(self.accepts.len()).unwrap()).map(Endpoint::new).collect();
        let reconnector = Reconnector::with_endpoints(policy, 1, keys);
        spawn_drive(driver::<_, Vec<Endpoint>>(reconnector).lazy().share(|key: &u32| *key).drive(
            move |attempt: Attempt| {
                let key = attempt.dial.endpoint;
                providers.dials.lock().unwrap().push(key);
                let accepts = providers.accepts[key as usize].load(Ordering::SeqCst);
                async move {
                    sleep(MS(10)).await;
                    if accepts { Ok(key) } else { Err(reset()) }
                }
            },
            |_, _| pending::<Ended<Fault>>(),
        ))
    }

    /// Asks the provider that the connection goes to.
    fn ask(
        self: &Arc<Self>,
        connection: Connection<u32>,
    ) -> impl Future<Output = Result<u32, Fault>> {
        let providers = self.clone();
        async move {
            providers.asked.fetch_add(1, Ordering::SeqCst);
            sleep(MS(1)).await;
            let answers = providers.answers[*connection as usize].load(Ordering::SeqCst);
            if answers { Ok(*connection) } else { Err(reset()) }
        }
    }
}

#[derive(Debug)]
enum Fault {
    Provider(io::ErrorKind),
    /// The operation's own affair.
    Business,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Provider(kind) => kind.fmt(f),
            Self::Business => f.write_str("no such task"),
        }
    }
}

impl Classify for Fault {
    fn classify(&self) -> Failure {
        match self {
            Self::Provider(kind) => io_failure(&(*kind).into()),
            Self::Business => Failure::Unreachable,
        }
    }

    fn breaks_connection(&self) -> bool {
        match self {
            Self::Provider(kind) => io::Error::from(*kind).breaks_connection(),
            Self::Business => false,
        }
    }
}

fn reset() -> Fault {
    Fault::Provider(io::ErrorKind::ConnectionReset)
}

async fn ask(link: &Link<u32, Fault>, providers: &Arc<Providers>) -> Result<u32, RunError<Fault>> {
    link.run(|connection| providers.ask(connection), Idempotent::Yes).await
}

/// The answers to `callers` that ask at once.
async fn ask_together(
    link: &Arc<Link<u32, Fault>>,
    providers: &Arc<Providers>,
    callers: usize,
) -> Vec<u32> {
    let asking: Vec<_> = (0..callers)
        .map(|_| {
            let (link, providers) = (link.clone(), providers.clone());
            tokio::spawn(async move { ask(&link, &providers).await.unwrap() })
        })
        .collect();
    let mut answers = Vec::new();
    for caller in asking {
        answers.push(caller.await.unwrap());
    }
    answers
}

#[tokio::test(start_paused = true)]
async fn s3_1_one_provider_is_used_as_long_as_it_is_up() {
    let providers = Providers::of(3);
    let link = providers.link(presets::tourniquet(3));
    for _ in 0..100 {
        assert_eq!(ask(&link, &providers).await.unwrap(), 0, "no load balancing");
    }
    assert_eq!(providers.dials(), [0]);
}

#[tokio::test(start_paused = true)]
async fn s3_2_it_dials_on_first_use() {
    let providers = Providers::of(2);
    let link = providers.link(presets::tourniquet(2));
    sleep(MS(100_000)).await;
    assert_eq!(providers.dials(), []);
    ask(&link, &providers).await.unwrap();
    assert_eq!(providers.dials(), [0]);
}

#[tokio::test(start_paused = true)]
async fn s3_3_a_provider_error_moves_on_wraps_around_and_runs_again() {
    let providers = Providers::of(3);
    let link = providers.link(presets::tourniquet(3));
    ask(&link, &providers).await.unwrap();
    sleep(MS(20_000)).await;
    for (fails, next) in [(0, 1), (1, 2), (2, 0)] {
        providers.answers[fails].store(false, Ordering::SeqCst);
        assert_eq!(ask(&link, &providers).await.unwrap(), next);
        providers.answers[fails].store(true, Ordering::SeqCst);
        sleep(MS(20_000)).await;
    }
    assert_eq!(providers.dials(), [0, 1, 2, 0]);
}

#[tokio::test(start_paused = true)]
async fn s3_4_provider_faults_move_on_and_business_errors_return() {
    use io::ErrorKind::{
        BrokenPipe, ConnectionAborted, ConnectionRefused, ConnectionReset, HostUnreachable,
        NotConnected, TimedOut, UnexpectedEof,
    };
    let kinds = [
        ConnectionRefused,
        ConnectionReset,
        ConnectionAborted,
        TimedOut,
        HostUnreachable,
        NotConnected,
        BrokenPipe,
        UnexpectedEof,
    ];
    for kind in kinds {
        let providers = Providers::of(2);
        let link = providers.link(presets::tourniquet(2));
        let fault = |connection: Connection<u32>| async move {
            if *connection == 0 { Err(Fault::Provider(kind)) } else { Ok(*connection) }
        };
        assert_eq!(link.run(fault, Idempotent::Yes).await.unwrap(), 1, "{kind}");
    }

    let providers = Providers::of(2);
    let link = providers.link(presets::tourniquet(2));
    let mut runs = 0;
    let business = |_| {
        runs += 1;
        async { Err::<(), _>(Fault::Business) }
    };
    let error = link.run(business, Idempotent::Yes).await.unwrap_err();
    assert!(matches!(error.failed().map(|error| &**error), Some(Fault::Business)), "{error:?}");
    assert_eq!(runs, 1);
    assert_eq!(ask(&link, &providers).await.unwrap(), 0, "the connection is kept");
    assert_eq!(providers.dials(), [0]);
}

#[tokio::test(start_paused = true)]
async fn s3_5_one_round_and_then_it_says_so() {
    let providers = Providers::of(3);
    (0..3).for_each(|provider| providers.refuse(provider));
    let link = providers.link(presets::tourniquet(3));
    let error = ask(&link, &providers).await.unwrap_err();
    let RunError::Link(LinkError::GaveUp { end, last }) = error else { panic!("{error:?}") };
    assert_eq!(end.attempts, 3);
    assert!(matches!(last.as_deref(), Some(Fault::Provider(io::ErrorKind::ConnectionReset))));
    assert_eq!(providers.dials(), [0, 1, 2]);
    // The next operation begins a new round.
    providers.accepts[1].store(true, Ordering::SeqCst);
    providers.answers[1].store(true, Ordering::SeqCst);
    assert_eq!(ask(&link, &providers).await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn s3_6_the_connector_is_told_the_provider() {
    let names = ["amsterdam", "berlin"];
    let reconnector =
        Reconnector::with_endpoints(presets::tourniquet(2), 1, [0, 1].map(Endpoint::new));
    let drive = driver(reconnector).share(|name: &&str| *name).drive(
        move |attempt: Attempt| async move {
            match attempt.dial.endpoint {
                0 => Err(reset()),
                key => Ok(names[key as usize]),
            }
        },
        |_, _| pending::<Ended<Fault>>(),
    );
    let link = spawn_drive(drive);
    assert_eq!(*link.connection().await.unwrap(), "berlin");
}

#[tokio::test(start_paused = true)]
async fn s3_7_callers_share_one_connection() {
    let providers = Providers::of(2);
    let link = Arc::new(providers.link(presets::tourniquet(2)));
    let started = Instant::now();
    assert_eq!(ask_together(&link, &providers, 50).await, [0; 50]);
    assert_eq!(providers.dials(), [0], "fifty first calls, one dial");
    assert!(started.elapsed() < MS(20), "and all at the same time");
}

#[tokio::test(start_paused = true)]
async fn s3_8_concurrent_failures_move_on_once() {
    let providers = Providers::of(3);
    let link = Arc::new(providers.link(presets::tourniquet(3)));
    ask(&link, &providers).await.unwrap();
    sleep(MS(20_000)).await;
    providers.refuse(0);
    let answers = ask_together(&link, &providers, 100).await;
    assert_eq!(answers, [1; 100], "none goes back to the dead one, none goes too far");
    assert_eq!(providers.dials(), [0, 1]);
}

#[tokio::test(start_paused = true)]
async fn s3_11_it_stays_with_the_one_it_failed_over_to() {
    let providers = Providers::of(2);
    let link = providers.link(presets::tourniquet(2));
    providers.refuse(0);
    assert_eq!(ask(&link, &providers).await.unwrap(), 1);
    providers.accepts[0].store(true, Ordering::SeqCst);
    providers.answers[0].store(true, Ordering::SeqCst);
    for _ in 0..100 {
        sleep(MS(60_000)).await;
        assert_eq!(ask(&link, &providers).await.unwrap(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn s3_bug_two_failures_at_different_times_do_not_return_to_the_dead() {
    let providers = Providers::of(2);
    let link = Arc::new(providers.link(presets::tourniquet(2)));
    let slow = |connection: Connection<u32>| async move {
        let dead = *connection == 0;
        sleep(if dead { MS(500) } else { MS(1) }).await;
        if dead { Err(reset()) } else { Ok(*connection) }
    };
    let late = {
        let link = link.clone();
        tokio::spawn(async move { link.run(slow, Idempotent::Yes).await })
    };
    sleep(MS(100)).await;
    providers.refuse(0);
    assert_eq!(ask(&link, &providers).await.unwrap(), 1, "the first failure moves on");
    assert_eq!(
        late.await.unwrap().unwrap(),
        1,
        "the second one is about a connection that is gone"
    );
    assert_eq!(providers.dials(), [0, 1]);
}

#[tokio::test(start_paused = true)]
async fn s3_bug_an_empty_list_is_idle_and_no_panic() {
    let reconnector = Reconnector::with_endpoints(presets::tourniquet(0), 1, Vec::new());
    let drive = driver::<_, Vec<Endpoint>>(reconnector)
        .drive(|_| async { io::Result::Ok(()) }, |(), _| pending());
    let link = spawn_drive(drive);
    let asked = link.run(|_| async { io::Result::Ok(()) }, Idempotent::Yes).within(MS(1000));
    assert!(matches!(asked.await, Err(RunError::TimedOut(None))));
    assert_eq!(link.status().dials, 0);
}

#[tokio::test(start_paused = true)]
async fn s3_bug_a_dead_list_is_no_hot_loop() {
    let providers = Providers::of(2);
    (0..2).for_each(|provider| providers.refuse(provider));
    let policy = Policy::builder().first_retry(FirstRetry::Immediate).build().unwrap();
    let link = providers.link(policy);
    let asked = link.run(|connection| providers.ask(connection), Idempotent::Yes);
    assert!(asked.within(MS(1200)).await.is_err());
    let dials = providers.dials().len();
    assert!((2..=6).contains(&dials), "{dials} dials in 1.2 s instead of a thousand");
}

#[tokio::test(start_paused = true)]
async fn s3_bug_what_is_not_idempotent_runs_once() {
    let providers = Providers::of(2);
    let link = providers.link(presets::tourniquet(2));
    ask(&link, &providers).await.unwrap();
    providers.refuse(0);
    let before = providers.asked.load(Ordering::SeqCst);
    let once = link.run(|connection| providers.ask(connection), Idempotent::No).await;
    assert!(matches!(once, Err(RunError::Failed(_))), "{once:?}");
    assert_eq!(providers.asked.load(Ordering::SeqCst), before + 1);
    assert_eq!(ask(&link, &providers).await.unwrap(), 1, "and the link has moved on");
}
