//! Health: how reliable a link has been, from its status over time.

use core::fmt;
use core::time::Duration;

use crate::status::{Phase, Status};
use crate::time::{Timestamp, nanos};

/// Parts of the sliding window.
const PARTS: u64 = 16;
const SLOTS: usize = 16;
const MILLION: u64 = 1_000_000;

/// Watches the status of one link: time up and down, dials, failures, flaps, reliability.
///
/// Feed it after every call and from time to time, with the same clock. It counts nothing before
/// the link was first started; from then on `uptime + downtime + offline + stopped` is the time
/// that has passed. Only time up and time down make reliability: a link that is stopped, or has no
/// network, is not to blame.
///
/// ```
/// use core::time::Duration;
/// use redial::{Event, Health, Policy, Reconnector, Timestamp};
///
/// let mut link = Reconnector::new(Policy::DEFAULT, 1);
/// let mut health = Health::new(Duration::from_secs(3600), 950_000);
/// let dial = link.handle(Timestamp::ORIGIN, Event::Start).dial().unwrap();
/// health.observe(Timestamp::ORIGIN, &link.status());
///
/// let connected = Timestamp::from_origin(Duration::from_secs(2));
/// link.handle(connected, Event::Connected(dial.id));
/// health.observe(connected, &link.status());
///
/// let later = Timestamp::from_origin(Duration::from_secs(8));
/// health.observe(later, &link.status());
/// assert_eq!(health.uptime(), Duration::from_secs(6));
/// assert_eq!(health.reliability(), 750_000);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Health {
    /// What has been going on since `since`; `None` before the first start.
    kind: Option<Kind>,
    since: u64,
    up: u64,
    down: u64,
    offline: u64,
    stopped: u64,
    outage: u64,
    longest_outage: u64,
    dials: u64,
    first_dial: u64,
    failures: u64,
    flaps: u64,
    attempt: u32,
    threshold: u32,
    below: bool,
    parts: [Part; SLOTS],
    /// The sum of the parts.
    seen: Part,
    /// Length of a part.
    part: u64,
    /// Number of the newest part, counted from the origin.
    newest: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Stopped,
    Offline,
    Connecting,
    Waiting,
    Up { stable: bool },
}

/// Time up, and time up or down, in one part of the window.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Part {
    up: u64,
    all: u64,
}

impl Part {
    const NONE: Self = Self { up: 0, all: 0 };

    fn add(&mut self, up: u64, all: u64) {
        self.up = self.up.saturating_add(up);
        self.all = self.all.saturating_add(all);
    }
}

/// Recent reliability has crossed the threshold.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Crossing {
    /// It has fallen below.
    Below,
    /// It is back at or above.
    Above,
}

impl fmt::Display for Crossing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Below => "reliability fell below the threshold",
            Self::Above => "reliability is back at the threshold",
        })
    }
}

impl Health {
    /// `window` is how far back recent reliability looks, in steps of a sixteenth; at least 16 ns.
    /// `threshold` is in parts per million, 950,000 for 95 %.
    pub const fn new(window: Duration, threshold: u32) -> Self {
        let part = nanos(window) / PARTS;
        Self {
            kind: None,
            since: 0,
            up: 0,
            down: 0,
            offline: 0,
            stopped: 0,
            outage: 0,
            longest_outage: 0,
            dials: 0,
            first_dial: u64::MAX,
            failures: 0,
            flaps: 0,
            attempt: 0,
            threshold,
            below: false,
            parts: [Part::NONE; SLOTS],
            seen: Part::NONE,
            part: if part == 0 { 1 } else { part },
            newest: 0,
        }
    }

    /// The link's status at `now`, which then holds until the next call. Says when recent
    /// reliability has crossed the threshold, once each way, and not before a sixteenth of the
    /// window was seen. A `now` before the last one counts as the last one.
    pub fn observe(&mut self, now: Timestamp, status: &Status) -> Option<Crossing> {
        let now = now.as_nanos().max(self.since);
        let kind = match status.phase {
            Phase::Idle | Phase::GaveUp { .. } => Kind::Stopped,
            Phase::Offline => Kind::Offline,
            Phase::Connecting { .. } => Kind::Connecting,
            Phase::Reconnecting { .. } => Kind::Waiting,
            Phase::Connected { stable, .. } => Kind::Up { stable },
        };
        match self.kind {
            Some(before) => {
                self.pass(before, now);
                self.count(before, kind, status);
            }
            None if kind == Kind::Stopped => {
                self.first_dial = status.dials;
                return None;
            }
            None => {
                self.newest = now.checked_div(self.part).unwrap_or(0);
                let own = u64::from(kind == Kind::Connecting);
                self.first_dial = self.first_dial.min(status.dials.saturating_sub(own));
            }
        }
        self.kind = Some(kind);
        self.since = now;
        self.dials = status.dials.saturating_sub(self.first_dial);
        if let Phase::Connecting { attempt } = status.phase {
            self.attempt = attempt;
        }
        if matches!(kind, Kind::Stopped | Kind::Up { .. }) {
            self.outage = 0;
        }
        if self.seen.all < self.part {
            // The first moments say nothing: a millisecond of dialing would be no reliability at
            // all.
            return None;
        }
        let below = self.recent() < self.threshold;
        let crossed = below != core::mem::replace(&mut self.below, below);
        crossed.then_some(if below { Crossing::Below } else { Crossing::Above })
    }

    /// Time connected.
    pub const fn uptime(&self) -> Duration {
        Duration::from_nanos(self.up)
    }

    /// Time dialing and waiting.
    pub const fn downtime(&self) -> Duration {
        Duration::from_nanos(self.down)
    }

    /// Time without a network and without a connection.
    pub const fn offline(&self) -> Duration {
        Duration::from_nanos(self.offline)
    }

    /// Time stopped, given up, or without an endpoint, since the first start.
    pub const fn stopped(&self) -> Duration {
        Duration::from_nanos(self.stopped)
    }

    /// The longest time without a connection, the present one included; time offline apart.
    pub const fn longest_outage(&self) -> Duration {
        Duration::from_nanos(self.longest_outage)
    }

    /// Dials started.
    pub const fn dials(&self) -> u64 {
        self.dials
    }

    /// Dials that failed, as far as the statuses show.
    pub const fn failures(&self) -> u64 {
        self.failures
    }

    /// Connections that ended before they were stable, but for those of a handover, whose end the status
    /// does not show.
    pub const fn flaps(&self) -> u64 {
        self.flaps
    }

    /// Time up per time up or down since the first start, in parts per million; a million before
    /// there is any.
    pub fn reliability(&self) -> u32 {
        parts_per_million(self.up, self.up.saturating_add(self.down))
    }

    /// The same over the sliding window.
    pub fn recent(&self) -> u32 {
        parts_per_million(self.seen.up, self.seen.all)
    }

    /// Books the time since the last observation.
    fn pass(&mut self, kind: Kind, now: u64) {
        let time = now.saturating_sub(self.since);
        let total = match kind {
            Kind::Stopped => &mut self.stopped,
            Kind::Offline => &mut self.offline,
            Kind::Connecting | Kind::Waiting => &mut self.down,
            Kind::Up { .. } => &mut self.up,
        };
        *total = total.saturating_add(time);
        let up = matches!(kind, Kind::Up { .. });
        if matches!(kind, Kind::Connecting | Kind::Waiting) {
            self.outage = self.outage.saturating_add(time);
            self.longest_outage = self.longest_outage.max(self.outage);
        }
        self.slide(now, up, up || matches!(kind, Kind::Connecting | Kind::Waiting));
    }

    /// Moves the window to `now`; fills its parts if the time counts.
    fn slide(&mut self, now: u64, up: bool, counts: bool) {
        let last = now.checked_div(self.part).unwrap_or(0);
        if last == self.newest {
            if counts {
                self.fill(last, now.saturating_sub(self.since), up);
            }
            return;
        }
        let first = self.newest.max(last.saturating_sub(PARTS.saturating_sub(1)));
        for number in first..=last {
            if number > self.newest {
                self.forget(number);
            }
            if counts {
                let begin = number.saturating_mul(self.part);
                let end = begin.saturating_add(self.part).min(now);
                self.fill(number, end.saturating_sub(self.since.max(begin)), up);
            }
        }
        self.newest = last;
    }

    fn part(&mut self, number: u64) -> Option<&mut Part> {
        let index = usize::try_from(number.checked_rem(PARTS)?).ok()?;
        self.parts.get_mut(index)
    }

    fn fill(&mut self, number: u64, time: u64, up: bool) {
        let up = if up { time } else { 0 };
        if let Some(part) = self.part(number) {
            part.add(up, time);
        }
        self.seen.add(up, time);
    }

    fn forget(&mut self, number: u64) {
        let old = self.part(number).map(|part| core::mem::replace(part, Part::NONE));
        let old = old.unwrap_or(Part::NONE);
        self.seen.up = self.seen.up.saturating_sub(old.up);
        self.seen.all = self.seen.all.saturating_sub(old.all);
    }

    fn count(&mut self, before: Kind, kind: Kind, status: &Status) {
        let ended = matches!(kind, Kind::Connecting | Kind::Waiting)
            || matches!(status.phase, Phase::GaveUp { .. });
        let given_back = match status.phase {
            Phase::Connecting { attempt } => attempt <= self.attempt,
            Phase::Reconnecting { attempt, .. } => attempt < self.attempt,
            _ => false,
        };
        match before {
            Kind::Connecting if ended && !given_back => {
                self.failures = self.failures.saturating_add(1);
            }
            Kind::Up { stable: false } if ended => self.flaps = self.flaps.saturating_add(1),
            Kind::Stopped | Kind::Offline | Kind::Waiting | Kind::Connecting | Kind::Up { .. } => {}
        }
    }
}

/// `part / whole` in millionths, without overflow; a million of nothing.
fn parts_per_million(part: u64, whole: u64) -> u32 {
    let (part, whole) = (u128::from(part), u128::from(whole));
    let share = part.saturating_mul(u128::from(MILLION)).checked_div(whole);
    share.and_then(|share| u32::try_from(share).ok()).unwrap_or(1_000_000)
}
