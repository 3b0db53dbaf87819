//! The machine's memory: its states, each with its own deadlines, and what they look like from
//! outside.

use core::time::Duration;

use crate::action::{Action, Dial, Draining, GiveUp, GiveUpReason, Hold, Wait, WaitReason};
use crate::endpoint::{Endpoint, REMOVED, used_mut};
use crate::failure::Failure;
use crate::id::DialId;
use crate::jitter::Jitter;
use crate::policy::Policy;
use crate::rng::{stretch, take_draw};
use crate::run::Run;
use crate::time::{NEVER, Timestamp};

/// How proven a connection is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub(crate) enum Proof {
    None,
    /// The application has seen it healthy.
    Confirmed,
    /// It has stayed up.
    Stable,
}

/// Whether a new connection is wanted in place of one that works, in rising order of reach.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub(crate) enum Wanted {
    No,
    /// To a better endpoint.
    Better,
    /// To any.
    Any,
    /// To another endpoint, if one can be had.
    Away,
}

/// A connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Link {
    pub(crate) id: DialId,
    /// When it became the link.
    pub(crate) since: u64,
    /// When something was last received.
    pub(crate) active: u64,
    /// When the server will end it.
    pub(crate) by: u64,
    pub(crate) endpoint: u16,
    /// How much of the greatest age it had reached before `since`, in 65,536ths.
    pub(crate) spent: u16,
    pub(crate) proof: Proof,
    pub(crate) wanted: Wanted,
    /// It ended an outage, not a handover.
    pub(crate) fresh: bool,
    /// The wait for its replacement was earned by better endpoints, and by no others.
    pub(crate) paced_by_better: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum State {
    Stopped,
    /// Wanted, but offline or without an endpoint: since `since` the outage's clock stands still.
    Paused {
        last: Option<Failure>,
        outage: u64,
        pace: u64,
        since: u64,
    },
    /// `outage` is when it began, `pace` the backoff's gate.
    Waiting {
        last: Option<Failure>,
        outage: u64,
        pace: u64,
    },
    Dialing {
        endpoint: u16,
        progressed: bool,
        last: Option<Failure>,
        outage: u64,
        started: u64,
        deadline: u64,
    },
    /// Until the connection is stable the `outage` goes on; after that `pace` is for its
    /// replacement.
    Held {
        link: Link,
        outage: u64,
        pace: u64,
    },
    /// `link` is stable and serves while the dial that replaces it is in flight.
    Replacing {
        target: u16,
        progressed: bool,
        link: Link,
        started: u64,
        deadline: u64,
    },
    /// `link` is new; the stable one it replaced finishes what it started. `old_wanted` is what the
    /// handover was for, in case the old one is needed again.
    Draining {
        old_endpoint: u16,
        old_spent: u16,
        old_wanted: Wanted,
        old_fresh: bool,
        link: Link,
        old: DialId,
        old_by: u64,
    },
    GaveUp {
        reason: GiveUpReason,
        last: Option<Failure>,
        elapsed: u64,
    },
}

impl State {
    /// The connection that is the link.
    pub(crate) fn link(&mut self) -> Option<&mut Link> {
        match self {
            Self::Held { link, .. }
            | Self::Replacing { link, .. }
            | Self::Draining { link, .. } => Some(link),
            Self::Stopped
            | Self::Paused { .. }
            | Self::Waiting { .. }
            | Self::Dialing { .. }
            | Self::GaveUp { .. } => None,
        }
    }

    /// How long ago `outage` began. It may have begun before the clock's origin, in another
    /// process, so this is a wrapping difference. While paused its clock stands still.
    pub(crate) fn elapsed(&self, outage: u64, now: u64) -> u64 {
        let until = if let Self::Paused { since, .. } = self { *since } else { now };
        until.wrapping_sub(outage)
    }

    /// The backoff's gate, where there is one.
    pub(crate) fn pace(&mut self) -> Option<&mut u64> {
        match self {
            Self::Paused { pace, .. } | Self::Waiting { pace, .. } | Self::Held { pace, .. } => {
                Some(pace)
            }
            Self::Stopped
            | Self::Dialing { .. }
            | Self::Replacing { .. }
            | Self::Draining { .. }
            | Self::GaveUp { .. } => None,
        }
    }
}

/// What a new list of endpoints no longer has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Lost {
    pub(crate) dial: bool,
    pub(crate) link: bool,
}

impl State {
    /// Follows the endpoints to their new indices.
    pub(crate) fn relocate(&mut self, moved: impl Fn(u16) -> Option<u16>) -> Lost {
        let follow = |index: &mut u16| {
            let found = moved(*index);
            *index = found.unwrap_or(REMOVED);
            found.is_none()
        };
        let mut lost = Lost::default();
        match self {
            Self::Dialing { endpoint, .. } => lost.dial = follow(endpoint),
            Self::Held { link, .. } => lost.link = follow(&mut link.endpoint),
            Self::Replacing { link, target, .. } => {
                lost = Lost { dial: follow(target), link: follow(&mut link.endpoint) };
            }
            Self::Draining { link, old_endpoint, old_wanted, .. } => {
                if follow(old_endpoint) {
                    *old_wanted = Wanted::Away;
                }
                lost.link = follow(&mut link.endpoint);
            }
            Self::Stopped | Self::Paused { .. } | Self::Waiting { .. } | Self::GaveUp { .. } => {}
        }
        lost
    }
}

/// Everything a reconnector remembers, but for its endpoints.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Machine {
    pub(crate) state: State,
    pub(crate) run: Run,
    pub(crate) now: u64,
    pub(crate) seed: u64,
    /// The theoretical arrival time of the rate limit.
    pub(crate) arrival: u64,
    pub(crate) deferred: u64,
    /// When the next timer is due; [`NEVER`] for none.
    pub(crate) wake: u64,
    /// Dials so far, and so the id of the last, which is the one in flight if any is.
    pub(crate) dials: u64,
    pub(crate) draws: u32,
    /// Dials of this outage.
    pub(crate) attempts: u32,
    pub(crate) ignored: u16,
    pub(crate) backward: u16,
    /// Where the round robin stands.
    pub(crate) cursor: u16,
    /// The gate that holds while waiting.
    pub(crate) wait_reason: WaitReason,
    pub(crate) offline: bool,
}

impl Machine {
    pub(crate) const fn new(seed: u64) -> Self {
        Self {
            state: State::Stopped,
            run: Run::NEW,
            now: 0,
            seed,
            arrival: 0,
            deferred: 0,
            wake: NEVER,
            dials: 0,
            draws: 0,
            attempts: 0,
            ignored: 0,
            backward: 0,
            cursor: 0,
            wait_reason: WaitReason::Backoff,
            offline: false,
        }
    }

    /// Never backwards, and never to the last instant, which is for deadlines that do not fire.
    #[inline]
    pub(crate) fn advance_clock(&mut self, now: Timestamp) {
        let now = now.as_nanos().min(NEVER.saturating_sub(1));
        if now < self.now {
            self.backward = self.backward.saturating_add(1);
        } else {
            self.now = now;
        }
    }

    pub(crate) fn draw(&mut self) -> u64 {
        take_draw(self.seed, &mut self.draws)
    }

    /// `time` stretched by up to a tenth, but exact without jitter.
    pub(crate) fn stretched(&mut self, policy: &Policy, time: u64) -> u64 {
        if policy.jitter == Jitter::None { time } else { stretch(time, self.draw()) }
    }

    #[inline]
    pub(crate) fn dial(
        &self,
        id: DialId,
        key: u32,
        deadline: u64,
        attempt: u32,
        serving: Option<DialId>,
    ) -> Action {
        let deadline = Timestamp::from_nanos(deadline);
        let wake = Timestamp::from_nanos(self.wake);
        Action::Dial(Dial { id, endpoint: key, attempt, deadline, wake, serving })
    }

    #[inline]
    pub(crate) fn hold(&self, id: DialId, draining: Option<Draining>) -> Action {
        let wake = (self.wake != NEVER).then_some(Timestamp::from_nanos(self.wake));
        Action::Hold(Hold { id, wake, draining })
    }

    #[inline]
    pub(crate) fn sleep(&self) -> Action {
        Action::SleepUntil(Wait {
            until: Timestamp::from_nanos(self.wake),
            reason: self.wait_reason,
        })
    }

    /// What should exist now.
    #[inline(never)]
    pub(crate) fn look(&self, policy: &Policy, endpoints: &[Endpoint]) -> Action {
        let dial = |deadline, endpoint: u16, attempt, serving| {
            let key = endpoints.get(usize::from(endpoint)).map_or(0, Endpoint::key);
            self.dial(DialId::nth(self.dials), key, deadline, attempt, serving)
        };
        match self.state {
            State::Stopped | State::Paused { .. } => Action::Idle,
            State::Waiting { .. } => self.sleep(),
            State::Dialing { deadline, endpoint, .. } => {
                dial(deadline, endpoint, self.attempts, None)
            }
            State::Held { link, .. } => self.hold(link.id, None),
            State::Replacing { link, deadline, target, .. } => {
                dial(deadline, target, 0, Some(link.id))
            }
            State::Draining { link, old, old_by, .. } => {
                let deadline = Timestamp::from_nanos(drain_deadline(policy, &link, old_by));
                self.hold(link.id, Some(Draining { id: old, deadline }))
            }
            State::GaveUp { reason, elapsed, last } => Action::GiveUp(GiveUp {
                reason,
                attempts: self.attempts,
                elapsed: Duration::from_nanos(elapsed),
                last,
            }),
        }
    }
}

/// When an outage has begun, as it seems after a pause since `since`, which does not count.
pub(crate) fn resumed(outage: u64, since: u64, now: u64) -> u64 {
    outage.wrapping_add(now.saturating_sub(since))
}

/// When the connection that `link` replaced is no longer named.
pub(crate) fn drain_deadline(policy: &Policy, link: &Link, old_by: u64) -> u64 {
    link.since.saturating_add(policy.drain_timeout).min(old_by)
}

/// One call: the machine, what it decides by, and when.
pub(crate) struct Step<'a> {
    pub(crate) machine: &'a mut Machine,
    pub(crate) policy: &'a Policy,
    pub(crate) endpoints: &'a mut [Endpoint],
    pub(crate) now: u64,
}

impl<'a> Step<'a> {
    #[inline]
    pub(crate) fn new(
        machine: &'a mut Machine,
        policy: &'a Policy,
        endpoints: &'a mut [Endpoint],
        now: Timestamp,
    ) -> Self {
        machine.advance_clock(now);
        let now = machine.now;
        Self { machine, policy, endpoints: used_mut(endpoints), now }
    }

    /// A timer has run out.
    pub(crate) fn due(&self) -> bool {
        self.now >= self.machine.wake
    }

    pub(crate) fn look(&self) -> Action {
        self.machine.look(self.policy, self.endpoints)
    }

    /// Changes every endpoint. Most links have one: not worth a loop.
    #[inline]
    pub(crate) fn each_endpoint(&mut self, change: impl Fn(&mut Endpoint)) {
        if let [only] = self.endpoints {
            change(only);
        } else {
            self.endpoints.iter_mut().for_each(change);
        }
    }

    pub(crate) fn endpoint(&mut self, index: u16) -> Option<&mut Endpoint> {
        self.endpoints.get_mut(usize::from(index))
    }

    pub(crate) fn elapsed(&self, outage: u64) -> u64 {
        self.machine.state.elapsed(outage, self.now)
    }

    /// The end of an outage that began at `outage`; [`NEVER`] without a limit.
    pub(crate) fn limit(&self, outage: u64) -> u64 {
        match self.policy.max_elapsed {
            NEVER => NEVER,
            max => self.now.saturating_add(max.saturating_sub(self.elapsed(outage))),
        }
    }
}
