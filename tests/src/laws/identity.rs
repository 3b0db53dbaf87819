//! Ids, clocks and replays.

use redial::{DialId, Event, Timestamp};

use super::{Verdict, alike, ensure, words};
use crate::ops::Call;
use crate::trace::{Trace, apply};

/// 1: only `Connected` of the current dial leads to a hold of that id. The one exception is a connection
/// that was draining, and is the link again because its successor did not last.
///
/// # Errors
/// The first step that names a connection which nobody made.
pub fn only_a_success_is_held(trace: &Trace<'_>) -> Verdict {
    for (step, (before, record)) in trace.steps().enumerate() {
        let was = before.action();
        let Some(held) = record.action.held() else { continue };
        let succeeded = record.call == Call::Event(Event::Connected(held))
            && was.dial().is_some_and(|dial| dial.id == held);
        let returned = was.draining().is_some_and(|old| old.id == held);
        let fine = was.held() == Some(held) || succeeded || returned;
        ensure(fine, step, || words(before, record))?;
        let drains = record.action.draining().map(|old| old.id);
        let drained =
            drains.is_none() || drains == was.draining().map(|old| old.id) || drains == was.held();
        ensure(drained, step, || words(before, record))?;
    }
    Ok(())
}

/// 2: an event whose id is not current, or of a kind that its id cannot have now, acts as a tick at that
/// instant, and is counted.
///
/// # Errors
/// The first stale event that changed more.
pub fn a_stale_id_is_a_tick(trace: &Trace<'_>) -> Verdict {
    for (step, (before, record)) in trace.steps().enumerate() {
        let was = before.action();
        let (dial, held) = (was.dial().map(|dial| dial.id), was.held());
        let old = was.draining().map(|old| old.id);
        let Call::Event(event) = record.call else { continue };
        let current = match event {
            Event::Progress(id)
            | Event::Connected(id)
            | Event::DialFailed(id, _)
            | Event::DialAborted(id) => dial == Some(id),
            Event::Closed(id, _)
            | Event::Confirmed(id)
            | Event::Activity(id)
            | Event::GoingAway(id, _) => held == Some(id) || old == Some(id),
            _ => continue,
        };
        if current {
            continue;
        }
        let mut twin = *before;
        twin.handle(record.given, Event::Tick);
        let counted = record.counters.ignored == twin.counters().ignored.saturating_add(1);
        let same = alike(&twin, &record.after);
        ensure(counted && same, step, || {
            format!("{}; a tick: [{}]", words(before, record), twin.action())
        })?;
    }
    Ok(())
}

/// 3: at most one dial is in flight and one timer armed; ids strictly increase, and a wake lies ahead.
///
/// # Errors
/// The first step that reuses an id, or wakes in the past or after the dial's deadline.
pub fn one_dial_one_wake(trace: &Trace<'_>) -> Verdict {
    let mut last: Option<DialId> = None;
    for (step, (before, record)) in trace.steps().enumerate() {
        let action = record.action;
        if let Some(dial) = action.dial() {
            let known = before.action().dial().map(|dial| dial.id) == Some(dial.id);
            ensure(known || Some(dial.id) > last, step, || words(before, record))?;
            ensure(dial.wake <= dial.deadline, step, || words(before, record))?;
            last = Some(dial.id);
        }
        ensure(action.wake() > record.now, step, || words(before, record))?;
        ensure(action == record.after.action(), step, || words(before, record))?;
    }
    Ok(())
}

/// 15: the same policy, seed and log give the same actions.
///
/// # Errors
/// The first step that comes out otherwise.
pub fn a_log_replays(trace: &Trace<'_>) -> Verdict {
    let mut again = trace.before;
    for (step, (before, record)) in trace.steps().enumerate() {
        let action = apply(&mut again, record.given, &record.call);
        ensure(action == record.action, step, || {
            format!("{}; again: [{action}]", words(before, record))
        })?;
    }
    Ok(())
}

/// 21: a time that goes back is handled as the last one, and counted.
///
/// # Errors
/// The first step at which it matters.
pub fn backward_is_the_last_now(trace: &Trace<'_>) -> Verdict {
    let mut last = Timestamp::ORIGIN;
    for (step, (before, record)) in trace.steps().enumerate() {
        if record.given < last {
            let mut twin = *before;
            apply(&mut twin, last, &record.call);
            let counted = record.counters.backward == twin.counters().backward.saturating_add(1);
            ensure(counted && alike(&twin, &record.after), step, || {
                format!("{}; at {last}: [{}]", words(before, record), twin.action())
            })?;
        }
        last = record.now;
    }
    Ok(())
}
