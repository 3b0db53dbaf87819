//! A complete blocking driver: one thread, one connection, nothing but `std`.
//!
//! Run it: `cargo run -p redial --example blocking` (2 s)
//!
//! It keeps a connection to a server of its own, which refuses at first, then closes each connection as
//! soon as it is accepted, and at last is well for a while; `max_elapsed` ends it after that.

use std::io::{self, Read, Write, stdout};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use redial::{Action, Backoff, Event, Failure, GiveUp, Policy, Reconnector, Timestamp};

/// Keeps a connection to `address` until the policy gives up; says what it does.
pub(crate) fn keep(
    address: SocketAddr,
    mut link: Reconnector<&Policy>,
    mut said: impl FnMut(&Action),
) -> GiveUp {
    #[expect(clippy::disallowed_methods, reason = "this is the driver: the clock is read here")]
    let clock = Instant::now;
    let origin = clock();
    let now = || Timestamp::from_origin(clock().duration_since(origin));
    let mut connection = None;
    let mut action = link.handle(now(), Event::Start);
    loop {
        said(&action);
        action = match action {
            Action::Dial(dial) => match connect(&address, dial.deadline.saturating_since(now())) {
                Ok(stream) => {
                    connection = Some(stream);
                    link.handle(now(), Event::Connected(dial.id))
                }
                Err(error) => link.handle(now(), Event::DialFailed(dial.id, failure(&error))),
            },
            Action::SleepUntil(wait) => {
                thread::sleep(wait.until.saturating_since(now()));
                link.handle(now(), Event::Tick)
            }
            Action::Hold(hold) => {
                let why = connection.take().map_or(Failure::Unreachable, serve);
                link.handle(now(), Event::Closed(hold.id, why))
            }
            Action::GiveUp(end) => return end,
            Action::Idle => unreachable!("nothing here stops it"),
        };
    }
}

fn connect(address: &SocketAddr, time: Duration) -> io::Result<TcpStream> {
    if time.is_zero() {
        return Err(io::ErrorKind::TimedOut.into());
    }
    TcpStream::connect_timeout(address, time)
}

/// The application: reads until the connection ends.
fn serve(mut connection: TcpStream) -> Failure {
    let mut buffer = [0; 512];
    loop {
        match connection.read(&mut buffer) {
            Ok(0) => return Failure::Unreachable,
            Ok(_) => {}
            Err(error) => return failure(&error),
        }
    }
}

/// By kind, never by text.
fn failure(error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::TimedOut => Failure::TimedOut,
        _ => Failure::Unreachable,
    }
}

/// Nobody for 200 ms, then closes what it accepts until 600 ms, then is well until 1.2 s.
pub(crate) fn troubled_server() -> io::Result<SocketAddr> {
    // The port is known, and nobody is there yet.
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    thread::spawn(move || -> io::Result<()> {
        thread::sleep(Duration::from_millis(200));
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let mut kept = Vec::new();
        for turn in 0..100 {
            if let Ok((stream, _)) = listener.accept() {
                if turn >= 40 {
                    kept.push(stream);
                }
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    });
    Ok(address)
}

/// Figures for a server on loopback, and an end.
pub(crate) const POLICY: Policy = match Policy::builder()
    .backoff(Backoff::exponential(Duration::from_millis(40), 3, 2))
    .cap(Duration::from_millis(150))
    .stable_after(Duration::from_millis(200))
    .rate_limit(20, Duration::from_millis(20))
    .max_elapsed(Duration::from_millis(1500))
    .build()
{
    Ok(policy) => policy,
    Err(_) => panic!("a rule is broken"),
};

#[cfg_attr(test, expect(dead_code, reason = "the test calls what it calls"))]
fn main() -> io::Result<()> {
    let address = troubled_server()?;
    let end = keep(address, Reconnector::new(&POLICY, 7), |action| {
        // Whoever reads this may have had enough of it.
        let _ = writeln!(stdout(), "{action}");
    });
    writeln!(stdout(), "{end}")
}
