//! What other libraries do, as small models. Each names its source; only timing is modelled.

use super::client::{Input, Wants};
use super::rng::Rng;

/// A model of a library's reconnecting.
#[derive(Debug)]
pub struct Peer {
    /// Its name in tables.
    pub name: &'static str,
    /// Where its figures are from.
    pub source: &'static str,
    /// The wait in seconds before a dial; `None` gives up.
    delay: fn(&mut Memory, &mut Rng) -> Option<f64>,
    /// Dial deadline in seconds.
    timeout: fn(&Memory) -> f64,
    /// How long a connection must be up, in seconds, before failures are forgotten; 0 for at once.
    reset_after: f64,
}

/// What a model remembers.
#[derive(Clone, Copy, Debug)]
struct Memory {
    /// Dials that have failed since the last reset; 0 before the first dial of an outage.
    failed: u32,
    /// The last wait, in seconds.
    previous: f64,
    /// Uniform in [0, 1), drawn once for this client.
    personal: f64,
    /// Seconds since the outage began.
    elapsed: f64,
}

/// `initial × factor ^ failed`, at most `cap`.
fn grown(initial: f64, factor: f64, failed: u32, cap: f64) -> f64 {
    (initial * factor.powf(f64::from(failed.min(100)))).min(cap)
}

fn doubled(initial: f64, failed: u32, cap: f64) -> f64 {
    grown(initial, 2.0, failed, cap)
}

fn grpc(failed: u32) -> f64 {
    grown(1.0, 1.6, failed, 120.0)
}

fn table(delays: &[f64], failed: u32, then: f64) -> f64 {
    delays.get(failed as usize).copied().unwrap_or(then)
}

/// Every peer, as a namespace.
#[derive(Debug)]
pub struct Peers;

impl Peers {
    /// Full jitter, the most recommended strategy.
    pub const AWS_FULL: Peer = Peer {
        name: "AWS full jitter",
        source: "AWS Architecture Blog, Exponential Backoff And Jitter (2015); 1 s ×2 ≤ 30 s, 10 s timeout",
        delay: |m, rng| Some(rng.uniform(0.0, doubled(1.0, m.failed, 30.0))),
        timeout: |_| 10.0,
        reset_after: 0.0,
    };

    /// All of them.
    pub const ALL: &'static [Peer] = &[
        Peer {
            name: "fixed 1 s",
            source: "the loop everybody writes first; 10 s timeout",
            delay: |_, _| Some(1.0),
            timeout: |_| 10.0,
            reset_after: 0.0,
        },
        Peer {
            name: "exponential, no jitter",
            source: "1 s ×2 ≤ 30 s, 10 s timeout",
            delay: |m, _| Some(doubled(1.0, m.failed, 30.0)),
            timeout: |_| 10.0,
            reset_after: 0.0,
        },
        Self::AWS_FULL,
        Peer {
            name: "AWS equal jitter",
            source: "as full jitter",
            delay: |m, rng| {
                let interval = doubled(1.0, m.failed, 30.0);
                Some(rng.uniform(interval / 2.0, interval))
            },
            timeout: |_| 10.0,
            reset_after: 0.0,
        },
        Peer {
            name: "AWS decorrelated jitter",
            source: "as full jitter",
            delay: |m, rng| {
                let previous = if m.failed == 0 { 1.0 } else { m.previous };
                Some(rng.uniform(1.0, previous * 3.0).min(30.0))
            },
            timeout: |_| 10.0,
            reset_after: 0.0,
        },
        Peer {
            name: "full jitter + breaker",
            source: "as full jitter, with a breaker of 5 failures and 30 s",
            delay: |m, rng| {
                let interval = rng.uniform(0.0, doubled(1.0, m.failed, 30.0));
                Some(if m.failed >= 5 { interval.max(30.0) } else { interval })
            },
            timeout: |_| 10.0,
            reset_after: 0.0,
        },
        Peer {
            name: "gRPC-go",
            source: "gRPC connection-backoff.md: 1 s ×1.6 ± 20 % ≤ 120 s, at least 20 s to connect",
            delay: |m, rng| match m.failed {
                0 => Some(0.0),
                1 => Some(1.0),
                failed => Some(grpc(failed - 1) * rng.uniform(0.8, 1.2)),
            },
            timeout: |m| grpc(m.failed).max(20.0),
            reset_after: 0.0,
        },
        Peer {
            name: "reconnecting-websocket",
            source: "pladaria/reconnecting-websocket 4: U(1, 5) s drawn once, ×1.3 ≤ 10 s, 4 s timeout",
            delay: |m, _| Some(grown(1.0 + 4.0 * m.personal, 1.3, m.failed, 10.0)),
            timeout: |_| 4.0,
            reset_after: 5.0,
        },
        Peer {
            name: "socket.io",
            source: "socket.io-client 4: 1 s ×2 ± 50 % ≤ 5 s, 20 s timeout",
            delay: |m, rng| {
                let interval = doubled(1.0, m.failed, f64::INFINITY);
                Some((interval * rng.uniform(0.5, 1.5)).min(5.0))
            },
            timeout: |_| 20.0,
            reset_after: 0.0,
        },
        Peer {
            name: "phoenix",
            source: "phoenix.js 1.7: 10, 50, 100, 150, 200, 250, 500, 1000, 2000, then 5000 ms; 10 s timeout",
            delay: |m, _| {
                let delays = [0.01, 0.05, 0.1, 0.15, 0.2, 0.25, 0.5, 1.0, 2.0];
                Some(table(&delays, m.failed, 5.0))
            },
            timeout: |_| 10.0,
            reset_after: 0.0,
        },
        Peer {
            name: "nats.go",
            source: "nats.go 1: 2 s + U(0, 100) ms, 2 s timeout, gives up after 60 dials",
            delay: |m, rng| match m.failed {
                0 => Some(0.0),
                60.. => None,
                _ => Some(2.0 + rng.uniform(0.0, 0.1)),
            },
            timeout: |_| 2.0,
            reset_after: 0.0,
        },
        Peer {
            name: "async-nats",
            source: "async-nats 0.4x: 0, 2, 4, 8 … 4000 ms without jitter, 5 s timeout",
            delay: |m, _| Some(if m.failed == 0 { 0.0 } else { doubled(0.001, m.failed, 4.0) }),
            timeout: |_| 5.0,
            reset_after: 0.0,
        },
        Peer {
            name: "stubborn-io",
            source: "stubborn-io 0.3: 5, 10, 20 … 60 s, 2, 5, 10, 20 min, then 30 min; TCP's own 127 s timeout",
            delay: |m, _| {
                let delays = [5.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 120.0, 300.0, 600.0, 1200.0];
                Some(table(&delays, m.failed, 1800.0))
            },
            timeout: |_| 127.0,
            reset_after: 0.0,
        },
        Peer {
            name: "backoff",
            source: "backoff 0.4: 0.5 s ×1.5 ± 50 % ≤ 60 s, gives up after 15 min; TCP's own 127 s timeout",
            delay: |m, rng| {
                let interval = grown(0.5, 1.5, m.failed, 60.0);
                (m.elapsed < 900.0).then(|| interval * rng.uniform(0.5, 1.5))
            },
            timeout: |_| 127.0,
            reset_after: 0.0,
        },
    ];

    /// The peer of this name.
    pub fn find(name: &str) -> Option<&'static Peer> {
        Self::ALL.iter().find(|peer| peer.name.eq_ignore_ascii_case(name))
    }
}

const SECOND: f64 = 1e9;

/// One client of a modelled library.
#[derive(Debug)]
pub(crate) struct PeerClient {
    peer: &'static Peer,
    rng: Rng,
    memory: Memory,
    outage: u64,
    id: u64,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Waiting(u64),
    Dialing(u64),
    Held { since: u64 },
    Over,
}

impl PeerClient {
    pub(crate) fn new(peer: &'static Peer, seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let personal = rng.unit();
        let memory = Memory { failed: 0, previous: 0.0, personal, elapsed: 0.0 };
        Self { peer, rng, memory, outage: 0, id: 0, state: State::Over }
    }

    pub(crate) fn handle(&mut self, now: u64, input: Input) -> Wants {
        match (self.state, input) {
            (State::Over, Input::Start) => {
                self.outage = now;
                self.dial(now);
            }
            (State::Waiting(until), Input::Tick) if now >= until => self.dial(now),
            (State::Dialing(deadline), Input::Tick) if now >= deadline => self.failed(now),
            (State::Dialing(_), Input::Failed(id, _)) if id == self.id => self.failed(now),
            (State::Dialing(_), Input::Connected(id)) if id == self.id => {
                self.state = State::Held { since: now };
                if self.peer.reset_after == 0.0 {
                    self.memory.failed = 0;
                }
            }
            (State::Held { since }, Input::Closed(id, _)) if id == self.id => {
                let up = now.saturating_sub(since) as f64 / SECOND;
                if up >= self.peer.reset_after {
                    self.memory.failed = 0;
                    self.outage = now;
                } else {
                    self.memory.failed += 1;
                }
                self.wait(now);
            }
            _ => {}
        }
        Wants {
            dial: matches!(self.state, State::Dialing(_)).then_some(self.id),
            held: matches!(self.state, State::Held { .. }).then_some(self.id),
            wake: match self.state {
                State::Waiting(at) | State::Dialing(at) => at,
                State::Held { .. } | State::Over => u64::MAX,
            },
            gave_up: matches!(self.state, State::Over),
        }
    }

    fn failed(&mut self, now: u64) {
        self.memory.failed += 1;
        self.wait(now);
    }

    fn wait(&mut self, now: u64) {
        self.memory.elapsed = now.saturating_sub(self.outage) as f64 / SECOND;
        self.state = match (self.peer.delay)(&mut self.memory, &mut self.rng) {
            None => State::Over,
            Some(delay) => {
                self.memory.previous = delay;
                State::Waiting(now + (delay * SECOND) as u64)
            }
        };
        if let State::Waiting(until) = self.state {
            if until <= now {
                self.dial(now);
            }
        }
    }

    fn dial(&mut self, now: u64) {
        self.id += 1;
        self.state = State::Dialing(now + ((self.peer.timeout)(&self.memory) * SECOND) as u64);
    }
}
