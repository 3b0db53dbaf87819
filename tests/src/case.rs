//! A random run that can be made from bytes, checked and shrunk.

use std::fmt;

use redial::Policy;

use crate::bytes::{Bytes, Random};
use crate::laws::{Verdict, check};
use crate::ops::{Endpoints, Op, What};
use crate::policies::{POLICY_BYTES, policy};
use crate::trace::Trace;

/// A policy, a seed, endpoints and operations: all that a run depends on.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Case {
    /// What the links are run by.
    pub policy: Policy,
    /// The link's seed.
    pub seed: u64,
    /// The first list of endpoints.
    pub endpoints: Endpoints,
    /// What is done, after a start.
    pub ops: Vec<Op>,
}

impl Case {
    /// The case that a fuzzer's input means.
    pub fn decode(input: &[u8]) -> Self {
        let mut bytes = Bytes::new(input);
        let [count, keys, seed] = bytes.array();
        let policy = policy(&mut Bytes::new(&bytes.array::<POLICY_BYTES>()));
        let endpoints = Endpoints::decode([count, keys]);
        let ops = std::iter::from_fn(|| Op::next(&mut bytes)).collect();
        Self { policy, seed: seed.into(), endpoints, ops }
    }

    /// A random case of this many operations.
    pub fn random(random: &mut Random, ops: usize) -> Self {
        let policy = policy(&mut Bytes::new(&random.array::<POLICY_BYTES>()));
        // Mostly with one endpoint or more.
        let [count, keys] = random.array();
        let endpoints = Endpoints::decode([if count < 40 { 8 } else { count }, keys]);
        let seed = random.number();
        let ops = (0..ops).map(|_| Op::decode(random.array())).collect();
        Self { policy, seed, endpoints, ops }
    }

    /// A random case of as many operations, most of which are what could well happen next: long rows of
    /// handovers and outages come about, which are rare in [`random`](Self::random).
    pub fn likely(random: &mut Random, ops: usize) -> Self {
        let mut case = Self::random(random, 0);
        let mut trace = case.trace();
        let next = |_| {
            let op = Op::likely(random, &trace.current().action());
            trace.step(&op);
            op
        };
        let ops = (0..ops).map(next).collect();
        case.ops = ops;
        case
    }

    /// Runs it.
    pub fn trace(&self) -> Trace<'_> {
        let keys: Vec<u32> = self.endpoints.keys().collect();
        let start = Op { what: What::Start, ..Op::default() };
        let ops = std::iter::once(start).chain(self.ops.iter().copied());
        Trace::run(&self.policy, self.seed, &keys, ops)
    }

    /// Runs it and checks every law.
    ///
    /// # Errors
    /// The first violation.
    pub fn check(&self) -> Verdict {
        check(&self.trace())
    }

    /// The smallest case that can be found from here, by leaving operations out, that still `fails`.
    #[must_use]
    pub fn shrink(mut self, fails: impl Fn(&Self) -> bool) -> Self {
        let mut size = self.ops.len();
        while size > 0 {
            let mut start = 0;
            while start < self.ops.len() {
                let mut smaller = self.clone();
                smaller.ops.drain(start..(start + size).min(self.ops.len()));
                if fails(&smaller) {
                    self = smaller;
                } else {
                    start += size;
                }
            }
            size /= 2;
        }
        self
    }
}

/// The run in words, a line a step.
impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<u32> = self.endpoints.keys().collect();
        writeln!(f, "{:?}\nseed {}, endpoints {keys:?}", self.policy, self.seed)?;
        for (step, record) in self.trace().records.iter().enumerate() {
            writeln!(f, "{step:4} {:?} {:?}\n     {}", record.given, record.call, record.action)?;
        }
        Ok(())
    }
}
