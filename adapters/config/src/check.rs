//! From settings to a policy that is checked, and back from a broken rule to the setting that broke it.

use std::time::Duration;

use redial::{
    Backoff, BreakerPolicy, Growth, Overload, Policy, PolicyBuilder, PolicyError, Refresh,
    Selection,
};

use crate::error::ConfigError;
use crate::policy::PolicyConfig;
use crate::setting::{Order, Replacement, Setting, Shape};

/// The default growth of intervals.
const GROWTH: Growth = match *Policy::DEFAULT.backoff() {
    Backoff::Exponential { growth, .. } => growth,
    _ => panic!("the default grows"),
};

/// The default floor, growth and cap under overload.
const JUMP: (Duration, Growth, Duration) = match Policy::DEFAULT.overload() {
    Overload::Jump { floor, growth, cap } => (floor, growth, cap),
    _ => panic!("the default jumps"),
};

impl PolicyConfig {
    /// The policy that this asks for, checked. What is not set has the default of
    /// [`Policy::DEFAULT`].
    ///
    /// # Errors
    /// A setting that contradicts another, or breaks a rule of [`PolicyBuilder::build`].
    ///
    /// ```
    /// use redial_config::PolicyConfig;
    ///
    /// let mut config = PolicyConfig::default();
    /// assert_eq!(config.policy().unwrap(), redial::Policy::DEFAULT);
    ///
    /// config.set("max", "500ms")?;
    /// let error = config.policy().unwrap_err();
    /// assert_eq!(error.to_string(), "initial = 750ms: is above max, which is 500ms");
    /// # Ok::<(), redial_config::ConfigError>(())
    /// ```
    pub fn policy(&self) -> Result<Policy, ConfigError> {
        self.builder()?.build().map_err(|error| self.blame(error))
    }

    /// The builder of [`policy`](Self::policy), for what only code can say: tables, custom shapes.
    ///
    /// # Errors
    /// A setting that contradicts another, or has no meaning without it.
    pub fn builder(&self) -> Result<PolicyBuilder, ConfigError> {
        let mut builder = Policy::builder().backoff(self.backoff()?);
        macro_rules! copy {
            ($($field:ident => $setter:ident,)*) => {
                $(if let Some(value) = self.$field {
                    builder = builder.$setter(value.into());
                })*
            };
        }
        copy! {
            floor => floor,
            max => cap,
            jitter => jitter,
            first_retry => first_retry,
            startup_splay => startup_splay,
            stable_after => stable_after,
            dial_timeout => dial_timeout,
            dial_timeout_max => dial_timeout_max,
            handshake_timeout => handshake_timeout,
            handshake_timeout_max => handshake_timeout_max,
            max_hint => max_hint,
            give_up_on_long_hint => give_up_on_long_hint,
            allow_all_open => allow_all_open,
            park_for => park_for,
            give_up_when_all_parked => give_up_when_all_parked,
            drain_timeout => drain_timeout,
        }
        if let Some(limit) = limit(self.timeout) {
            builder = builder.max_elapsed(limit);
        }
        if let Some(limit) = limit(self.max_age) {
            builder = builder.max_age(limit);
        }
        if let Some(limit) = limit(self.idle_timeout) {
            builder = builder.idle_timeout(limit);
        }
        if let Some(limit) = self.max_attempts.filter(|limit| *limit != 0) {
            builder = builder.max_attempts(limit);
        }
        if let Some(limit) = self.max_rounds.filter(|limit| *limit != 0) {
            builder = builder.max_rounds(limit);
        }
        if self.rate_burst.is_some() || self.rate_spacing.is_some() {
            let (burst, spacing) = Policy::DEFAULT.rate_limit();
            builder = builder
                .rate_limit(self.rate_burst.unwrap_or(burst), self.rate_spacing.unwrap_or(spacing));
        }
        if let Some(overload) = self.overload_class()? {
            builder = builder.overload(overload);
        }
        if let Some(breaker) = self.breaker()? {
            builder = builder.breaker(breaker);
        }
        if let Some(selection) = self.endpoint_order()? {
            builder = builder.selection(selection);
        }
        match self.refresh {
            Some(Replacement::MakeFirst) => builder = builder.refresh(Refresh::MakeFirst),
            Some(Replacement::BreakFirst) => builder = builder.refresh(Refresh::BreakFirst),
            None => {}
        }
        Ok(builder)
    }

    fn backoff(&self) -> Result<Backoff, ConfigError> {
        let initial = self.initial.unwrap_or(Policy::DEFAULT.backoff().initial());
        let shape = self.shape.unwrap_or(Shape::Exponential);
        if shape != Shape::Linear {
            self.unused("step", "means nothing unless shape is linear")?;
        }
        if shape != Shape::Exponential {
            self.unused("multiplier", "means nothing unless shape is exponential")?;
        }
        if shape == Shape::Never {
            self.unused("initial", "means nothing when shape is never")?;
        }
        Ok(match shape {
            Shape::Never => Backoff::Never,
            Shape::Fixed => Backoff::fixed(initial),
            Shape::Linear => Backoff::linear(initial, self.step.unwrap_or(initial)),
            Shape::Exponential => {
                let growth = self.multiplier.map_or(GROWTH, Growth::from_f64);
                Backoff::Exponential { initial, growth }
            }
        })
    }

    fn overload_class(&self) -> Result<Option<Overload>, ConfigError> {
        if self.overload == Some(false) {
            for field in ["overload_floor", "overload_growth", "overload_cap"] {
                self.unused(field, "means nothing when overload is false")?;
            }
            return Ok(Some(Overload::Ignore));
        }
        if (self.overload_floor, self.overload_growth, self.overload_cap) == (None, None, None) {
            return Ok(None);
        }
        let (floor, growth, cap) = JUMP;
        // What is not said follows `max`, as it does when nothing is.
        let max = self.max.unwrap_or(Duration::MAX);
        let (floor, cap) = (floor.min(max), cap.min(max));
        let cap = self.overload_cap.unwrap_or(cap.max(self.overload_floor.unwrap_or(cap)));
        Ok(Some(Overload::Jump {
            floor: self.overload_floor.unwrap_or(floor.min(cap)),
            growth: self.overload_growth.map_or(growth, Growth::from_f64),
            cap,
        }))
    }

    fn breaker(&self) -> Result<Option<BreakerPolicy>, ConfigError> {
        let failures = self.breaker_failures.filter(|failures| *failures != 0);
        let percent = self.breaker_percent.filter(|percent| *percent != 0);
        if percent.is_none() {
            for field in ["breaker_last", "breaker_min"] {
                self.unused(field, "means nothing without breaker_percent")?;
            }
        }
        let mut breaker = match (failures, percent) {
            (Some(failures), None) => BreakerPolicy::consecutive(failures),
            (None, Some(percent)) => {
                let last = self.breaker_last.unwrap_or(20);
                let min = self.breaker_min.unwrap_or(last.div_ceil(2));
                BreakerPolicy::rate(last, min, percent)
            }
            (Some(_), Some(_)) => {
                return Err(self.wrong("breaker_percent", "cannot stand beside breaker_failures"));
            }
            (None, None) => {
                let rule = "means nothing without breaker_failures or breaker_percent";
                self.unused("breaker_open_for", rule)?;
                self.unused("breaker_open_max", rule)?;
                return Ok(None);
            }
        };
        if let Some(open_for) = self.breaker_open_for {
            breaker = breaker.open_for(open_for);
        }
        if let Some(open_max) = self.breaker_open_max {
            breaker = breaker.open_max(open_max);
        }
        Ok(Some(breaker))
    }

    fn endpoint_order(&self) -> Result<Option<Selection>, ConfigError> {
        if self.selection != Some(Order::Priority) {
            self.unused("failback", "means nothing unless selection is priority")?;
        }
        Ok(self.selection.map(|order| match order {
            Order::RoundRobin => Selection::RoundRobin,
            Order::Priority => Selection::Priority { failback: limit(self.failback) },
            Order::Shuffle => Selection::Shuffle,
        }))
    }

    /// An error if a setting is there that nothing would read.
    fn unused(&self, field: &str, rule: &str) -> Result<(), ConfigError> {
        if self.value(field).is_some() { Err(self.wrong(field, rule)) } else { Ok(()) }
    }

    fn wrong(&self, field: &str, rule: &str) -> ConfigError {
        ConfigError::new(field, self.value(field).map(|value| value.to_string()), rule)
    }

    /// The setting that broke a rule of the policy.
    fn blame(&self, error: PolicyError) -> ConfigError {
        let show = |duration: Duration| duration.value().to_string();
        let default = &Policy::DEFAULT;
        let initial = self.initial.unwrap_or(default.backoff().initial());
        let max = show(self.max.unwrap_or(default.cap()));
        let floor = show(self.floor.unwrap_or(default.floor()));
        let beside = |value: &str, relation: &str, other: String| {
            (value.to_owned(), format!("is {relation}, which is {other}"))
        };
        let (field, (value, rule)) = match error {
            PolicyError::InitialBelowFloor => {
                ("initial", beside(&show(initial), "below floor", floor))
            }
            PolicyError::InitialAboveCap => ("initial", beside(&show(initial), "above max", max)),
            PolicyError::CapBelowFloor => ("max", beside(&max, "below floor", floor)),
            PolicyError::MaxAgeNotAboveStableAfter => {
                let stable = show(self.stable_after.unwrap_or(default.stable_after()));
                let max_age = show(self.max_age.unwrap_or_default());
                ("max_age", beside(&max_age, "not longer than stable_after", stable))
            }
            PolicyError::DialTimeoutMaxBelowDialTimeout => {
                let timeout = show(self.dial_timeout.unwrap_or(default.dial_timeout()));
                let max = show(self.dial_timeout_max.unwrap_or(default.dial_timeout_max()));
                ("dial_timeout_max", beside(&max, "below dial_timeout", timeout))
            }
            PolicyError::HandshakeTimeoutMaxBelowHandshakeTimeout => {
                let timeout = show(self.handshake_timeout.unwrap_or(default.handshake_timeout()));
                let max =
                    show(self.handshake_timeout_max.unwrap_or(default.handshake_timeout_max()));
                ("handshake_timeout_max", beside(&max, "below handshake_timeout", timeout))
            }
            PolicyError::GrowthBelowOne => return self.wrong("multiplier", error.rule()),
            // A floor that is not set follows the lower of the two.
            PolicyError::OverloadFloorZero => {
                let field = match (self.overload_floor, self.overload_cap) {
                    (None, Some(Duration::ZERO)) => "overload_cap",
                    (None, _) => "max",
                    (Some(_), _) => "overload_floor",
                };
                return self.wrong(field, "is zero");
            }
            PolicyError::OverloadGrowthBelowOne => {
                return self.wrong("overload_growth", error.rule());
            }
            PolicyError::OverloadCapBelowFloor => {
                return self.wrong("overload_cap", "is below overload_floor");
            }
            PolicyError::BurstZero => return self.wrong("rate_burst", "is zero"),
            PolicyError::SpacingZero => return self.wrong("rate_spacing", "is zero"),
            PolicyError::BreakerWindowOutOfRange => {
                return self.wrong("breaker_last", "is not 1 to 64");
            }
            PolicyError::BreakerMinimumOutOfRange => {
                return self.wrong("breaker_min", "is not between 1 and breaker_last");
            }
            PolicyError::BreakerPercentOutOfRange => {
                return self.wrong("breaker_percent", "is above 100");
            }
            PolicyError::OpenForZero => return self.wrong("breaker_open_for", "is zero"),
            PolicyError::OpenMaxBelowOpenFor => {
                return self.wrong("breaker_open_max", "is below breaker_open_for");
            }
            other => return self.wrong(other.field(), other.rule()),
        };
        ConfigError::new(field, Some(value), rule)
    }
}

/// Zero and unset are no limit.
fn limit(duration: Option<Duration>) -> Option<Duration> {
    duration.filter(|duration| !duration.is_zero())
}
