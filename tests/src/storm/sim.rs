//! The simulation of one cell: events in order of time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use redial::Failure;

use super::client::{Client, Input, Wants};
use super::report::{Report, Run};
use super::rng::Rng;
use super::scenario::{Cell, Down};
use super::server::{Done, Server, Verdict};
use super::timeline::Timeline;

const SECOND: u64 = 1_000_000_000;
const HALF_TRIP: u64 = 25_000_000;
/// Over how long the mass disconnect is spread.
const SPREAD: f64 = 0.1e9;
/// When it happens: long after everybody connected, so that rate limits are full again.
const LOSS: u64 = 1000 * SECOND;
/// When a SYN is sent again, in seconds after the first.
const SYNS: [u64; 6] = [1, 3, 7, 15, 31, 63];
/// The shares of the fleet whose return is timed.
const SHARES: [f64; 3] = [0.5, 0.99, 1.0];

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Happening {
    Wake,
    /// The n-th SYN of a dial arrives.
    Syn {
        dial: u64,
        n: u8,
    },
    /// An answer arrives.
    Answer {
        dial: u64,
        answer: Answer,
    },
    /// A connection ends.
    Lost {
        connection: u64,
    },
    ServerDone,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Answer {
    Progress,
    /// From this incarnation of the server.
    Accepted {
        incarnation: u32,
    },
    /// Accepted by a server that will close it.
    Flapped,
    Refused,
    Overloaded,
    Hint(Duration),
}

struct Slot<'a> {
    client: Client<'a>,
    wants: Wants,
    started: u64,
    scheduled: u64,
}

struct Sim<'a> {
    cell: &'a Cell,
    slots: Vec<Slot<'a>>,
    queue: BinaryHeap<Reverse<(u64, u64, u32, Happening)>>,
    sequence: u64,
    server: Server,
    incarnation: u32,
    rng: Rng,
    /// When the server first returns.
    back: u64,
    /// When it is up, after a crash too.
    up_at: u64,
    connected: u32,
    needs: [u32; 3],
    reached: [Option<u64>; 3],
    gave_up: u32,
    dials_down: u64,
    dials_after: u64,
    wasted: u64,
    /// Dials in the present second, and the most so far: in all, and after the return.
    peak: Peak,
    timeline: Option<Timeline>,
}

#[derive(Default)]
struct Peak {
    second: u64,
    dials: u32,
    most: u32,
    most_after: u32,
}

impl Peak {
    fn dial(&mut self, now: u64, back: u64) {
        let second = now.saturating_sub(LOSS) / SECOND;
        if second != self.second {
            self.second = second;
            self.dials = 0;
        }
        self.dials += 1;
        self.most = self.most.max(self.dials);
        if now >= back {
            self.most_after = self.most_after.max(self.dials);
        }
    }
}

/// Runs one simulation.
pub fn run(run: &Run<'_>) -> Report {
    simulate(run, None).0
}

/// The same, with what happened in each bin of `bin` seconds.
pub fn run_with_timeline(run: &Run<'_>, bin: f64) -> (Report, Timeline) {
    let (report, timeline) = simulate(run, Some(Timeline::new(bin)));
    (report, timeline.unwrap_or_else(|| Timeline::new(bin)))
}

fn simulate(run: &Run<'_>, timeline: Option<Timeline>) -> (Report, Option<Timeline>) {
    let (cell, clients) = (run.cell, run.clients.max(1));
    let service = cell.limit / f64::from(clients) * SECOND as f64;
    let back = LOSS + (cell.outage * SECOND as f64) as u64;
    let mut rng = Rng::new(run.seed);
    let slots = (0..clients)
        .map(|_| Slot {
            client: run.strategy.client(rng.next()),
            wants: Wants::default(),
            started: 0,
            scheduled: u64::MAX,
        })
        .collect();
    let mut sim = Sim {
        cell,
        slots,
        queue: BinaryHeap::new(),
        sequence: 0,
        server: Server::new(&cell.mode, service.max(1.0)),
        incarnation: 0,
        rng,
        back,
        up_at: back,
        connected: 0,
        needs: SHARES.map(|share| (share * f64::from(clients)).ceil() as u32),
        reached: [None; 3],
        gave_up: 0,
        dials_down: 0,
        dials_after: 0,
        wasted: 0,
        peak: Peak::default(),
        timeline: None,
    };
    for client in 0..clients {
        sim.establish(client);
    }
    (sim.dials_down, sim.dials_after, sim.peak) = (0, 0, Peak::default());
    sim.timeline = timeline;
    sim.lose_all(LOSS);
    let end = back + (cell.patience() * SECOND as f64) as u64;
    sim.go(end, clients);
    sim.report(run, clients)
}

impl Sim<'_> {
    /// Before the storm: connected, and for long enough to be stable.
    fn establish(&mut self, client: u32) {
        self.tell(client, 0, Input::Start);
        let slot = &mut self.slots[client as usize];
        let mut now = 0;
        while slot.wants.dial.is_none() && slot.wants.wake < LOSS / 2 {
            now = slot.wants.wake;
            slot.wants = slot.client.handle(now, Input::Tick);
        }
        let dial = slot.wants.dial.unwrap_or(0);
        self.tell(client, now, Input::Connected(dial));
        self.tell(client, LOSS - 1, Input::Tick);
    }

    fn push(&mut self, at: u64, client: u32, happening: Happening) {
        self.sequence += 1;
        self.queue.push(Reverse((at, self.sequence, client, happening)));
    }

    fn lose_all(&mut self, now: u64) {
        for client in 0..self.slots.len() as u32 {
            let slot = &self.slots[client as usize];
            if let Some(connection) = slot.wants.held {
                let at = now + self.rng.uniform(0.0, SPREAD) as u64;
                self.push(at, client, Happening::Lost { connection });
            }
        }
    }

    fn go(&mut self, end: u64, clients: u32) {
        while let Some(Reverse((now, _, client, happening))) = self.queue.pop() {
            if now > end {
                break;
            }
            self.happen(now, client, happening);
            let settled = self.connected + self.gave_up == clients;
            if settled && now >= self.up_at && now > LOSS + SPREAD as u64 {
                break;
            }
        }
    }

    fn happen(&mut self, now: u64, client: u32, happening: Happening) {
        let slot = &mut self.slots[client as usize];
        match happening {
            Happening::Wake => {
                if slot.scheduled == now {
                    slot.scheduled = u64::MAX;
                    self.tell(client, now, Input::Tick);
                }
            }
            Happening::Syn { dial, n } => {
                if slot.wants.dial == Some(dial) {
                    self.arrive(now, client, dial, n);
                }
            }
            Happening::Answer { dial, answer } => self.answered(now, client, dial, answer),
            Happening::Lost { connection } => {
                let failure = match self.cell.mode.down {
                    Down::Goaway if now < self.back => Failure::RetryAfter {
                        delay: Duration::from_secs_f64(self.cell.outage),
                        spread: Duration::from_secs_f64(1.1 * self.cell.limit),
                    },
                    _ => Failure::Unreachable,
                };
                self.tell(client, now, Input::Closed(connection, failure));
            }
            Happening::ServerDone => {
                match self.server.finish(now) {
                    Some(Done::Handshake { client, dial }) => {
                        if self.slots[client as usize].wants.dial == Some(dial) {
                            let incarnation = self.incarnation;
                            let answer = Answer::Accepted { incarnation };
                            self.push(now + HALF_TRIP, client, Happening::Answer { dial, answer });
                        } else {
                            self.wasted += 1;
                        }
                    }
                    Some(Done::Overhead) | None => {}
                }
                self.work(now);
            }
        }
    }

    fn work(&mut self, now: u64) {
        let slots = &self.slots;
        let waits = |client: u32, dial| slots[client as usize].wants.dial == Some(dial);
        if let Some(done) = self.server.begin(now, waits) {
            self.push(done, 0, Happening::ServerDone);
        }
    }

    fn arrive(&mut self, now: u64, client: u32, dial: u64, n: u8) {
        let reply = |answer| Happening::Answer { dial, answer };
        let at = now + HALF_TRIP;
        if now < self.up_at {
            let down = if now < self.back { self.cell.mode.down } else { Down::Refuse };
            match down {
                Down::Refuse | Down::Goaway => self.push(at, client, reply(Answer::Refused)),
                Down::Silent => self.syn_again(client, dial, n),
                Down::Hang => self.push(at, client, reply(Answer::Progress)),
                Down::Flap => self.push(at, client, reply(Answer::Flapped)),
            }
            return;
        }
        match self.server.arrive(now, client, dial) {
            Verdict::Queued => {
                if self.cell.mode.progress {
                    self.push(at, client, reply(Answer::Progress));
                }
                self.work(now);
            }
            Verdict::Rejected => {
                self.push(at, client, reply(Answer::Overloaded));
                self.work(now);
            }
            Verdict::Hinted(delay) => {
                self.push(at, client, reply(Answer::Hint(delay)));
                self.work(now);
            }
            Verdict::Dropped => self.syn_again(client, dial, n),
            Verdict::Crashed => {
                self.push(at, client, reply(Answer::Refused));
                for (client, dial) in self.server.crash() {
                    let answer = Answer::Refused;
                    self.push(at, client, Happening::Answer { dial, answer });
                }
                self.incarnation += 1;
                self.up_at = now + (self.cell.mode.crash_down * SECOND as f64) as u64;
                self.lose_all(at);
            }
        }
    }

    fn syn_again(&mut self, client: u32, dial: u64, n: u8) {
        if let Some(after) = SYNS.get(usize::from(n)) {
            let at = self.slots[client as usize].started + after * SECOND + HALF_TRIP;
            self.push(at, client, Happening::Syn { dial, n: n + 1 });
        }
    }

    fn answered(&mut self, now: u64, client: u32, dial: u64, answer: Answer) {
        match answer {
            Answer::Progress => self.tell(client, now, Input::Progress(dial)),
            Answer::Accepted { incarnation } => {
                self.tell(client, now, Input::Connected(dial));
                if incarnation != self.incarnation {
                    self.push(now, client, Happening::Lost { connection: dial });
                }
            }
            Answer::Flapped => {
                self.tell(client, now, Input::Connected(dial));
                self.push(now + 2 * HALF_TRIP, client, Happening::Lost { connection: dial });
            }
            Answer::Refused => {
                self.tell(client, now, Input::Failed(dial, Failure::Unreachable));
            }
            Answer::Overloaded => {
                self.tell(client, now, Input::Failed(dial, Failure::Overloaded));
            }
            Answer::Hint(delay) => {
                let failure = Failure::RetryAfter { delay, spread: Duration::ZERO };
                self.tell(client, now, Input::Failed(dial, failure));
            }
        }
    }

    /// Tells a client what happened, and does what it then wants.
    fn tell(&mut self, client: u32, now: u64, input: Input) {
        let slot = &mut self.slots[client as usize];
        let before = slot.wants;
        let wants = slot.client.handle(now, input);
        slot.wants = wants;
        if wants.wake != slot.scheduled && wants.wake != u64::MAX {
            slot.scheduled = wants.wake;
            self.push(wants.wake, client, Happening::Wake);
        }
        if let Some(dial) = wants.dial.filter(|dial| before.dial != Some(*dial)) {
            self.slots[client as usize].started = now;
            self.push(now + HALF_TRIP, client, Happening::Syn { dial, n: 0 });
            *(if now < self.up_at { &mut self.dials_down } else { &mut self.dials_after }) += 1;
            self.peak.dial(now, self.back);
            if let Some(timeline) = &mut self.timeline {
                timeline.dial(now.saturating_sub(LOSS) as f64 / SECOND as f64);
            }
        }
        if wants.gave_up && !before.gave_up {
            self.gave_up += 1;
        }
        if before.held.is_some() != wants.held.is_some() {
            self.count(now, wants.held.is_some());
        }
    }

    fn count(&mut self, now: u64, up: bool) {
        self.connected = if up { self.connected + 1 } else { self.connected - 1 };
        for (reached, need) in self.reached.iter_mut().zip(self.needs) {
            if self.connected < need {
                *reached = None;
            } else {
                reached.get_or_insert(now);
            }
        }
        if let Some(timeline) = &mut self.timeline {
            timeline.connected(now.saturating_sub(LOSS) as f64 / SECOND as f64, self.connected);
        }
    }

    fn report(self, run: &Run<'_>, clients: u32) -> (Report, Option<Timeline>) {
        let (cell, n) = (self.cell, f64::from(clients));
        let capacity = n / cell.limit;
        let times =
            self.reached.map(|at| at.map(|at| at.saturating_sub(self.back) as f64 / SECOND as f64));
        let [t50, t99, t100] = times;
        let report = Report {
            strategy: run.strategy.name().to_owned(),
            mode: cell.mode.name.clone(),
            outage: cell.outage,
            limit: cell.limit,
            clients,
            seed: run.seed,
            stuck: t99.is_none(),
            t50,
            t99,
            t100,
            rho: t99.map_or(f64::INFINITY, |t99| t99 / cell.ideal()),
            connected: f64::from(self.connected) / n,
            gave_up: self.gave_up,
            dials_down: self.dials_down as f64 / n,
            dials_after: self.dials_after as f64 / n,
            peak: f64::from(self.peak.most) / capacity,
            peak_after: f64::from(self.peak.most_after) / capacity,
            wasted: self.wasted as f64 / n,
        };
        (report, self.timeline)
    }
}
