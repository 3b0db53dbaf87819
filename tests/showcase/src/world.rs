//! A server by script, and a driver in simulated time.

use std::time::Duration;

use redial::{
    Action, Dial, DialId, Endpoint, Event, Failure, Policy, Reconnector, Status, Timestamp,
};

/// What becomes of a dial.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    /// It fails like this, after this time.
    Fail(Duration, Failure),
    /// It connects after `after`; the connection ends after `lasts`, if ever.
    Serve {
        /// From the dial to the connection.
        after: Duration,
        /// From the connection to its end, and why.
        lasts: Option<(Duration, Failure)>,
    },
    /// Nothing; its deadline will end it.
    Silent,
}

impl Answer {
    /// Refused at once.
    pub const REFUSE: Self = Self::Fail(Duration::ZERO, Failure::Unreachable);
    /// Connected at once, for ever.
    pub const SERVE: Self = Self::Serve { after: Duration::ZERO, lasts: None };
}

/// What else happens, to the connection that is the link or to the machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Said {
    /// To the machine.
    Event(Event),
    /// The link's connection is lost.
    Lost(Failure),
    /// The link's server will end it within this time.
    GoingAway(Duration),
    /// The connection that drains has finished.
    Drained,
}

/// What the machine does from `at` on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Moment {
    /// When it began.
    pub at: Timestamp,
    /// What should exist.
    pub action: Action,
    /// The same, in people's words.
    pub status: Status,
}

type Server<'a> = Box<dyn FnMut(Timestamp, Dial) -> Answer + 'a>;

/// A reconnector, a server, and what will be said when.
pub struct World<'a> {
    link: Reconnector<Policy, Vec<Endpoint>>,
    server: Server<'a>,
    said: Vec<(Timestamp, Said)>,
    dial: Option<(DialId, Option<Timestamp>, Answer)>,
    connections: Vec<(DialId, Option<(Timestamp, Failure)>)>,
}

impl std::fmt::Debug for World<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").field("action", &self.link.action()).finish_non_exhaustive()
    }
}

impl<'a> World<'a> {
    /// A link to as many endpoints as asked for, with keys from 0, that starts at the origin.
    pub fn new(
        policy: Policy,
        seed: u64,
        endpoints: u32,
        server: impl FnMut(Timestamp, Dial) -> Answer + 'a,
    ) -> Self {
        let endpoints = (0..endpoints).map(Endpoint::new).collect();
        let said = vec![(Timestamp::ORIGIN, Said::Event(Event::Start))];
        Self {
            link: Reconnector::with_endpoints(policy, seed, endpoints),
            server: Box::new(server),
            said,
            dial: None,
            connections: Vec::new(),
        }
    }

    /// This happens so long after the start.
    #[must_use]
    pub fn at(mut self, at: Duration, said: Said) -> Self {
        self.said.push((Timestamp::from_origin(at), said));
        self.said.sort_by_key(|(at, _)| *at);
        self
    }

    /// Plays up to this time, or until nothing will happen any more.
    pub fn play(mut self, until: Duration) -> Vec<Moment> {
        let until = Timestamp::from_origin(until);
        let mut moments: Vec<Moment> = Vec::new();
        while let Some((now, event)) = self.next().filter(|(now, _)| *now <= until) {
            let action = self.link.handle(now, event);
            self.reconcile(now, action);
            let status = self.link.status();
            let same = |last: &Moment| last.action == action && last.status == status;
            if !moments.last().is_some_and(same) {
                moments.push(Moment { at: now, action, status });
            }
        }
        moments
    }

    /// The next event; finished I/O before ticks.
    fn next(&mut self) -> Option<(Timestamp, Event)> {
        let action = self.link.action();
        let mut next = (action.wake(), Event::Tick);
        for (id, end) in &self.connections {
            match end {
                Some((at, failure)) if *at <= next.0 => next = (*at, Event::Closed(*id, *failure)),
                _ => {}
            }
        }
        match self.dial {
            Some((id, Some(at), Answer::Serve { .. })) if at <= next.0 => {
                next = (at, Event::Connected(id));
            }
            Some((id, Some(at), Answer::Fail(_, failure))) if at <= next.0 => {
                next = (at, Event::DialFailed(id, failure));
            }
            _ => {}
        }
        if let Some((at, said)) = self.said.first().copied().filter(|(at, _)| *at <= next.0) {
            self.said.remove(0);
            next = (at, Self::meant(at, action, said));
        }
        (next.0 < Timestamp::MAX).then_some(next)
    }

    fn meant(at: Timestamp, action: Action, said: Said) -> Event {
        match (said, action.held(), action.draining()) {
            (Said::Event(event), _, _) => event,
            (Said::Lost(failure), Some(id), _) => Event::Closed(id, failure),
            (Said::GoingAway(within), Some(id), _) => {
                Event::GoingAway(id, Some(at.saturating_add(within)))
            }
            (Said::Drained, _, Some(old)) => Event::Closed(old.id, Failure::Unreachable),
            (Said::Lost(_) | Said::GoingAway(_), None, _) | (Said::Drained, _, None) => Event::Tick,
        }
    }

    /// Makes the world what the action says.
    fn reconcile(&mut self, now: Timestamp, action: Action) {
        let held = action.held();
        if let Some((id, _, Answer::Serve { lasts, .. })) = self.dial {
            if held == Some(id) {
                let end = lasts.map(|(time, failure)| (now.saturating_add(time), failure));
                self.connections.push((id, end));
            }
        }
        let draining = action.draining().map(|old| old.id);
        self.connections.retain(|(id, _)| held == Some(*id) || draining == Some(*id));
        let running = self.dial.map(|(id, ..)| id);
        if running == action.dial().map(|dial| dial.id) {
            return;
        }
        self.dial = action.dial().map(|dial| {
            let answer = (self.server)(now, dial);
            let at = match answer {
                Answer::Fail(after, _) | Answer::Serve { after, .. } => {
                    Some(now.saturating_add(after))
                }
                Answer::Silent => None,
            };
            (dial.id, at, answer)
        });
    }
}

impl Moment {
    /// When each dial of a play was started, in milliseconds.
    pub fn dials(moments: &[Self]) -> Vec<u64> {
        let mut dials: Vec<(DialId, u64)> = Vec::new();
        for moment in moments {
            if let Some(dial) = moment.action.dial() {
                if dials.last().is_none_or(|(last, _)| *last != dial.id) {
                    dials.push((dial.id, moment.at.as_nanos() / 1_000_000));
                }
            }
        }
        dials.into_iter().map(|(_, at)| at).collect()
    }
}
