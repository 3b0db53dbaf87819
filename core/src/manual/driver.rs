//! How is a driver written?
//!
//! A complete one, for a thread:
//!
//! ```
//! # use std::io::{Error, ErrorKind, Read};
//! # use std::net::{SocketAddr, TcpListener, TcpStream};
//! # use std::time::{Duration, Instant};
//! use redial::{Action, Event, Failure, GiveUp, Policy, Reconnector, Timestamp};
//!
//! fn run(addr: SocketAddr, policy: &Policy, seed: u64) -> GiveUp {
//!     let origin = Instant::now();
//!     let now = || Timestamp::from_origin(origin.elapsed());
//!     let mut link = Reconnector::new(policy, seed);
//!     let mut stream = None;
//!     let mut action = link.handle(now(), Event::Start);
//!     loop {
//!         action = match action {
//!             Action::Dial(dial) => {
//!                 let left = dial.deadline.saturating_since(now());
//!                 // A timeout of zero is an error in std; the dial is over then anyway.
//!                 let left = left.max(Duration::from_nanos(1));
//!                 match TcpStream::connect_timeout(&addr, left) {
//!                     Ok(connected) => {
//!                         stream = Some(connected);
//!                         link.handle(now(), Event::Connected(dial.id))
//!                     }
//!                     Err(error) => link.handle(now(), Event::DialFailed(dial.id, why(&error))),
//!                 }
//!             }
//!             Action::SleepUntil(wait) => {
//!                 std::thread::sleep(wait.until.saturating_since(now()));
//!                 link.handle(now(), Event::Tick)
//!             }
//!             Action::Hold(hold) => {
//!                 let why = serve(stream.take());
//!                 link.handle(now(), Event::Closed(hold.id, why))
//!             }
//!             Action::GiveUp(end) => return end,
//!             Action::Idle => unreachable!("nothing here stops it"),
//!         };
//!     }
//! }
//!
//! fn serve(stream: Option<TcpStream>) -> Failure {
//!     match stream.map(|mut stream| stream.read(&mut [0; 64])) {
//!         Some(Err(error)) => why(&error),
//!         Some(Ok(_)) | None => Failure::Unreachable,
//!     }
//! }
//!
//! fn why(error: &Error) -> Failure {
//!     match error.kind() {
//!         ErrorKind::TimedOut | ErrorKind::WouldBlock => Failure::TimedOut,
//!         _ => Failure::Unreachable,
//!     }
//! }
//! # let server = TcpListener::bind("127.0.0.1:0")?;
//! # let addr = server.local_addr()?;
//! # std::thread::spawn(move || drop(server.accept()));
//! # let policy = Policy::builder().max_attempts(2).build().unwrap();
//! # let end = run(addr, &policy, 1);
//! # assert_eq!(end.attempts, 2);
//! # Ok::<(), Error>(())
//! ```
//!
//! To stop it from another thread, keep a clone of the socket (`try_clone`), shut that down, and let
//! the loop look at a flag of yours before it goes on; `Event::Stop` then says what is to be dropped.
//! A wait can be cut short if the loop sleeps on a channel (`recv_timeout`) instead of
//! `thread::sleep`.
//!
//! # In an event loop
//!
//! Keep one dial, at most two connections and one deadline per link, and after every `handle`
//! reconcile them with four questions: [`Action::dial`](crate::Action::dial),
//! [`held`](crate::Action::held), [`draining`](crate::Action::draining),
//! [`wake`](crate::Action::wake). What is not named is dropped; a dial that is named and not
//! running is started. There is nothing else to it; `tests/examples/event_loop.rs` in the
//! repository does it on mio.
//!
//! To stop gracefully: from then on start no dial that the action names, let the connections finish, and
//! say [`Stop`](crate::Event::Stop) when they have ended or your time is up.
//!
//! # Rules
//!
//! * Deliver finished I/O before you tick: a success counts until a later call has ended its dial,
//!   so at the deadline it is the order that decides.
//! * Where readiness is edge-triggered (mio, epoll), read a socket as soon as it is connected: its end
//!   may have come with it, and is not told again.
//! * Read the clock after you have waited, not before.
//! * Round sleeps up, and do not sleep for a wake that has come.
//! * Never send `Confirmed` for being connected. Only the application knows, or an answer that it got.
//! * One outcome per dial, one end per connection. A second one is ignored, and counted.
//! * Close what you drop. A connection that the action no longer names is still a socket.
//!
//! # On an async runtime
//!
//! There is one loop for all of them, in `redial-async`; a runtime is two methods, `now` and
//! `sleep_until`.
