//! Which policy is meant.

use std::error::Error;
use std::path::PathBuf;

use clap::Args;
use redial::Policy;
use redial_config::{PolicyArgs, PolicyConfig, Prefix};

/// Flags named as the keys of a file are: `--with-max 30s`.
pub(crate) struct Bare;

impl Prefix for Bare {
    const FLAG: &'static str = "with";
    const ENV: Option<&'static str> = None;
}

#[derive(Args)]
pub(crate) struct Chosen {
    /// The policy, as a TOML file with the keys of `redial-config`; the default policy if not given.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    #[command(flatten, next_help_heading = "Changes to the policy")]
    changes: PolicyArgs<Bare>,
}

impl Chosen {
    /// The policy, and what to call it; `None` if nothing was asked for.
    pub(crate) fn policy(&self) -> Result<Option<(String, Policy)>, Box<dyn Error>> {
        let Some(path) = &self.policy else {
            if self.changes.config == PolicyConfig::default() {
                return Ok(None);
            }
            return Ok(Some(("your policy".to_owned(), self.changes.policy()?)));
        };
        let at = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let text = std::fs::read_to_string(path).map_err(|error| at(&error))?;
        let file: PolicyConfig = toml::from_str(&text).map_err(|error| at(&error))?;
        let policy = self.changes.config.clone().or(file).policy().map_err(|error| at(&error))?;
        let name = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into());
        Ok(Some((name, policy)))
    }
}
