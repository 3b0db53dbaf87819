//! The machine and the reference, step by step.

use redial::{Circuit, DialId, Policy, Reconnector, Timestamp};

use super::{Is, Reference, Said};
use crate::case::Case;
use crate::ops::{Op, What};
use crate::trace::{Subject, apply};

/// Does a case, after a start, to the machine and to the reference.
///
/// # Errors
/// The first step after which they differ, with everything needed to do it again.
pub fn compare(case: &Case) -> Result<(), String> {
    let (policy, seed) = (&case.policy, case.seed);
    let keys = &case.endpoints.keys().collect::<Vec<u32>>();
    let start = Op { what: What::Start, ..Op::default() };
    let mut machine: Subject<'_> = Reconnector::with_endpoints(policy, seed, case.endpoints);
    let mut reference = Reference::new(policy, seed, keys);
    let (mut clock, mut last) = (Timestamp::ORIGIN, None::<DialId>);
    let mut log = Vec::new();
    for op in std::iter::once(&start).chain(&case.ops) {
        let (now, call) = op.resolve(clock, &machine.action(), last);
        clock = now;
        let expected = reference.apply(now, &call);
        let action = apply(&mut machine, now, &call);
        log.push((now, call, action));
        last = action.dial().map(|dial| dial.id).or(last);
        let found = Said::from(action);
        if found != expected {
            return Err(report(policy, seed, keys, &log, &format!("expected {expected:?}")));
        }
        if let Some(difference) = differs(&machine, &reference, clock) {
            return Err(report(policy, seed, keys, &log, &difference));
        }
    }
    Ok(())
}

/// What else can be seen.
fn differs(machine: &Subject<'_>, reference: &Reference, now: Timestamp) -> Option<String> {
    let counters = machine.counters();
    if (counters.ignored, counters.backward) != reference.counters() {
        return Some(format!("expected counters {:?}, found {counters:?}", reference.counters()));
    }
    for (key, failures, hint, parked, circuit) in reference.health() {
        let Some(found) = machine.endpoints().iter().find(|endpoint| endpoint.key() == key) else {
            return Some(format!("expected endpoint {key}"));
        };
        let now = now.as_nanos();
        let circuit = match circuit {
            Is::Closed => Circuit::Closed,
            Is::Tripped => Circuit::Open { until: Timestamp::MAX },
            Is::Open(until) if now < until => Circuit::Open { until: Timestamp::from_nanos(until) },
            Is::Open(_) | Is::Probing(_) => Circuit::HalfOpen,
        };
        let same = found.failures() == failures
            && found.hinted_until().map(Timestamp::as_nanos) == hint
            && found.parked_until().as_nanos() == parked
            && found.circuit(Timestamp::from_nanos(now)) == circuit;
        if !same {
            return Some(format!(
                "expected endpoint {key} with {failures} failures, hint {hint:?}, parked {parked}, \
                 {circuit}; found {found:?}"
            ));
        }
    }
    None
}

fn report(
    policy: &Policy,
    seed: u64,
    keys: &[u32],
    log: &[(Timestamp, crate::ops::Call, redial::Action)],
    difference: &str,
) -> String {
    use std::fmt::Write;

    let mut report = format!("{policy:?}\nseed {seed}, endpoints {keys:?}\n");
    for (now, call, action) in log {
        let call = match call {
            crate::ops::Call::Event(event) => format!("{event:?}"),
            crate::ops::Call::SetEndpoints(list) => {
                format!("endpoints {:?}", list.keys().collect::<Vec<_>>())
            }
            other => format!("{other:?}"),
        };
        let _ = writeln!(report, "{now:?} {call} => {:?}", Said::from(*action));
    }
    report + difference
}
