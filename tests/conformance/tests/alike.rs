//! Every scenario, on every runtime: the same lines.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use redial_conformance::{Scenario, Smol, Third, Tokio, play, scenarios};

/// What was seen, on tokio; after it was seen to be the same elsewhere.
fn played(scenario: &Scenario) -> Vec<String> {
    let tokio = Tokio::run(|stage| play(stage, scenario));
    let smol = Smol::run(|stage| play(stage, scenario));
    assert_eq!(tokio, smol, "{}: tokio and smol", scenario.name);
    let third = Third::run(|stage| play(stage, scenario));
    assert_eq!(tokio, third, "{}: tokio and the third", scenario.name);
    tokio
}

/// The logs themselves are kept in `logs.txt`, so that a change of behaviour is seen in review.
/// `REDIAL_STORE=1` stores them anew.
#[test]
fn every_scenario_gives_the_same_log_on_every_runtime() {
    let mut told = String::new();
    let mut count = 0;
    for scenario in scenarios::all() {
        writeln!(told, "== {}", scenario.name).unwrap();
        for line in played(scenario) {
            writeln!(told, "{line}").unwrap();
        }
        count += 1;
    }
    println!("{count} scenarios, {} lines, on 3 runtimes", told.lines().count());
    assert!(count >= 40);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("logs.txt");
    if std::env::var_os("REDIAL_STORE").is_some() {
        fs::write(&path, &told).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap();
    for (number, (kept, told)) in kept.lines().zip(told.lines()).enumerate() {
        assert_eq!(kept, told, "line {} of {}", number + 1, path.display());
    }
    assert_eq!(kept.lines().count(), told.lines().count());
}

#[test]
fn scenarios_have_names_of_their_own() {
    let mut names: Vec<_> = scenarios::all().map(|scenario| scenario.name).collect();
    names.sort_unstable();
    assert!(names.iter().all(|name| !name.is_empty()));
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
}

/// The adapter of the third runtime is what the manual shows, to the letter.
#[test]
fn the_manual_shows_the_third_adapter() {
    let adapter = include_str!("../src/third.rs");
    let lines = adapter.lines().filter(|line| !line.is_empty()).count();
    assert!(lines < 60, "{lines} lines");
    let page = include_str!("../../../core/src/manual/embedding.rs");
    let page: Vec<_> = page.lines().map(|line| line.strip_prefix("//! ").unwrap_or("")).collect();
    for line in adapter.lines().filter(|line| !line.starts_with("//!")) {
        assert!(page.contains(&line), "the page does not show: {line}");
    }
}
