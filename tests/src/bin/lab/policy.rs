//! Which policy is meant.

use std::error::Error;
use std::path::PathBuf;

use clap::Args;
use redial::{Policy, presets};
use redial_config::{PolicyArgs, PolicyConfig, Prefix};

/// Flags named as the keys of a file are: `--with-max 30s`.
pub(crate) struct Bare;

impl Prefix for Bare {
    const FLAG: &'static str = "with";
    const ENV: Option<&'static str> = None;
}

fn preset(name: &str) -> Result<(&'static str, Policy), String> {
    let all = [
        ("day207", presets::day207()),
        ("day207-feed", presets::day207_feed()),
        ("day207-multi", presets::day207_multi()),
        ("grpc", presets::grpc()),
        ("moq", presets::moq()),
        ("nats", presets::nats()),
        ("never", presets::never()),
        ("phoenix", presets::phoenix()),
        ("reconnecting-websocket", presets::reconnecting_websocket()),
        ("signalr", presets::signalr()),
        ("socket-io", presets::socket_io()),
        ("systemd", presets::systemd()),
        ("tourniquet", presets::tourniquet(1)),
        ("tower", presets::tower()),
    ];
    let names = all.each_ref().map(|(name, _)| *name).join(", ");
    all.into_iter()
        .find(|(known, _)| *known == name)
        .ok_or_else(|| format!("the presets are {names}"))
}

#[derive(Args)]
pub(crate) struct Chosen {
    /// The policy, as a TOML file with the keys of `redial-config`; the default policy if not given.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// A preset of `redial::presets` instead.
    #[arg(long, value_name = "NAME", value_parser = preset, conflicts_with = "policy")]
    preset: Option<(&'static str, Policy)>,
    #[command(flatten, next_help_heading = "Changes to the policy")]
    changes: PolicyArgs<Bare>,
}

impl Chosen {
    /// The policy, and what to call it; `None` if nothing was asked for.
    pub(crate) fn policy(&self) -> Result<Option<(String, Policy)>, Box<dyn Error>> {
        if let Some((name, policy)) = &self.preset {
            if self.changes.config != PolicyConfig::default() {
                return Err("a preset is taken as it is; leave out the changes to it".into());
            }
            return Ok(Some(((*name).to_owned(), policy.clone())));
        }
        let Some(path) = &self.policy else {
            if self.changes.config == PolicyConfig::default() {
                return Ok(None);
            }
            return Ok(Some(("your policy".to_owned(), self.changes.policy()?)));
        };
        let at = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let file: PolicyConfig = toml::from_str(&crate::read(path)?).map_err(|error| at(&error))?;
        let policy = self.changes.config.clone().or(file).policy().map_err(|error| at(&error))?;
        let name = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into());
        Ok(Some((name, policy)))
    }
}
