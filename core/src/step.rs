//! The one `(state, event)` match, and what each event does.
//!
//! Order inside one call: the clock, stability (a matter of time, not of ticks), the event, every
//! timer that is due, and then what should exist next.

use crate::action::{Action, WaitReason};
use crate::event::Event;
use crate::id::DialId;
use crate::machine::{Link, Proof, State, Step, Wanted};
use crate::rng::up_to;
use crate::run::Run;
use crate::time::{NEVER, Timestamp};

impl Step<'_> {
    /// The one place in which an event changes the state. What an event does, and what follows, is a
    /// function of its own, so that a call pays for no other event.
    pub(crate) fn handle(&mut self, event: &Event) -> Action {
        use State::{Dialing, Draining, GaveUp, Held, Paused, Replacing, Stopped, Waiting};

        let dial = self.machine.dials;
        match (&self.machine.state, event) {
            (_, Event::Tick) => self.unchanged(),
            (Stopped | GaveUp { .. }, Event::Start) => self.then(Self::begin),
            (
                Paused { .. }
                | Waiting { .. }
                | Dialing { .. }
                | Held { .. }
                | Replacing { .. }
                | Draining { .. },
                Event::Start,
            ) => self.unchanged(),

            (Stopped, Event::Stop) => self.ignored(),
            (Paused { .. } | Waiting { .. } | GaveUp { .. }, Event::Stop) => {
                self.then(|step| step.stop(None))
            }
            (
                Dialing { endpoint, .. }
                | Replacing { target: endpoint, .. }
                | Held { link: Link { endpoint, .. }, .. }
                | Draining { link: Link { endpoint, .. }, .. },
                Event::Stop,
            ) => {
                let endpoint = *endpoint;
                self.then(|step| step.stop(Some(endpoint)))
            }

            (
                Dialing { deadline, progressed: false, .. }
                | Replacing { deadline, progressed: false, .. },
                Event::Progress(id),
            ) if id.get() == dial && self.now < *deadline => self.then(Self::progress),
            (Dialing { .. } | Replacing { .. }, Event::Connected(id)) if id.get() == dial => {
                self.then(|step| step.connected(*id))
            }
            (Dialing { endpoint, outage, progressed, .. }, Event::DialFailed(id, failure))
                if id.get() == dial =>
            {
                let (endpoint, outage, progressed) = (*endpoint, *outage, *progressed);
                self.dial_failed(endpoint, outage, failure, progressed)
            }
            (Replacing { .. }, Event::DialFailed(id, failure)) if id.get() == dial => {
                self.then(|step| step.handover_failed(failure))
            }
            (Dialing { .. } | Replacing { .. }, Event::DialAborted(id)) if id.get() == dial => {
                self.then(Self::drop_dial)
            }

            (
                Held { link, .. } | Replacing { link, .. } | Draining { link, .. },
                Event::Closed(id, failure),
            ) if *id == link.id => self.closed(failure),
            (Draining { old, .. }, Event::Closed(id, _)) if id == old => self.then(Self::drained),

            (
                Held { link, .. } | Replacing { link, .. } | Draining { link, .. },
                Event::Confirmed(id),
            ) if *id == link.id => {
                if link.proof == Proof::None {
                    self.confirmed()
                } else {
                    self.unchanged()
                }
            }
            (
                Held { link, .. } | Replacing { link, .. } | Draining { link, .. },
                Event::Activity(id),
            ) if *id == link.id => {
                // The armed wake stays, and looks again when it comes.
                if let Some(link) = self.machine.state.link() {
                    link.active = self.now;
                }
                self.unchanged()
            }
            (Draining { old, .. }, Event::Confirmed(id) | Event::Activity(id)) if id == old => {
                self.unchanged()
            }
            (
                Held { link, .. } | Replacing { link, .. } | Draining { link, .. },
                Event::GoingAway(id, by),
            ) if *id == link.id => self.then(|step| step.going_away(*by)),
            (Draining { old, .. }, Event::GoingAway(id, by)) if id == old => {
                if let Draining { old_by, old_wanted, .. } = &mut self.machine.state {
                    *old_by = by.map_or(NEVER, Timestamp::as_nanos).min(*old_by);
                    *old_wanted = Wanted::Away;
                }
                self.advance()
            }

            (_, Event::Online) => self.then(Self::online),
            (_, Event::Offline) => {
                self.machine.offline = true;
                self.advance()
            }
            (Paused { .. } | Waiting { .. } | Held { .. } | Draining { .. }, Event::Redial) => {
                self.then(Self::redial)
            }
            (Stopped | Dialing { .. } | Replacing { .. } | GaveUp { .. }, Event::Redial) => {
                self.unchanged()
            }
            (_, Event::Defer(until)) => {
                self.machine.deferred = until.as_nanos();
                self.advance()
            }

            (
                Stopped
                | Paused { .. }
                | Waiting { .. }
                | Dialing { .. }
                | Held { .. }
                | Replacing { .. }
                | Draining { .. }
                | GaveUp { .. },
                Event::Progress(_)
                | Event::Connected(_)
                | Event::DialFailed(..)
                | Event::DialAborted(_)
                | Event::Closed(..)
                | Event::Confirmed(_)
                | Event::Activity(_)
                | Event::GoingAway(..),
            ) => self.ignored(),
        }
    }

    /// What `event` did is followed by what is due, and planned anew.
    #[inline(never)]
    pub(crate) fn then(&mut self, event: impl FnOnce(&mut Self)) -> Action {
        event(self);
        self.advance()
    }

    /// What the event is about is as it was: only what is due happens.
    fn unchanged(&mut self) -> Action {
        if self.due() { self.advance() } else { self.look() }
    }

    /// Nonsense: counted, and otherwise a tick.
    fn ignored(&mut self) -> Action {
        self.machine.ignored = self.machine.ignored.saturating_add(1);
        self.unchanged()
    }

    /// A new outage with fresh counters. Ids, rate limit, hints and breakers stay.
    fn begin(&mut self) {
        self.machine.run = Run::NEW;
        self.machine.attempts = 0;
        self.clear_parks();
        let now = self.now;
        self.each_endpoint(|endpoint| endpoint.begin_anew(now));
        let mut pace = 0;
        if self.policy.startup_splay > 0 {
            let splay = up_to(self.policy.startup_splay, self.machine.draw());
            pace = self.now.saturating_add(splay);
            self.machine.run.paced_by = WaitReason::Splay;
        }
        self.machine.state = State::Waiting { outage: self.now, pace, last: None };
    }

    fn stop(&mut self, endpoint: Option<u16>) {
        if let Some(index) = endpoint {
            self.release(index);
        }
        self.machine.state = State::Stopped;
    }

    /// The server has answered something: the handshake's deadline holds, if it is later.
    fn progress(&mut self) {
        let (limit, age) = match self.machine.state {
            State::Dialing { outage, .. } => (self.limit(outage), self.elapsed(outage)),
            _ => (NEVER, 0),
        };
        let (policy, run) = (self.policy, self.machine.run);
        let moved = |started| run.handshake_deadline(policy, started, age).min(limit);
        match &mut self.machine.state {
            State::Dialing { started, deadline, progressed, .. }
            | State::Replacing { started, deadline, progressed, .. } => {
                *progressed = true;
                *deadline = moved(*started).max(*deadline);
            }
            State::Stopped
            | State::Paused { .. }
            | State::Waiting { .. }
            | State::Held { .. }
            | State::Draining { .. }
            | State::GaveUp { .. } => {}
        }
    }

    fn connected(&mut self, id: DialId) {
        let now = self.now;
        let link = |endpoint, fresh, paced_by_better| Link {
            id,
            since: now,
            active: now,
            by: NEVER,
            endpoint,
            spent: 0,
            proof: Proof::None,
            wanted: Wanted::No,
            fresh,
            paced_by_better,
        };
        if let State::Dialing { outage, endpoint, .. } = self.machine.state {
            self.machine.cursor = endpoint;
            self.machine.state = State::Held { link: link(endpoint, true, false), outage, pace: 0 };
        } else if let State::Replacing { link: old, target, .. } = self.machine.state {
            self.machine.cursor = target;
            self.machine.state = State::Draining {
                link: link(target, false, old.paced_by_better),
                old: old.id,
                old_by: old.by,
                old_endpoint: old.endpoint,
                old_spent: self.policy.spent(old.spent, now.saturating_sub(old.since)),
                old_wanted: old.wanted,
                old_fresh: old.fresh,
            };
        }
    }

    #[inline(never)]
    fn confirmed(&mut self) -> Action {
        if let Some(link) = self.machine.state.link() {
            link.proof = Proof::Confirmed;
            let endpoint = link.endpoint;
            self.proven(endpoint);
        }
        self.unchanged()
    }

    fn going_away(&mut self, by: Option<Timestamp>) {
        if let Some(link) = self.machine.state.link() {
            link.by = by.map_or(NEVER, Timestamp::as_nanos).min(link.by);
        }
        self.want(Wanted::Away);
    }

    fn online(&mut self) {
        let was_offline = core::mem::replace(&mut self.machine.offline, false);
        if !self.machine.run.online_cuts(was_offline) {
            return;
        }
        let now = self.now;
        if self.machine.state.pace().is_some_and(|pace| *pace > now && *pace != NEVER) {
            let window = self.policy.initial();
            let cut = now.saturating_add(self.spread(window));
            if let Some(pace) = self.machine.state.pace() {
                *pace = cut.min(*pace);
            }
            self.machine.run.paced_by = WaitReason::Online;
        }
    }

    /// Whether an unstable link is dropped for a dial, which could begin at once. Its probe is over then.
    fn drops_link(&mut self) -> bool {
        let (link, outage) = match self.machine.state {
            State::Held { link, outage, .. } if link.proof == Proof::None => (link, outage),
            State::Held { link, .. } | State::Draining { link, .. } => (link, self.now),
            _ => return false,
        };
        if link.proof == Proof::Stable || self.now >= self.limit(outage) {
            return false;
        }
        let drops = self.may_dial(link.endpoint);
        if drops {
            self.release(link.endpoint);
        }
        drops
    }

    fn redial(&mut self) {
        let now = self.now;
        self.discharge();
        if let Some(pace) = self.machine.state.pace() {
            *pace = now.min(*pace);
        }
        let drops = self.drops_link();
        match self.machine.state {
            State::Held { link, outage, .. } if drops => {
                if link.fresh {
                    self.give_back_attempt();
                }
                let outage = if link.proof == Proof::Confirmed { now } else { outage };
                self.machine.state = State::Waiting { outage, pace: now, last: None };
            }
            State::Draining { .. } if drops => {
                self.give_old_back();
                self.want(Wanted::Any);
            }
            State::Held { .. } | State::Draining { .. } => self.want(Wanted::Any),
            State::Stopped
            | State::Paused { .. }
            | State::Waiting { .. }
            | State::Dialing { .. }
            | State::Replacing { .. }
            | State::GaveUp { .. } => {}
        }
    }

    /// Stability is a matter of time: a connection that has stayed up is stable before anything
    /// else is said about it.
    pub(crate) fn settle(&mut self) {
        let (now, stable_after) = (self.now, self.policy.stable_after);
        let Some(link) = self.machine.state.link() else { return };
        if link.proof == Proof::Stable || now < link.since.saturating_add(stable_after) {
            return;
        }
        let (proof, endpoint) = (link.proof, link.endpoint);
        link.proof = Proof::Stable;
        if proof == Proof::None {
            self.proven(endpoint);
        }
        self.machine.run = Run::NEW;
        self.each_endpoint(|endpoint| endpoint.begin_anew(now));
        self.turn_away();
    }
}
