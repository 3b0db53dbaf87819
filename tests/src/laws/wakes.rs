//! Wakes: there is always a next thing, it comes when it should, and nothing before.

use redial::{Action, Event, GiveUpReason, Timestamp};

use super::{Asked, Verdict, ensure, far_from_the_end, words};
use crate::trace::{Subject, Trace};

/// 8: after `Start`, law 17 holds, from every state.
///
/// # Errors
/// The first state in which `Start` leads nowhere.
pub fn start_always_works(trace: &Trace<'_>) -> Verdict {
    let mut asked = Asked::default();
    for (step, record) in trace.records.iter().enumerate() {
        asked.note(record);
        let mut twin = record.after;
        let action = twin.handle(record.now, Event::Start);
        ensure(has_next(&twin, record.now, &asked), step, || {
            format!("[{}], started: [{action}]", record.action)
        })?;
    }
    Ok(())
}

/// 17: started, online, with an endpoint, nothing tripped by hand and no limit: there is a dial, a
/// connection, or a finite wake.
///
/// # Errors
/// The first step that leads nowhere.
pub fn there_is_a_next(trace: &Trace<'_>) -> Verdict {
    let mut asked = Asked::default();
    for (step, (before, record)) in trace.steps().enumerate() {
        asked.note(record);
        let over = matches!(record.action, Action::GiveUp(_));
        let fine = !asked.started || over || has_next(&record.after, record.now, &asked);
        ensure(fine, step, || words(before, record))?;
    }
    Ok(())
}

fn has_next(subject: &Subject<'_>, now: Timestamp, asked: &Asked) -> bool {
    let endpoints = subject.endpoints();
    let usable = |key: u32| !asked.tripped.contains(&key);
    if asked.offline || endpoints.is_empty() || !endpoints.iter().any(|end| usable(end.key())) {
        return true;
    }
    match subject.action() {
        Action::Dial(_) | Action::Hold(_) => true,
        Action::SleepUntil(wait) => {
            wait.until < Timestamp::MAX
                || asked.deferred == Timestamp::MAX
                || !far_from_the_end(subject.policy(), now)
        }
        // A gate that outlives Start may lie past a limit.
        Action::GiveUp(end) => end.reason == GiveUpReason::MaxElapsed,
        Action::Idle => false,
    }
}

/// 11: a tick at the wake makes progress: another action, or a later wake.
///
/// # Errors
/// The first wake that would be woken up for again.
pub fn wakes_progress(trace: &Trace<'_>) -> Verdict {
    for (step, record) in trace.records.iter().enumerate() {
        let wake = record.action.wake();
        if wake == Timestamp::MAX {
            continue;
        }
        let mut twin = record.after;
        let action = twin.handle(wake, Event::Tick);
        ensure(action != record.action && action.wake() > wake, step, || {
            format!("[{}], woken at {wake}: [{action}]", record.action)
        })?;
    }
    Ok(())
}

/// 12: a tick before the wake changes no action, now or later.
///
/// # Errors
/// The first wait in which an early tick matters.
pub fn early_ticks_change_nothing(trace: &Trace<'_>) -> Verdict {
    for (step, record) in trace.records.iter().enumerate() {
        let (now, wake) = (record.now.as_nanos(), record.action.wake().as_nanos());
        // Any time before it, another at each step.
        let within = wake.saturating_sub(now).saturating_sub(1);
        let early = match step % 3 {
            0 => now.saturating_add(within),
            1 => now.saturating_add(within / 2),
            _ => now.saturating_add(within.min(1)),
        };
        let (mut ticked, mut slept) = (record.after, record.after);
        let action = ticked.handle(Timestamp::from_nanos(early), Event::Tick);
        ensure(action == record.action, step, || {
            format!("[{}], ticked at {}: [{action}]", record.action, Timestamp::from_nanos(early))
        })?;
        ticked.handle(Timestamp::from_nanos(wake), Event::Tick);
        slept.handle(Timestamp::from_nanos(wake), Event::Tick);
        ensure(ticked == slept, step, || {
            let (slept, ticked) = (slept.action(), ticked.action());
            format!("[{}] leads to [{slept}], after an early tick to [{ticked}]", record.action)
        })?;
    }
    Ok(())
}
