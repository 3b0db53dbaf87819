//! Keeps a TCP connection to a server and prints one line for each transition.
//!
//! Run it: `cargo run -p redial-tokio --example watch` (20 s)
//!
//! ```text
//! watch HOST:PORT ...    until Ctrl-C; several addresses are one link that fails over
//! watch                  takes a server of its own through every kind of outage, in about 20 s
//! ```

/// Prints a line. Whoever read the output may have had enough of it; that is no failure.
macro_rules! say {
    ($($line:tt)*) => {
        let mut out = std::io::stdout();
        if std::io::Write::write_fmt(&mut out, format_args!("{}\n", format_args!($($line)*))).is_err() {
            std::process::exit(0)
        }
    };
}

mod demo;
mod printer;

use std::io;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use printer::Printer;
use redial_tokio::redial::{BreakerPolicy, Endpoint, Policy, Reconnector};
use redial_tokio::{Attempt, Ended, Link, Session, connect, driver, spawn_drive};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

const USAGE: &str = "\
watch HOST:PORT ...    keeps a TCP connection to the first that works, until Ctrl-C
watch                  takes a server of its own through every kind of outage, in about 20 s";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = std::env::args_os().skip(1);
    let addresses: Vec<String> = arguments.map(|text| text.to_string_lossy().into()).collect();
    if addresses.iter().any(|text| text == "--help" || text == "-h") {
        say!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    if let Some(error) = addresses.iter().find_map(|address| malformed(address)) {
        eprintln!("watch: {error}; usage: watch [HOST:PORT ...]");
        return ExitCode::from(2);
    }
    if addresses.is_empty() {
        return match demo::run().await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("watch: the demo's own server failed: {error}");
                ExitCode::FAILURE
            }
        };
    }
    say!("Ctrl-C ends it.");
    let printer = Printer::new(addresses.clone());
    let link = watch(policy(addresses.len()), addresses, printer.clone(), tcp);
    let interrupted = tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = link.closed() => Ok(()),
    };
    link.stop();
    let ended = link.closed().await;
    printer.summary();
    match (ended, interrupted) {
        (Ok(()), Ok(())) => ExitCode::SUCCESS,
        (Err(error), _) => {
            eprintln!("watch: {error}");
            ExitCode::FAILURE
        }
        (_, Err(error)) => {
            eprintln!("watch: cannot wait for Ctrl-C: {error}");
            ExitCode::FAILURE
        }
    }
}

/// With several addresses each has a circuit breaker.
fn policy(addresses: usize) -> Policy {
    if addresses < 2 {
        return Policy::DEFAULT;
    }
    let built = Policy::builder().breaker(BreakerPolicy::consecutive(3)).build();
    built.unwrap_or(Policy::DEFAULT)
}

/// What is wrong with an address, before anything is dialed. A name that does not resolve is no error: it
/// may tomorrow.
fn malformed(address: &str) -> Option<String> {
    let fault = match address.rsplit_once(':') {
        None => "has no port",
        Some((_, port)) if !matches!(port.parse::<u16>(), Ok(1..)) => {
            "needs a port between 1 and 65535"
        }
        Some(("", _)) => "has no host",
        Some((host, _)) if host.contains(char::REPLACEMENT_CHARACTER) => "is not Unicode",
        Some((host, _)) if host.starts_with('[') => {
            let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
            match inner.map(str::parse::<std::net::Ipv6Addr>) {
                Some(Ok(_)) => return None,
                _ => "is no IPv6 address in brackets",
            }
        }
        Some((host, _)) if host.contains("//") => "is a URL and not HOST:PORT",
        Some((host, _)) if host.contains(':') => "needs brackets around an IPv6 address",
        Some((host, _)) if host.contains(|c: char| c.is_whitespace() || "/@?#".contains(c)) => {
            "is not HOST:PORT"
        }
        Some(_) => return None,
    };
    Some(format!("{address:?} {fault}"))
}

/// Spawns a link over all the addresses, watched by `printer`.
fn watch<F>(
    policy: Policy,
    addresses: Vec<String>,
    printer: Printer,
    dial: impl Fn(String, Attempt) -> F + Send + 'static,
) -> Link
where
    F: Future<Output = io::Result<TcpStream>> + Send + 'static,
{
    let endpoints: Vec<Endpoint> =
        (0..).zip(&addresses).map(|(key, _)| Endpoint::new(key)).collect();
    let reconnector = Reconnector::with_endpoints(policy, seed(), endpoints);
    let address = move |key: u32| addresses[key as usize].clone();
    let drive = driver(reconnector)
        .observe(move |transition: &_| printer.print(transition))
        .drive(move |attempt: Attempt| dial(address(attempt.dial.endpoint), attempt), read_to_end);
    spawn_drive(drive)
}

/// A seed of its own for every process, so that no two dial in step.
#[expect(clippy::disallowed_methods, reason = "the one thing here that is to differ in every run")]
fn seed() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::from(since.subsec_nanos()) << 32 | u64::from(std::process::id())
}

/// A TCP connection, to whatever the name means now.
async fn tcp(address: String, _attempt: Attempt) -> io::Result<TcpStream> {
    connect(address).await
}

/// Reads whatever comes until the server closes.
async fn read_to_end(mut stream: TcpStream, session: Session) -> Ended<io::Error> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        match stream.read(&mut buffer).await {
            Ok(0) => {
                let kind = io::ErrorKind::UnexpectedEof;
                return Ended::Lost(io::Error::new(kind, "closed by the server"));
            }
            Ok(_) => session.activity(),
            Err(error) => return Ended::Lost(error),
        }
    }
}

type Shared<T> = Arc<Mutex<T>>;
