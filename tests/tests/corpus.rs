//! What fuzzing has kept is replayed on stable, and random bytes besides.

use std::fs;
use std::path::Path;

use redial_testkit::fuzz_targets::TARGETS;
use redial_testkit::{Random, seed};

#[test]
fn every_corpus_passes() {
    for (name, target) in TARGETS {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(name);
        let files = fs::read_dir(&corpus).expect("each target has a corpus");
        let mut paths: Vec<_> = files.map(|file| file.expect("is readable").path()).collect();
        paths.sort();
        assert!(!paths.is_empty(), "{name} has an empty corpus");
        for path in &paths {
            println!("{}", path.display());
            target(&fs::read(path).expect("is readable"));
        }
    }
}

#[test]
fn random_bytes_pass() {
    let mut random = Random::new(seed("corpus"));
    for (name, target) in TARGETS {
        for _ in 0..3_000 {
            let bytes = random.array::<512>();
            let length = usize::try_from(random.number() % 512).expect("short");
            println!("{name} {:?}", &bytes[..length]);
            target(&bytes[..length]);
        }
    }
}
