//! The reconnector: events in with their time, out what should exist now.

use core::borrow::Borrow;

use crate::action::Action;
use crate::circuit::{BreakerState, Mode};
use crate::endpoint::{DUPLICATE, Endpoint, mark_duplicates, position, used};
use crate::event::Event;
use crate::machine::{Machine, Step};
use crate::policy::Policy;
use crate::status::{Status, status};
use crate::time::Timestamp;

/// Decides when one link is dialed, and to which endpoint.
///
/// `P` is how the policy is held: owned, `&'static`, or an `Arc` over a million links. `S` is how
/// the endpoints are: an array, a `Vec`, a boxed or borrowed slice. The first 65,535 endpoints are
/// used.
///
/// ```
/// use core::time::Duration;
/// use redial::{Action, Event, Failure, Policy, Reconnector, Timestamp};
///
/// let mut link = Reconnector::new(Policy::DEFAULT, 42);
/// let start = Timestamp::ORIGIN;
/// let Action::Dial(dial) = link.handle(start, Event::Start) else { panic!() };
///
/// let failed = link.handle(start, Event::DialFailed(dial.id, Failure::Unreachable));
/// let Action::SleepUntil(wait) = failed else { panic!() };
/// assert!(wait.until <= start.saturating_add(Duration::from_millis(750)));
/// assert_eq!(link.action(), failed);
///
/// let again = link.handle(wait.until, Event::Tick);
/// assert_eq!(again.dial().unwrap().attempt, 2);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reconnector<P = Policy, S = [Endpoint; 1]> {
    pub(crate) policy: P,
    pub(crate) machine: Machine,
    pub(crate) endpoints: S,
}

/// Events that changed nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub struct Counters {
    /// Events that made no sense when they came: an id that was not current, or of a kind that it
    /// could not have; saturating at 65,535. A few late ones are normal.
    pub ignored: u32,
    /// Times that were before an earlier one; saturating at 65,535.
    pub backward: u32,
}

impl<P: Borrow<Policy>> Reconnector<P> {
    /// A stopped link with one endpoint, whose key is 0.
    ///
    /// `seed` drives jitter. Give every link a different one, or a fleet dials in step; there is no
    /// default because a shared default is that mistake.
    pub const fn new(policy: P, seed: u64) -> Self {
        Self { policy, machine: Machine::new(seed), endpoints: [Endpoint::new(0)] }
    }
}

impl<P: Borrow<Policy>, S: AsRef<[Endpoint]> + AsMut<[Endpoint]>> Reconnector<P, S> {
    /// A stopped link with these endpoints. Of several with the same key the first counts. Only the
    /// keys are taken; health begins anew.
    ///
    /// ```
    /// use redial::{Action, Endpoint, Event, Policy, Reconnector, Timestamp};
    ///
    /// let endpoints = [Endpoint::new(10), Endpoint::new(20)];
    /// let mut link = Reconnector::with_endpoints(&Policy::DEFAULT, 7, endpoints);
    /// let action = link.handle(Timestamp::ORIGIN, Event::Start);
    /// assert_eq!(action.dial().unwrap().endpoint, 10);
    /// ```
    pub fn with_endpoints(policy: P, seed: u64, mut endpoints: S) -> Self {
        renew(endpoints.as_mut(), &[]);
        Self { policy, machine: Machine::new(seed), endpoints }
    }

    /// Moves the link through time: `event` happened at `now`. Returns what should exist from now
    /// on.
    ///
    /// Total: every event in every state at every time has a defined answer. It never panics,
    /// allocates or fails. A time before the last one counts as the last one.
    pub fn handle(&mut self, now: Timestamp, event: Event) -> Action {
        let mut step = self.step(now);
        match event {
            // An early tick is the most frequent call of all, and computes nothing.
            Event::Tick if step.due() => step.tick(),
            Event::Tick => step.look(),
            _ => {
                if step.due() {
                    step.settle();
                }
                step.handle(&event)
            }
        }
    }

    /// What should exist now; may be read at any time, and changes nothing.
    pub fn action(&self) -> Action {
        self.machine.look(self.policy.borrow(), used(self.endpoints.as_ref()))
    }

    /// The state in the words people use.
    pub fn status(&self) -> Status {
        status(&self.machine, used(self.endpoints.as_ref()))
    }

    /// Events that changed nothing, for monitoring a driver.
    pub fn counters(&self) -> Counters {
        let Machine { ignored, backward, .. } = self.machine;
        Counters { ignored: ignored.into(), backward: backward.into() }
    }

    /// The policy.
    pub fn policy(&self) -> &Policy {
        self.policy.borrow()
    }

    /// The endpoints, with their health.
    pub fn endpoints(&self) -> &[Endpoint] {
        self.endpoints.as_ref()
    }

    /// Replaces the list of endpoints; returns the old storage. Read [`action`](Self::action) after
    /// it.
    ///
    /// Legal in every state. Endpoints whose key stays keep their health. A dial to a removed one
    /// is dropped, uncounted; a connection to one is replaced as soon as another can be made, also
    /// if its key comes back, which is then a new endpoint. Of duplicate keys the first counts; looking
    /// for them takes time that grows with the square of the list's length (a millisecond for a
    /// thousand). With an empty list the link is idle, and dials when one appears. A wait goes on over all
    /// of that, for new endpoints too; [`Redial`](Event::Redial) cuts it.
    pub fn set_endpoints(&mut self, now: Timestamp, endpoints: S) -> S {
        // A connection that has become stable is booked while its index still means its endpoint.
        self.step(now).settle();
        let now = Timestamp::from_nanos(self.machine.now);
        let old = core::mem::replace(&mut self.endpoints, endpoints);
        renew(self.endpoints.as_mut(), used(old.as_ref()));
        self.step(now).replaced(used(old.as_ref()));
        old
    }

    /// Opens the circuit of endpoint `key` until [`reset`](Self::reset): nothing dials it any more.
    /// A dial in flight and a connection are kept. If that leaves none that admits a dial, one that its
    /// breaker had opened does. A wait that now has no end gives up at once under `max_elapsed`. Read
    /// [`action`](Self::action) after it. False if there is no such endpoint.
    pub fn trip(&mut self, now: Timestamp, key: u32) -> bool {
        self.step(now).set_circuit(key, true)
    }

    /// Closes the circuit of endpoint `key` and forgets its outcomes. Read [`action`](Self::action)
    /// after it. False if there is no such endpoint.
    pub fn reset(&mut self, now: Timestamp, key: u32) -> bool {
        self.step(now).set_circuit(key, false)
    }

    fn step(&mut self, now: Timestamp) -> Step<'_> {
        Step::new(&mut self.machine, self.policy.borrow(), self.endpoints.as_mut(), now)
    }
}

/// Takes the keys of `endpoints`, and the health of those that are in `old`.
fn renew(endpoints: &mut [Endpoint], old: &[Endpoint]) {
    for endpoint in endpoints.iter_mut() {
        let key = endpoint.key();
        let kept = old.iter().find(|other| other.key() == key);
        *endpoint = kept.copied().unwrap_or(Endpoint::new(key));
    }
    mark_duplicates(endpoints);
}

impl Step<'_> {
    fn replaced(mut self, old: &[Endpoint]) {
        let new = &*self.endpoints;
        let moved = |index: u16| {
            let key = old.get(usize::from(index))?.key();
            position(new, key)
        };
        self.machine.cursor = moved(self.machine.cursor).unwrap_or(self.machine.cursor);
        let lost = self.machine.state.relocate(moved);
        self.follow(lost);
        self.admit_one();
        self.recheck_round();
        self.advance();
    }

    /// Of several endpoints not all may be open, unless the policy allows it: the one whose open time
    /// would end first is half-open now. Those that were tripped by hand stay so.
    pub(crate) fn admit_one(&mut self) {
        let now = self.now;
        let counted = |endpoint: &Endpoint| !endpoint.has(DUPLICATE);
        let admits = |BreakerState { until, mode, .. }| until <= now || mode == Mode::Probing;
        let mut all = self.endpoints.iter().filter(|endpoint| counted(endpoint));
        let allowed = self.policy.allow_all_open || all.clone().nth(1).is_none();
        if allowed || all.any(|endpoint| admits(endpoint.breaker)) {
            return;
        }
        let open =
            |endpoint: &&mut Endpoint| counted(endpoint) && endpoint.breaker.mode == Mode::Open;
        let open = self.endpoints.iter_mut().filter(open);
        if let Some(first) = open.min_by_key(|endpoint| endpoint.breaker.until) {
            first.breaker.until = now;
        }
    }

    fn set_circuit(mut self, key: u32, trip: bool) -> bool {
        self.settle();
        let index = position(self.endpoints, key);
        if let Some(endpoint) = index.and_then(|index| self.endpoint(index)) {
            if trip {
                endpoint.breaker.trip();
            } else {
                endpoint.breaker.reset();
            }
            self.admit_one();
            self.recheck_round();
        }
        // An unknown key changes nothing, but it may have come when something was due.
        if index.is_some() || self.due() {
            self.advance();
        }
        index.is_some()
    }
}
