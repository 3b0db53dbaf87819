//! The fuzz target `config`: any bytes as a file, flags, variables or a saved link.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Debug;
use std::os::unix::ffi::OsStringExt;

use clap::{Args, Command, FromArgMatches};
use redial::Snapshot;
use redial_config::{ConfigError, HealthView, PolicyArgs, PolicyConfig, Prefix, StatusView};
use serde::de::value::{BytesDeserializer, Error, SeqDeserializer, StrDeserializer};
use serde::de::{DeserializeOwned, IntoDeserializer};
use serde::{Deserialize, Serialize};

/// Texts that mean something somewhere.
const TEXTS: &[&str] = &[
    "0",
    "1",
    "2",
    "3",
    "20",
    "50",
    "64",
    "100",
    "255",
    "4294967295",
    "1.5",
    "1.0000001",
    "4294",
    "true",
    "false",
    "none",
    "full",
    "equal",
    "20%",
    "phase 67%",
    "immediate",
    "backoff",
    "1ns",
    "1ms",
    "750ms",
    "1s",
    "2s",
    "10s",
    "45s",
    "1m",
    "15m",
    "1h",
    "1h 30m",
    "1year",
    "10000years",
    "584years 6months",
    "exponential",
    "linear",
    "fixed",
    "never",
    "round-robin",
    "priority",
    "shuffle",
    "make-first",
    "break-first",
    "-1",
    "1e3",
    "NaN",
    "inf",
    " 5s ",
    "",
    "5",
    "ä",
    "\n",
];

/// Flags without variables, so that nothing but the input counts.
struct Flags;

impl Prefix for Flags {
    const FLAG: &'static str = "link";
    const ENV: Option<&'static str> = None;
}

#[derive(PartialEq, Debug, Serialize, Deserialize)]
struct Saved {
    #[serde(with = "redial_config::snapshot")]
    link: Snapshot,
}

/// Whatever is read is an error that names the setting and the rule, or can be written and read again.
///
/// # Panics
/// If it is neither, or files, flags and variables do not agree.
pub(crate) fn config(input: &[u8]) {
    let Some((kind, rest)) = input.split_first() else { return };
    let text = std::str::from_utf8(rest).ok();
    match kind % 8 {
        0 => file(text.and_then(|text| toml::from_str(text).ok())),
        1 => file(serde_json::from_slice(rest).ok()),
        2 => flags(rest),
        3 => variables(rest),
        4 => snapshot(rest, text),
        5 => {
            again::<StatusView>(rest);
            again::<HealthView>(rest);
        }
        _ => everywhere(rest),
    }
}

fn file(config: Option<PolicyConfig>) {
    if let Some(config) = config {
        stands(&config);
    }
}

/// One argument a line.
fn flags(input: &[u8]) {
    let arguments = input.split(|byte| *byte == b'\n').map(|line| OsString::from_vec(line.into()));
    if let Ok(config) = parsed(arguments) {
        stands(&config);
    }
}

fn parsed(arguments: impl Iterator<Item = OsString>) -> Result<PolicyConfig, clap::Error> {
    let command = PolicyArgs::<Flags>::augment_args(Command::new("link").no_binary_name(true));
    let matches = command.try_get_matches_from(arguments)?;
    Ok(PolicyArgs::<Flags>::from_arg_matches(&matches)?.config)
}

/// One `NAME=value` a line.
fn variables(input: &[u8]) {
    let mut variables = BTreeMap::new();
    for line in input.split(|byte| *byte == b'\n') {
        let end = line.iter().position(|byte| *byte == b'=').unwrap_or(line.len());
        let value = line.get(end + 1..).unwrap_or_default();
        variables.insert(&line[..end], OsString::from_vec(value.into()));
    }
    match PolicyConfig::from_vars("", |name| variables.get(name.as_bytes()).cloned()) {
        Ok(config) => stands(&config),
        Err(error) => {
            speaks(&error);
            assert!(variables.contains_key(error.field().as_bytes()), "{error} is not a variable");
        }
    }
}

/// A field, and a text for it: a known one, or so many bytes of the input.
fn everywhere(input: &[u8]) {
    let (mut texts, mut rest) = (BTreeMap::new(), input);
    while let [field, length, tail @ ..] = rest {
        let field = PolicyConfig::FIELDS[usize::from(*field) % PolicyConfig::FIELDS.len()];
        let length = usize::from(*length);
        let (text, tail) = if let Some(known) = length.checked_sub(32) {
            (TEXTS[known % TEXTS.len()].to_owned(), tail)
        } else {
            let (own, tail) = tail.split_at(length.min(tail.len()));
            (String::from_utf8_lossy(own).into_owned(), tail)
        };
        texts.insert(field, text);
        rest = tail;
    }
    let mut config = PolicyConfig::default();
    let mut wrong = BTreeMap::new();
    for (field, text) in &texts {
        let before = config.clone();
        if let Err(error) = config.set(field, text) {
            speaks(&error);
            assert_eq!((error.field(), error.value()), (*field, Some(text.trim())));
            assert_eq!(config, before, "an error changes nothing");
            wrong.insert(*field, error);
        }
    }
    let toml = toml::from_str(&toml::to_string(&texts).expect("texts can be written"));
    let json = serde_json::from_str(&serde_json::to_string(&texts).expect("texts can be written"));
    let vars = PolicyConfig::from_vars("A", |name| {
        let field = name.strip_prefix("A_")?.to_ascii_lowercase();
        texts.get(field.as_str()).map(OsString::from)
    });
    // Flags are dear, so only every other input has them. An empty one is clap's to refuse.
    let flag = |(field, text): (&&str, &String)| {
        format!("--link-{}={text}", field.replace('_', "-")).into()
    };
    let args = (input.len() % 2 == 0 && texts.values().all(|text| !text.is_empty()))
        .then(|| parsed(texts.iter().map(flag)));
    if let Some(error) = wrong.values().next() {
        assert!(args.is_none_or(|args| args.is_err()), "flags allow {error}");
        let messages = [
            toml.map_err(|error: toml::de::Error| error.message().to_owned()),
            json.map_err(|error: serde_json::Error| error.to_string()),
        ];
        for message in messages {
            let message = message.expect_err("another carrier refuses it");
            let first = wrong.values().any(|error| message.contains(&error.to_string()));
            assert!(first, "{message} does not say {error}");
        }
        // An empty variable is not set.
        match vars {
            Err(error) => {
                let field = error.field()[2..].to_ascii_lowercase();
                assert!(wrong.contains_key(field.as_str()), "{error}");
            }
            Ok(_) => assert!(wrong.keys().all(|field| texts[field].is_empty()), "{error}"),
        }
        return;
    }
    assert_eq!(toml.as_ref(), Ok(&config));
    assert_eq!(json.expect("another carrier allows it"), config);
    assert_eq!(vars.as_ref(), Ok(&config));
    if let Some(args) = args {
        assert_eq!(args.expect("another carrier allows it"), config);
    }
    stands(&config);
}

/// It is written as it is read, and is a policy or says what is wrong with it.
fn stands(config: &PolicyConfig) {
    let text = toml::to_string(config).expect("it can be written");
    assert_eq!(toml::from_str::<PolicyConfig>(&text).as_ref(), Ok(config), "{text}");
    let json = serde_json::to_string(config).expect("it can be written");
    let read: PolicyConfig = serde_json::from_str(&json).expect("it was written");
    assert_eq!(&read, config, "{json}");
    assert_eq!(&config.clone().or(PolicyConfig::default()), config);
    assert_eq!(&PolicyConfig::default().or(config.clone()), config);
    match config.policy() {
        Ok(policy) => {
            assert_eq!(policy.to_builder().build().as_ref(), Ok(&policy), "{text}");
            assert!(policy.longest_wait() >= policy.floor());
        }
        Err(error) => {
            speaks(&error);
            assert!(PolicyConfig::FIELDS.contains(&error.field()), "{error} is of no setting");
        }
    }
}

/// One line that says which setting, what it is, and the rule.
fn speaks(error: &ConfigError) {
    let text = error.to_string();
    assert!(!error.field().is_empty() && !error.rule().is_empty(), "{text}");
    assert!(text.starts_with(error.field()) && text.ends_with(error.rule()), "{text}");
    assert!(!text.contains(char::is_control), "{text:?}");
}

/// A text, bytes and a list of numbers are the same snapshot.
fn snapshot(bytes: &[u8], text: Option<&str>) {
    let read = Snapshot::from_bytes(bytes);
    let raw = redial_config::snapshot::deserialize(BytesDeserializer::<Error>::new(bytes));
    assert_eq!(raw.as_ref().ok(), read.as_ref().ok());
    let list = SeqDeserializer::<_, Error>::new(bytes.iter().copied());
    assert_eq!(redial_config::snapshot::deserialize(list).as_ref().ok(), read.as_ref().ok());
    let hex = bytes.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    let hexed: StrDeserializer<'_, Error> = hex.as_str().into_deserializer();
    assert_eq!(redial_config::snapshot::deserialize(hexed).as_ref().ok(), read.as_ref().ok());
    if let Some(text) = text {
        let text: StrDeserializer<'_, Error> = text.into_deserializer();
        let _ = redial_config::snapshot::deserialize(text);
    }
    if let Ok(link) = read {
        again_as(&Saved { link });
    }
    again::<Saved>(bytes);
}

/// What is read from JSON can be written and read again.
fn again<T: Serialize + DeserializeOwned + PartialEq + Debug>(input: &[u8]) {
    if let Ok(value) = serde_json::from_slice::<T>(input) {
        again_as(&value);
    }
}

fn again_as<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) {
    let text = serde_json::to_string(value).expect("it can be written");
    assert_eq!(&serde_json::from_str::<T>(&text).expect("it was written"), value, "{text}");
}
