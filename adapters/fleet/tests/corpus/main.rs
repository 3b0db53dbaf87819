//! What fuzzing has kept is replayed on stable, and random bytes besides.

mod target;

use std::path::Path;

use redial_testkit::fuzz_targets::{random, replay};

#[test]
fn the_corpus_passes() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/fleet");
    replay(&corpus, target::fleet);
}

#[test]
fn random_bytes_pass() {
    random("fleet", 2_000, 512, target::fleet);
}
