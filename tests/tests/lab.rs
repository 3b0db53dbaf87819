//! `lab` from outside: what it says of values that it cannot use, and where it cannot write.
#![cfg(feature = "lab")]

#[cfg(target_os = "linux")]
use std::ffi::OsStr;
#[cfg(target_os = "linux")]
use std::fs::{self, File};
#[cfg(target_os = "linux")]
use std::os::unix::{ffi::OsStrExt as _, fs::symlink};
#[cfg(target_os = "linux")]
use std::path::Path;
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
    let cases: [(&[&str], &str); 16] = [
        (&["explain", "--clients", "0"], "--clients"),
        (&["explain", "--clients", "-1"], "'-1' for '--clients <CLIENTS>'"),
        (&["explain", "--with-max", "-5s"], "'-5s' for '--with-max <DURATION>'"),
        (&["storm", "--outage", "-60s"], "must be a duration such as"),
        (&["matrix", "--seeds", "-1"], "'-1' for '--seeds <SEEDS>'"),
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
#[cfg(target_os = "linux")]
fn what_is_not_unicode_is_refused_by_name() {
    let bytes = [OsStr::new("storm"), OsStr::new("--mode"), OsStr::from_bytes(b"trap\xff")];
    let output = lab(&[]).args(bytes).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(error, "error: \"trap\\xFF\": is not Unicode\n");
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
#[cfg(target_os = "linux")]
fn a_picture_is_replaced_whole_and_a_device_is_written_to() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("lab-pictures");
    fs::create_dir_all(&folder).unwrap();
    let (old, link) = (folder.join("old.svg"), folder.join("link.svg"));
    fs::write(&old, "an older picture").unwrap();
    let (_, _, error) = run(&["explain", "--svg", old.to_str().unwrap()]);
    assert!(error.starts_with("picture: "), "{error}");
    let drawn = fs::read_to_string(&old).unwrap();
    assert!(drawn.trim_end().ends_with("</svg>"), "{drawn}");

    // Another name of a file stays that, and what is no file is not replaced by one.
    fs::write(&old, "an older picture").unwrap();
    let _ = fs::remove_file(&link);
    symlink(&old, &link).unwrap();
    assert_eq!(run(&["explain", "--svg", link.to_str().unwrap()]).0, Some(0));
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read_to_string(&old).unwrap(), drawn);
    let (code, said, _) = run(&["explain", "--svg", "/dev/stdout"]);
    assert_eq!(code, Some(0));
    assert!(said.contains("</svg>"), "{said}");
    assert!(run(&["explain", "--svg", "/dev/full"]).2.starts_with("error: /dev/full: "));

    let left: Vec<_> = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
    assert_eq!(left.len(), 2, "nothing else was left behind: {left:?}");
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
