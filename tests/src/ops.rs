//! The operation list: everything that can be done to a reconnector, and when, in symbols.
//!
//! An [`Op`] says "close the link, a little before the wake"; [`Op::resolve`] makes a [`Call`] of it,
//! with the ids and times of the moment. Property tests, fuzzing and exhaustive search share the list.

use std::fmt;
use std::time::Duration;

use redial::{Action, DialId, Endpoint, Event, Failure, Timestamp};

use crate::bytes::{Bytes, Random, span};

/// Most endpoints in a list here.
pub const MAX_ENDPOINTS: usize = 4;

/// What to do, and when.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Op {
    /// When, seen from the clock and the action.
    pub when: When,
    /// What.
    pub what: What,
}

/// A time, seen from the clock and the current action.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum When {
    /// At the wake; now, if there is none or it has passed.
    #[default]
    Wake,
    /// The clock has not moved.
    Now,
    /// This long before the wake, but not before now.
    BeforeWake(Duration),
    /// This long after the wake, or after now if there is none.
    AfterWake(Duration),
    /// This long after now.
    After(Duration),
    /// The clock has gone backwards.
    Back(Duration),
    /// This long before the end of time.
    End(Duration),
}

/// What is done: every event, and every other mutator of a reconnector.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum What {
    /// [`Event::Tick`].
    #[default]
    Tick,
    /// [`Event::Start`].
    Start,
    /// [`Event::Stop`].
    Stop,
    /// [`Event::Progress`].
    Progress(Who),
    /// [`Event::Connected`].
    Connected(Who),
    /// [`Event::DialFailed`].
    DialFailed(Who, Failure),
    /// [`Event::DialAborted`].
    DialAborted(Who),
    /// [`Event::Closed`].
    Closed(Who, Failure),
    /// [`Event::Confirmed`].
    Confirmed(Who),
    /// [`Event::Activity`].
    Activity(Who),
    /// [`Event::GoingAway`], with its deadline counted from now.
    GoingAway(Who, Option<Duration>),
    /// [`Event::Online`].
    Online,
    /// [`Event::Offline`].
    Offline,
    /// [`Event::Redial`].
    Redial,
    /// [`Event::Defer`], counted from now; `None` lifts it.
    Defer(Option<Duration>),
    /// [`set_endpoints`](redial::Reconnector::set_endpoints).
    SetEndpoints(Endpoints),
    /// [`trip`](redial::Reconnector::trip) of this key.
    Trip(u32),
    /// [`reset`](redial::Reconnector::reset) of this key.
    Reset(u32),
}

/// An id, seen from the current action.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Who {
    /// The dial in flight; without one, the last dial.
    #[default]
    Dial,
    /// The connection that is the link; without one, the last dial.
    Link,
    /// The connection that drains; without one, the dial before the last.
    Draining,
    /// This many dials before the last.
    Stale(u8),
    /// A dial that there has not been.
    Future(u8),
}

/// A list of at most [`MAX_ENDPOINTS`] endpoints that can be copied.
///
/// ```
/// use redial_testkit::ops::Endpoints;
/// assert_eq!(Endpoints::of(&[10, 20]).keys().collect::<Vec<_>>(), [10, 20]);
/// ```
#[derive(Clone, Copy)]
pub struct Endpoints {
    len: usize,
    endpoints: [Endpoint; MAX_ENDPOINTS],
}

impl Endpoints {
    /// Endpoints with these keys.
    ///
    /// # Panics
    /// With more than [`MAX_ENDPOINTS`].
    pub fn of(keys: &[u32]) -> Self {
        let mut endpoints = [Endpoint::new(0); MAX_ENDPOINTS];
        for (endpoint, key) in endpoints[..keys.len()].iter_mut().zip(keys) {
            *endpoint = Endpoint::new(*key);
        }
        Self { len: keys.len(), endpoints }
    }

    /// The keys, in order.
    pub fn keys(&self) -> impl Iterator<Item = u32> {
        self.as_ref().iter().map(Endpoint::key)
    }

    /// A list of 0 to 4 keys below 5, now and then with duplicates.
    pub(crate) fn decode([len, keys]: [u8; 2]) -> Self {
        let keys: [u32; MAX_ENDPOINTS] = [0, 2, 4, 6].map(|shift| u32::from(keys >> shift & 3));
        let distinct = len & 0x40 == 0;
        let (first, len) = (u32::from(len & 1), usize::from(len >> 3) % (MAX_ENDPOINTS + 1));
        // A rotation has no duplicates.
        let pick = |(place, key): (u32, &u32)| {
            if distinct { (keys[0] + place) % 4 + first } else { *key }
        };
        let keys: Vec<u32> = (0..).zip(&keys[..len]).map(pick).collect();
        Self::of(&keys)
    }
}

impl AsRef<[Endpoint]> for Endpoints {
    fn as_ref(&self) -> &[Endpoint] {
        &self.endpoints[..self.len]
    }
}

impl AsMut<[Endpoint]> for Endpoints {
    fn as_mut(&mut self) -> &mut [Endpoint] {
        &mut self.endpoints[..self.len]
    }
}

/// The keys.
impl fmt::Debug for Endpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys()).finish()
    }
}

impl PartialEq for Endpoints {
    fn eq(&self, other: &Self) -> bool {
        self.as_ref() == other.as_ref()
    }
}

impl Eq for Endpoints {}

impl std::hash::Hash for Endpoints {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.keys().for_each(|key| key.hash(state));
    }
}

/// An operation with the ids and times of the moment: what is really done to a reconnector.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Call {
    /// [`handle`](redial::Reconnector::handle).
    Event(Event),
    /// [`set_endpoints`](redial::Reconnector::set_endpoints), with only the keys of these.
    SetEndpoints(Endpoints),
    /// [`trip`](redial::Reconnector::trip).
    Trip(u32),
    /// [`reset`](redial::Reconnector::reset).
    Reset(u32),
}

impl Op {
    /// Bytes of an operation.
    pub const BYTES: usize = 8;

    /// What this means when the clock stands at `clock`, the action is `action`, and `last` was the
    /// last dial, if there was one.
    pub fn resolve(
        &self,
        clock: Timestamp,
        action: &Action,
        last: Option<DialId>,
    ) -> (Timestamp, Call) {
        let now = self.when.resolve(clock, action.wake());
        let last = last.map_or(1, DialId::get);
        let id = |who: Who| {
            let number = match who {
                Who::Dial => action.dial().map_or(last, |dial| dial.id.get()),
                Who::Link => action.held().map_or(last, DialId::get),
                Who::Draining => action.draining().map_or(last - 1, |old| old.id.get()),
                Who::Stale(back) => last.saturating_sub(u64::from(back)),
                Who::Future(ahead) => last.saturating_add(1 + u64::from(ahead)),
            };
            DialId::new(number.max(1)).expect("at least 1")
        };
        let event = match self.what {
            What::Tick => Event::Tick,
            What::Start => Event::Start,
            What::Stop => Event::Stop,
            What::Progress(who) => Event::Progress(id(who)),
            What::Connected(who) => Event::Connected(id(who)),
            What::DialFailed(who, failure) => Event::DialFailed(id(who), failure),
            What::DialAborted(who) => Event::DialAborted(id(who)),
            What::Closed(who, failure) => Event::Closed(id(who), failure),
            What::Confirmed(who) => Event::Confirmed(id(who)),
            What::Activity(who) => Event::Activity(id(who)),
            What::GoingAway(who, after) => {
                Event::GoingAway(id(who), after.map(|after| now.saturating_add(after)))
            }
            What::Online => Event::Online,
            What::Offline => Event::Offline,
            What::Redial => Event::Redial,
            What::Defer(after) => {
                Event::Defer(after.map_or(Timestamp::ORIGIN, |after| now.saturating_add(after)))
            }
            What::SetEndpoints(endpoints) => return (now, Call::SetEndpoints(endpoints)),
            What::Trip(key) => return (now, Call::Trip(key)),
            What::Reset(key) => return (now, Call::Reset(key)),
        };
        (now, Call::Event(event))
    }

    /// The operation that these bytes mean; every value means one. Likely ones come of many bytes, the
    /// end of time of few.
    pub fn decode(bytes: [u8; Self::BYTES]) -> Self {
        let [when, delay, what, who, failure, span_of, rest @ ..] = bytes;
        let when = match when {
            0..=79 => When::Wake,
            80..=119 => When::Now,
            120..=151 => When::BeforeWake(span(delay)),
            152..=167 => When::AfterWake(span(delay)),
            168..=239 => When::After(span(delay % 241)),
            240..=251 => When::Back(span(delay)),
            252..=254 => When::After(span(delay)),
            255 if delay < 16 => When::End(span(delay)),
            255 => When::Now,
        };
        let dial = who_of(who, Who::Dial, Who::Link);
        let link = who_of(who, Who::Link, Who::Dial);
        let failure = failure_of(failure, span_of, rest);
        let after = span(span_of);
        let what = match what {
            0..=55 => What::Tick,
            56..=67 => What::Start,
            68..=70 => What::Stop,
            71..=82 => What::Progress(dial),
            83..=116 => What::Connected(dial),
            117..=152 => What::DialFailed(dial, failure),
            153..=158 => What::DialAborted(dial),
            159..=180 => What::Closed(link, failure),
            181..=188 => What::Confirmed(link),
            189..=194 => What::Activity(link),
            195..=206 => What::GoingAway(link, (rest[0] > 64).then_some(after)),
            207..=215 => What::Online,
            216..=219 => What::Offline,
            220..=231 => What::Redial,
            232..=236 => What::Defer((rest[0] > 64).then(|| span(span_of % 241))),
            237..=245 => What::SetEndpoints(Endpoints::decode(rest)),
            246..=249 => What::Trip(u32::from(rest[0] % 6)),
            250..=255 => What::Reset(u32::from(rest[0] % 6)),
        };
        Self { when, what }
    }

    /// One that could well happen next, when the action is `action`; now and then any other.
    pub(crate) fn likely(random: &mut Random, action: &Action) -> Self {
        let any = Self::decode(random.array());
        let [kind, delay, spread @ ..] = random.array::<4>();
        let failure = failure_of(kind, delay, spread);
        let draining = action.draining().is_some();
        let what = match (action, random.number() % 100) {
            (_, 90..) => return any,
            (Action::Dial(_), 0..40) => What::Connected(Who::Dial),
            (Action::Dial(_), 40..75) => What::DialFailed(Who::Dial, failure),
            (Action::Dial(_), 75..80) => What::Progress(Who::Dial),
            (Action::Hold(_), 0..30) if draining => What::Closed(Who::Link, failure),
            (Action::Hold(_), 30..50) if draining => What::Closed(Who::Draining, failure),
            (Action::Hold(_), 0..5) => What::Closed(Who::Link, failure),
            (Action::Hold(_), 5..10) => What::Redial,
            (Action::Hold(_), 10..15) => What::GoingAway(Who::Link, Some(span(delay))),
            (Action::Hold(_), 15..20) => What::Confirmed(Who::Link),
            (Action::Idle | Action::GiveUp(_), 0..60) => What::Start,
            (Action::Idle, 60..80) => What::Online,
            _ => return Self::default(),
        };
        let when = match any.when {
            When::Back(_) | When::End(_) => When::Now,
            when => when,
        };
        Self { when, what }
    }

    /// The next operation of a fuzzer's input; `None` at its end.
    pub fn next(bytes: &mut Bytes<'_>) -> Option<Self> {
        (!bytes.is_empty()).then(|| Self::decode(bytes.array()))
    }
}

impl When {
    /// The time meant, from the clock and the wake.
    pub fn resolve(self, clock: Timestamp, wake: Timestamp) -> Timestamp {
        let wake = if wake == Timestamp::MAX { clock } else { wake.max(clock) };
        let before = |time: Timestamp, delay: Duration| {
            Timestamp::from_origin(time.since_origin().saturating_sub(delay))
        };
        match self {
            Self::Wake => wake,
            Self::Now => clock,
            Self::BeforeWake(delay) => before(wake, delay).max(clock),
            Self::AfterWake(delay) => wake.saturating_add(delay),
            Self::After(delay) => clock.saturating_add(delay),
            Self::Back(delay) => before(clock, delay),
            Self::End(delay) => before(Timestamp::MAX, delay),
        }
    }
}

/// Mostly `usual`, sometimes every other.
fn who_of(byte: u8, usual: Who, other: Who) -> Who {
    match byte {
        0..=203 => usual,
        204..=211 => other,
        212..=239 => Who::Draining,
        240..=251 => Who::Stale(byte - 240),
        252..=255 => Who::Future(byte - 252),
    }
}

fn failure_of(byte: u8, delay: u8, [spread, _]: [u8; 2]) -> Failure {
    match byte {
        0..=111 => Failure::Unreachable,
        112..=159 => Failure::TimedOut,
        160..=191 => Failure::Overloaded,
        192..=223 => Failure::RetryAfter { delay: span(delay), spread: span(spread) },
        224..=251 => Failure::Unsuitable,
        252..=255 => Failure::Fatal,
    }
}
