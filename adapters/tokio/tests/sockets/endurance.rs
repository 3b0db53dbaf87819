//! A thousand reconnects, and callers on many threads: nothing is left behind.

use std::fs;
use std::future::pending;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Waker};
use std::time::Duration;

use redial_tokio::redial::{Overload, Policy, Reconnector};
use redial_tokio::{Idempotent, Link, RunError, connect, driver, spawn_drive};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::support::{Counted, MS, eventually, fixed, read_to_end};

fn policy() -> Policy {
    let builder = fixed(Duration::ZERO)
        .overload(Overload::Ignore)
        .stable_after(MS(1))
        .rate_limit(5000, Duration::from_micros(10));
    builder.build().unwrap()
}

/// Open descriptors, and kilobytes in memory.
fn footprint() -> (usize, usize) {
    let descriptors = fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let digits = |text: &str| text.split_whitespace().next().and_then(|kb| kb.parse().ok());
    (descriptors, resident.and_then(digits).unwrap_or(0))
}

#[tokio::test]
async fn a_thousand_reconnects_leave_nothing_behind() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let served = Arc::new(AtomicUsize::new(0));
    let count = served.clone();
    let drive = driver(Reconnector::new(policy(), 1)).drive(
        move |_| connect(address),
        move |stream, _| {
            let served = Counted::new(&count);
            async move {
                let _served = served;
                redial_tokio::Ended::Lost(read_to_end(stream).await)
            }
        },
    );
    let link = spawn_drive(drive);
    let mut before = (0, 0);
    for reconnect in 0..1100 {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"hello").await.unwrap();
        stream.set_zero_linger().unwrap();
        drop(stream);
        if reconnect == 100 {
            before = footprint();
        }
    }
    let after = footprint();
    println!(
        "1,000 reconnects: descriptors {} -> {}, memory {} -> {} kB",
        before.0, after.0, before.1, after.1
    );
    assert!(after.0 <= before.0 + 16, "descriptors grow (other tests have some open too)");
    assert!(after.1 <= before.1 + 8192, "memory grows");
    link.stop();
    link.closed().await.unwrap();
    assert_eq!(served.load(Ordering::SeqCst), 0);
}

/// A link whose connections answer on a channel, for as long as they live.
fn answering() -> (Link<mpsc::UnboundedSender<u32>>, Arc<AtomicUsize>) {
    let served = Arc::new(AtomicUsize::new(0));
    let count = served.clone();
    let drive = driver(Reconnector::new(policy(), 1))
        .share(|(sender, _): &(mpsc::UnboundedSender<u32>, _)| sender.clone())
        .health(MS(1000))
        .drive(
            |_| async {
                tokio::task::yield_now().await;
                io::Result::Ok(mpsc::unbounded_channel())
            },
            move |(sender, mut receiver): (_, mpsc::UnboundedReceiver<u32>), session| {
                drop(sender);
                let served = Counted::new(&count);
                async move {
                    let _served = served;
                    loop {
                        tokio::select! {
                            message = receiver.recv() => match message {
                                Some(message) if message % 50 == 0 => break,
                                Some(_) => {}
                                None => break,
                            },
                            () = session.draining() => break,
                        }
                    }
                    redial_tokio::Ended::Lost(io::ErrorKind::ConnectionReset.into())
                }
            },
        );
    (spawn_drive(drive), served)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn callers_on_many_threads_never_hang() {
    let (link, served) = answering();
    let end = Instant::now() + MS(1000);
    let mut callers = JoinSet::new();
    for caller in 0..16_u32 {
        let handle = link.handle();
        callers.spawn(async move {
            let mut turn = caller;
            let mut done = 0;
            while Instant::now() < end {
                turn = turn.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                match (turn >> 16) % 16 {
                    0 => handle.redial(),
                    1 => {
                        handle.offline();
                        handle.online();
                    }
                    2 if caller == 0 => {
                        handle.stop();
                        handle.start();
                    }
                    3 => drop(timeout(Duration::from_micros(50), handle.connection()).await),
                    4 => drop(timeout(Duration::from_micros(50), handle.closed()).await),
                    5 => drop(handle.health().await),
                    _ => {
                        let message = turn >> 8;
                        let send = |connection: redial_tokio::Connection<_>| {
                            let sender: &mpsc::UnboundedSender<u32> = &connection;
                            let sent = sender.send(message);
                            async move {
                                tokio::task::yield_now().await;
                                sent.map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
                            }
                        };
                        let run = handle.run(send, Idempotent::Yes).within(MS(5000)).await;
                        assert!(!matches!(run, Err(RunError::TimedOut(_))), "it hangs");
                        done += 1;
                    }
                }
            }
            done
        });
    }
    let done: usize = timeout(MS(30_000), callers.join_all()).await.expect("it hangs").iter().sum();
    println!("{done} operations by 16 callers on 4 threads in a second");
    assert!(done > 100);
    timeout(MS(10_000), link.shutdown(MS(1000))).await.expect("it hangs").unwrap();
    eventually("nothing is served", || served.load(Ordering::SeqCst) == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deadlines_come_however_much_is_said() {
    let policy = Policy::builder().dial_timeout(MS(100)).max_attempts(1).build().unwrap();
    let drive = driver(Reconnector::new(policy, 1))
        .health(MS(1000))
        .drive(|_| pending::<io::Result<()>>(), |(), _| pending());
    let link = spawn_drive(drive);
    let quiet = Arc::new(AtomicBool::new(false));
    let talkers: Vec<_> = (0..3)
        .map(|_| {
            let (handle, quiet) = (link.handle(), quiet.clone());
            std::thread::spawn(move || {
                while !quiet.load(Ordering::Relaxed) {
                    let mut cx = Context::from_waker(Waker::noop());
                    let _ = pin!(handle.health()).poll(&mut cx);
                }
            })
        })
        .collect();
    let closed = timeout(MS(10_000), link.closed()).await;
    quiet.store(true, Ordering::Relaxed);
    for talker in talkers {
        talker.join().unwrap();
    }
    closed.expect("the dial was never cut off").unwrap_err();
}
