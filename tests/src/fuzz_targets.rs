//! What is fuzzed: functions over bytes that panic when something is wrong.
//!
//! They live here, so that stable tests replay what fuzzing has found; `fuzz/` only calls them. Those of
//! the adapters are beside their own tests.

mod breaker;
mod policy;
mod snapshot;

pub use self::breaker::breaker;
pub use self::policy::policy;
pub use self::snapshot::snapshot;

use crate::{Case, reference};

/// A policy and operations: the machine against the reference, and for every eighth seed against the
/// laws.
///
/// # Panics
/// If it differs, or breaks one.
pub fn reconnector(input: &[u8]) {
    let case = Case::decode(input);
    if let Err(report) = reference::compare(&case) {
        panic!("{report}");
    }
    // The laws ask what would have happened otherwise at every step, which is slow.
    if case.seed % 8 != 0 {
        return;
    }
    if let Err(violation) = case.check() {
        panic!("{violation}\n{case}");
    }
}

/// A function over bytes.
pub type Target = fn(&[u8]);

/// Every target of the core under its name, as `fuzz/` has it.
pub const TARGETS: &[(&str, Target)] = &[
    ("breaker", breaker),
    ("policy", policy),
    ("reconnector", reconnector),
    ("snapshot", snapshot),
];
