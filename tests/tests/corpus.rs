//! What fuzzing has kept is replayed on stable, and random bytes besides.

use std::path::Path;

use redial_testkit::fuzz_targets::{TARGETS, random, replay};

#[test]
fn every_corpus_passes() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    for (name, target) in TARGETS {
        replay(&corpus.join(name), *target);
    }
}

#[test]
fn random_bytes_pass() {
    for (name, target) in TARGETS {
        random(name, 3_000, 512, *target);
    }
}
