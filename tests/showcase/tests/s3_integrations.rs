//! tourniquet's two integrations: a gRPC channel that callers clone, and task queues of Celery.

use std::fmt;
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use redial::{Endpoint, Failure, Reconnector, presets};
use redial_tokio::{Attempt, Classify, Ended, Idempotent, driver, spawn_drive};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{self, Runtime};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tonic::transport::{Channel, Server};
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

/// What becomes of a call, by the codes of gRPC.
#[derive(Debug)]
enum Grpc {
    Transport(tonic::transport::Error),
    Status(Box<Status>),
}

impl fmt::Display for Grpc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transport(error) => error.fmt(f),
            Self::Status(status) => status.code().fmt(f),
        }
    }
}

impl Classify for Grpc {
    fn classify(&self) -> Failure {
        match self {
            Self::Transport(_) => Failure::Unreachable,
            Self::Status(status) => match status.code() {
                Code::DeadlineExceeded => Failure::TimedOut,
                Code::ResourceExhausted => Failure::Overloaded,
                Code::Unauthenticated => Failure::Fatal,
                _ => Failure::Unreachable,
            },
        }
    }

    fn breaks_connection(&self) -> bool {
        match self {
            Self::Transport(_) => true,
            Self::Status(status) => matches!(status.code(), Code::Unavailable | Code::Unknown),
        }
    }
}

/// In a runtime of its own, so that it can be killed with all its connections.
async fn health_server() -> (SocketAddr, Option<Runtime>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let (reporter, service) = tonic_health::server::health_reporter();
    reporter.set_service_status("trades", tonic_health::ServingStatus::Serving).await;
    let server = Server::builder().add_service(service).serve(address);
    let runtime = runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.unwrap();
    runtime.spawn(server);
    while TcpStream::connect(address).await.is_err() {
        tokio::task::yield_now().await;
    }
    (address, Some(runtime))
}

async fn check(channel: Channel, service: &str) -> Result<i32, Grpc> {
    let request = HealthCheckRequest { service: service.into() };
    let answer = HealthClient::new(channel).check(request).await;
    answer.map(|answer| answer.into_inner().status).map_err(|status| Grpc::Status(status.into()))
}

#[tokio::test]
async fn s3_9_a_tonic_channel_fails_over() {
    let (servers, mut runtimes): (Vec<_>, Vec<_>) =
        [health_server().await, health_server().await].into_iter().unzip();
    let reconnector =
        Reconnector::with_endpoints(presets::tourniquet(2), 1, [0, 1].map(Endpoint::new));
    let drive = driver(reconnector).lazy().share(|channel: &Channel| channel.clone()).drive(
        move |attempt: Attempt| {
            let url = format!("http://{}", servers[attempt.dial.endpoint as usize]);
            async move {
                let endpoint = Channel::from_shared(url).expect("a valid address");
                endpoint.connect().await.map_err(Grpc::Transport)
            }
        },
        |_, _| pending::<Ended<Grpc>>(),
    );
    let link = spawn_drive(drive);
    let ask = |service: &'static str| {
        let asked = link.run(
            move |connection| async move { check(connection.shared, service).await },
            Idempotent::Yes,
        );
        timeout(Duration::from_secs(30), asked)
    };
    assert_eq!(ask("trades").await.unwrap().unwrap(), 1, "serving");
    assert_eq!(link.status().endpoint, Some(0));

    // A business error is the answer, and the channel is kept.
    let error = ask("unheard of").await.unwrap().unwrap_err();
    assert_eq!(error.failed().unwrap().to_string(), Code::NotFound.to_string());
    assert_eq!((link.status().endpoint, link.status().dials), (Some(0), 1));

    let kill = |runtime: &mut Option<Runtime>| runtime.take().unwrap().shutdown_background();
    kill(&mut runtimes[0]);
    assert_eq!(ask("trades").await.unwrap().unwrap(), 1, "by the other one");
    assert_eq!(link.status().endpoint, Some(1));
    kill(&mut runtimes[1]);
}

/// A broker: as much of Redis as `LPUSH` needs. Keeps what was queued.
async fn broker() -> (SocketAddr, Arc<Mutex<Vec<String>>>, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let queue = Arc::new(Mutex::new(Vec::new()));
    let tasks = queue.clone();
    let broker = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            drop(serve(stream, &tasks).await);
        }
    });
    (address, queue, broker)
}

async fn serve(stream: TcpStream, tasks: &Mutex<Vec<String>>) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    loop {
        let mut command = Vec::new();
        for _ in 0..7 {
            let Some(line) = lines.next_line().await? else { return Ok(()) };
            command.push(line);
        }
        let ["*3", _, "LPUSH", _, "celery", _, task] = command.each_str()[..] else {
            return write.write_all(b"-ERR\r\n").await;
        };
        tasks.lock().unwrap().push(task.into());
        write.write_all(b":1\r\n").await?;
    }
}

trait EachStr {
    fn each_str(&self) -> Vec<&str>;
}

impl EachStr for Vec<String> {
    fn each_str(&self) -> Vec<&str> {
        self.iter().map(String::as_str).collect()
    }
}

type Broker = Arc<tokio::sync::Mutex<BufReader<TcpStream>>>;

/// Sends a task in Celery's message protocol, version 2.
async fn send_task(broker: Broker, name: &str, number: u32) -> io::Result<()> {
    let task = format!(
        r#"{{"body":"W1tdLHt9LHt9XQ==","content-type":"application/json","content-encoding":"utf-8","headers":{{"lang":"rust","task":"{name}","id":"{number}"}},"properties":{{"delivery_tag":"{number}","body_encoding":"base64","delivery_info":{{"exchange":"","routing_key":"celery"}}}}}}"#
    );
    let command = format!("*3\r\n$5\r\nLPUSH\r\n$6\r\ncelery\r\n${}\r\n{task}\r\n", task.len());
    let mut broker = broker.lock().await;
    broker.write_all(command.as_bytes()).await?;
    let mut answer = String::new();
    match broker.read_line(&mut answer).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ if answer.starts_with(':') => Ok(()),
        _ => Err(io::Error::other(answer)),
    }
}

#[tokio::test]
async fn s3_9_celery_tasks_go_to_the_next_broker() {
    let (first, lost, task) = broker().await;
    let (second, queued, _task) = broker().await;
    let reconnector =
        Reconnector::with_endpoints(presets::tourniquet(2), 1, [0, 1].map(Endpoint::new));
    let drive = driver(reconnector).lazy().share(Broker::clone).drive(
        move |attempt: Attempt| async move {
            let address = [first, second][attempt.dial.endpoint as usize];
            let stream = TcpStream::connect(address).await?;
            Ok(Arc::new(tokio::sync::Mutex::new(BufReader::new(stream))))
        },
        |_, _| pending::<Ended<io::Error>>(),
    );
    let link = spawn_drive(drive);
    for number in 0..10 {
        if number == 5 {
            task.abort();
        }
        let send = link.run(
            |connection| send_task(connection.shared, "trades.settle", number),
            Idempotent::Yes, // workers drop a task id that they have seen
        );
        timeout(Duration::from_secs(30), send).await.unwrap().unwrap();
    }
    assert_eq!((lost.lock().unwrap().len(), queued.lock().unwrap().len()), (5, 5));
    assert!(queued.lock().unwrap()[0].contains(r#""id":"5""#), "none was left out");
    assert_eq!(link.status().dials, 2);
}
