//! What is seen of a link, and what is kept of it.

use std::time::Duration;

use redial::{
    Action, EndpointSnapshot, Event, Failure, GiveUp, Health, Phase, Reconnector, Timestamp,
};

use super::{Asked, Verdict, ensure, far_from_the_end, words};
use crate::trace::{Record, Subject, Trace};

/// 16: with the same seed, a link that is restored right after a snapshot behaves as if nothing had been,
/// but that what was in flight has failed, and that the application has to say `Offline` and `Defer` again.
///
/// # Errors
/// The first wait after which it does not.
pub fn a_snapshot_keeps_behaviour(trace: &Trace<'_>) -> Verdict {
    let mut asked = Asked::default();
    for (step, (before, record)) in trace.steps().enumerate() {
        asked.note(record);
        let said = asked.offline || asked.deferred > record.now;
        let empty = record.after.endpoints().is_empty();
        if said || empty || !far_from_the_end(record.after.policy(), record.now) {
            continue;
        }
        let Some(mut kept) = failed(record) else { continue };
        let mut restored = restored(trace, record);
        ensure(health(&kept, record.now) == health(&restored, record.now), step, || {
            format!("{}; the health of its endpoints differs", words(before, record))
        })?;
        // Fails whatever it dials, for reasons that come in turn.
        for round in 0..6 {
            let (one, other) = (kept.action(), restored.action());
            ensure(alike(&one, &other), step, || {
                format!(
                    "{}; after {round} rounds [{one}], restored [{other}]",
                    words(before, record)
                )
            })?;
            match one {
                Action::SleepUntil(wait) if wait.until < Timestamp::MAX => {
                    kept.handle(wait.until, Event::Tick);
                    restored.handle(wait.until, Event::Tick);
                }
                Action::Dial(dial) => {
                    let failure = match (step + round) % 3 {
                        0 => Failure::Overloaded,
                        1 => Failure::Unsuitable,
                        _ => Failure::Unreachable,
                    };
                    let now = dial.wake;
                    let now = Timestamp::from_nanos(now.as_nanos().saturating_sub(1));
                    kept.handle(now, Event::DialFailed(dial.id, failure));
                    restored.handle(now, Event::DialFailed(dial.id, failure));
                }
                _ => break,
            }
        }
    }
    Ok(())
}

/// The link of this step after what was in flight has failed; `None` if it is not to be compared.
fn failed<'a>(record: &Record<'a>) -> Option<Subject<'a>> {
    let now = record.now;
    let mut link = record.after;
    // What is due comes first, whoever says it.
    if link.handle(now, Event::Tick) != record.action {
        return None;
    }
    match record.action {
        Action::SleepUntil(_) => {}
        Action::Dial(dial) => {
            let action = link.handle(now, Event::DialFailed(dial.id, Failure::Unreachable));
            if dial.serving.is_some() {
                // Another handover may have begun at once, which a restored link never does.
                let Action::Hold(hold) = action else { return None };
                link.handle(now, Event::Closed(hold.id, Failure::Unreachable));
            }
        }
        // A connection that drains is not kept.
        Action::Hold(hold) if hold.draining.is_none() => {
            link.handle(now, Event::Closed(hold.id, Failure::Unreachable));
        }
        Action::Hold(_) | Action::GiveUp(_) | Action::Idle => return None,
    }
    Some(link)
}

/// What is known of each endpoint that counts.
fn health(link: &Subject<'_>, now: Timestamp) -> Vec<impl PartialEq> {
    let all = link.endpoints();
    let counts = |index: usize, key| !all.iter().take(index).any(|earlier| earlier.key() == key);
    let known = all.iter().enumerate().filter(|(index, one)| counts(*index, one.key()));
    let of = |one: &redial::Endpoint| {
        let hint = one.hinted_until().filter(|until| *until > now);
        (one.key(), one.failures(), one.circuit(now), one.parked_until().max(now), hint)
    };
    known.map(|(_, one)| of(one)).collect()
}

/// The link of this step, taken down and up again.
fn restored<'a>(trace: &Trace<'a>, record: &Record<'a>) -> Subject<'a> {
    let link = &record.after;
    let health: Vec<EndpointSnapshot> = link.endpoint_snapshots().collect();
    let keys: Vec<u32> = link.endpoints().iter().map(redial::Endpoint::key).collect();
    Reconnector::restore_with_endpoints(
        trace.policy,
        trace.seed,
        crate::ops::Endpoints::of(&keys),
        &link.snapshot(),
        &health,
        Duration::ZERO,
        record.now,
    )
}

/// The same, but for the last failure, which is not kept.
fn alike(one: &Action, other: &Action) -> bool {
    match (one, other) {
        (Action::GiveUp(one), Action::GiveUp(other)) => {
            let said = |end: &GiveUp| (end.reason, end.attempts, end.elapsed);
            said(one) == said(other)
        }
        _ => one == other,
    }
}

/// 20: time up, down, offline and stopped add up to the time since the first start.
///
/// # Errors
/// The first step at which they do not.
pub fn all_time_is_accounted_for(trace: &Trace<'_>) -> Verdict {
    let mut health = Health::new(Duration::from_secs(3600), 950_000);
    let mut begun = None;
    for (step, (before, record)) in trace.steps().enumerate() {
        let status = record.after.status();
        health.observe(record.now, &status);
        // What gives up as it starts has not been up or down yet.
        if !matches!(status.phase, Phase::Idle | Phase::GaveUp { .. }) {
            begun = begun.or(Some(record.now));
        }
        let sum = [health.uptime(), health.downtime(), health.offline(), health.stopped()]
            .into_iter()
            .fold(Duration::ZERO, Duration::saturating_add);
        let passed = begun.map_or(Duration::ZERO, |begun| record.now.saturating_since(begun));
        ensure(sum == passed && health.reliability() <= 1_000_000, step, || {
            format!("{}; {sum:?} of {passed:?}, {health:?}", words(before, record))
        })?;
    }
    Ok(())
}
