//! A [`Policy`](redial::Policy) from files, flags and the environment.
//!
//! One vocabulary for all three: the key `dial_timeout` of a file is the flag `--backoff-dial-timeout`
//! and the variable `BACKOFF_DIAL_TIMEOUT`, with the prefix of your choice, and its text is read by the
//! same parser. Whatever is not set keeps the default of [`Policy::DEFAULT`](redial::Policy::DEFAULT).
//!
//! ```
//! # #[cfg(feature = "serde")] {
//! use redial_config::PolicyConfig;
//!
//! let config: PolicyConfig = toml::from_str(
//!     r#"
//!     initial = "1s"
//!     multiplier = 2
//!     max = "30s"
//!     timeout = "5m"
//!     "#,
//! )
//! .unwrap();
//! let policy = config.policy().unwrap();
//! assert_eq!(policy.cap().as_secs(), 30);
//!
//! let error = toml::from_str::<PolicyConfig>(r#"max = "30""#).unwrap_err();
//! assert!(error.to_string().contains("max = 30: is not a duration such as 30s, 5m or 1h 30m"));
//! # }
//! ```
//!
//! Layers are merged before they are checked, the first that sets a field wins:
//! `flags.or(file).or(program_defaults).policy()?`.
//!
//! An empty variable is one that is not set, as `BACKOFF_MAX=` in a compose file means it.
//!
//! Features: `serde` (default) for files, `clap` for flags. Durations are written as people write them
//! (`1h 30m`, `750ms`). Tables and custom shapes of backoff are code, not configuration:
//! [`PolicyConfig::builder`] gives the builder to add them to.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

#[cfg(feature = "clap")]
mod args;
mod check;
mod error;
#[cfg(feature = "serde")]
mod file;
#[cfg(feature = "serde")]
mod link;
mod policy;
mod setting;
#[cfg(feature = "serde")]
pub mod snapshot;
#[cfg(feature = "serde")]
mod views;

#[cfg(feature = "clap")]
pub use args::{BackoffPrefix, PolicyArgs, Prefix};
pub use error::ConfigError;
#[cfg(feature = "serde")]
pub use link::LinkSnapshot;
pub use policy::PolicyConfig;
pub use setting::{First, Order, Replacement, Shape};
#[cfg(feature = "serde")]
pub use views::{HealthView, StatusView};
