//! Policies from flags and environment variables.

use std::env;
#[cfg(unix)]
use std::ffi::OsStr;
use std::process::Command;
use std::time::Duration;

use clap::{CommandFactory, Parser};
use redial_config::{PolicyArgs, PolicyConfig, Prefix};

#[derive(Debug)]
struct Moq;

impl Prefix for Moq {
    const FLAG: &'static str = "backoff";
    const ENV: Option<&'static str> = Some("MOQ_BACKOFF");
}

#[derive(Debug)]
struct Upstream;

impl Prefix for Upstream {
    const FLAG: &'static str = "upstream";
    const ENV: Option<&'static str> = None;
}

#[derive(Parser, Debug, PartialEq)]
struct Cli {
    #[command(flatten)]
    backoff: PolicyArgs<Moq>,
    #[command(flatten)]
    upstream: PolicyArgs<Upstream>,
}

fn parse(args: &[&str]) -> Cli {
    Cli::try_parse_from([&["client"], args].concat()).unwrap()
}

/// Set in the process that this test starts to read its own environment.
const CHILD: &str = "REDIAL_CONFIG_CHILD";

/// What a process with these variables and flags makes of them.
fn child(variables: &[(&str, &str)], flags: &str) -> String {
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", "the_child_prints_its_settings", "--nocapture"])
        .env(CHILD, flags)
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let shown = text.split('\u{2}').nth(1).unwrap_or_else(|| panic!("{text}"));
    shown.to_owned()
}

#[test]
fn the_child_prints_its_settings() {
    let Ok(flags) = env::var(CHILD) else { return };
    let args = ["client"].into_iter().chain(flags.split_whitespace());
    let shown = match Cli::try_parse_from(args) {
        Ok(cli) => format!("{:?} {:?}", cli.backoff.config.max, cli.backoff.config.timeout),
        Err(error) => error.to_string(),
    };
    let plain = match PolicyConfig::from_env("MOQ_BACKOFF") {
        Ok(config) => format!("{:?} {:?}", config.max, config.timeout),
        Err(error) => error.to_string(),
    };
    println!("\u{2}{shown}|{plain}\u{2}");
}

#[test]
fn s2_2_flags_and_environment() {
    let cli = parse(&[
        "--backoff-initial",
        "1s",
        "--backoff-multiplier=2",
        "--backoff-max",
        "30s",
        "--backoff-timeout",
        "5m",
        "--upstream-max",
        "1m",
    ]);
    let policy = cli.backoff.policy().unwrap();
    assert_eq!(policy.cap(), Duration::from_secs(30));
    assert_eq!(policy.max_elapsed(), Some(Duration::from_secs(300)));
    assert_eq!(policy.backoff().to_string(), "1s ×2");
    assert_eq!(cli.upstream.policy().unwrap().cap(), Duration::from_secs(60));

    let variables = [("MOQ_BACKOFF_MAX", "20s"), ("MOQ_BACKOFF_TIMEOUT", "0")];
    assert_eq!(child(&variables, ""), "Some(20s) Some(0ns)|Some(20s) Some(0ns)");
    let shown = child(&variables, "--backoff-max 10s");
    assert_eq!(shown, "Some(10s) Some(0ns)|Some(20s) Some(0ns)", "a flag wins over its variable");
}

#[test]
fn a_bad_variable_is_a_clear_error() {
    let shown = child(&[("MOQ_BACKOFF_MAX", "20 parsecs")], "");
    let (args, plain) = shown.split_once('|').unwrap();
    assert!(args.contains("'20 parsecs' for '--backoff-max <DURATION>'"), "{args}");
    let rule = "is not a duration such as 30s, 5m or 1h 30m (set by MOQ_BACKOFF_MAX)";
    assert!(args.contains(rule), "{args}");
    assert_eq!(plain, "MOQ_BACKOFF_MAX = 20 parsecs: is not a duration such as 30s, 5m or 1h 30m");
}

#[test]
fn an_empty_variable_is_not_set_but_an_empty_flag_is_an_error() {
    let variables = [("MOQ_BACKOFF_MAX", ""), ("MOQ_BACKOFF_TIMEOUT", "5s")];
    assert_eq!(child(&variables, ""), "None Some(5s)|None Some(5s)");
    assert_eq!(child(&variables, "--backoff-max 10s"), "Some(10s) Some(5s)|None Some(5s)");
    let error = Cli::try_parse_from(["client", "--backoff-max="]).unwrap_err().to_string();
    assert!(error.contains("--backoff-max"), "{error}");
}

#[test]
fn s2_5_a_timeout_of_zero_is_unlimited_as_a_flag_too() {
    for zero in ["--backoff-timeout=0", "--backoff-timeout=0s"] {
        assert_eq!(parse(&[zero]).backoff.policy().unwrap().max_elapsed(), None);
    }
}

#[test]
fn every_setting_has_a_flag_a_variable_and_help() {
    let command = Cli::command();
    command.clone().debug_assert();
    for field in PolicyConfig::FIELDS {
        let long = format!("backoff-{}", field.replace('_', "-"));
        let arg = command.get_arguments().find(|arg| arg.get_long() == Some(&long));
        let arg = arg.unwrap_or_else(|| panic!("{long}"));
        let variable = format!("MOQ_BACKOFF_{}", field.to_uppercase());
        assert_eq!(arg.get_env().unwrap().to_str(), Some(variable.as_str()));
        assert!(arg.get_help().is_some_and(|help| !help.to_string().is_empty()), "{long}");
    }
}

#[test]
fn flags_round_trip() {
    let given = [
        ("initial", "750ms"),
        ("multiplier", "1.5"),
        ("jitter", "phase 67%"),
        ("first_retry", "immediate"),
        ("max_attempts", "10"),
        ("overload", "false"),
        ("selection", "priority"),
        ("failback", "1m"),
        ("refresh", "break-first"),
    ];
    let flags: Vec<String> = given
        .iter()
        .map(|(field, text)| format!("--backoff-{}={text}", field.replace('_', "-")))
        .collect();
    let cli = parse(&flags.iter().map(String::as_str).collect::<Vec<_>>());
    let mut by_hand = PolicyConfig::default();
    for (field, text) in given {
        by_hand.set(field, text).unwrap();
    }
    assert_eq!(cli.backoff.config, by_hand);
    assert_eq!(cli.upstream, PolicyArgs::default());
}

#[test]
fn errors_name_the_flag_the_value_and_the_rule() {
    let error = Cli::try_parse_from(["client", "--backoff-jitter", "150%"]).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("'150%' for '--backoff-jitter <JITTER>'"), "{text}");
    assert!(text.contains("is not none, full, equal"), "{text}");

    for negative in ["-5", "-5s"] {
        let error = Cli::try_parse_from(["client", "--backoff-max", negative]).unwrap_err();
        let named = format!("'{negative}' for '--backoff-max <DURATION>': is not a duration");
        assert!(error.to_string().contains(&named), "{error}");
    }

    let error = parse(&["--backoff-max", "1ms"]).backoff.policy().unwrap_err();
    let expected = "--backoff-max = 1ms: is below initial, which is 750ms by default";
    assert_eq!(error.to_string(), expected);
}

#[test]
#[cfg(unix)]
fn a_value_that_is_not_unicode_is_refused_by_name() {
    use std::os::unix::ffi::OsStrExt as _;

    let bytes: [&[u8]; 3] = [b"client", b"--backoff-max", b"\xff30s"];
    let error = Cli::try_parse_from(bytes.map(OsStr::from_bytes)).unwrap_err().to_string();
    assert!(error.contains("for '--backoff-max <DURATION>': is not Unicode"), "{error}");
}

#[test]
fn flags_win_over_a_file() {
    let file = PolicyConfig {
        max: Some(Duration::from_secs(5)),
        initial: Some(Duration::from_secs(1)),
        ..PolicyConfig::default()
    };
    let merged = parse(&["--backoff-max", "9s"]).backoff.config.or(file);
    assert_eq!(merged.max, Some(Duration::from_secs(9)));
    assert_eq!(merged.initial, Some(Duration::from_secs(1)));
}
