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

use std::fs;
use std::path::{Path, PathBuf};

use crate::{Case, Random, reference, seed};

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

/// Gives `target` every file of the folder `corpus`, in the order of their names; each path is printed
/// before.
///
/// # Panics
/// If `target` does, the folder cannot be read, or it has no file.
pub fn replay(corpus: &Path, target: Target) {
    let files =
        fs::read_dir(corpus).unwrap_or_else(|error| panic!("{}: {error}", corpus.display()));
    let mut paths: Vec<PathBuf> = files.map(|file| file.expect("is readable").path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "{} is empty", corpus.display());
    for path in &paths {
        println!("{}", path.display());
        target(&fs::read(path).expect("is readable"));
    }
}

/// Gives `target` random inputs, each of less than `length` bytes and printed before, from a
/// [`seed`] that is printed with `name`.
///
/// # Panics
/// If `target` does, or `length` is 0.
pub fn random(name: &str, inputs: u32, length: u16, target: Target) {
    let mut random = Random::new(seed(name));
    for _ in 0..inputs {
        let length = random.number() % u64::from(length);
        let input: Vec<u8> = (0..length).map(|_| random.array::<1>()[0]).collect();
        println!("{name} {input:?}");
        target(&input);
    }
}
