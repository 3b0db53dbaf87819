//! The fuzz target `fleet`: operations over a fleet, against its links one by one.

#[path = "../common/counts.rs"]
mod counts;

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use redial::{Action, DialId, Event, Policy, Reconnector, Timestamp};
use redial_fleet::{Fleet, Key};
use redial_testkit::ops::Endpoints;
use redial_testkit::{Bytes, Call, Op, POLICY_BYTES, policy, span};

use counts::counted;

const MOST_LINKS: usize = 12;
const SECOND: u64 = 1_000_000_000;

type Link<'a> = Reconnector<&'a Policy, Endpoints>;

/// What the world should hold of a link, as its caller was told last.
type Named = (Option<DialId>, Option<DialId>, Option<DialId>, bool);

fn named(action: &Action) -> Named {
    let dial = action.dial().map(|dial| dial.id);
    let draining = action.draining().map(|old| old.id);
    (dial, action.held(), draining, matches!(action, Action::GiveUp(_)))
}

/// Two policies, limits, and operations: links come and go, things happen to them, time passes.
///
/// Without limits every link is what it would be alone, and no call is needed that the fleet does not
/// ask for. With limits, none is ever crossed.
///
/// # Panics
/// If the fleet differs, crosses a limit, counts wrongly, or does not tell what it should.
pub(crate) fn fleet(input: &[u8]) {
    let mut bytes = Bytes::new(input);
    let [limits, rate, flights] = bytes.array();
    let policies = [(); 2].map(|()| policy(&mut Bytes::new(&bytes.array::<POLICY_BYTES>())));
    let mut run = Run::new(limits, rate, flights);
    while !bytes.is_empty() {
        let [what, which] = bytes.array();
        match what {
            0..48 => run.insert(&policies[usize::from(which & 1)], which, &mut bytes),
            48..56 => run.remove(which),
            56..60 => run.everyone(Event::Offline),
            60..68 => run.everyone(Event::Online),
            68..112 => run.advance(run.fleet.wake()),
            112..128 => run.advance(run.now.saturating_add(span(which % 241))),
            128..132 => run.late(which),
            _ => run.operate(which, what & 1 == 0, Op::decode(bytes.array())),
        }
        run.settle();
    }
    run.keeps_the_rate();
}

struct Run<'a> {
    fleet: Fleet<&'a Policy, Endpoints>,
    rate: Option<u32>,
    flights: Option<u32>,
    /// Each link by itself, if there are no limits.
    alone: BTreeMap<Key, Link<'a>>,
    told: BTreeMap<Key, Named>,
    dead: Vec<Key>,
    most: usize,
    offline: bool,
    now: Timestamp,
    /// When each dial was first seen.
    begun: BTreeMap<(Key, DialId), u64>,
}

impl<'a> Run<'a> {
    fn new(limits: u8, rate: u8, flights: u8) -> Self {
        let some = |limit: u8| u32::from(limit % 32) + 1;
        let rate = (limits & 1 != 0).then(|| some(rate));
        let flights = (limits & 2 != 0).then(|| some(flights));
        let mut fleet = Fleet::new();
        if let Some(rate) = rate.and_then(NonZeroU32::new) {
            fleet = fleet.max_dials_per_second(rate);
        }
        if let Some(flights) = flights.and_then(NonZeroU32::new) {
            fleet = fleet.max_in_flight(flights);
        }
        Self {
            fleet,
            rate,
            flights,
            alone: BTreeMap::new(),
            told: BTreeMap::new(),
            dead: Vec::new(),
            most: 0,
            offline: false,
            now: Timestamp::ORIGIN,
            begun: BTreeMap::new(),
        }
    }

    fn is_limited(&self) -> bool {
        self.rate.is_some() || self.flights.is_some()
    }

    /// A link that is alive.
    fn pick(&self, which: u8) -> Option<Key> {
        self.told.keys().copied().nth(usize::from(which) % self.told.len().max(1))
    }

    fn tell(&mut self, key: Key, action: &Action) {
        *self.told.get_mut(&key).expect("only those that live are told of") = named(action);
        self.see(key, action);
        let counts = self.fleet.counts();
        assert!(self.flights.is_none_or(|flights| counts.dialing <= flights), "{counts:?}");
    }

    fn see(&mut self, key: Key, action: &Action) {
        if let Some(dial) = action.dial() {
            self.begun.entry((key, dial.id)).or_insert(self.now.as_nanos());
        }
    }

    fn insert(&mut self, policy: &'a Policy, which: u8, bytes: &mut Bytes<'_>) {
        if self.told.len() == MOST_LINKS {
            return;
        }
        let keys = [0, 1, 2, 3];
        let endpoints = Endpoints::of(&keys[..usize::from(which >> 1) % 4]);
        let link = Reconnector::with_endpoints(policy, bytes.byte().into(), endpoints);
        self.adopt(&link);
    }

    fn adopt(&mut self, link: &Link<'a>) {
        let key = self.fleet.insert(self.now, *link);
        assert!(!self.dead.contains(&key) && !self.told.contains_key(&key), "{key} is used twice");
        self.told.insert(key, named(&Action::Idle));
        self.most = self.most.max(self.told.len());
        assert!(key.index() < self.most, "{key} of at most {} links", self.most);
        let event = if self.offline { Event::Offline } else { Event::Tick };
        self.alone.insert(key, *link);
        self.mirror(key, |link, now| link.handle(now, event));
    }

    /// Without limits a link may come back as another one.
    fn remove(&mut self, which: u8) {
        let Some(key) = self.pick(which) else { return };
        let link = self.fleet.remove(key).expect("it is there");
        self.told.remove(&key);
        self.dead.push(key);
        if let Some(alone) = self.alone.remove(&key).filter(|_| !self.is_limited()) {
            assert_eq!(link, alone, "{key} is given back as it is not");
        }
        for key in &self.dead {
            assert_eq!(self.fleet.handle(self.now, *key, Event::Start), None);
            assert_eq!(self.fleet.trip(self.now, *key, 0), None);
            assert!(self.fleet.set_endpoints(self.now, *key, Endpoints::of(&[])).is_err());
            assert_eq!(self.fleet.remove(*key), None);
        }
        if which & 1 == 1 && !self.is_limited() {
            self.adopt(&link);
        }
    }

    fn everyone(&mut self, event: Event) {
        self.offline = event == Event::Offline;
        if self.offline {
            self.fleet.offline(self.now);
        } else {
            self.fleet.online(self.now);
        }
        for link in self.alone.values_mut() {
            link.handle(self.now, event);
        }
    }

    /// Time passes, but not to its end.
    fn advance(&mut self, to: Timestamp) {
        if to.as_nanos() < u64::MAX / 2 {
            self.now = self.now.max(to);
        }
    }

    /// The caller is late: the time of the wake is long past when it polls.
    fn late(&mut self, which: u8) {
        let wake = self.fleet.wake();
        if wake != Timestamp::MAX {
            self.advance(wake.saturating_add(span(which % 241)));
        }
    }

    fn operate(&mut self, which: u8, polled: bool, op: Op) {
        let Some(key) = self.pick(which) else { return };
        let link = self.fleet.get(key).expect("it is there");
        let mut dials = self.begun.keys().filter(|(of, _)| *of == key);
        let last = dials.next_back().map(|(_, id)| *id);
        let (now, call) = op.resolve(self.now, &link.action(), last);
        self.advance(now);
        if polled {
            self.settle();
        }
        let now = self.now;
        // What it would do alone. In a fleet it may have to wait, but hears the same.
        let mut alone = *self.fleet.get(key).expect("it is there");
        let action = match call {
            Call::Event(event) => {
                alone.handle(now, event);
                self.mirror(key, |link, now| link.handle(now, event));
                self.fleet.handle(now, key, event)
            }
            Call::SetEndpoints(endpoints) => {
                self.mirror(key, |link, now| {
                    link.set_endpoints(now, endpoints);
                    link.action()
                });
                self.fleet.set_endpoints(now, key, endpoints).ok().map(|(_, action)| action)
            }
            Call::Trip(endpoint) => {
                self.mirror(key, |link, now| {
                    link.trip(now, endpoint);
                    link.action()
                });
                self.fleet.trip(now, key, endpoint)
            }
            Call::Reset(endpoint) => {
                self.mirror(key, |link, now| {
                    link.reset(now, endpoint);
                    link.action()
                });
                self.fleet.reset(now, key, endpoint)
            }
        };
        let action = action.expect("it is there");
        if let Call::Event(event) = call {
            self.hears(key, event, &alone);
        }
        if !self.is_limited() {
            assert_eq!(action, self.alone[&key].action(), "{key} was told {call:?} at {now}");
        }
        self.tell(key, &action);
    }

    /// An event counts in a fleet with limits if it does without.
    fn hears(&self, key: Key, event: Event, alone: &Link<'_>) {
        let link = self.fleet.get(key).expect("it is there");
        let (action, expected) = (link.action(), alone.action());
        assert_eq!(link.counters().ignored, alone.counters().ignored, "{key}: {event:?}");
        if let (Event::Connected(id), Some(held)) = (event, expected.held()) {
            assert!(id != held || action.held() == Some(id), "{key} lost {id}: {action}");
        }
        if let Action::GiveUp(end) = expected {
            let gave_up = matches!(action, Action::GiveUp(mine) if mine.reason == end.reason);
            assert!(gave_up, "{key} goes on after {event:?}: {action}");
        }
    }

    fn mirror(&mut self, key: Key, call: impl FnOnce(&mut Link<'a>, Timestamp) -> Action) {
        let now = self.now;
        if let Some(link) = self.alone.get_mut(&key) {
            call(link, now);
        }
    }

    /// Polls until there is nothing left, and looks at everything.
    fn settle(&mut self) {
        let now = self.now;
        let mut polls = 0;
        while let Some((key, action)) = self.fleet.poll(now) {
            assert_eq!(self.fleet.get(key).map(Reconnector::action), Some(action));
            self.tell(key, &action);
            polls += 1;
            assert!(polls < 1000, "it is never done at {now}");
        }
        let wake = self.fleet.wake();
        assert!(wake > now, "the same instant again: {now}");
        let actions: Vec<(Key, Action)> =
            self.fleet.iter().map(|(key, link)| (key, link.action())).collect();
        for (key, action) in &actions {
            let told = self.told.get(key).expect("only those that live are there");
            assert_eq!(named(action), *told, "{key} was not told of {action} at {now}");
            assert!(action.wake() > now, "{key} was due at {} and it is {now}", action.wake());
            assert!(action.wake() >= wake, "would sleep over {key} at {}", action.wake());
        }
        assert_eq!((actions.len(), self.fleet.len()), (self.told.len(), self.told.len()));
        let counts = self.fleet.counts();
        let mut recounted = counted(self.fleet.iter().map(|(_, link)| link));
        recounted.queued = counts.queued;
        assert_eq!(counts, recounted);
        if self.is_limited() {
            assert!(counts.queued <= counts.reconnecting + counts.connected, "{counts:?}");
            return;
        }
        assert_eq!(counts.queued, 0);
        for (key, link) in &mut self.alone {
            if link.action().wake() <= now {
                link.handle(now, Event::Tick);
            }
            assert_eq!(self.fleet.get(*key), Some(&*link), "{key} at {now}");
        }
    }

    fn keeps_the_rate(&self) {
        let Some(rate) = self.rate else { return };
        let mut times: Vec<u64> = self.begun.values().copied().collect();
        times.sort_unstable();
        for (first, begin) in times.iter().enumerate() {
            let end = times.partition_point(|at| *at < begin.saturating_add(SECOND));
            assert!(end - first <= rate as usize, "{} of {rate} from {begin}", end - first);
        }
    }
}
