//! The laws: what no sequence of events, at whatever times, can break. One sentence, one function.
//!
//! Each looks at a recorded [`Trace`], and many also at what would have happened otherwise: a reconnector
//! can be copied, so a law can ask what a tick in between would have changed. They hold for every
//! policy, so they hold for yours.

mod endings;
mod identity;
mod pace;
mod refusal;
mod views;
mod wakes;

use std::fmt;
use std::time::Duration;

use redial::{Phase, Policy, Reconnector, Timestamp};

pub use endings::{
    giving_up_happens_once, handover_loses_nothing, replacing_the_list_keeps_an_endpoint,
    stopped_is_stopped,
};
pub use identity::{
    a_log_replays, a_stale_id_is_a_tick, backward_is_the_last_now, one_dial_one_wake,
    only_a_success_is_held,
};
pub use pace::{
    attempts_are_exact, dials_are_rate_limited, half_open_admits_one, rounds_are_fair,
    waits_are_in_range,
};
pub use refusal::{accept_then_close_is_a_refusal, accepted_handover_is_a_refusal};
pub use views::{a_snapshot_keeps_behaviour, all_time_is_accounted_for};
pub use wakes::{early_ticks_change_nothing, start_always_works, there_is_a_next, wakes_progress};

use crate::trace::{Record, Subject, Trace};

/// What a law found.
pub type Verdict = Result<(), Violation>;

/// A law over a recorded run.
pub type Law = fn(&Trace<'_>) -> Verdict;

/// Every law over a recorded run: its number, its sentence, and the function that checks it.
///
/// Law 5 needs a server of its own: [`accept_then_close_is_a_refusal`], and of handovers
/// [`accepted_handover_is_a_refusal`]. Law 22, that nothing panics, is
/// checked by every run.
pub const LAWS: &[(u8, &str, Law)] = &[
    (1, "only a Connected of the current dial is held", only_a_success_is_held),
    (2, "a stale id acts as a tick, and is counted", a_stale_id_is_a_tick),
    (3, "at most one dial in flight, and one wake", one_dial_one_wake),
    (4, "dials in any window ≤ burst + window / spacing", dials_are_rate_limited),
    (6, "max_attempts is exact", attempts_are_exact),
    (7, "after Stop or GiveUp nothing dials until Start", stopped_is_stopped),
    (8, "Start works from every state", start_always_works),
    (9, "waits are in their range, and never shrink within an outage", waits_are_in_range),
    (10, "half-open admits one probe, and leaves with it", half_open_admits_one),
    (11, "a tick at the wake makes progress", wakes_progress),
    (12, "a tick before the wake changes no action, now or later", early_ticks_change_nothing),
    (13, "each round visits every eligible endpoint once", rounds_are_fair),
    (14, "no wait is left without an endpoint", replacing_the_list_keeps_an_endpoint),
    (15, "same policy, seed and log: same actions", a_log_replays),
    (16, "a snapshot keeps behaviour", a_snapshot_keeps_behaviour),
    (17, "there is a dial, a connection or a finite wake", there_is_a_next),
    (18, "giving up happens once an outage, with its reason", giving_up_happens_once),
    (19, "a failed handover never loses a stable connection", handover_loses_nothing),
    (20, "all time is accounted for", all_time_is_accounted_for),
    (21, "a time that goes back is handled as the last", backward_is_the_last_now),
];

/// Checks every law.
///
/// # Errors
/// The first violation.
pub fn check(trace: &Trace<'_>) -> Verdict {
    for (number, sentence, law) in LAWS {
        law(trace).map_err(|violation| Violation { number: *number, sentence, ..violation })?;
    }
    Ok(())
}

/// A law that does not hold, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Violation {
    /// The law's number.
    pub number: u8,
    /// The law.
    pub sentence: &'static str,
    /// The step of the run that broke it.
    pub step: usize,
    /// What was found instead.
    pub found: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "law {} ({}) at step {}: {}", self.number, self.sentence, self.step, self.found)
    }
}

impl std::error::Error for Violation {}

/// A verdict of the law that is being checked.
fn ensure(holds: bool, step: usize, found: impl FnOnce() -> String) -> Verdict {
    if holds {
        return Ok(());
    }
    Err(Violation { number: 0, sentence: "", step, found: found() })
}

/// The step in words.
fn words(before: &Subject<'_>, record: &Record<'_>) -> String {
    let (was, is) = (before.action(), record.action);
    format!("{:?} at {} made of [{was}] this: [{is}]", record.call, record.now)
}

/// When the connection of `subject` became, or becomes, stable.
fn stable_at(subject: &Subject<'_>) -> Option<Timestamp> {
    match subject.status().phase {
        // One that is the link again, after its successor was lost, was stable before.
        Phase::Connected { since, stable: true } => Some(since),
        Phase::Connected { since, .. } => {
            Some(since.saturating_add(subject.policy().stable_after()))
        }
        _ => None,
    }
}

/// Whether everything that `policy` may add to `now` is below the end of time.
fn far_from_the_end(policy: &Policy, now: Timestamp) -> bool {
    let (burst, spacing) = policy.rate_limit();
    let longest = policy.longest_wait().saturating_add(spacing.saturating_mul(burst));
    let longest = longest.saturating_add(policy.stable_after()).saturating_mul(2);
    now.saturating_add(longest) < Timestamp::from_nanos(u64::MAX / 2)
}

/// What only the log of a run tells: the level of what was asked by hand.
#[derive(Clone, Debug, Default)]
struct Asked {
    started: bool,
    offline: bool,
    tripped: Vec<u32>,
    deferred: Timestamp,
}

impl Asked {
    fn note(&mut self, record: &Record<'_>) {
        use crate::ops::Call;
        use redial::Event;
        match record.call {
            Call::Event(Event::Start) => self.started = true,
            Call::Event(Event::Stop) => self.started = false,
            Call::Event(Event::Online) => self.offline = false,
            Call::Event(Event::Offline) => self.offline = true,
            Call::Event(Event::Defer(until)) => self.deferred = until,
            Call::Trip(key) => self.tripped.push(key),
            Call::Reset(key) => self.tripped.retain(|other| *other != key),
            Call::Event(_) | Call::SetEndpoints(_) => {}
        }
    }
}

/// The latest that a hint of `time` may be followed: a tenth later, and the rounding.
fn stretched(time: Duration) -> Duration {
    time.saturating_add(time / 10).saturating_add(Duration::from_nanos(2))
}

/// The same in every respect but the counters.
fn alike(one: &Subject<'_>, other: &Subject<'_>) -> bool {
    let views = |subject: &Subject<'_>| (subject.action(), subject.status());
    let lists = |subject: &Subject<'_>| Reconnector::endpoints(subject).to_vec();
    views(one) == views(other) && lists(one) == lists(other)
}
