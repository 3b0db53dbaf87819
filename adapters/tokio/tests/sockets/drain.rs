//! A server that drains every 200 ms under constant load: through a handover no request fails.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use redial_tokio::redial::{FirstRetry, Jitter, Policy, Reconnector, Refresh};
use redial_tokio::{Ended, Link, Session, connect, driver, spawn_drive};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, BufWriter};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::support::MS;

const DRAIN_EVERY: Duration = Duration::from_millis(200);
const DRAIN_DEADLINE: Duration = Duration::from_secs(1);
const LONGEST_REQUEST: u64 = 300;

/// Answers `ID MILLIS` with `ID` after that time, all at once on each connection; says `bye` to every
/// connection each time it drains, and cuts it a deadline later.
async fn serve(listener: TcpListener, drains: watch::Receiver<u32>) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let mut drains = drains.clone();
        drains.mark_unchanged();
        connections.spawn(async move {
            let (read, write) = stream.into_split();
            let write = Arc::new(tokio::sync::Mutex::new(write));
            let answering = answer(BufReader::new(read).lines(), write.clone());
            let draining = async {
                let _ = drains.changed().await;
                let _ = write.lock().await.write_all(b"bye\n").await;
                sleep(DRAIN_DEADLINE).await;
            };
            tokio::select! {
                () = answering => {}
                () = draining => {}
            }
        });
    }
}

async fn answer(
    mut lines: tokio::io::Lines<BufReader<tokio::net::tcp::OwnedReadHalf>>,
    write: Arc<tokio::sync::Mutex<OwnedWriteHalf>>,
) {
    let mut answers = JoinSet::new();
    while let Ok(Some(line)) = lines.next_line().await {
        let (id, millis) = line.split_once(' ').expect("ID MILLIS");
        let (id, millis) = (format!("{id}\n"), millis.parse().expect("MILLIS"));
        let write = write.clone();
        answers.spawn(async move {
            sleep(MS(millis)).await;
            let _ = write.lock().await.write_all(id.as_bytes()).await;
        });
    }
}

struct Request {
    millis: u64,
    answer: oneshot::Sender<()>,
}

#[derive(Clone)]
struct Client(mpsc::UnboundedSender<Request>);

struct Connected {
    stream: TcpStream,
    client: Client,
    requests: mpsc::UnboundedReceiver<Request>,
}

async fn dial(address: std::net::SocketAddr) -> io::Result<Connected> {
    let stream = connect(address).await?;
    let (client, requests) = mpsc::unbounded_channel();
    Ok(Connected { stream, client: Client(client), requests })
}

/// Sends requests and hands out answers. Told to drain, it takes no more requests and waits for the
/// answers to those it has sent.
async fn multiplex(connected: Connected, session: Session) -> Ended<io::Error> {
    match exchange(connected, session).await {
        Ok(()) => Ended::Finished,
        Err(error) => Ended::Lost(error),
    }
}

async fn exchange(connected: Connected, session: Session) -> io::Result<()> {
    let Connected { stream, client, mut requests } = connected;
    drop(client);
    let (read, write) = stream.into_split();
    let (mut lines, mut write) = (BufReader::new(read).lines(), BufWriter::new(write));
    let mut pending = HashMap::new();
    let mut next: u64 = 0;
    let mut draining = false;
    loop {
        if draining && pending.is_empty() && requests.is_empty() {
            return Ok(());
        }
        tokio::select! {
            () = session.draining(), if !draining => {
                draining = true;
                requests.close();
            }
            line = lines.next_line() => match line?.as_deref() {
                None => return Err(io::ErrorKind::UnexpectedEof.into()),
                Some("bye") => session.going_away(Some(DRAIN_DEADLINE)),
                Some(id) => {
                    let id = id.parse().map_err(io::Error::other)?;
                    let answer: Option<oneshot::Sender<()>> = pending.remove(&id);
                    let _ = answer.map(|answer| answer.send(()));
                }
            },
            Some(Request { millis, answer }) = requests.recv() => {
                next += 1;
                pending.insert(next, answer);
                write.write_all(format!("{next} {millis}\n").as_bytes()).await?;
                write.flush().await?;
            }
        }
    }
}

/// Asks again and again until `end`; a request that was taken and never answered has failed.
async fn load(link: &Link<Client>, worker: u64, end: Instant, asked: &AtomicUsize) -> usize {
    let mut failed = 0;
    let mut turn = worker * 37;
    while Instant::now() < end {
        turn += 61;
        let connection = link.connection().await.unwrap();
        let (answer, answered) = oneshot::channel();
        let request = Request { millis: 1 + turn % LONGEST_REQUEST, answer };
        if connection.0.send(request).is_err() {
            // Not taken: the connection has just been replaced or lost.
            tokio::task::yield_now().await;
            continue;
        }
        asked.fetch_add(1, Ordering::SeqCst);
        let answered = timeout(MS(5000), answered).await;
        failed += usize::from(!matches!(answered, Ok(Ok(()))));
    }
    failed
}

/// Requests made, requests failed and connections made, in ten seconds with a drain every 200 ms.
async fn ten_seconds(refresh: Refresh) -> (usize, usize, usize) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (drain, drains) = watch::channel(0);
    let server = tokio::spawn(serve(listener, drains));
    let policy = Policy::builder()
        .jitter(Jitter::None)
        .first_retry(FirstRetry::Immediate)
        .stable_after(MS(50))
        .rate_limit(50, MS(20))
        .refresh(refresh)
        .build();
    let dials = Arc::new(Mutex::new(0));
    let dialed = dials.clone();
    let drive = driver(Reconnector::new(policy.unwrap(), 1))
        .share(|connected: &Connected| connected.client.clone())
        .drive(
            move |_| {
                *dialed.lock().unwrap() += 1;
                dial(address)
            },
            multiplex,
        );
    let link = Arc::new(spawn_drive(drive));
    let start = Instant::now();
    let end = start + MS(10_000);
    let asked = Arc::new(AtomicUsize::new(0));
    let mut workers = JoinSet::new();
    for worker in 0..8 {
        let (link, asked) = (link.clone(), asked.clone());
        workers.spawn(async move { load(&link, worker, end, &asked).await });
    }
    for turn in 1.. {
        let at = start + DRAIN_EVERY * turn;
        if at >= end {
            break;
        }
        sleep_until(at).await;
        drain.send(turn).unwrap();
    }
    let failed = workers.join_all().await.into_iter().sum();
    link.shutdown(DRAIN_DEADLINE).await.unwrap();
    server.abort();
    let dials = *dials.lock().unwrap();
    (asked.load(Ordering::SeqCst), failed, dials)
}

#[tokio::test]
async fn no_request_fails_through_a_handover() {
    let (make_first, break_first) =
        tokio::join!(ten_seconds(Refresh::MakeFirst), ten_seconds(Refresh::BreakFirst));
    for (name, (asked, failed, dials)) in [("make first", make_first), ("break first", break_first)]
    {
        println!("{name}: {asked} requests, {failed} failed, {dials} connections in 10 s");
        assert!(asked > 200 && dials > 20, "{name} was not under load");
    }
    assert_eq!(make_first.1, 0, "a handover loses nothing");
    assert!(break_first.1 > 0, "breaking first costs requests, or the test shows nothing");
}
