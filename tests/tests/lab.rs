//! `lab` from outside: what it says of values that it cannot use, and where it cannot write.
#![cfg(feature = "lab")]

#[cfg(target_os = "linux")]
use std::fs::File;
use std::process::{Command, Output, Stdio};

fn lab(args: &[&str]) -> Command {
    let mut lab = Command::new(env!("CARGO_BIN_EXE_lab"));
    lab.args(args).stdin(Stdio::null());
    lab
}

fn run(args: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = lab(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

#[test]
fn a_value_that_cannot_be_used_is_refused_by_name() {
    let cases: [(&[&str], &str); 12] = [
        (&["explain", "--clients", "0"], "--clients"),
        (&["explain", "--capacity", "nan"], "must be a number from 0.001 to 1000000000"),
        (&["explain", "--capacity", "1e-300"], "must be a number from 0.001 to 1000000000"),
        (&["explain", "--with-max", "30x"], "is not a duration such as 30s, 5m or 1h 30m"),
        (
            &["explain", "--with-max", "1ms"],
            "--with-max = 1ms: is below initial, which is 750ms by default",
        ),
        (&["explain", "--preset", "nope"], "the presets are day207,"),
        (&["explain", "--preset", "moq", "--with-max", "9s"], "a preset is taken as it is"),
        (&["explain", "--policy", "/nowhere.toml"], "/nowhere.toml: "),
        (&["storm", "--outage", "inf"], "must be a duration such as 500ms, 60s or 10m"),
        (&["storm", "--mode", "nope"], "no mode \"nope\"; the modes are reject,"),
        (&["storm", "--capacity", "0.001"], "10000000 is not below 1,000,000 seconds"),
        (&["matrix", "--threads", "0"], "--threads"),
    ];
    for (args, expected) in cases {
        let (code, said, error) = run(args);
        assert_eq!((code, said.as_str()), (Some(2), ""), "{args:?}: {error}");
        assert!(error.contains(expected), "{args:?}: {error}");
    }
}

#[test]
fn a_picture_that_cannot_be_written_costs_no_report() {
    for command in ["explain", "storm", "matrix"] {
        let (code, said, error) = run(&[command, "--clients", "1", "--svg", "/nowhere/a.svg"]);
        assert_eq!(code, Some(2), "{command}");
        assert!(said.lines().count() > 3, "{command}: {said}");
        assert!(error.starts_with("error: /nowhere/a.svg: "), "{command}: {error}");
    }
}

#[test]
fn a_policy_that_hardly_waits_is_explained_too() {
    let at_once = ["explain", "--with-initial", "0", "--with-max", "0"];
    // The simulated fleets end at these attempts.
    let often = ["--with-rate-burst", "4294967295", "--with-max-attempts", "1100"];
    let (code, said, error) = run(&[&at_once[..], &often].concat());
    assert_eq!(code, Some(0), "{error}");
    assert!(said.contains("1000 dials a minute, or more"), "{said}");
}

#[test]
fn a_limit_that_a_connection_outlives_before_it_is_stable_is_warned_of() {
    let warned = |limit| {
        let (code, said, error) = run(&["explain", "--with-timeout", limit]);
        assert_eq!(code, Some(0), "{error}");
        said.contains("warning: it gives up 10 s into an outage, and a connection is part of one")
    };
    assert!(warned("10s"));
    assert!(!warned("11s"));
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    for silent in ["out", "err"] {
        let mut lab = lab(&["explain", "--svg", "/dev/null"]);
        let mut child = lab.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        match silent {
            "out" => drop(child.stdout.take()),
            _ => drop(child.stderr.take()),
        }
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{silent}: {output:?}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_report_that_cannot_be_written_is_a_failure() {
    let full = File::options().write(true).open("/dev/full").unwrap();
    let output = lab(&["explain"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.starts_with("error: standard output: "), "{error}");
}
