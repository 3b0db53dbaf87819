//! A server that says when: forty clients come at once to one that takes twenty a second.
//!
//! Run it: `cargo run -p redial --example virtual_queue`. Real sockets on loopback, one thread for
//! each client, and nothing but `std`.

use std::io::{self, BufRead, BufReader, Write, stdout};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use redial::{Action, Admission, Event, Failure, Policy, Reconnector, Timestamp, VirtualQueue};

const CLIENTS: u64 = 40;
const HANDSHAKE: Duration = Duration::from_millis(50);

#[expect(clippy::disallowed_methods, reason = "a driver reads the clock")]
fn clock() -> impl Fn() -> Timestamp + Copy {
    let start = Instant::now();
    move || Timestamp::from_origin(start.elapsed())
}

/// Answers every client at once, but works on one at a time.
fn serve(listener: &TcpListener, now: impl Fn() -> Timestamp) -> io::Result<()> {
    let mut queue = VirtualQueue::new(HANDSHAKE, Duration::from_secs(1));
    for stream in listener.incoming() {
        let mut stream = stream?;
        match queue.admit(now()) {
            Admission::Admitted => writeln!(stream, "welcome")?,
            Admission::RetryAfter(delay) => writeln!(stream, "retry {}", delay.as_millis())?,
        }
    }
    Ok(())
}

/// Dials until it is welcome; returns how often it had to, and when it was.
fn client(address: SocketAddr, seed: u64, now: impl Fn() -> Timestamp) -> (u32, Timestamp) {
    let mut link = Reconnector::new(&Policy::DEFAULT, seed);
    let mut action = link.handle(now(), Event::Start);
    loop {
        let event = match action {
            Action::Dial(dial) => match hello(address, dial.deadline.saturating_since(now())) {
                Ok(None) => return (dial.attempt, now()),
                Ok(Some(delay)) => {
                    let failure = Failure::RetryAfter { delay, spread: Duration::ZERO };
                    Event::DialFailed(dial.id, failure)
                }
                Err(_) => Event::DialFailed(dial.id, Failure::Unreachable),
            },
            Action::SleepUntil(wait) => {
                sleep(wait.until.saturating_since(now()));
                Event::Tick
            }
            Action::Idle | Action::Hold(_) | Action::GiveUp(_) => Event::Start,
        };
        action = link.handle(now(), event);
    }
}

/// `None` is welcome; else the server said how long to stay away.
fn hello(address: SocketAddr, timeout: Duration) -> io::Result<Option<Duration>> {
    let stream = TcpStream::connect_timeout(&address, timeout.max(Duration::from_millis(1)))?;
    stream.set_read_timeout(Some(timeout.max(Duration::from_millis(1))))?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    match line.trim().split_once(' ') {
        None if line.trim() == "welcome" => Ok(None),
        Some(("retry", millis)) => {
            let millis = millis.parse().map_err(io::Error::other)?;
            Ok(Some(Duration::from_millis(millis)))
        }
        _ => Err(io::Error::from(io::ErrorKind::InvalidData)),
    }
}

fn main() -> io::Result<()> {
    let now = clock();
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || serve(&listener, now));
    let clients: Vec<_> =
        (0..CLIENTS).map(|seed| thread::spawn(move || client(address, seed, now))).collect();
    let (mut dials, mut waited, mut last) = (0, 0, Timestamp::ORIGIN);
    for client in clients {
        let (attempts, at) = client.join().map_err(|_| io::Error::other("a client panicked"))?;
        dials += attempts;
        waited += u32::from(attempts > 1);
        last = last.max(at);
    }
    let mut out = stdout();
    writeln!(out, "{CLIENTS} clients came at once; {waited} were told when to come back")?;
    writeln!(out, "all were in after {last}, with {dials} dials in all")
}
