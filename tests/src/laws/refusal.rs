//! A server that accepts and closes is one that refuses.

use redial::{Action, Backoff, DialId, Event, Failure, GiveUpReason, Policy, Refresh, Timestamp};

use super::{Verdict, ensure};
use crate::ops::Endpoints;
use crate::trace::{Subject, Trace};

/// 5: a server that accepts and closes meets the same delays and limits as one that refuses; with
/// `Confirmed` in between the same delays.
///
/// # Errors
/// The first dial at another time.
pub fn accept_then_close_is_a_refusal(policy: &Policy, seed: u64, dials: usize) -> Verdict {
    let refused = times(policy, seed, dials, |trace, now, id| {
        trace.event(now, Event::DialFailed(id, Failure::Unreachable));
    });
    let closed = times(policy, seed, dials, |trace, now, id| {
        trace.event(now, Event::Connected(id));
        trace.event(now, Event::Closed(id, Failure::Unreachable));
    });
    ensure(refused == closed, 0, || format!("refused {refused:?}, closed {closed:?}"))?;
    let limited = policy.max_attempts().is_some()
        || policy.max_rounds().is_some()
        || policy.max_elapsed().is_some();
    // Being confirmed settles limits and breaker, and begins a new outage.
    if !limited && policy.breaker().is_none() && !matches!(policy.backoff(), Backoff::Custom(_)) {
        let confirmed = times(policy, seed, dials, |trace, now, id| {
            trace.event(now, Event::Connected(id));
            trace.event(now, Event::Confirmed(id));
            trace.event(now, Event::Closed(id, Failure::Unreachable));
        });
        ensure(refused == confirmed, 0, || {
            format!("refused {refused:?}, confirmed {confirmed:?}")
        })?;
    }
    Ok(())
}

/// When the first dials happen, and how it ends, if each is answered at once.
fn times(
    policy: &Policy,
    seed: u64,
    dials: usize,
    mut answer: impl FnMut(&mut Trace<'_>, Timestamp, DialId),
) -> (Vec<Timestamp>, Option<GiveUpReason>) {
    let mut trace = Trace::new(policy, seed, &[0]);
    trace.before = Subject::with_endpoints(policy, seed, Endpoints::of(&[0]));
    let (mut now, mut times) = (Timestamp::ORIGIN, Vec::new());
    let mut action = trace.event(now, Event::Start);
    while times.len() < dials {
        match action {
            Action::Dial(dial) => {
                times.push(now);
                answer(&mut trace, now, dial.id);
            }
            Action::SleepUntil(wait) if wait.until < Timestamp::MAX => {
                now = wait.until;
                trace.event(now, Event::Tick);
            }
            Action::GiveUp(end) => return (times, Some(end.reason)),
            Action::Idle | Action::Hold(_) | Action::SleepUntil(_) => break,
        }
        action = trace.current().action();
    }
    (times, None)
}

/// 5, of connections that should replace one that works: an endpoint that accepts them and closes meets
/// the same delays as one that refuses, whether it is better or the link was told to `redial`.
///
/// # Errors
/// The first dial at another time.
pub fn accepted_handover_is_a_refusal(
    policy: &Policy,
    seed: u64,
    dials: usize,
    redial: bool,
) -> Verdict {
    // These end what the connection that works has, and look at which of the two it is.
    let aged = policy.max_age().is_some() && !redial;
    if aged || policy.idle_timeout().is_some() || policy.refresh() == Refresh::BreakFirst {
        return Ok(());
    }
    let refused = handovers(policy, seed, dials, redial, |trace, now, id| {
        trace.event(now, Event::DialFailed(id, Failure::Unreachable));
    });
    let closed = handovers(policy, seed, dials, redial, |trace, now, id| {
        trace.event(now, Event::Connected(id));
        trace.event(now, Event::Closed(id, Failure::Unreachable));
    });
    ensure(refused == closed, 0, || format!("refused {refused:?}, closed {closed:?}"))
}

/// When the first dials happen that should replace a stable connection to the second of two endpoints, if
/// each is answered at once.
fn handovers(
    policy: &Policy,
    seed: u64,
    dials: usize,
    redial: bool,
    mut answer: impl FnMut(&mut Trace<'_>, Timestamp, DialId),
) -> Vec<Timestamp> {
    let mut trace = Trace::new(policy, seed, &[0, 1]);
    trace.before = Subject::with_endpoints(policy, seed, Endpoints::of(&[0, 1]));
    let (mut now, mut times, mut told) = (Timestamp::ORIGIN, Vec::new(), !redial);
    let mut action = trace.event(now, Event::Start);
    while times.len() < dials {
        match action {
            Action::Dial(dial) if dial.serving.is_some() => {
                times.push(now);
                answer(&mut trace, now, dial.id);
            }
            Action::Dial(dial) if dial.endpoint == 0 => {
                trace.event(now, Event::DialFailed(dial.id, Failure::Unreachable));
            }
            Action::Dial(dial) => {
                trace.event(now, Event::Connected(dial.id));
            }
            Action::Hold(_) if !told => {
                now = now.saturating_add(policy.stable_after());
                told = true;
                trace.event(now, Event::Redial);
            }
            Action::SleepUntil(_) | Action::Hold(_) if action.wake() < Timestamp::MAX => {
                now = action.wake();
                trace.event(now, Event::Tick);
            }
            Action::Idle | Action::GiveUp(_) | Action::SleepUntil(_) | Action::Hold(_) => break,
        }
        action = trace.current().action();
    }
    times
}
