//! The settings, each named once.

use std::env;
use std::ffi::OsString;
use std::time::Duration;

use redial::Jitter;

use crate::error::ConfigError;
use crate::setting::{First, Order, Replacement, Setting, Shape, Value};

macro_rules! settings {
    ($($(#[doc = $doc:literal])* $field:ident: $kind:ty,)*) => {
        /// A policy as it is configured: every field optional, none checked against another yet.
        ///
        /// [`policy`](Self::policy) checks it. `None` keeps the default; where the field says so, zero
        /// lifts a limit. With the feature `serde` it is a flat table in which unknown keys are errors.
        #[derive(Clone, PartialEq, Debug, Default)]
        pub struct PolicyConfig {
            $($(#[doc = $doc])* pub $field: Option<$kind>,)*
        }

        impl PolicyConfig {
            /// The names of all settings.
            pub const FIELDS: &'static [&'static str] = &[$(stringify!($field),)*];

            /// Sets one field from text, as a file, flag or variable has it.
            ///
            /// # Errors
            /// An unknown field, or a text that is not of its kind.
            pub fn set(&mut self, field: &str, text: &str) -> Result<(), ConfigError> {
                match field {
                    $(stringify!($field) => {
                        let text = text.trim();
                        let value = <$kind>::parse(text).ok_or_else(|| {
                            ConfigError::new(field, Some(text.into()), <$kind>::RULE)
                        })?;
                        self.$field = Some(value);
                    })*
                    _ => {
                        let rule = format!("is not one of {}", Self::FIELDS.join(", "));
                        return Err(ConfigError::new(field, None, rule));
                    }
                }
                Ok(())
            }

            /// Takes from `other` what is not set here, so the first of a chain wins.
            ///
            /// ```
            /// use redial_config::PolicyConfig;
            ///
            /// let (mut flags, mut file) = (PolicyConfig::default(), PolicyConfig::default());
            /// flags.set("max", "1m")?;
            /// file.set("max", "5s")?;
            /// file.set("initial", "2s")?;
            /// let merged = flags.or(file);
            /// assert_eq!(merged.max.unwrap().as_secs(), 60);
            /// assert_eq!(merged.initial.unwrap().as_secs(), 2);
            /// # Ok::<(), redial_config::ConfigError>(())
            /// ```
            #[must_use]
            pub fn or(self, other: Self) -> Self {
                Self { $($field: self.$field.or(other.$field),)* }
            }

            /// What a field holds, as a file would.
            pub(crate) fn value(&self, field: &str) -> Option<Value> {
                match field {
                    $(stringify!($field) => self.$field.as_ref().map(Setting::value),)*
                    _ => None,
                }
            }

            /// Name, kind and help of each field.
            #[cfg(feature = "clap")]
            pub(crate) fn help() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
                [$((stringify!($field), <$kind>::NAME, concat!($($doc,)*)),)*].into_iter()
            }
        }
    };
}

settings! {
    /// First interval between dials, 750ms if unset.
    initial: Duration,
    /// What each further interval is multiplied by, 1.5 if unset.
    multiplier: f64,
    /// Longest interval, 45s if unset.
    max: Duration,
    /// Length of an outage after which the link gives up; 0 or unset for no limit.
    timeout: Duration,
    /// Dials in an outage after which the link gives up; 0 or unset for no limit.
    max_attempts: u32,
    /// Rounds through the endpoints after which the link gives up; 0 or unset for no limit.
    max_rounds: u32,
    /// Shape of the intervals, exponential if unset.
    shape: Shape,
    /// What a linear interval grows by, its first interval if unset.
    step: Duration,
    /// Shortest interval, 0 if unset.
    floor: Duration,
    /// How intervals are spread, phase 67% if unset.
    jitter: Jitter,
    /// First dial after a stable connection was lost, within 1s if unset.
    first_retry: First,
    /// Window over which the very first dial is spread, 0 if unset.
    startup_splay: Duration,
    /// How long a connection must stay up to count as a success, 10s if unset.
    stable_after: Duration,
    /// Shortest deadline of a dial, 10s if unset.
    dial_timeout: Duration,
    /// What the deadline of a dial grows to, 60s if unset.
    dial_timeout_max: Duration,
    /// Deadline of a dial that the server has answered, 15s if unset.
    handshake_timeout: Duration,
    /// What that deadline grows to, 10m if unset.
    handshake_timeout_max: Duration,
    /// Whether a busy or silent server is left alone for longer, true if unset.
    overload: bool,
    /// Shortest interval after a busy or silent server, 9s if unset, or max if that is less.
    overload_floor: Duration,
    /// Growth of that interval, 1.5 if unset.
    overload_growth: f64,
    /// Longest such interval, 15m if unset, or max if that is less.
    overload_cap: Duration,
    /// Dials that may follow each other at once, 5 if unset.
    rate_burst: u32,
    /// Time between dials after that, 1s if unset.
    rate_spacing: Duration,
    /// Longest hint of a server that is followed, 1h if unset.
    max_hint: Duration,
    /// Whether a longer hint gives up instead of being cut, false if unset.
    give_up_on_long_hint: bool,
    /// Failures in a row that open a circuit; 0 or unset for no breaker.
    breaker_failures: u32,
    /// Percentage of failures that opens a circuit; 0 or unset for no breaker.
    breaker_percent: u8,
    /// Outcomes that the percentage is of, 1 to 64, 20 if unset.
    breaker_last: u8,
    /// Outcomes needed before the percentage counts, half of these if unset.
    breaker_min: u8,
    /// How long a circuit stays open the first time, 10s if unset.
    breaker_open_for: Duration,
    /// What that time grows to, 5m if unset.
    breaker_open_max: Duration,
    /// Whether the circuits of all endpoints may be open at once, false if unset.
    allow_all_open: bool,
    /// Order in which endpoints are dialed, round-robin if unset.
    selection: Order,
    /// With the order priority: when to return to a better endpoint; 0 or unset to stay.
    failback: Duration,
    /// How long an unsuitable endpoint is left alone, 60s if unset.
    park_for: Duration,
    /// Whether to give up when every endpoint is parked, false if unset.
    give_up_when_all_parked: bool,
    /// How a working connection is replaced, make-first if unset.
    refresh: Replacement,
    /// Age at which a connection is replaced; 0 or unset for no limit.
    max_age: Duration,
    /// How long a replaced connection may drain, 30s if unset.
    drain_timeout: Duration,
    /// Silence that ends a connection; 0 or unset for no limit.
    idle_timeout: Duration,
}

impl PolicyConfig {
    /// Reads the variables `PREFIX_INITIAL`, `PREFIX_MAX` and so on, one for each of
    /// [`FIELDS`](Self::FIELDS). Others with that prefix are left alone, and an empty one is not set.
    ///
    /// # Errors
    /// A value that is not of its field's kind, or not Unicode. The error names the variable.
    pub fn from_env(prefix: &str) -> Result<Self, ConfigError> {
        Self::from_vars(prefix, |name| env::var_os(name))
    }

    /// [`from_env`](Self::from_env) over variables that `lookup` knows.
    ///
    /// # Errors
    /// As for [`from_env`](Self::from_env).
    ///
    /// ```
    /// use redial_config::PolicyConfig;
    ///
    /// let config = PolicyConfig::from_vars("MOQ_BACKOFF", |name| {
    ///     (name == "MOQ_BACKOFF_TIMEOUT").then(|| "5m".into())
    /// })?;
    /// assert_eq!(config.timeout.unwrap().as_secs(), 300);
    /// # Ok::<(), redial_config::ConfigError>(())
    /// ```
    pub fn from_vars(
        prefix: &str,
        mut lookup: impl FnMut(&str) -> Option<OsString>,
    ) -> Result<Self, ConfigError> {
        let mut config = Self::default();
        for field in Self::FIELDS {
            let name = variable(prefix, field);
            let Some(value) = lookup(&name).filter(|value| !value.is_empty()) else { continue };
            let Some(text) = value.to_str() else {
                let value = value.to_string_lossy().into_owned();
                return Err(ConfigError::new(name, Some(value), "is not Unicode"));
            };
            config.set(field, text).map_err(|error| error.renamed(|_| name))?;
        }
        Ok(config)
    }
}

/// `PREFIX_FIELD`.
pub(crate) fn variable(prefix: &str, field: &str) -> String {
    let field = field.to_ascii_uppercase();
    if prefix.is_empty() { field } else { format!("{prefix}_{field}") }
}
