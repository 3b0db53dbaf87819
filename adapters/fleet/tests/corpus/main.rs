//! What fuzzing has kept is replayed on stable, and random bytes besides.

mod target;

use std::fs;
use std::path::Path;

use redial_testkit::{Random, seed};

#[test]
fn the_corpus_passes() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/fleet");
    let files = fs::read_dir(&corpus).expect("it has a corpus");
    let mut paths: Vec<_> = files.map(|file| file.expect("is readable").path()).collect();
    paths.sort();
    assert!(!paths.is_empty());
    for path in &paths {
        println!("{}", path.display());
        target::fleet(&fs::read(path).expect("is readable"));
    }
}

#[test]
fn random_bytes_pass() {
    let mut random = Random::new(seed("fleet"));
    for _ in 0..2_000 {
        let bytes = random.array::<512>();
        let length = usize::try_from(random.number() % 512).expect("short");
        println!("{:?}", &bytes[..length]);
        target::fleet(&bytes[..length]);
    }
}
