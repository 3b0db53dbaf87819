//! A simulator: drives any reconnector against a server given as a closure, jumping from one thing that
//! happens to the next.

use std::borrow::Borrow;
use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use redial::{Action, Dial, DialId, Endpoint, Event, Failure, Policy, Reconnector, Timestamp};

/// What becomes of one dial: replies, each a delay after the one before it. Nothing after the last:
/// a dial times out then, and a connection stays up.
///
/// ```
/// use std::time::Duration;
/// use redial_testkit::sim::{Answer, Reply};
///
/// // Accepts after 10 ms, and closes a minute later.
/// let answer = Answer::accepted(Duration::from_millis(10))
///     .then(Duration::from_secs(60), Reply::Closed(redial::Failure::Unreachable));
/// # let _ = answer;
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Answer(VecDeque<(Duration, Reply)>);

/// One thing that a server does.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Reply {
    /// It answers something.
    Progress,
    /// The dial succeeds.
    Connected,
    /// The dial fails.
    Failed(Failure),
    /// The connection ends.
    Closed(Failure),
    /// The application has seen the connection healthy.
    Confirmed,
    /// Something is received.
    Activity,
    /// It will go away, this long after it says so.
    GoingAway(Option<Duration>),
}

impl Answer {
    /// Never a word.
    pub const fn silent() -> Self {
        Self(VecDeque::new())
    }

    /// Nobody is there: fails at once.
    pub fn refused() -> Self {
        Self::failed(Failure::Unreachable)
    }

    /// Fails at once.
    pub fn failed(failure: Failure) -> Self {
        Self::silent().then(Duration::ZERO, Reply::Failed(failure))
    }

    /// Succeeds after this time, and stays up.
    pub fn accepted(after: Duration) -> Self {
        Self::silent().then(after, Reply::Connected)
    }

    /// And then `reply`, `after` the one before it.
    #[must_use]
    pub fn then(mut self, after: Duration, reply: Reply) -> Self {
        self.0.push_back((after, reply));
        self
    }
}

/// A reconnector in a world of its own.
///
/// It keeps the driver's side of the contract: what the action does not name is dropped, finished I/O is
/// delivered before ticks, and there is one timer.
///
/// ```
/// use std::time::Duration;
/// use redial::{Policy, Reconnector};
/// use redial_testkit::sim::{Answer, Sim};
///
/// let link = Reconnector::new(Policy::DEFAULT, 7);
/// let mut sim = Sim::new(link, |_now, _dial| Answer::refused());
/// sim.start();
/// sim.run_for(Duration::from_secs(600));
/// assert!(sim.dials.len() < 40, "{} dials in ten minutes", sim.dials.len());
/// ```
pub struct Sim<P, S, F> {
    /// What is driven.
    pub link: Reconnector<P, S>,
    /// The time.
    pub now: Timestamp,
    /// Every dial, with the time at which it was started.
    pub dials: Vec<(Timestamp, Dial)>,
    /// Every connection made, with the time.
    pub connections: Vec<(Timestamp, DialId)>,
    server: F,
    answers: Vec<(DialId, Timestamp, Answer)>,
}

impl<P, S, F> Sim<P, S, F>
where
    P: Borrow<Policy>,
    S: AsRef<[Endpoint]> + AsMut<[Endpoint]>,
    F: FnMut(Timestamp, &Dial) -> Answer,
{
    /// Drives `link`, from the origin of time; `server` answers its dials.
    pub fn new(link: Reconnector<P, S>, server: F) -> Self {
        let (dials, connections, answers) = (Vec::new(), Vec::new(), Vec::new());
        Self { link, now: Timestamp::ORIGIN, dials, connections, server, answers }
    }

    /// Reports [`Event::Start`] now.
    pub fn start(&mut self) -> Action {
        self.event(Event::Start)
    }

    /// Reports an event of the application now.
    pub fn event(&mut self, event: Event) -> Action {
        let action = self.link.handle(self.now, event);
        self.reconcile(action)
    }

    /// Replaces the endpoints now; returns the old ones.
    pub fn set_endpoints(&mut self, endpoints: S) -> S {
        let old = self.link.set_endpoints(self.now, endpoints);
        self.reconcile(self.link.action());
        old
    }

    /// Runs for this long; returns the action at the end.
    pub fn run_for(&mut self, time: Duration) -> Action {
        let end = self.now.saturating_add(time);
        while let Some(next) = self.next().filter(|next| *next <= end) {
            self.step(next);
        }
        self.now = self.now.max(end);
        self.link.action()
    }

    /// Runs until there have been this many dials in all, or nothing happens any more.
    pub fn run_dials(&mut self, dials: usize) -> Action {
        while self.dials.len() < dials {
            let Some(next) = self.next() else { break };
            self.step(next);
        }
        self.link.action()
    }

    /// When the dials were started, as time since the origin.
    pub fn dial_times(&self) -> Vec<Duration> {
        self.dials.iter().map(|(now, _)| now.since_origin()).collect()
    }

    /// When something happens next, if ever.
    fn next(&self) -> Option<Timestamp> {
        let replies = self.answers.iter().filter_map(|(_, last, answer)| {
            answer.0.front().map(|(after, _)| last.saturating_add(*after))
        });
        let wake = self.link.action().wake();
        replies.chain([wake]).min().filter(|next| *next < Timestamp::MAX)
    }

    /// Finished I/O before ticks.
    fn step(&mut self, next: Timestamp) {
        self.now = self.now.max(next);
        let due = self.answers.iter_mut().find_map(|(id, last, answer)| {
            let (after, reply) = *answer.0.front()?;
            (last.saturating_add(after) <= next).then(|| {
                *last = last.saturating_add(after);
                answer.0.pop_front();
                (*id, reply)
            })
        });
        let event = match due {
            None => Event::Tick,
            Some((id, Reply::Progress)) => Event::Progress(id),
            Some((id, Reply::Connected)) => {
                self.connections.push((self.now, id));
                Event::Connected(id)
            }
            Some((id, Reply::Failed(failure))) => Event::DialFailed(id, failure),
            Some((id, Reply::Closed(failure))) => Event::Closed(id, failure),
            Some((id, Reply::Confirmed)) => Event::Confirmed(id),
            Some((id, Reply::Activity)) => Event::Activity(id),
            Some((id, Reply::GoingAway(by))) => {
                Event::GoingAway(id, by.map(|by| self.now.saturating_add(by)))
            }
        };
        self.event(event);
    }

    /// Starts the dial that is new, and drops what is no longer named.
    fn reconcile(&mut self, action: Action) -> Action {
        if let Some(dial) = action.dial() {
            if self.dials.last().is_none_or(|(_, last)| last.id < dial.id) {
                self.dials.push((self.now, dial));
                let answer = (self.server)(self.now, &dial);
                self.answers.push((dial.id, self.now, answer));
            }
        }
        let named = [
            action.dial().map(|dial| dial.id),
            action.held(),
            action.draining().map(|draining| draining.id),
        ];
        self.answers.retain(|(id, ..)| named.contains(&Some(*id)));
        action
    }
}

impl<P, S, F> fmt::Debug for Sim<P, S, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sim")
            .field("now", &self.now)
            .field("dials", &self.dials.len())
            .finish_non_exhaustive()
    }
}
