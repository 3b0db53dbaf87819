//! What fuzzing has kept is replayed on stable, and random bytes besides.
#![cfg(unix)]

mod target;

use std::path::Path;

use redial_testkit::fuzz_targets::{random, replay};

#[test]
fn the_corpus_passes() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/config");
    replay(&corpus, target::config);
}

#[test]
fn random_bytes_pass() {
    random("config", 2_000, 64, target::config);
}
