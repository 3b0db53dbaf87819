//! The work, done by a fleet.

use std::collections::VecDeque;
use std::hint::black_box;
use std::time::{Duration, Instant};

use redial::Timestamp;
use redial::{Action, Backoff, DialId, Event, Failure, FirstRetry, Jitter, Policy, Reconnector};
use redial_fleet::{Fleet, Key};

use crate::World;
use crate::tasks::Draws;

/// How long a connection lasts.
pub(crate) const UP: Duration = Duration::from_secs(30);

const POLICY: Policy = match Policy::builder()
    .backoff(Backoff::exponential(Duration::from_millis(100), 2, 1))
    .cap(Duration::from_secs(30))
    .jitter(Jitter::Equal)
    .first_retry(FirstRetry::Immediate)
    .startup_splay(Duration::from_secs(30))
    .rate_limit(100, Duration::from_millis(10))
    .build()
{
    Ok(policy) => policy,
    Err(_) => panic!("a bad policy"),
};

pub(crate) struct Links {
    fleet: Fleet<&'static Policy>,
    /// When the server closes which connection; all last equally long.
    up: VecDeque<(Timestamp, Key, DialId)>,
    /// Dials in flight.
    dials: Vec<(Key, DialId)>,
    /// Room for those of the next turn.
    spare: Vec<(Key, DialId)>,
    now: Timestamp,
    draws: Draws,
    events: u64,
}

impl World for Links {
    fn new(links: u32) -> Self {
        static SHARED: Policy = POLICY;
        let mut fleet = Fleet::new();
        fleet.reserve(links as usize);
        let now = Timestamp::ORIGIN;
        for seed in 0..u64::from(links) {
            let key = fleet.insert(now, Reconnector::new(&SHARED, seed));
            fleet.handle(now, key, Event::Start);
        }
        let (up, dials, spare) = (VecDeque::new(), Vec::new(), Vec::new());
        Self { fleet, up, dials, spare, now, draws: Draws(1), events: 0 }
    }

    fn server(&self) -> usize {
        // A fleet's driver would know which link a connection is of: that is not the server's.
        self.up.capacity() * size_of::<(Timestamp, Key, DialId)>()
            - self.up.len() * size_of::<(Key, DialId)>()
    }

    fn elapsed(&self) -> Duration {
        self.now.since_origin()
    }

    fn run(&mut self, events: u64) -> u64 {
        let before = self.events;
        while self.events < before + events {
            let close = self.up.front().map_or(Timestamp::MAX, |(at, ..)| *at);
            let wake = self.fleet.wake().min(close).max(self.now);
            // A turn of a real loop reads the clock, as tokio does.
            #[expect(clippy::disallowed_methods, reason = "a bench reads the clock")]
            black_box(Instant::now());
            self.now = Timestamp::from_nanos(wake.as_nanos().next_multiple_of(1_000_000));
            while let Some((at, key, id)) = self.up.front().copied() {
                if at > self.now {
                    break;
                }
                self.up.pop_front();
                self.events += 1;
                let closed = Event::Closed(id, Failure::Unreachable);
                if let Some(action) = self.fleet.handle(self.now, key, closed) {
                    self.begin(key, &action);
                }
            }
            while let Some((key, action)) = self.fleet.poll(self.now) {
                self.begin(key, &action);
            }
            // A dial takes one turn of the loop.
            let mut ended = core::mem::replace(&mut self.dials, core::mem::take(&mut self.spare));
            self.events += ended.len() as u64;
            for (key, id) in &ended {
                self.end(*key, *id);
            }
            ended.clear();
            self.spare = ended;
        }
        self.events - before
    }
}

impl Links {
    fn begin(&mut self, key: Key, action: &Action) {
        if let Action::Dial(dial) = action {
            self.dials.push((key, dial.id));
        }
    }

    /// One dial in eight succeeds.
    fn end(&mut self, key: Key, id: DialId) {
        let event = if self.draws.one_in_eight() {
            self.up.push_back((self.now.saturating_add(UP), key, id));
            Event::Connected(id)
        } else {
            Event::DialFailed(id, Failure::Unreachable)
        };
        if let Some(action) = self.fleet.handle(self.now, key, event) {
            self.begin(key, &action);
        }
    }
}
