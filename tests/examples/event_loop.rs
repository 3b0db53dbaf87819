//! An event loop of one's own (mio): one thread, readiness, and the reconnector's one timer.
//!
//! Run it: `cargo run -p redial-testkit --example event_loop` (3 s)
//!
//! The whole driver is [`Loop::turn`]: drop what the action does not name, start the dial that it
//! names, wait for readiness until the wake, and report finished I/O before a tick.

use std::io::{self, Read, Write, stdout};
use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use redial::{Action, Backoff, DialId, Event, Failure, Policy, Reconnector, Timestamp};

/// One link over mio.
pub(crate) struct Loop<'a> {
    link: Reconnector<&'a Policy>,
    address: SocketAddr,
    origin: Instant,
    poll: Poll,
    events: Events,
    /// Every socket that exists: the dial in flight, the link, and one that drains.
    sockets: Vec<(DialId, TcpStream)>,
}

impl<'a> Loop<'a> {
    /// A started link to `address`.
    pub(crate) fn new(address: SocketAddr, policy: &'a Policy, seed: u64) -> io::Result<Self> {
        let link = Reconnector::new(policy, seed);
        let (poll, events, sockets) = (Poll::new()?, Events::with_capacity(8), Vec::new());
        let mut this = Self { link, address, origin: instant(), poll, events, sockets };
        this.report(Event::Start);
        Ok(this)
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_origin(instant().duration_since(self.origin))
    }

    fn report(&mut self, event: Event) -> Action {
        let now = self.now();
        self.link.handle(now, event)
    }

    /// One turn of the loop; returns the action after it.
    pub(crate) fn turn(&mut self) -> io::Result<Action> {
        let action = self.link.action();
        let dial = action.dial().map(|dial| dial.id);
        let named = [dial, action.held(), action.draining().map(|old| old.id)];
        self.sockets.retain(|(id, _)| named.contains(&Some(*id)));
        if let Some(id) = dial.filter(|id| self.sockets.iter().all(|(other, _)| other != id)) {
            let Ok(mut socket) = TcpStream::connect(self.address) else {
                return Ok(self.report(Event::DialFailed(id, Failure::Unreachable)));
            };
            let interest = Interest::READABLE | Interest::WRITABLE;
            self.poll.registry().register(&mut socket, token(id), interest)?;
            self.sockets.push((id, socket));
        }
        let timeout = action.timeout(self.now());
        self.poll.poll(&mut self.events, timeout)?;
        let ready: Vec<Token> = self.events.iter().map(mio::event::Event::token).collect();
        let happened: Vec<Event> = self
            .sockets
            .iter_mut()
            .filter(|(id, _)| ready.contains(&token(*id)))
            .flat_map(|(id, socket)| happened(*id, socket, dial == Some(*id)))
            .flatten()
            .collect();
        for event in happened {
            self.report(event);
        }
        Ok(self.report(Event::Tick))
    }
}

fn token(id: DialId) -> Token {
    Token(usize::try_from(id.get()).unwrap_or(usize::MAX))
}

/// What readiness means for this socket. It is told once, so a socket that has just connected is read as
/// well: a greeting, or the end, may have come with it.
pub(crate) fn happened(id: DialId, socket: &mut TcpStream, dialing: bool) -> [Option<Event>; 2] {
    if !dialing {
        return [read(id, socket), None];
    }
    let failed = socket.take_error().unwrap_or_else(Some);
    match (failed, socket.peer_addr()) {
        (Some(_), _) => [Some(Event::DialFailed(id, Failure::Unreachable)), None],
        (None, Ok(_)) => [Some(Event::Connected(id)), read(id, socket)],
        // Not yet.
        (None, Err(_)) => [None, None],
    }
}

/// Reads all that there is.
fn read(id: DialId, socket: &mut TcpStream) -> Option<Event> {
    let mut buffer = [0; 512];
    let mut received = false;
    loop {
        match socket.read(&mut buffer) {
            Ok(0) => return Some(Event::Closed(id, Failure::Unreachable)),
            Ok(_) => received = true,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return received.then_some(Event::Activity(id));
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return Some(Event::Closed(id, Failure::Unreachable)),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the driver: the clock is read here")]
fn instant() -> Instant {
    Instant::now()
}

/// Nobody for 200 ms, then closes what it accepts for 300 ms, then is well for a second.
pub(crate) fn troubled_server() -> io::Result<SocketAddr> {
    // The port is known, and nobody is there yet.
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    thread::spawn(move || -> io::Result<()> {
        thread::sleep(Duration::from_millis(200));
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let mut kept = Vec::new();
        for turn in 0..130 {
            if let Ok((stream, _)) = listener.accept() {
                if turn >= 30 {
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
    let mut driver = Loop::new(troubled_server()?, &POLICY, 7)?;
    let mut last = Action::Idle;
    while !matches!(last, Action::GiveUp(_)) {
        let action = driver.turn()?;
        if action != last {
            writeln!(stdout(), "{action}")?;
        }
        last = action;
    }
    Ok(())
}
