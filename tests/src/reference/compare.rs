//! The machine and the reference, step by step.

use redial::{Circuit, DialId, Policy, Reconnector, Timestamp};

use super::{Is, Reference, Said};
use crate::bytes::{Bytes, Random};
use crate::ops::{Endpoints, Op, What, When};
use crate::policies::{POLICY_BYTES, policy};
use crate::trace::{Subject, apply};

/// Does `ops` to the machine and to the reference.
///
/// # Errors
/// The first step after which they differ, with everything needed to do it again.
pub fn compare(
    policy: &Policy,
    seed: u64,
    keys: &[u32],
    ops: impl IntoIterator<Item = Op>,
) -> Result<(), String> {
    let mut machine: Subject<'_> = Reconnector::with_endpoints(policy, seed, Endpoints::of(keys));
    let mut reference = Reference::new(policy, seed, keys);
    let (mut clock, mut last) = (Timestamp::ORIGIN, None::<DialId>);
    let mut log = Vec::new();
    for op in ops {
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

/// A policy, a seed, endpoints and operations: everything that a run needs.
#[derive(Clone, Debug)]
pub struct Case {
    /// The policy.
    pub policy: Policy,
    /// Seed of the machine.
    pub seed: u64,
    /// The first list of endpoints.
    pub keys: Vec<u32>,
    /// What is done.
    pub ops: Vec<Op>,
}

impl Case {
    /// A random one, of `steps` operations.
    pub fn random(random: &mut Random, steps: usize) -> Self {
        let bytes = random.array::<POLICY_BYTES>();
        let head = random.array::<2>();
        let ops = (0..steps).map(|_| Op::decode(random.array()));
        Self::new(&mut Bytes::new(&bytes), head, ops.collect())
    }

    /// The one that a fuzzer's bytes mean.
    pub fn decode(bytes: &[u8]) -> Self {
        let (start, rest) = bytes.split_at(bytes.len().min(POLICY_BYTES + 2));
        let (mut start, mut rest) = (Bytes::new(start), Bytes::new(rest));
        let head = start.array::<2>();
        let ops = std::iter::from_fn(|| Op::next(&mut rest));
        Self::new(&mut start, head, ops.collect())
    }

    fn new(bytes: &mut Bytes<'_>, [seed, count]: [u8; 2], mut ops: Vec<Op>) -> Self {
        let keys = [[0, 1, 2, 3], [3, 1, 3, 0]][usize::from(count / 128)];
        let keys = keys[..=usize::from(count % 4)].to_vec();
        ops.insert(0, Op { when: When::Now, what: What::Start });
        Self { policy: policy(bytes), seed: u64::from(seed), keys, ops }
    }

    /// Compares the machine with the reference over it.
    ///
    /// # Errors
    /// As [`compare`].
    pub fn check(&self) -> Result<(), String> {
        compare(&self.policy, self.seed, &self.keys, self.ops.iter().copied())
    }

    /// Without every operation, one by one, that is not needed for [`check`](Self::check) to fail.
    pub fn shrink(&mut self) {
        let mut at = self.ops.len();
        while at > 0 {
            at -= 1;
            let mut fewer = self.clone();
            fewer.ops.remove(at);
            if fewer.check().is_err() {
                *self = fewer;
                at = at.min(self.ops.len());
            }
        }
    }
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
            && found.hinted_until().map_or(0, Timestamp::as_nanos) == hint
            && found.parked_until().as_nanos() == parked
            && found.circuit(Timestamp::from_nanos(now)) == circuit;
        if !same {
            return Some(format!(
                "expected endpoint {key} with {failures} failures, hint {hint}, parked {parked}, \
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
