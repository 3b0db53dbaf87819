//! How often, how long, how many.

use std::collections::BTreeMap;
use std::time::Duration;

use redial::{
    Action, Backoff, Circuit, DialId, Event, Failure, Jitter, Overload, Selection, Timestamp,
    WaitReason,
};

use super::{Asked, Verdict, ensure, stable_at, stretched, words};
use crate::ops::Call;
use crate::trace::{Record, Subject, Trace};

/// 4: dials in any window ≤ burst + window / spacing.
///
/// # Errors
/// The first dial that is one too many.
pub fn dials_are_rate_limited(trace: &Trace<'_>) -> Verdict {
    let (burst, spacing) = trace.before.policy().rate_limit();
    let spacing = i128::try_from(spacing.as_nanos()).unwrap_or(i128::MAX / (1 << 40));
    // From dial i to dial j there are j − i + 1, so j − i + 1 − burst spacings must fit between them.
    let mut latest = i128::MIN;
    let mut count = 0_i128;
    for (step, (before, record)) in trace.steps().enumerate() {
        let known = before.action().dial().map(|dial| dial.id);
        let Some(dial) = record.action.dial().filter(|dial| Some(dial.id) != known) else {
            continue;
        };
        let offset = i128::from(record.now.as_nanos()) - count * spacing;
        latest = latest.max(offset);
        let allowed = offset >= latest - (i128::from(burst) - 1) * spacing;
        ensure(allowed, step, || format!("dial {} at {} is one too many", dial.id, record.now))?;
        count += 1;
    }
    Ok(())
}

/// 6: `max_attempts = N` means exactly N dials between resets; those that were aborted, and those that
/// should have replaced a working connection, are not counted.
///
/// # Errors
/// The first dial with a number out of turn, or a give-up too early or too late.
pub fn attempts_are_exact(trace: &Trace<'_>) -> Verdict {
    let limit = trace.before.policy().max_attempts();
    let only = trace.before.policy().max_rounds().is_none();
    let (mut last, mut neutral, mut reset) = (0, false, true);
    let mut asked = Asked::default();
    for (step, (before, record)) in trace.steps().enumerate() {
        asked.note(record);
        let was = before.action();
        reset |= stable_at(before).is_some_and(|at| record.now >= at);
        match record.call {
            Call::Event(Event::Start | Event::Confirmed(_)) => reset = true,
            Call::Event(Event::DialAborted(_) | Event::Redial) | Call::SetEndpoints(_) => {
                neutral = true;
            }
            _ => neutral |= asked.offline && was.dial().is_some(),
        }
        // A dial whose connection to replace is gone is the first of a new outage.
        if was.dial().is_some_and(|dial| dial.serving.is_some()) && record.action.held().is_none() {
            (last, reset) = (1, true);
        }
        match record.action {
            Action::Dial(dial) if dial.serving.is_none() => {
                if was.dial().is_some_and(|old| old.id == dial.id) {
                    ensure(dial.attempt == last, step, || words(before, record))?;
                    continue;
                }
                let next = dial.attempt == last + 1
                    || (neutral && dial.attempt == last)
                    || (reset && dial.attempt == 1);
                let within = limit.is_none_or(|limit| dial.attempt <= limit.get());
                ensure(next && within, step, || {
                    format!("{}, after attempt {last}", words(before, record))
                })?;
                (last, neutral, reset) = (dial.attempt, false, false);
            }
            Action::GiveUp(end) if end.reason == redial::GiveUpReason::MaxAttempts && only => {
                ensure(limit.is_some_and(|limit| limit.get() == end.attempts), step, || {
                    words(before, record)
                })?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// 9: a wait whose reason is the backoff lies in [floor, max(cap, overload cap)], and a hint's is at
/// least the hint. The interval never shrinks between resets (tables and custom shapes apart).
///
/// # Errors
/// The first wait out of its range.
pub fn waits_are_in_range(trace: &Trace<'_>) -> Verdict {
    let policy = trace.before.policy();
    let longest = match policy.overload() {
        Overload::Jump { cap, .. } => cap.max(policy.cap()),
        _ => policy.cap(),
    };
    let shapes = matches!(policy.backoff(), Backoff::Table { .. } | Backoff::Custom(_));
    let steady = matches!(policy.jitter(), Jitter::None | Jitter::Phase(_)) && !shapes;
    let mut previous = Duration::ZERO;
    // What servers have asked for, until they are dialed or forgotten.
    let mut asked: BTreeMap<u32, Timestamp> = BTreeMap::new();
    for (step, (before, record)) in trace.steps().enumerate() {
        let stable = stable_at(before).is_some_and(|at| record.now >= at);
        if stable || record.call == Call::Event(Event::Start) {
            previous = Duration::ZERO;
        }
        if let Some((key, earliest)) = hinted(before, record) {
            let until = record.after.endpoints().iter().find(|end| end.key() == key);
            let until = until.and_then(redial::Endpoint::hinted_until);
            let latest = record.now.saturating_add(stretched(policy.max_hint()));
            let kept = until.is_some_and(|until| earliest <= until && until <= latest);
            let over = matches!(record.action, Action::GiveUp(_));
            ensure(kept || over, step, || format!("{}, hint {until:?}", words(before, record)))?;
            asked.insert(key, earliest);
        }
        asked.retain(|key, _| record.after.endpoints().iter().any(|one| one.key() == *key));
        if let Some(dial) = record.action.dial() {
            let hint = before.endpoints().iter().find(|end| end.key() == dial.endpoint);
            let hint = hint.and_then(redial::Endpoint::hinted_until);
            let known = before.action().dial().is_some_and(|old| old.id == dial.id);
            // A backoff of its own is lifted by hand, or by a stable connection.
            let lifted = stable || matches!(record.call, Call::Event(Event::Redial | Event::Start));
            let own = asked.remove(&dial.endpoint).is_none_or(|earliest| earliest <= record.now);
            let past = hint.is_none_or(|until| until <= record.now);
            ensure(known || past || (lifted && own), step, || {
                format!("{}, hint {hint:?}", words(before, record))
            })?;
        }
        let Action::SleepUntil(wait) = record.action else { continue };
        if wait.reason != WaitReason::Backoff || wait.until == Timestamp::MAX {
            continue;
        }
        // The rest of what is one endpoint's own has begun before, and not always as a backoff.
        let own = |endpoint: &redial::Endpoint| endpoint.hinted_until() == Some(wait.until);
        if record.after.endpoints().iter().any(own) {
            continue;
        }
        let time = wait.until.saturating_since(record.now);
        ensure(time <= longest, step, || words(before, record))?;
        // A wait that begins here, and not after a stable connection, which has its own rule.
        if matches!(before.action(), Action::Dial(_) | Action::Hold(_)) && !stable {
            let grown = !steady || time.saturating_add(Duration::from_nanos(1)) >= previous;
            ensure(time >= policy.floor() && grown, step, || {
                format!("{}, after {previous:?}", words(before, record))
            })?;
            previous = time;
        }
    }
    Ok(())
}

/// The endpoint that has just hinted, and the earliest time it asked for.
fn hinted(before: &Subject<'_>, record: &Record<'_>) -> Option<(u32, Timestamp)> {
    let was = before.action();
    let (key, failure) = match record.call {
        Call::Event(Event::DialFailed(id, failure)) => {
            (was.dial().filter(|dial| dial.id == id)?.endpoint, failure)
        }
        Call::Event(Event::Closed(id, failure)) if was.held() == Some(id) => {
            (before.status().endpoint?, failure)
        }
        _ => return None,
    };
    let Failure::RetryAfter { delay, .. } = failure else { return None };
    // A shorter one is no hint; what a custom shape begins with is its own affair.
    let policy = before.policy();
    if matches!(policy.backoff(), Backoff::Custom(_) | Backoff::Never) {
        return None;
    }
    let initial = policy.backoff().initial().max(policy.floor()).min(policy.cap());
    let delay = delay.min(policy.max_hint());
    // One that asks for nothing is past as soon as it is given.
    (delay >= initial && !delay.is_zero()).then(|| (key, record.now.saturating_add(delay)))
}

/// 10: a half-open circuit admits one probe, and leaves within its deadline and `stable_after`.
///
/// # Errors
/// The first dial to an open circuit, or while another probes it, and the first probe that sticks.
pub fn half_open_admits_one(trace: &Trace<'_>) -> Verdict {
    let mut probe: Option<(DialId, u32)> = None;
    for (step, (before, record)) in trace.steps().enumerate() {
        let action = record.action;
        let dialing = |id: DialId| action.dial().filter(|dial| dial.id == id);
        let circuit = |key: u32| {
            let endpoint = record.after.endpoints().iter().find(|end| end.key() == key);
            endpoint.map(|endpoint| endpoint.circuit(record.now))
        };
        probe = probe.filter(|(id, key)| {
            let named = dialing(*id).is_some() || action.held() == Some(*id);
            named && circuit(*key) == Some(Circuit::HalfOpen)
        });
        if let Some((id, _)) = probe {
            let end = dialing(id).map(|dial| dial.deadline).or(stable_at(&record.after));
            ensure(end.is_some_and(|end| record.now < end), step, || {
                format!("{}, probe {id} sticks", words(before, record))
            })?;
        }
        let Some(dial) = action.dial() else { continue };
        if before.action().dial().is_some_and(|old| old.id == dial.id) {
            continue;
        }
        let open = matches!(circuit(dial.endpoint), Some(Circuit::Open { .. }));
        ensure(!open, step, || format!("{}, which is open", words(before, record)))?;
        if circuit(dial.endpoint) == Some(Circuit::HalfOpen) {
            let other = probe.filter(|(_, key)| *key == dial.endpoint);
            ensure(other.is_none(), step, || {
                format!("{}, which {other:?} probes", words(before, record))
            })?;
            probe = Some((dial.id, dial.endpoint));
        }
    }
    Ok(())
}

/// 13: each round visits every eligible endpoint once: after a failed dial to one, those that can be
/// dialed all come before it again, unless it has said itself when to come back. Where the order is not a
/// circle that nobody has touched since the start, and that nobody joins late, after a hint or a park,
/// one round may end with the endpoint that begins the next: there they come before it is dialed twice
/// again.
///
/// # Errors
/// The first dial that comes too soon.
pub fn rounds_are_fair(trace: &Trace<'_>) -> Verdict {
    let mut circle = false;
    // Who has failed, who must come before it is dialed again, and how often it still may be.
    let mut owed: Vec<(u32, u32, u8)> = Vec::new();
    for (step, (before, record)) in trace.steps().enumerate() {
        let (was, is) = (before.action(), record.action);
        let by_hand = !matches!(
            record.call,
            Call::Event(
                Event::Tick | Event::Connected(_) | Event::DialFailed(..) | Event::Closed(..)
            )
        );
        let stable = stable_at(before).is_some_and(|at| record.now >= at);
        let handover =
            is.dial().is_some_and(|dial| dial.serving.is_some()) || was.draining().is_some();
        if by_hand || stable || handover {
            owed.clear();
            let over = matches!(was, Action::GiveUp(_)) || step == 0;
            let begun = over && record.call == Call::Event(Event::Start);
            circle = begun && before.policy().selection() == Selection::RoundRobin;
            continue;
        }
        let eligible = |key: u32| {
            record.after.endpoints().iter().find(|end| end.key() == key).is_some_and(|endpoint| {
                endpoint.circuit(record.now) == Circuit::Closed
                    && endpoint.hinted_until().is_none_or(|until| until <= record.now)
                    && endpoint.parked_until() <= record.now
            })
        };
        owed.retain(|(_, other, _)| eligible(*other));
        // A dial or connection that is no longer named has failed.
        let id = was.dial().map(|dial| dial.id).or(was.held());
        let ended = id.is_some() && id != is.dial().map(|dial| dial.id) && id != is.held();
        let key = was.dial().map_or(before.status().endpoint, |dial| Some(dial.endpoint));
        if let (Some(key), true) = (key, ended) {
            let invited = matches!(
                record.call,
                Call::Event(
                    Event::DialFailed(_, Failure::RetryAfter { .. })
                        | Event::Closed(_, Failure::RetryAfter { .. })
                )
            );
            owed.retain(|(one, ..)| !invited || *one != key);
            // Who cannot be dialed now comes later, out of turn.
            let keys = record.after.endpoints().iter().map(redial::Endpoint::key);
            circle &= !invited && keys.clone().all(eligible);
            for other in keys.filter(|other| !invited && *other != key && eligible(*other)) {
                if !owed.iter().any(|(one, two, _)| (*one, *two) == (key, other)) {
                    owed.push((key, other, u8::from(!circle)));
                }
            }
        }
        let Some(dial) = is.dial() else { continue };
        if was.dial().is_some_and(|old| old.id == dial.id) {
            continue;
        }
        owed.retain(|(_, other, _)| *other != dial.endpoint);
        for (key, other, more) in &mut owed {
            if *key == dial.endpoint {
                ensure(*more > 0, step, || format!("{}, before {other}", words(before, record)))?;
                *more -= 1;
            }
        }
    }
    Ok(())
}
