//! How dials and connections end.

use crate::action::{Action, GiveUpReason};
use crate::booking::End;
use crate::endpoint::{REMOVED, VISITED};
use crate::failure::Failure;
use crate::machine::{Link, Lost, Proof, State, Step, Wanted};
use crate::run::{Class, Run};

impl Step<'_> {
    /// The dial of an outage has failed.
    #[inline(never)]
    pub(crate) fn dial_failed(
        &mut self,
        index: u16,
        outage: u64,
        failure: &Failure,
        progressed: bool,
    ) -> Action {
        if self.is_unheard(failure) {
            return self.then(Self::drop_dial);
        }
        self.answered(progressed, failure);
        self.attempt_ended(index, outage, failure)
    }

    /// The dial of a handover has failed.
    pub(crate) fn handover_failed(&mut self, failure: &Failure) {
        if self.is_unheard(failure) {
            return self.drop_dial();
        }
        if let State::Replacing { link, target, progressed, .. } = self.machine.state {
            self.answered(progressed, failure);
            self.machine.state = State::Held { link, outage: 0, pace: 0 };
            self.ended(target, self.now, failure, End::Handover);
        }
    }

    /// While our own network is gone, a dial that hears nothing says nothing about the server.
    #[inline]
    fn is_unheard(&self, failure: &Failure) -> bool {
        self.machine.offline && matches!(failure, Failure::Unreachable | Failure::TimedOut)
    }

    /// Counts a dial that fell silent after it had been answered.
    #[inline]
    fn answered(&mut self, progressed: bool, failure: &Failure) {
        if progressed && *failure == Failure::TimedOut {
            self.machine.run.stalls = self.machine.run.stalls.saturating_add(1);
        }
    }

    /// The dial in flight is dropped, which is nobody's fault: its attempt is given back, and the
    /// current interval waited, not grown.
    pub(crate) fn drop_dial(&mut self) {
        let endpoint = match self.machine.state {
            State::Dialing { outage, endpoint, last, .. } => {
                self.give_back_attempt();
                self.machine.state = State::Waiting { outage, pace: 0, last };
                endpoint
            }
            State::Replacing { link, target, .. } => {
                self.machine.state = State::Held { link, outage: 0, pace: 0 };
                target
            }
            State::Stopped
            | State::Paused { .. }
            | State::Waiting { .. }
            | State::Held { .. }
            | State::Draining { .. }
            | State::GaveUp { .. } => return,
        };
        self.release(endpoint);
        self.forget_past_hints();
        let interval = self.interval();
        if let Some(pace) = self.machine.state.pace() {
            *pace = interval;
        }
    }

    /// The connection that is the link has ended.
    #[inline(never)]
    pub(crate) fn closed(&mut self, failure: &Failure) -> Action {
        if let State::Held { link: Link { endpoint, proof, .. }, outage, .. } = &self.machine.state
        {
            let (endpoint, outage) = (*endpoint, *outage);
            return match proof {
                Proof::None => self.attempt_ended(endpoint, outage, failure),
                Proof::Stable => self.stable_ended(endpoint, failure),
                Proof::Confirmed => {
                    self.then(|step| step.ended(endpoint, step.now, failure, End::Confirmed))
                }
            };
        }
        self.then(|step| step.closed_in_handover(failure))
    }

    fn closed_in_handover(&mut self, failure: &Failure) {
        let now = self.now;
        match self.machine.state {
            State::Replacing { link, started, deadline, target, progressed } => {
                self.clear_parks();
                self.charge_better();
                self.machine.attempts = 1;
                self.visited(link.endpoint);
                let (outage, last) = (now, Some(*failure));
                self.machine.state = State::Waiting { outage, pace: now, last };
                match self.heard(link.endpoint, failure, End::Stable) {
                    Ok(class) if class == Class::Overloaded => self.machine.run.worst = class,
                    Ok(_) => {}
                    Err(reason) => {
                        self.release(target);
                        return self.give_up(reason);
                    }
                }
                // What the handover had earned does not make others wait for it now.
                let run = &self.machine.run;
                let mut most = run.dial_deadline(self.policy, started);
                if progressed {
                    most = most.max(run.handshake_deadline(self.policy, started, 0));
                }
                let (deadline, endpoint) = (deadline.min(most).min(self.limit(outage)), target);
                self.machine.state =
                    State::Dialing { outage, started, deadline, endpoint, progressed, last };
            }
            State::Draining { link, .. } => {
                let proven = link.proof > Proof::None;
                let end = if proven { End::ProvenHandover } else { End::Handover };
                // As of any stable connection.
                let silent = link.proof == Proof::Stable && *failure == Failure::TimedOut;
                let failure = if silent { &Failure::Unreachable } else { failure };
                self.give_old_back();
                self.ended(link.endpoint, now, failure, end);
            }
            State::Stopped
            | State::Paused { .. }
            | State::Waiting { .. }
            | State::Dialing { .. }
            | State::Held { .. }
            | State::GaveUp { .. } => {}
        }
    }

    /// The replaced connection has finished.
    pub(crate) fn drained(&mut self) {
        if let State::Draining { mut link, .. } = self.machine.state {
            // What failed failbacks had earned was for the connection that has gone.
            if core::mem::take(&mut link.paced_by_better) {
                self.machine.run = Run::NEW;
            }
            self.machine.state = State::Held { link, outage: self.now, pace: 0 };
            self.turn_away();
        }
    }

    /// The new connection did not last: the one it replaced is the link again, and still unwanted.
    pub(crate) fn give_old_back(&mut self) {
        if let State::Draining {
            link,
            old,
            old_by,
            old_endpoint,
            old_spent,
            old_wanted,
            old_fresh,
        } = self.machine.state
        {
            // A better one that was stable was had, and is to be waited for again.
            let had = link.proof == Proof::Stable && old_wanted == Wanted::Better;
            let link = Link {
                id: old,
                since: link.since,
                active: self.now,
                by: old_by,
                endpoint: old_endpoint,
                spent: old_spent,
                proof: Proof::Stable,
                wanted: if had { Wanted::No } else { old_wanted },
                fresh: old_fresh,
                paced_by_better: link.paced_by_better,
            };
            self.machine.state = State::Held { link, outage: 0, pace: 0 };
            if old_wanted > Wanted::Better {
                self.charge_better();
            }
        }
    }

    /// A new connection is wanted in place of the link.
    pub(crate) fn want(&mut self, wanted: Wanted) {
        if wanted > Wanted::Better {
            self.charge_better();
        }
        let rises = self.machine.state.link().is_some_and(|link| {
            let rises = wanted > link.wanted;
            link.wanted = link.wanted.max(wanted);
            rises
        });
        if rises {
            self.turn_away();
        }
    }

    /// When the link is to go away, other endpoints come first, if any can be had.
    pub(crate) fn turn_away(&mut self) {
        if let State::Held { link, .. } | State::Replacing { link, .. } = self.machine.state {
            if link.wanted == Wanted::Away && link.proof == Proof::Stable {
                self.visited(link.endpoint);
                if !self.field(Wanted::Away, REMOVED).unvisited(self.endpoints, self.now) {
                    if let Some(endpoint) = self.endpoint(link.endpoint) {
                        endpoint.set(VISITED, false);
                    }
                }
            }
        }
    }

    /// Attempts, outage and breaker are settled.
    pub(crate) fn proven(&mut self, index: u16) {
        self.machine.attempts = 0;
        self.machine.run.rounds = 0;
        let rule = self.policy.breaker;
        if let Some(endpoint) = self.endpoint(index) {
            endpoint.succeeded();
            if let Some(rule) = &rule {
                endpoint.breaker.success(rule);
            }
        }
    }

    pub(crate) fn release(&mut self, index: u16) {
        if let Some(endpoint) = self.endpoint(index) {
            endpoint.breaker.release();
        }
    }

    pub(crate) fn give_back_attempt(&mut self) {
        self.machine.attempts = self.machine.attempts.saturating_sub(1);
    }

    #[inline]
    pub(crate) fn clear_parks(&mut self) {
        self.each_endpoint(|endpoint| endpoint.parked = 0);
    }

    #[inline]
    pub(crate) fn visited(&mut self, index: u16) {
        if let Some(endpoint) = self.endpoint(index) {
            endpoint.set(VISITED, true);
        }
    }

    /// Over, until `Start`: the wait of an outage ends it. There is nothing to wake up for.
    #[cold]
    pub(crate) fn give_up(&mut self, reason: GiveUpReason) {
        if let State::Waiting { outage, last, .. } | State::Paused { outage, last, .. } =
            self.machine.state
        {
            let elapsed = self.elapsed(outage);
            self.machine.state = State::GaveUp { reason, elapsed, last };
        }
    }

    /// The list of endpoints has changed: a dial to a removed one is dropped, a connection to one
    /// is to be replaced.
    pub(crate) fn follow(&mut self, lost: Lost) {
        if lost.dial {
            self.drop_dial();
        }
        if lost.link {
            self.want(Wanted::Away);
        }
        if let Some(link) = self.machine.state.link() {
            if link.wanted == Wanted::Better && link.endpoint == 0 {
                link.wanted = Wanted::No;
            }
        }
    }
}
