//! Every state that small policies can reach, with the laws as properties.
//!
//! The states are those of the real type, with nothing abstracted but the end: the clock stops at a
//! horizon. Times are a few nanoseconds, there is no jitter, and at each moment everything is done
//! that a driver, a server, a network and an application could do.

mod laws;

use std::borrow::Borrow;
use std::fmt::{self, Write as _};
use std::hash::{Hash, Hasher};

use redial::{Action, DialId, Event, Failure, Policy, Reconnector, Timestamp};
use redial_testkit::ops::Endpoints;
use stateright::{Checker, Model, Property};

/// A policy that is printed as nothing, since states are told apart by what they print.
#[derive(Clone, Copy)]
pub struct Fixed(&'static Policy);

impl Borrow<Policy> for Fixed {
    fn borrow(&self) -> &Policy {
        self.0
    }
}

impl fmt::Debug for Fixed {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

impl PartialEq for Fixed {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// The real type.
pub type Link = Reconnector<Fixed, Endpoints>;

/// What may happen.
#[derive(Clone, Debug)]
pub struct World {
    /// The link's policy; without jitter, its times a few nanoseconds.
    pub policy: &'static Policy,
    /// The lists of endpoints that there may be; the first at the start.
    pub lists: Vec<Endpoints>,
    /// How dials fail and connections end.
    pub failures: Vec<Failure>,
    /// The application confirms, defers, redials and stops as well.
    pub application: bool,
    /// Circuits are opened and closed by hand.
    pub by_hand: bool,
    /// The network comes and goes, and servers go away.
    pub network: bool,
    /// The last nanosecond.
    pub horizon: u64,
}

/// A state, and what a law needs to know that the link does not show.
#[derive(Clone, PartialEq, Debug)]
pub struct Seen {
    /// The link.
    pub link: Link,
    now: u64,
    started: bool,
    offline: bool,
    deferred: bool,
    tripped: Vec<u32>,
    /// Dials of late, for as long as they matter.
    dials: Vec<u64>,
    /// The law that the last step has broken, or 0.
    broken: u8,
}

impl Eq for Seen {}

impl Hash for Seen {
    fn hash<H: Hasher>(&self, state: &mut H) {
        struct Printed<'a, H>(&'a mut H);
        impl<H: Hasher> fmt::Write for Printed<'_, H> {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                self.0.write(text.as_bytes());
                Ok(())
            }
        }
        write!(Printed(state), "{self:?}").expect("hashing does not fail");
    }
}

/// What is done, and how long after the last thing.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Do {
    /// An event.
    Event(Event),
    /// One of the lists.
    List(usize),
    /// A circuit is opened by hand.
    Trip(u32),
    /// And closed.
    Reset(u32),
}

impl World {
    fn initial(&self) -> Link {
        Reconnector::with_endpoints(Fixed(self.policy), 0, self.lists[0])
    }

    fn everything(&self, state: &Seen) -> Vec<Do> {
        let action = state.link.action();
        let soon = Timestamp::from_nanos(state.now + 2);
        let mut events = vec![Event::Tick, Event::Start];
        if let Some(dial) = action.dial() {
            events.extend([Event::Progress(dial.id), Event::Connected(dial.id)]);
            events.push(Event::DialAborted(dial.id));
            events.extend(self.failures.iter().map(|why| Event::DialFailed(dial.id, *why)));
        }
        if let Some(id) = action.held() {
            events.extend(self.failures.iter().map(|why| Event::Closed(id, *why)));
            if self.policy.idle_timeout().is_some() {
                events.push(Event::Activity(id));
            }
            if self.application {
                events.push(Event::Confirmed(id));
            }
            if self.network {
                events.extend([Event::GoingAway(id, None), Event::GoingAway(id, Some(soon))]);
            }
        }
        if let Some(old) = action.draining() {
            events.push(Event::Closed(old.id, Failure::Unreachable));
        }
        if self.application {
            events.extend([Event::Redial, Event::Stop]);
            events.push(Event::Defer(if state.deferred { Timestamp::ORIGIN } else { soon }));
        }
        if self.network {
            events.push(if state.offline { Event::Online } else { Event::Offline });
        }
        let mut all: Vec<Do> = events.into_iter().map(Do::Event).collect();
        if self.lists.len() > 1 {
            all.extend((0..self.lists.len()).map(Do::List));
        }
        if self.by_hand {
            all.extend(self.lists[0].keys().map(|key| {
                if state.tripped.contains(&key) { Do::Reset(key) } else { Do::Trip(key) }
            }));
        }
        all
    }

    fn step(&self, before: &Seen, now: u64, what: Do) -> Seen {
        let mut after = Seen { now, broken: 0, ..before.clone() };
        let at = Timestamp::from_nanos(now);
        match what {
            Do::Event(event) => {
                after.link.handle(at, event);
                match event {
                    Event::Start => after.started = true,
                    Event::Stop => after.started = false,
                    Event::Offline => after.offline = true,
                    Event::Online => after.offline = false,
                    Event::Defer(until) => after.deferred = until > at,
                    _ => {}
                }
            }
            Do::List(list) => {
                after.link.set_endpoints(at, self.lists[list]);
                after.tripped.retain(|key| self.lists[list].keys().any(|other| other == *key));
            }
            Do::Trip(key) => {
                if after.link.trip(at, key) {
                    after.tripped.push(key);
                    after.tripped.sort_unstable();
                }
            }
            Do::Reset(key) => {
                after.link.reset(at, key);
                after.tripped.retain(|other| *other != key);
            }
        }
        let dial = |link: &Link| link.action().dial().map(|dial| dial.id);
        if dial(&after.link).is_some_and(|id| Some(id) != dial(&before.link)) {
            after.dials.push(now);
        }
        let (burst, spacing) = self.policy.rate_limit();
        let window = u64::from(burst) * u64::try_from(spacing.as_nanos()).expect("is small");
        after.dials.retain(|start| start + window >= now);
        after.broken = laws::broken(self, before, &after, what);
        after
    }
}

impl Model for World {
    type State = Seen;
    type Action = (u64, Do);

    fn init_states(&self) -> Vec<Seen> {
        let (started, offline, deferred) = (false, false, false);
        let (tripped, dials) = (Vec::new(), Vec::new());
        let link = self.initial();
        vec![Seen { link, now: 0, started, offline, deferred, tripped, dials, broken: 0 }]
    }

    fn actions(&self, state: &Seen, actions: &mut Vec<(u64, Do)>) {
        if state.broken != 0 {
            return;
        }
        let mut times = vec![state.now, state.now + 1];
        let wake = state.link.action().wake().as_nanos();
        if wake > state.now + 1 && wake <= self.horizon {
            times.push(wake);
        }
        times.retain(|time| *time <= self.horizon);
        for time in times {
            actions.extend(self.everything(state).into_iter().map(|what| (time, what)));
        }
    }

    fn next_state(&self, state: &Seen, (now, what): (u64, Do)) -> Option<Seen> {
        let next = self.step(state, now, what);
        // Nonsense does nothing but count, which law 2 checks at every state; states that differ in
        // a count alone are one.
        let counted = next.link.counters() != state.link.counters();
        (next.broken != 0 || !counted).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        macro_rules! always {
            ($($law:literal $name:literal,)*) => {
                vec![$(Property::<Self>::always($name, |_, state| state.broken != $law),)*]
            };
        }
        always! {
            1 "1: only a success of the current dial is held",
            2 "2: a stale id acts as a tick, and is counted",
            3 "3: one dial in flight, ids rise",
            4 "4: dials in any window are at most burst + window / spacing",
            6 "6: max_attempts is exact",
            7 "7: after stop or give-up nothing dials until start",
            8 "8: start leads somewhere, from every state",
            11 "11: a tick at the wake makes progress",
            12 "12: ticks before the wake change no action, now or later",
            17 "17: there is a dial, a connection or a finite wake",
            18 "18: giving up happens once",
            19 "19: a failed handover loses nothing, at most two connections are named",
            21 "21: a time that goes back is the last now",
        }
    }
}

/// What was found.
#[derive(Clone, Copy, Debug)]
pub struct Found {
    /// Different states.
    pub states: usize,
    /// Steps between them.
    pub steps: usize,
}

/// Visits every state of `world`.
///
/// # Panics
/// If a law is broken, with the shortest way there.
pub fn explore(name: &str, world: World) -> Found {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let checker = world.checker().threads(threads).spawn_bfs().join();
    let found = Found { states: checker.unique_state_count(), steps: checker.state_count() };
    println!(
        "{name}: {} states, {} steps, depth {}",
        found.states,
        found.steps,
        checker.max_depth()
    );
    checker.assert_properties();
    found
}

fn id(action: &Action) -> Option<DialId> {
    action.dial().map(|dial| dial.id)
}
