//! Stopping, giving up, replacing.

use redial::{
    Action, After, Backoff, DialId, Event, Failure, GiveUp, GiveUpReason, Refresh, Timestamp,
};

use super::{Verdict, ensure, far_from_the_end, stable_at, words};
use crate::ops::Call;
use crate::trace::{Record, Subject, Trace};

/// 7: after `Stop` or a give-up nothing exists until `Start`.
///
/// # Errors
/// The first step that wakes it up.
pub fn stopped_is_stopped(trace: &Trace<'_>) -> Verdict {
    let mut stopped = true;
    for (step, (before, record)) in trace.steps().enumerate() {
        match record.call {
            Call::Event(Event::Start) => stopped = false,
            Call::Event(Event::Stop) => stopped = true,
            _ => {}
        }
        let over = record.call != Call::Event(Event::Start)
            && matches!(before.action(), Action::GiveUp(_));
        let still = if stopped {
            record.action == Action::Idle
        } else {
            !over || record.action == before.action()
        };
        ensure(still, step, || words(before, record))?;
    }
    Ok(())
}

/// 18: a give-up is entered once an outage, for a reason that the policy and the last failure explain.
///
/// # Errors
/// The first that they do not.
pub fn giving_up_happens_once(trace: &Trace<'_>) -> Verdict {
    for (step, (before, record)) in trace.steps().enumerate() {
        let Action::GiveUp(end) = record.action else { continue };
        if matches!(before.action(), Action::GiveUp(_)) && record.call != Call::Event(Event::Start)
        {
            continue;
        }
        ensure(explained(before, record, &end), step, || words(before, record))?;
    }
    Ok(())
}

fn explained(before: &Subject<'_>, record: &Record<'_>, end: &GiveUp) -> bool {
    let policy = before.policy();
    match end.reason {
        GiveUpReason::Fatal => end.last == Some(Failure::Fatal),
        GiveUpReason::HintTooLong => match end.last {
            Some(Failure::RetryAfter { delay, .. }) => delay > policy.max_hint(),
            _ => false,
        },
        GiveUpReason::MaxAttempts => {
            policy.max_attempts().is_some() || policy.max_rounds().is_some()
        }
        GiveUpReason::PolicyNever => {
            let stops = matches!(
                policy.backoff(),
                Backoff::Never | Backoff::Table { then: After::Stop, .. } | Backoff::Custom(_)
            );
            stops || !far_from_the_end(policy, record.now)
        }
        GiveUpReason::AllParked => {
            // Of several with the same key the first counts.
            let endpoints = record.after.endpoints();
            let first = |key: u32| endpoints.iter().find(|endpoint| endpoint.key() == key);
            let mut counted = endpoints.iter().filter_map(|endpoint| first(endpoint.key()));
            counted.all(|endpoint| endpoint.parked_until() > record.now)
        }
        GiveUpReason::MaxElapsed => policy.max_elapsed().is_some(),
        _ => false,
    }
}

/// 14: an action never waits without an endpoint, or dials one that is not in the list.
///
/// # Errors
/// The first that does.
pub fn replacing_the_list_keeps_an_endpoint(trace: &Trace<'_>) -> Verdict {
    for (step, (before, record)) in trace.steps().enumerate() {
        let endpoints = record.after.endpoints();
        let fine = match record.action {
            Action::SleepUntil(_) => !endpoints.is_empty(),
            Action::Dial(dial) => endpoints.iter().any(|end| end.key() == dial.endpoint),
            Action::Idle | Action::Hold(_) | Action::GiveUp(_) => true,
        };
        ensure(fine, step, || words(before, record))?;
    }
    Ok(())
}

/// 19: a stable connection is named until it ends by itself, is stopped, falls silent, or has drained;
/// whatever becomes of the dial that should replace it.
///
/// # Errors
/// The first that is lost.
pub fn handover_loses_nothing(trace: &Trace<'_>) -> Verdict {
    // When the server said that it ends one.
    let mut leaves: Vec<(DialId, Timestamp)> = Vec::new();
    for (step, (before, record)) in trace.steps().enumerate() {
        let (was, is, policy) = (before.action(), record.action, before.policy());
        if let Call::Event(Event::GoingAway(id, Some(by))) = record.call {
            leaves.push((id, by));
        }
        let left = |id| leaves.iter().any(|(leaving, by)| *leaving == id && *by <= record.now);
        let named =
            |id| is.held() == Some(id) || is.draining().is_some_and(|draining| draining.id == id);
        let ended = |id| {
            record.call == Call::Event(Event::Stop)
                || matches!(record.call, Call::Event(Event::Closed(closed, _)) if closed == id)
        };
        if let Some(held) = was.held() {
            let stable = stable_at(before).is_some_and(|at| record.now >= at);
            let replaced = is.held().is_some_and(|new| new > held) && left(held);
            let silent = policy.idle_timeout().is_some() && record.now >= was.wake();
            let broken = policy.refresh() == Refresh::BreakFirst;
            let fine = ended(held) || replaced || silent || broken || named(held);
            ensure(!stable || fine, step, || words(before, record))?;
        }
        if let Some(old) = was.draining() {
            let drained = left(old.id) || record.now >= old.deadline;
            ensure(ended(old.id) || drained || named(old.id), step, || words(before, record))?;
        }
    }
    Ok(())
}
