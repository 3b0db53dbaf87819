//! A recorded run: what was done when, and what came of it.

use redial::{Action, Counters, DialId, Event, Policy, Reconnector, Timestamp};

use crate::ops::{Call, Endpoints, Op};

/// A reconnector that can be copied, so that a law can ask what would have happened otherwise.
pub type Subject<'a> = Reconnector<&'a Policy, Endpoints>;

/// One step: the call, and the reconnector after it.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// The time that was given, which may be earlier than the last.
    pub given: Timestamp,
    /// The time that it counts as: never earlier than the last, and never [`Timestamp::MAX`].
    pub now: Timestamp,
    /// What was done.
    pub call: Call,
    /// The action that came of it.
    pub action: Action,
    /// The counters after it.
    pub counters: Counters,
    /// The reconnector after it.
    pub after: Subject<'a>,
}

/// A recorded run, from a new reconnector on.
///
/// ```
/// use redial::{Event, Policy};
/// use redial_testkit::ops::{Op, What};
/// use redial_testkit::Trace;
///
/// let start = Op { what: What::Start, ..Op::default() };
/// let trace = Trace::run(&Policy::DEFAULT, 7, &[0], [start, Op::default()]);
/// assert_eq!(trace.dials().count(), 1);
/// ```
#[derive(Clone, Debug)]
pub struct Trace<'a> {
    /// What the link is run by.
    pub policy: &'a Policy,
    /// The link's seed.
    pub seed: u64,
    /// The reconnector before the first step.
    pub before: Subject<'a>,
    /// The steps.
    pub records: Vec<Record<'a>>,
    last: Option<DialId>,
}

impl<'a> Trace<'a> {
    /// A run in which nothing has been done yet, with endpoints of these keys.
    ///
    /// # Panics
    /// With more than [`MAX_ENDPOINTS`](crate::ops::MAX_ENDPOINTS) keys.
    pub fn new(policy: &'a Policy, seed: u64, keys: &[u32]) -> Self {
        let before = Reconnector::with_endpoints(policy, seed, Endpoints::of(keys));
        Self { policy, seed, before, records: Vec::new(), last: None }
    }

    /// Runs these operations, with endpoints of these keys.
    ///
    /// # Panics
    /// With more than [`MAX_ENDPOINTS`](crate::ops::MAX_ENDPOINTS) keys.
    pub fn run(
        policy: &'a Policy,
        seed: u64,
        keys: &[u32],
        ops: impl IntoIterator<Item = Op>,
    ) -> Self {
        let mut trace = Self::new(policy, seed, keys);
        for op in ops {
            trace.step(&op);
        }
        trace
    }

    /// Does one operation, at the time and with the ids that it means now.
    pub fn step(&mut self, op: &Op) -> Action {
        let clock = self.records.last().map_or(Timestamp::ORIGIN, |record| record.given);
        let (now, call) = op.resolve(clock, &self.current().action(), self.last);
        self.call(now, call)
    }

    /// Does this.
    pub fn call(&mut self, given: Timestamp, call: Call) -> Action {
        let mut after = *self.current();
        let action = apply(&mut after, given, &call);
        if let Some(dial) = action.dial() {
            self.last = Some(dial.id);
        }
        let last = self.records.last().map_or(Timestamp::ORIGIN, |record| record.now);
        let now = given.min(Timestamp::from_nanos(u64::MAX - 1)).max(last);
        let counters = after.counters();
        self.records.push(Record { given, now, call, action, counters, after });
        action
    }

    /// Reports an event.
    pub fn event(&mut self, now: Timestamp, event: Event) -> Action {
        self.call(now, Call::Event(event))
    }

    /// The reconnector as it is now.
    pub fn current(&self) -> &Subject<'a> {
        self.records.last().map_or(&self.before, |record| &record.after)
    }

    /// Every step with the reconnector before it.
    pub fn steps(&self) -> impl Iterator<Item = (&Subject<'a>, &Record<'a>)> {
        let before = std::iter::once(&self.before);
        before.chain(self.records.iter().map(|record| &record.after)).zip(&self.records)
    }

    /// Every dial that was started, with its step.
    pub fn dials(&self) -> impl Iterator<Item = (&Record<'a>, redial::Dial)> {
        let mut last = None;
        self.records.iter().filter_map(move |record| {
            let dial = record.action.dial().filter(|dial| Some(dial.id) > last)?;
            last = Some(dial.id);
            Some((record, dial))
        })
    }
}

/// Does `call` to `subject`; returns the action after it.
pub fn apply(subject: &mut Subject<'_>, now: Timestamp, call: &Call) -> Action {
    match *call {
        Call::Event(event) => return subject.handle(now, event),
        Call::SetEndpoints(endpoints) => {
            subject.set_endpoints(now, endpoints);
        }
        Call::Trip(key) => {
            subject.trip(now, key);
        }
        Call::Reset(key) => {
            subject.reset(now, key);
        }
    }
    subject.action()
}
