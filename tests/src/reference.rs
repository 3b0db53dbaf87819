//! The machine once more, the dullest way: what happened is kept in lists, and what it means is
//! computed anew from them.
//!
//! No code is shared with the machine but its plain types. What exists is in three options (a dial, the
//! link, the connection that drains) instead of in states; intervals, rates and circuits are folded
//! over everything that led to them. It is slow, and meant to be read beside the manual.
//!
//! Draws must come in the machine's order to be comparable. Each is marked by a call of `draw`.

mod arith;
mod circuit;
mod compare;
mod ends;
mod places;
mod plan;
mod rounds;
mod said;
mod shape;

use redial::{DialId, Event, Failure, GiveUpReason, Policy, Timestamp, WaitReason};

use self::arith::{NEVER, nanos, splitmix, up_to};
use self::places::Place;
use self::shape::{Class, Round};
use crate::ops::Call;

pub use self::circuit::{DullBreaker, Is, stretched_by_draw};
pub use self::compare::compare;
pub use self::said::Said;

/// How much is known of a connection.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Proof {
    Nothing,
    Confirmed,
    Stable,
}

/// Whether a connection is to be replaced, and by what.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Wanted {
    No,
    Better,
    Any,
    /// By one to another endpoint, if one can be had.
    Other,
}

#[derive(Clone, Copy, Debug)]
struct Flight {
    id: u64,
    key: u32,
    started: u64,
    deadline: u64,
    progressed: bool,
}

#[derive(Clone, Copy, Debug)]
struct Conn {
    id: u64,
    /// Its endpoint; `None` once that has left the list.
    key: Option<u32>,
    since: u64,
    /// How much of the greatest age it had reached before, in 65,536ths.
    spent: u64,
    active: u64,
    /// When the server will end it.
    by: u64,
    proof: Proof,
    wanted: Wanted,
    /// It ended an outage.
    fresh: bool,
    /// The wait for its replacement was earned by better endpoints alone.
    paced_by_better: bool,
}

/// What the application has last said, or a limit.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Mode {
    Stopped,
    Running,
    Over { reason: GiveUpReason, elapsed: u64, last: Option<Failure> },
}

/// The reference for one link.
#[derive(Clone, Debug)]
pub struct Reference {
    policy: Policy,
    seed: u64,
    drawn: u64,

    mode: Mode,
    offline: bool,
    now: u64,
    wake: u64,
    reason: WaitReason,
    deferred: u64,
    ignored: u16,
    backward: u16,

    dial: Option<Flight>,
    link: Option<Conn>,
    old: Option<Conn>,

    /// Every dial ever started.
    starts: Vec<u64>,
    /// The dials that count in this outage.
    attempts: Vec<u64>,
    /// When the outage began; moved on by pauses.
    outage: u64,
    /// Since when the outage's clock stands still.
    paused: Option<u64>,
    last: Option<Failure>,

    /// The rounds that failed since a connection was last stable.
    rounds: Vec<Round>,
    /// Those of this outage that count against `max_rounds`.
    counted_rounds: u32,
    /// Who has failed since the last of these.
    asked: Vec<u32>,
    /// The classes of this round's failures.
    round: Vec<Class>,
    stalls: usize,
    phase: Option<u32>,
    /// The next dial is not before this, as far as backoff goes.
    pace: u64,
    pace_reason: WaitReason,

    places: Vec<Place>,
    list: Vec<u32>,
    cursor: usize,
}

impl Reference {
    /// A stopped link with these endpoints.
    pub fn new(policy: &Policy, seed: u64, keys: &[u32]) -> Self {
        let mut new = Self {
            policy: policy.clone(),
            seed,
            drawn: 0,
            mode: Mode::Stopped,
            offline: false,
            now: 0,
            wake: NEVER,
            reason: WaitReason::Backoff,
            deferred: 0,
            ignored: 0,
            backward: 0,
            dial: None,
            link: None,
            old: None,
            starts: Vec::new(),
            attempts: Vec::new(),
            outage: 0,
            paused: None,
            last: None,
            rounds: Vec::new(),
            counted_rounds: 0,
            asked: Vec::new(),
            round: Vec::new(),
            stalls: 0,
            phase: None,
            pace: 0,
            pace_reason: WaitReason::Backoff,
            places: Vec::new(),
            list: Vec::new(),
            cursor: 0,
        };
        new.list_is(keys);
        new
    }

    /// Does what was done to the machine.
    pub fn apply(&mut self, now: Timestamp, call: &Call) -> Said {
        match call {
            Call::Event(event) => self.handle(now, *event),
            Call::SetEndpoints(endpoints) => {
                let keys: Vec<u32> = endpoints.keys().collect();
                self.set_endpoints(now, &keys);
            }
            Call::Trip(key) => self.set_circuit(now, *key, true),
            Call::Reset(key) => self.set_circuit(now, *key, false),
        }
        self.said()
    }

    /// What should exist now.
    pub fn said(&self) -> Said {
        let attempts = u32::try_from(self.attempts.len()).unwrap_or(u32::MAX);
        match self.mode {
            Mode::Stopped => return Said::Idle,
            Mode::Over { reason, elapsed, last } => {
                return Said::GiveUp { reason, attempts, elapsed, last };
            }
            Mode::Running => {}
        }
        match (self.dial, self.link) {
            (Some(dial), link) => Said::Dial {
                id: dial.id,
                endpoint: dial.key,
                attempt: if link.is_some() { 0 } else { attempts },
                deadline: dial.deadline,
                wake: self.wake,
                serving: link.map(|link| link.id),
            },
            (None, Some(link)) => Said::Hold {
                id: link.id,
                wake: if self.wake == NEVER { None } else { Some(self.wake) },
                draining: self.old.map(|old| (old.id, self.drained_at(&link, &old))),
            },
            (None, None) if self.paused.is_some() => Said::Idle,
            (None, None) => Said::Sleep { until: self.wake, reason: self.reason },
        }
    }

    /// Events and times that made no sense, as in `Counters`.
    pub fn counters(&self) -> (u32, u32) {
        (self.ignored.into(), self.backward.into())
    }

    /// The time never goes back, and the last instant never comes.
    fn clock(&mut self, now: Timestamp) {
        let now = now.as_nanos().min(NEVER - 1);
        if now < self.now {
            self.backward = self.backward.saturating_add(1);
        }
        self.now = self.now.max(now);
    }

    /// The next draw.
    fn draw(&mut self) -> u64 {
        self.drawn += 1;
        splitmix(self.seed, self.drawn - 1)
    }

    fn without_jitter(&self) -> bool {
        self.policy.jitter() == redial::Jitter::None
    }

    /// Stability first, then the event, then the timers, then the plan. Before the wake, what changes
    /// nothing changes no wake either.
    fn handle(&mut self, now: Timestamp, event: Event) {
        self.clock(now);
        let due = self.now >= self.wake;
        if due {
            self.settle();
        }
        if self.event(event) || due {
            self.timers();
            self.plan();
        }
    }

    /// False if the event changed nothing that a plan depends on.
    fn event(&mut self, event: Event) -> bool {
        let is = |id: DialId, other: Option<u64>| other == Some(id.get());
        let (dial, link, old) =
            (self.dial.map(|d| d.id), self.link.map(|l| l.id), self.old.map(|o| o.id));
        match event {
            Event::Tick => return false,
            Event::Start if self.mode == Mode::Running => return false,
            Event::Start => self.start(),
            Event::Stop if self.mode != Mode::Stopped => self.stop(),
            Event::Progress(id) if is(id, dial) => return self.progress(),
            Event::Connected(id) if is(id, dial) => self.connected(),
            Event::DialFailed(id, failure) if is(id, dial) => self.dial_failed(failure),
            Event::DialAborted(id) if is(id, dial) => self.drop_dial(),
            Event::Closed(id, failure) if is(id, link) => self.link_lost(failure),
            Event::Closed(id, _) if is(id, old) => self.drained(),
            Event::Confirmed(id) if is(id, link) => {
                self.confirmed();
                return false;
            }
            Event::Activity(id) if is(id, link) => {
                if let Some(link) = &mut self.link {
                    link.active = self.now;
                }
                return false;
            }
            Event::Confirmed(id) | Event::Activity(id) if is(id, old) => return false,
            Event::GoingAway(id, by) if is(id, link) => {
                if let Some(link) = &mut self.link {
                    link.by = link.by.min(by.map_or(NEVER, Timestamp::as_nanos));
                }
                self.want(Wanted::Other);
            }
            Event::GoingAway(id, by) if is(id, old) => {
                if let Some(old) = &mut self.old {
                    old.by = old.by.min(by.map_or(NEVER, Timestamp::as_nanos));
                    old.wanted = Wanted::Other;
                }
            }
            Event::Online => self.online(),
            Event::Offline => self.offline = true,
            Event::Redial if self.dial.is_none() && self.mode == Mode::Running => self.redial(),
            Event::Redial => return false,
            Event::Defer(until) => self.deferred = until.as_nanos(),
            _ => return self.ignore(),
        }
        true
    }

    fn ignore(&mut self) -> bool {
        self.ignored = self.ignored.saturating_add(1);
        false
    }

    /// A new outage with fresh counters; ids, rate limit, hints and breakers stay.
    fn start(&mut self) {
        self.forget_run();
        self.outage_begins();
        self.begin_anew();
        self.mode = Mode::Running;
        self.pace = 0;
        let splay = nanos(self.policy.startup_splay());
        if splay > 0 {
            self.pace = self.now.saturating_add(up_to(splay, self.draw()));
            self.pace_reason = WaitReason::Splay;
        }
    }

    fn stop(&mut self) {
        let asked = match (self.dial, self.link) {
            (Some(dial), _) => Some(dial.key),
            (None, Some(link)) => link.key,
            (None, None) => None,
        };
        self.release(asked);
        self.mode = Mode::Stopped;
        self.dial = None;
        self.link = None;
        self.old = None;
        self.paused = None;
    }

    /// Nothing that failed before counts for the interval any more.
    fn forget_run(&mut self) {
        self.rounds.clear();
        self.counted_rounds = 0;
        self.round.clear();
        self.stalls = 0;
        self.phase = None;
        self.pace_reason = WaitReason::Backoff;
    }

    /// The clock of the outage is zero, nobody has dialed, nobody is parked.
    fn outage_begins(&mut self) {
        self.outage = self.now;
        self.paused = None;
        self.attempts.clear();
        self.counted_rounds = 0;
        self.last = None;
        for place in &mut self.places {
            place.parked = 0;
        }
    }

    /// How long the outage has lasted.
    fn elapsed(&self) -> u64 {
        self.paused.unwrap_or(self.now).saturating_sub(self.outage)
    }

    fn progress(&mut self) -> bool {
        let (elapsed, limit) = match self.link {
            Some(_) => (0, NEVER),
            None => (self.elapsed(), self.limit()),
        };
        let timeout = shape::handshake_timeout(&self.policy, self.stalls, elapsed);
        let now = self.now;
        match &mut self.dial {
            Some(dial) if !dial.progressed && now < dial.deadline => {
                dial.progressed = true;
                let moved = dial.started.saturating_add(timeout).min(limit);
                // Only ever later.
                dial.deadline = dial.deadline.max(moved);
                true
            }
            _ => self.ignore(),
        }
    }

    fn online(&mut self) {
        let was_offline = self.offline;
        self.offline = false;
        let class = shape::earned(&self.policy, &self.rounds).class;
        let explained = match class {
            Class::Clear | Class::Unreachable => true,
            Class::TimedOut => was_offline,
            Class::Overloaded => false,
        };
        let waits = self.mode == Mode::Running && self.dial.is_none() && self.old.is_none();
        let backs_off =
            self.pace_reason == WaitReason::Backoff && self.pace > self.now && self.pace != NEVER;
        if waits && explained && backs_off {
            let cut = self.spread(shape::initial(&self.policy));
            self.pace = self.pace.min(self.now.saturating_add(cut));
            self.pace_reason = WaitReason::Online;
        }
    }

    /// Whether an unstable link makes room for a dial that could begin at once. A probe ends with it.
    fn drops_link(&mut self) -> bool {
        let Some(link) = self.link else { return false };
        let late = link.proof == Proof::Nothing && self.old.is_none() && self.now >= self.limit();
        if link.proof == Proof::Stable || late {
            return false;
        }
        let before = self.place(link.key).map(|place| place.breaker.clone());
        self.release(link.key);
        let drops = self.may_dial();
        if let (false, Some(before), Some(place)) = (drops, before, self.place(link.key)) {
            place.breaker = before;
        }
        drops
    }

    /// Dial now; an unproven connection is dropped for it, a stable one replaced.
    fn redial(&mut self) {
        self.discharge();
        if self.old.is_none() {
            self.pace = self.pace.min(self.now);
        }
        if self.drops_link() {
            let Some(link) = self.link else { return };
            if self.old.is_some() {
                self.give_old_back();
                self.want(Wanted::Any);
            } else {
                self.link = None;
                if link.proof == Proof::Confirmed {
                    self.outage = self.now;
                }
                if link.fresh {
                    self.attempts.pop();
                }
                self.last = None;
            }
        } else if self.link.is_some() {
            self.want(Wanted::Any);
        }
    }

    /// A number in `[0, window]`: one draw, none without jitter or window.
    fn spread(&mut self, window: u64) -> u64 {
        if window == 0 || self.without_jitter() { 0 } else { up_to(window, self.draw()) }
    }
}
