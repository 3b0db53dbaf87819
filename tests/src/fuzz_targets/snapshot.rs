//! Any bytes may be read as a snapshot; what a link writes is read back as it was, and a link that is
//! restored from either keeps going.

use std::time::Duration;

use redial::{Action, Circuit, EndpointSnapshot, Event, Policy, Reconnector, Snapshot, Timestamp};

use crate::bytes::span;
use crate::case::Case;
use crate::ops::Endpoints;
use crate::trace::{Subject, Trace};

/// A damaged snapshot, or an operation list with a crash in the middle.
///
/// # Panics
/// If a snapshot is not read as it was written, or what is restored from one hangs or waits longer
/// than its policy can ask for.
pub fn snapshot(input: &[u8]) {
    let Some((kind, rest)) = input.split_first() else { return };
    if kind & 1 == 0 { raw(rest) } else { crash(*kind, rest) }
}

/// The bytes are the snapshots.
fn raw(input: &[u8]) {
    let (link, rest) = input.split_at(input.len().min(Snapshot::BYTES));
    let Ok(link) = Snapshot::from_bytes(link) else { return };
    assert_eq!(Snapshot::from_bytes(&link.to_bytes()), Ok(link));
    let mut health = Vec::new();
    let mut chunks = rest.chunks_exact(EndpointSnapshot::BYTES).take(4);
    for chunk in &mut chunks {
        if let Ok(endpoint) = EndpointSnapshot::from_bytes(chunk) {
            assert_eq!(EndpointSnapshot::from_bytes(&endpoint.to_bytes()), Ok(endpoint));
            health.push(endpoint);
        }
    }
    let keys: Vec<u32> = health.iter().map(EndpointSnapshot::key).collect();
    let list = Endpoints::of(if keys.is_empty() { &[0] } else { &keys });
    let policy = Policy::DEFAULT;
    let now = Timestamp::from_origin(Duration::from_secs(5));
    let restored =
        Reconnector::restore_with_endpoints(&policy, 1, list, &link, &health, Duration::ZERO, now);
    goes_on(restored, now);
    let single = Reconnector::restore(&policy, 1, &link, Duration::MAX, now);
    let _ = single.action();
}

/// A link runs, crashes and is restored.
fn crash(kind: u8, input: &[u8]) {
    let case = Case::decode(input);
    let trace = case.trace();
    let (machine, last) = (trace.current(), trace.dials().last().map(|(_, dial)| dial.id));
    let snapshot = machine.snapshot();
    assert_eq!(Snapshot::from_bytes(&snapshot.to_bytes()), Ok(snapshot));
    let health: Vec<EndpointSnapshot> = machine.endpoint_snapshots().collect();
    for endpoint in &health {
        assert_eq!(EndpointSnapshot::from_bytes(&endpoint.to_bytes()), Ok(*endpoint));
    }
    keeps_the_rate(&case, &trace, &snapshot, &health);
    let away = span(kind);
    let list: Vec<u32> = machine.endpoints().iter().map(redial::Endpoint::key).collect();
    // The next process counts from another origin.
    let now = Timestamp::from_origin(Duration::from_secs(u64::from(kind)));
    let restored = Reconnector::restore_with_endpoints(
        &case.policy,
        case.seed,
        Endpoints::of(&list),
        &snapshot,
        &health,
        away,
        now,
    );
    if let (Some(dial), Some(last)) = (restored.action().dial(), last) {
        assert!(dial.id > last, "ids are never used twice");
    }
    goes_on(restored, now);
}

/// Restored in the same moment, it dials no earlier than the rate limit allows after the dials that
/// there were.
fn keeps_the_rate(
    case: &Case,
    trace: &Trace<'_>,
    snapshot: &Snapshot,
    health: &[EndpointSnapshot],
) {
    let Some(record) = trace.records.last() else { return };
    let (burst, spacing) = case.policy.rate_limit();
    let spacing = spacing.as_nanos();
    let mut arrival = 0;
    for (dialed, _) in trace.dials() {
        arrival = u128::from(dialed.now.as_nanos()).max(arrival) + spacing;
    }
    let ready = arrival.saturating_sub(spacing.saturating_mul(u128::from(burst - 1)));
    let keys: Vec<u32> = record.after.endpoints().iter().map(redial::Endpoint::key).collect();
    let list = Endpoints::of(&keys);
    let mut restored = Reconnector::restore_with_endpoints(
        &case.policy,
        case.seed,
        list,
        snapshot,
        health,
        Duration::ZERO,
        record.now,
    );
    for action in [restored.action(), restored.handle(record.now, Event::Start)] {
        let earliest = match action {
            Action::Dial(_) => record.now,
            Action::SleepUntil(wait) => wait.until,
            Action::Idle | Action::Hold(_) | Action::GiveUp(_) => Timestamp::MAX,
        };
        let earliest = earliest.as_nanos();
        let allowed = earliest == u64::MAX || u128::from(earliest) >= ready;
        assert!(allowed, "{action} although the rate limit holds until {ready}");
    }
}

/// Started and online, it dials within the longest wait, and ticks make progress.
fn goes_on(mut machine: Subject<'_>, now: Timestamp) {
    let longest = machine.policy().longest_wait();
    // A burst that was spent may take longer than any single spacing to be earned again.
    let (burst, spacing) = machine.policy().rate_limit();
    let longest = longest.saturating_add(spacing.saturating_mul(burst));
    let mut action = machine.handle(now, Event::Start);
    for _ in 0..4 {
        let Action::SleepUntil(wait) = action else { return };
        let by_hand = |circuit| matches!(circuit, Circuit::Open { until: Timestamp::MAX });
        let tripped = machine.endpoints().iter().any(|endpoint| by_hand(endpoint.circuit(now)));
        let end = now.saturating_add(longest);
        assert!(tripped || wait.until <= end, "sleeps until {}, not {end}", wait.until);
        if wait.until == Timestamp::MAX {
            return;
        }
        let before = action;
        action = machine.handle(wait.until, Event::Tick);
        assert!(action != before, "no progress from {before}");
    }
}
