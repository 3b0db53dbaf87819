//! What fuzzing has kept is replayed on stable, and random bytes besides.
#![cfg(unix)]

mod target;

use std::env;
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::path::Path;

#[test]
fn the_corpus_passes() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/config");
    let files = fs::read_dir(&corpus).expect("it has a corpus");
    let mut paths: Vec<_> = files.map(|file| file.expect("is readable").path()).collect();
    paths.sort();
    assert!(!paths.is_empty());
    for path in &paths {
        println!("{}", path.display());
        target::config(&fs::read(path).expect("is readable"));
    }
}

#[test]
fn random_bytes_pass() {
    let seed = env::var("REDIAL_SEED").ok().map(|seed| seed.parse().expect("it is a number"));
    let seed: u64 = seed.unwrap_or_else(|| RandomState::new().hash_one(0));
    println!("REDIAL_SEED={seed}");
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) % 256
    };
    for _ in 0..2_000 {
        let length = next() % 64;
        let bytes: Vec<u8> = (0..length).map(|_| u8::try_from(next()).expect("a byte")).collect();
        println!("{bytes:?}");
        target::config(&bytes);
    }
}
