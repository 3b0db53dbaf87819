//! Fuzzes a client of your own together with the machine: bytes say what the server and the network do,
//! and after every input what you promise must hold.
//!
//! Run it: `cargo run -p redial-testkit --example fuzz_your_client` (2 s)
//!
//! The client here promises that what is posted arrives, in order and once, however often the connection
//! breaks. Under cargo-fuzz the same function is the whole target:
//! `fuzz_target!(|input: &[u8]| check(input, false).unwrap());`

use std::collections::VecDeque;
use std::error::Error;
use std::io::{Write, stdout};

use redial::{Action, DialId, Event, Failure, Policy, Reconnector, Timestamp};
use redial_testkit::{Bytes, Random, seed, span};

/// The client: messages wait in the outbox until the server has confirmed them.
struct Client {
    link: Reconnector,
    outbox: VecDeque<usize>,
    /// So many of the outbox were sent on this connection.
    sent: usize,
    on: Option<DialId>,
    /// A bug: what was sent on the last connection is not sent again.
    forgets: bool,
}

impl Client {
    fn handle(&mut self, now: Timestamp, event: Event) -> Action {
        let action = self.link.handle(now, event);
        if action.held() != self.on {
            self.on = action.held();
            if !self.forgets {
                self.sent = 0;
            }
        }
        action
    }

    fn send(&mut self) -> Option<(DialId, usize)> {
        let message = (self.on?, *self.outbox.get(self.sent)?);
        self.sent += 1;
        Some(message)
    }

    fn confirmed(&mut self, on: DialId, message: usize) {
        if self.on == Some(on) && self.sent > 0 && self.outbox.front() == Some(&message) {
            self.outbox.pop_front();
            self.sent -= 1;
        }
    }
}

fn check(input: &[u8], forgets: bool) -> Result<usize, String> {
    let mut client = Client {
        link: Reconnector::new(Policy::DEFAULT, u64::from(input.first().copied().unwrap_or(0))),
        outbox: VecDeque::new(),
        sent: 0,
        on: None,
        forgets,
    };
    let (mut now, mut posted, mut bytes) = (Timestamp::ORIGIN, 0, Bytes::new(input));
    let (mut arrived, mut confirming) = (Vec::new(), VecDeque::new());
    let mut action = client.handle(now, Event::Start);
    while !bytes.is_empty() {
        let event = match (bytes.byte() % 12, action.dial(), client.on) {
            (0..=2, ..) => {
                client.outbox.push_back(posted);
                posted += 1;
                Event::Tick
            }
            (3..=4, Some(dial), _) => Event::Connected(dial.id),
            (5, Some(dial), _) => Event::DialFailed(dial.id, Failure::Overloaded),
            (3..=5, None, _) => {
                now = action.wake().min(now.saturating_add(span(200)));
                Event::Tick
            }
            (6..=7, ..) => {
                deliver(&mut client, &mut arrived, &mut confirming);
                Event::Tick
            }
            (8, ..) => {
                if let Some((on, message)) = confirming.pop_front() {
                    client.confirmed(on, message);
                }
                Event::Tick
            }
            (9, _, Some(id)) => {
                client.send(); // lost on the way
                Event::Closed(id, Failure::Unreachable)
            }
            (10, _, Some(id)) => Event::GoingAway(id, None),
            _ => {
                now = now.saturating_add(span(bytes.byte() % 200));
                Event::Redial
            }
        };
        action = client.handle(now, event);
    }
    // From now on the server is well. Whatever was posted must arrive.
    for _ in 0..1000 {
        let event = action.dial().map_or(Event::Tick, |dial| Event::Connected(dial.id));
        now = if action.dial().is_some() || action.wake() == Timestamp::MAX {
            now
        } else {
            action.wake()
        };
        action = client.handle(now, event);
        while deliver(&mut client, &mut arrived, &mut confirming) {}
        while let Some((on, message)) = confirming.pop_front() {
            client.confirmed(on, message);
        }
    }
    match arrived.len() {
        all if all == posted => Ok(posted),
        some => Err(format!("{posted} posted, {some} arrived; {action}")),
    }
}

/// One message to the server, which drops what it has and refuses what leaves a gap.
fn deliver(
    client: &mut Client,
    arrived: &mut Vec<usize>,
    confirming: &mut VecDeque<(DialId, usize)>,
) -> bool {
    let Some((on, message)) = client.send() else { return false };
    if message == arrived.len() {
        arrived.push(message);
    }
    if message < arrived.len() {
        confirming.push_back((on, message));
    }
    true
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut random = Random::new(seed("fuzz_your_client"));
    let mut messages = 0;
    for _ in 0..2000 {
        messages += check(&random.array::<64>(), false)?;
    }
    writeln!(stdout(), "2000 inputs, {messages} messages: each arrived once, in order")?;

    let found = (1..).find_map(|input| check(&random.array::<64>(), true).err().zip(Some(input)));
    let (report, input) = found.ok_or("the bug is there")?;
    writeln!(stdout(), "with a bug in the client, input {input} finds it: {report}")?;
    Ok(())
}
