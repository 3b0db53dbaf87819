//! The settings as flags, each with its environment variable, under a prefix of the program's choice.

use std::env;
use std::ffi::OsString;
use std::fmt;
use std::marker::PhantomData;

use clap::builder::{Arg, Command, OsStringValueParser, TypedValueParser as _};
use clap::error::ErrorKind;
use clap::{ArgMatches, Args, Error, FromArgMatches};
use redial::Policy;

use crate::error::ConfigError;
use crate::policy::{PolicyConfig, variable};

/// What the flags and variables of one set of [`PolicyArgs`] begin with.
///
/// A program with several links gives each a prefix of its own.
pub trait Prefix {
    /// Of the flags, without dashes: `backoff` for `--backoff-max`. Empty for none.
    const FLAG: &'static str;
    /// Of the environment variables: `MOQ_BACKOFF` for `MOQ_BACKOFF_MAX`. `None` to read none.
    const ENV: Option<&'static str>;
}

/// `--backoff-max` and `BACKOFF_MAX`.
#[derive(Clone, Copy, Debug)]
pub struct BackoffPrefix;

impl Prefix for BackoffPrefix {
    const FLAG: &'static str = "backoff";
    const ENV: Option<&'static str> = Some("BACKOFF");
}

/// A policy as flags, to be flattened into the program's own.
///
/// A flag wins over its variable, and an empty variable is not set. What neither gives is `None` in
/// [`config`](Self::config), so that a file can fill it: `args.config.or(file).policy()`.
///
/// ```
/// use clap::Parser;
/// use redial_config::{PolicyArgs, Prefix};
///
/// struct Moq;
/// impl Prefix for Moq {
///     const FLAG: &'static str = "backoff";
///     const ENV: Option<&'static str> = Some("MOQ_BACKOFF");
/// }
///
/// #[derive(Parser)]
/// struct Cli {
///     #[command(flatten)]
///     backoff: PolicyArgs<Moq>,
/// }
///
/// let cli = Cli::parse_from(["client", "--backoff-max", "1m", "--backoff-timeout=0"]);
/// let policy = cli.backoff.policy()?;
/// assert_eq!(policy.cap().as_secs(), 60);
/// assert_eq!(policy.max_elapsed(), None);
/// # Ok::<(), redial_config::ConfigError>(())
/// ```
pub struct PolicyArgs<P: Prefix = BackoffPrefix> {
    /// What was given.
    pub config: PolicyConfig,
    prefix: PhantomData<fn() -> P>,
}

impl<P: Prefix> PolicyArgs<P> {
    /// The policy that was asked for, checked; see [`PolicyConfig::policy`].
    ///
    /// # Errors
    /// Those of [`PolicyConfig::policy`], naming the flag.
    pub fn policy(&self) -> Result<Policy, ConfigError> {
        self.config
            .policy()
            .map_err(|error| error.renamed(|field| format!("--{}", flag::<P>(field))))
    }
}

/// Also the argument's id, so that several sets can stand in one command.
fn flag<P: Prefix>(field: &str) -> String {
    let field = field.replace('_', "-");
    if P::FLAG.is_empty() { field } else { format!("{}-{field}", P::FLAG) }
}

impl<P: Prefix> Args for PolicyArgs<P> {
    fn augment_args(command: Command) -> Command {
        PolicyConfig::help().fold(command, |command, (field, kind, help)| {
            let name = flag::<P>(field);
            let checked = move |given: OsString| {
                let variable = P::ENV.map(|prefix| variable(prefix, field));
                let variable = variable.filter(|name| env::var_os(name).as_ref() == Some(&given));
                // To clap both have the flag's name.
                let blame = |rule: &str| match &variable {
                    Some(name) => format!("{rule} (set by {name})"),
                    None => rule.to_owned(),
                };
                let text = given.into_string().map_err(|_| blame("is not Unicode"))?;
                let set = PolicyConfig::default().set(field, &text);
                set.map(|()| text).map_err(|error| blame(error.rule()))
            };
            let mut arg = Arg::new(name.clone())
                .long(name)
                .value_name(kind)
                // No setting begins with a dash: `-5s` is a wrong value, not another flag.
                .allow_hyphen_values(true)
                .help(help.trim())
                .value_parser(OsStringValueParser::new().try_map(checked));
            if let Some(prefix) = P::ENV {
                let name = variable(prefix, field);
                // To clap an empty variable is a value. A compose file has them for what is not set.
                if env::var_os(&name).is_none_or(|value| !value.is_empty()) {
                    arg = arg.env(name);
                }
            }
            command.arg(arg)
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<P: Prefix> FromArgMatches for PolicyArgs<P> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut args = Self::default();
        args.update_from_arg_matches(matches)?;
        Ok(args)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        for field in PolicyConfig::FIELDS {
            if let Some(text) = matches.get_one::<String>(&flag::<P>(field)) {
                self.config.set(field, text).map_err(|error| {
                    Error::raw(ErrorKind::ValueValidation, format!("{error}\n"))
                })?;
            }
        }
        Ok(())
    }
}

impl<P: Prefix> Clone for PolicyArgs<P> {
    fn clone(&self) -> Self {
        Self { config: self.config.clone(), prefix: PhantomData }
    }
}

impl<P: Prefix> Default for PolicyArgs<P> {
    fn default() -> Self {
        Self { config: PolicyConfig::default(), prefix: PhantomData }
    }
}

impl<P: Prefix> PartialEq for PolicyArgs<P> {
    fn eq(&self, other: &Self) -> bool {
        self.config == other.config
    }
}

impl<P: Prefix> fmt::Debug for PolicyArgs<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PolicyArgs").field("config", &self.config).finish_non_exhaustive()
    }
}
