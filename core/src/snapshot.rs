//! Snapshot: what must outlive the process, so that one that crashes *because* it connects does not
//! hammer its server.
//!
//! A snapshot holds no point in time, only spans, since the next process counts from another
//! origin.

use core::borrow::Borrow;
use core::time::Duration;

use crate::booking::End;
use crate::circuit::{BreakerState, Mode};
use crate::endpoint::{CHARGED, DUPLICATE, Endpoint, REMOVED, SAVED, position, used};
use crate::failure::Failure;
use crate::id::DialId;
use crate::machine::{Link, Proof, State, Step, Wanted, resumed};
use crate::policy::Policy;
use crate::reconnector::Reconnector;
use crate::run::{Class, Run};
use crate::time::{NEVER, Timestamp, nanos};

/// What a link was doing when its snapshot was taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Doing {
    Stopped,
    Waiting,
    Dialing,
    /// Connected, and nothing proven yet.
    Unproven,
    Confirmed,
    Stable,
}

/// What must outlive the process of one link: failures, interval, phase, draws, round, age of the
/// outage, rate limit and ids; and the health of its first endpoint, so that a link with one needs
/// nothing else.
///
/// What the caller says anew is not kept: `Offline` and `Defer`. A link that gave up is restored as
/// stopped.
///
/// ```
/// use core::time::Duration;
/// use redial::{Event, Failure, Policy, Reconnector, Snapshot, Timestamp};
///
/// let now = Timestamp::ORIGIN;
/// let mut link = Reconnector::new(Policy::DEFAULT, 42);
/// let dial = link.handle(now, Event::Start).dial().unwrap();
/// link.handle(now, Event::DialFailed(dial.id, Failure::Unreachable));
/// let saved = link.snapshot().to_bytes();
///
/// // The next process, with a clock of its own, 100 ms later.
/// let snapshot = Snapshot::from_bytes(&saved)?;
/// let restored =
///     Reconnector::restore(Policy::DEFAULT, 42, &snapshot, Duration::from_millis(100), now);
/// let waited = link.action().wake().saturating_since(restored.action().wake());
/// assert_eq!(waited, Duration::from_millis(100));
/// # Ok::<(), redial::SnapshotError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Snapshot {
    pub(crate) doing: Doing,
    pub(crate) run: Run,
    pub(crate) dials: u64,
    /// Until the backoff's gate opens.
    pub(crate) pace: u64,
    /// Age of the outage.
    pub(crate) outage: u64,
    /// How far the theoretical arrival time is ahead.
    pub(crate) arrival: u64,
    /// Key of the endpoint in use, if it is still in the list.
    pub(crate) endpoint: Option<u32>,
    /// Key of the endpoint where the round robin stands.
    pub(crate) cursor: u32,
    /// What a handover that has begun is for; without one, whether the wait for the next was earned by
    /// better endpoints.
    pub(crate) wanted: Wanted,
    /// Key of the endpoint of a handover that had begun, and not succeeded.
    pub(crate) handover: Option<u32>,
    /// Its connection was confirmed.
    pub(crate) confirmed: bool,
    pub(crate) draws: u32,
    pub(crate) attempts: u32,
    pub(crate) first: EndpointSnapshot,
}

/// The health of one endpoint, under its key.
///
/// ```
/// use core::time::Duration;
/// use redial::{Endpoint, EndpointSnapshot, Policy, Reconnector, SnapshotError, Timestamp};
///
/// let list = || [Endpoint::new(7), Endpoint::new(8)];
/// let link = Reconnector::with_endpoints(Policy::DEFAULT, 1, list());
/// let saved = link.snapshot();
/// let health: Vec<_> = link.endpoint_snapshots().map(|one| one.to_bytes()).collect();
///
/// // The next process. An endpoint that is not in the list any more is left out.
/// let health: Result<Vec<_>, _> = health.iter().map(|one| EndpointSnapshot::from_bytes(one)).collect();
/// let (away, now) = (Duration::from_secs(5), Timestamp::ORIGIN);
/// let restored =
///     Reconnector::restore_with_endpoints(Policy::DEFAULT, 1, list(), &saved, &health?, away, now);
/// assert_eq!(restored.endpoints(), link.endpoints());
/// # Ok::<(), SnapshotError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EndpointSnapshot {
    pub(crate) key: u32,
    pub(crate) failures: u16,
    pub(crate) parks: u8,
    pub(crate) flags: u8,
    /// Until the hint ends, plus one; 0 for none.
    pub(crate) hint: u64,
    pub(crate) parked: u64,
    pub(crate) open: u64,
    pub(crate) window: u64,
    pub(crate) seen: u8,
    pub(crate) opens: u8,
    pub(crate) mode: Mode,
}

impl EndpointSnapshot {
    fn take(endpoint: &Endpoint, now: u64) -> Self {
        let mut breaker = endpoint.breaker;
        breaker.release();
        let hint = endpoint.hint.saturating_sub(now).saturating_add(1);
        Self {
            key: endpoint.key(),
            failures: endpoint.failures,
            parks: endpoint.parks,
            flags: endpoint.flags & SAVED,
            hint: if endpoint.hint == 0 { 0 } else { hint },
            parked: endpoint.parked.saturating_sub(now),
            open: if breaker.mode == Mode::Open { breaker.until.saturating_sub(now) } else { 0 },
            window: breaker.window,
            seen: breaker.seen,
            opens: breaker.opens,
            mode: endpoint.breaker.mode,
        }
    }

    /// The caller's name for the endpoint.
    pub const fn key(&self) -> u32 {
        self.key
    }

    fn restore(&self, policy: &Policy, away: u64, now: u64) -> Endpoint {
        let longest = |time: u64| time.saturating_add(time / 10);
        let at = |span: u64, longest: u64| {
            let left = span.min(longest).saturating_sub(away);
            if left == 0 { 0 } else { now.saturating_add(left) }
        };
        let mut endpoint = Endpoint::new(self.key);
        endpoint.failures = self.failures;
        endpoint.parks = self.parks;
        let charged = self.flags & CHARGED != 0;
        endpoint.flags = self.flags & !CHARGED;
        if self.hint > 0 {
            let most = if charged { policy.longest_pace() } else { longest(policy.max_hint) };
            let left = self.hint.saturating_sub(1).min(most);
            let until = now.saturating_add(left.saturating_sub(away));
            if charged {
                endpoint.charge(until);
            } else {
                endpoint.follow_hint(until);
            }
        }
        endpoint.parked = at(self.parked, longest(policy.park_max()));
        let open_max = policy.breaker.map_or(0, |rule| rule.open_max);
        endpoint.breaker = match (self.mode, policy.breaker) {
            (Mode::Tripped, _) => BreakerState::TRIPPED,
            (_, None) => BreakerState::CLOSED,
            (mode, Some(rule)) => {
                let open = matches!(mode, Mode::Open | Mode::Probing);
                let mut breaker = BreakerState {
                    until: if open { at(self.open, longest(open_max)) } else { 0 },
                    window: self.window,
                    seen: self.seen,
                    opens: self.opens,
                    mode: if open { Mode::Open } else { Mode::Closed },
                };
                breaker.fit(&rule);
                // Whatever was in flight has ended, and its end is what the breaker hears of.
                if mode == Mode::Probing {
                    breaker.begin();
                }
                breaker
            }
        };
        endpoint
    }
}

impl<P: Borrow<Policy>, S: AsRef<[Endpoint]> + AsMut<[Endpoint]>> Reconnector<P, S> {
    /// What must outlive the process, as of the last call. Take it after each
    /// [`handle`](Self::handle) that changes the action, or as often as losing some is acceptable.
    pub fn snapshot(&self) -> Snapshot {
        let (machine, endpoints) = (&self.machine, used(self.endpoints.as_ref()));
        let key = |index: u16| endpoints.get(usize::from(index)).map(Endpoint::key);
        let now = machine.now;
        // The next that counts, or past the last one the first.
        let mut ahead = endpoints.iter().skip(usize::from(machine.cursor));
        let cursor = ahead.find(|endpoint| !endpoint.has(DUPLICATE)).or(endpoints.first());
        let mut snapshot = Snapshot {
            doing: Doing::Stopped,
            run: machine.run,
            dials: machine.dials,
            pace: 0,
            outage: 0,
            arrival: machine.arrival.saturating_sub(now),
            endpoint: None,
            cursor: cursor.map_or(0, Endpoint::key),
            wanted: Wanted::No,
            handover: None,
            confirmed: false,
            draws: machine.draws,
            attempts: machine.attempts,
            first: EndpointSnapshot::take(endpoints.first().unwrap_or(&Endpoint::new(0)), now),
        };
        let held = |proof| match proof {
            Proof::None => Doing::Unproven,
            Proof::Confirmed => Doing::Confirmed,
            Proof::Stable => Doing::Stable,
        };
        let (doing, endpoint, pace, outage) = match machine.state {
            State::Stopped | State::GaveUp { .. } => (Doing::Stopped, REMOVED, 0, now),
            State::Paused { outage, pace, since, .. } => {
                (Doing::Waiting, REMOVED, pace, resumed(outage, since, now))
            }
            State::Waiting { outage, pace, .. } => (Doing::Waiting, REMOVED, pace, outage),
            State::Dialing { outage, endpoint, .. } => (Doing::Dialing, endpoint, 0, outage),
            State::Held { link, outage, pace } => {
                snapshot.wanted = if link.paced_by_better { Wanted::Better } else { Wanted::No };
                (held(link.proof), link.endpoint, pace, outage)
            }
            State::Replacing { link, target, .. } => {
                snapshot.wanted = link.wanted;
                snapshot.handover = key(target);
                (Doing::Stable, link.endpoint, 0, now)
            }
            State::Draining { link, .. } if link.proof == Proof::Stable => {
                (Doing::Stable, link.endpoint, 0, now)
            }
            State::Draining { link, old_endpoint, old_wanted, .. } => {
                snapshot.wanted = old_wanted;
                snapshot.handover = key(link.endpoint);
                snapshot.confirmed = link.proof == Proof::Confirmed;
                if link.paced_by_better && old_wanted > Wanted::Better {
                    snapshot.run = Run::NEW;
                }
                (Doing::Stable, old_endpoint, 0, now)
            }
        };
        snapshot.doing = doing;
        snapshot.endpoint = key(endpoint);
        snapshot.pace = pace.saturating_sub(now);
        snapshot.outage = now.wrapping_sub(outage);
        snapshot
    }

    /// The health of each endpoint, for [`restore_with_endpoints`](Self::restore_with_endpoints).
    pub fn endpoint_snapshots(&self) -> impl Iterator<Item = EndpointSnapshot> + '_ {
        let counted =
            used(self.endpoints.as_ref()).iter().filter(|endpoint| !endpoint.has(DUPLICATE));
        counted.map(|endpoint| EndpointSnapshot::take(endpoint, self.machine.now))
    }

    /// A link with several endpoints as a snapshot left it; see [`restore`](Reconnector::restore).
    /// Endpoints without a snapshot begin anew, snapshots without an endpoint are left aside.
    pub fn restore_with_endpoints(
        policy: P,
        seed: u64,
        endpoints: S,
        snapshot: &Snapshot,
        health: &[EndpointSnapshot],
        away: Duration,
        now: Timestamp,
    ) -> Self {
        let mut link = Self::with_endpoints(policy, seed, endpoints);
        let (policy, away) = (link.policy.borrow(), nanos(away));
        let step = Step::new(&mut link.machine, policy, link.endpoints.as_mut(), now);
        let counted = step.endpoints.iter_mut().filter(|endpoint| !endpoint.has(DUPLICATE));
        for endpoint in counted {
            if let Some(saved) = health.iter().find(|saved| saved.key == endpoint.key()) {
                *endpoint = saved.restore(policy, away, step.now);
            }
        }
        step.restore(snapshot, away);
        link
    }
}

impl<P: Borrow<Policy>> Reconnector<P> {
    /// A link with one endpoint as a snapshot left it `away` ago.
    ///
    /// `now` is on the clock that will drive it: [`Timestamp::ORIGIN`] for the async drivers, whose
    /// clocks begin with them. If it is ahead of that clock, as a Unix time is, the clock seems to have
    /// gone back, and the link stands still until it has caught up.
    ///
    /// What was in flight has ended: a dial counts as failed, an unstable connection as a flap, a
    /// stable one as a stable loss. Every wait is shortened by `away` and cut to what this policy
    /// could have made, so that neither a changed policy nor a damaged clock parks the link.
    ///
    /// `away` counts from when the snapshot was taken, not from when the process died. Zero is safe for the
    /// server, but then each life begins its wait anew, and lives that are always shorter than the wait never
    /// dial. Where the time away is not known, `Tick` and save every few seconds while waiting, too.
    ///
    /// A wait that is over is followed by a dial at once. Where `Offline` or `Defer` should have held that
    /// back, say so and then that it was aborted ([`DialAborted`](crate::Event::DialAborted)).
    pub fn restore(
        policy: P,
        seed: u64,
        snapshot: &Snapshot,
        away: Duration,
        now: Timestamp,
    ) -> Self {
        let first = EndpointSnapshot { key: 0, ..snapshot.first };
        let handover = snapshot.handover.map(|_| 0);
        // The cursor is on the first whatever its key was: there is no other.
        let endpoint = snapshot.endpoint.map(|_| 0);
        let snapshot = Snapshot { endpoint, handover, ..*snapshot };
        let endpoints = [Endpoint::new(0)];
        Self::restore_with_endpoints(policy, seed, endpoints, &snapshot, &[first], away, now)
    }
}

/// No outage is older than 292 years, so that its age does not wrap around.
const OLDEST: u64 = u64::MAX / 2;

impl Step<'_> {
    fn restore(mut self, saved: &Snapshot, away: u64) {
        let (policy, now) = (self.policy, self.now);
        let longest = policy.longest_pace();
        let machine = &mut *self.machine;
        machine.run = saved.run;
        if policy.overload.is_none() {
            machine.run.class = saved.run.class.min(Class::Unreachable);
            machine.run.worst = saved.run.worst.min(Class::Unreachable);
        }
        let class = machine.run.class;
        machine.run.base = match saved.run.base {
            0 => 0,
            base => base.min(policy.longest_interval(class)).max(policy.floor),
        };
        machine.dials = saved.dials;
        machine.draws = saved.draws;
        machine.attempts = saved.attempts;
        let ahead = saved.arrival.min(policy.rate_limit.ahead());
        machine.arrival = now.saturating_add(ahead).saturating_sub(away);
        machine.cursor = position(self.endpoints, saved.cursor).unwrap_or(0);
        let place = |endpoints: &[Endpoint], key: Option<u32>| {
            key.and_then(|key| position(endpoints, key)).unwrap_or(REMOVED)
        };
        let endpoint = place(self.endpoints, saved.endpoint);
        let target = place(self.endpoints, saved.handover);
        // Often before this process's origin, which is why an outage's age is a wrapping
        // difference.
        let age = saved.outage.saturating_add(away).min(OLDEST);
        let outage = now.wrapping_sub(age);
        let pace = now.saturating_add(saved.pace.min(longest).saturating_sub(away));
        let link = |proof, wanted| Link {
            id: DialId::nth(saved.dials),
            since: now,
            active: now,
            by: NEVER,
            endpoint,
            spent: 0,
            proof,
            wanted,
            fresh: true,
            paced_by_better: wanted == Wanted::Better,
        };
        let held = |proof, wanted, pace| State::Held { link: link(proof, wanted), outage, pace };
        self.machine.state = match saved.doing {
            Doing::Stopped => State::Stopped,
            Doing::Waiting => State::Waiting { outage, pace, last: None },
            Doing::Dialing => {
                let (started, deadline, progressed, last) = (now, NEVER, false, None);
                State::Dialing { outage, started, deadline, endpoint, progressed, last }
            }
            Doing::Unproven => held(Proof::None, Wanted::No, pace),
            Doing::Confirmed => held(Proof::Confirmed, Wanted::No, pace),
            Doing::Stable => {
                let pace = if saved.handover.is_some() { 0 } else { pace };
                held(Proof::Stable, saved.wanted, pace)
            }
        };
        // Only what was in flight can have had a probe.
        let in_flight = match saved.doing {
            Doing::Stopped | Doing::Waiting => REMOVED,
            Doing::Stable if saved.handover.is_some() => target,
            Doing::Dialing | Doing::Unproven | Doing::Confirmed | Doing::Stable => endpoint,
        };
        for (index, endpoint) in (0..REMOVED).zip(&mut *self.endpoints) {
            if index != in_flight {
                endpoint.breaker.release();
            }
        }
        self.admit_one();
        // Whatever was there is gone, the dial of a handover first.
        if saved.doing == Doing::Stable && saved.handover.is_some() {
            let end = if saved.confirmed { End::ProvenHandover } else { End::Handover };
            self.ended(target, now, &Failure::Unreachable, end);
        }
        match self.machine.state {
            State::Dialing { .. } => {
                self.dial_failed(endpoint, outage, &Failure::Unreachable, false)
            }
            State::Held { .. } => self.closed(&Failure::Unreachable),
            State::Stopped
            | State::Paused { .. }
            | State::Waiting { .. }
            | State::Replacing { .. }
            | State::Draining { .. }
            | State::GaveUp { .. } => self.advance(),
        };
    }
}

impl Policy {
    /// The longest interval that failures of up to this class can earn.
    fn longest_interval(&self, class: Class) -> u64 {
        match &self.overload {
            Some(overload) if class >= Class::TimedOut => self.cap.max(overload.cap),
            _ => self.cap,
        }
    }

    /// The longest wait that stands in the backoff's place. One that a handover has imposed may be older
    /// than the class of the present failures.
    fn longest_pace(&self) -> u64 {
        let longest = self.longest_interval(Class::Overloaded);
        longest.max(self.window).max(self.startup_splay)
    }
}
