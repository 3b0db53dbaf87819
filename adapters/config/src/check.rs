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
    /// let expected = "max = 500ms: is below initial, which is 750ms by default";
    /// assert_eq!(error.to_string(), expected);
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
            let of_waits = ["initial", "max", "floor", "first_retry"];
            let of_overload = ["overload", "overload_floor", "overload_growth", "overload_cap"];
            for field in of_waits.into_iter().chain(of_overload) {
                self.unused(field, "means nothing when shape is never")?;
            }
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
        let default = &Policy::DEFAULT;
        let initial = ("initial", default.backoff().initial());
        let (floor, max) = (("floor", default.floor()), ("max", default.cap()));
        match error {
            PolicyError::InitialBelowFloor => {
                self.beside((initial, "is below floor"), (floor, "is above initial"))
            }
            PolicyError::InitialAboveCap => {
                self.beside((initial, "is above max"), (max, "is below initial"))
            }
            PolicyError::CapBelowFloor => {
                self.beside((max, "is below floor"), (floor, "is above max"))
            }
            PolicyError::MaxAgeNotAboveStableAfter => {
                let max_age = ("max_age", Duration::ZERO);
                let stable_after = ("stable_after", default.stable_after());
                self.beside(
                    (max_age, "is not longer than stable_after"),
                    (stable_after, "is not shorter than max_age"),
                )
            }
            PolicyError::DialTimeoutMaxBelowDialTimeout => {
                let timeout = ("dial_timeout", default.dial_timeout());
                let max = ("dial_timeout_max", default.dial_timeout_max());
                self.beside((max, "is below dial_timeout"), (timeout, "is above dial_timeout_max"))
            }
            PolicyError::HandshakeTimeoutMaxBelowHandshakeTimeout => {
                let timeout = ("handshake_timeout", default.handshake_timeout());
                let max = ("handshake_timeout_max", default.handshake_timeout_max());
                self.beside(
                    (max, "is below handshake_timeout"),
                    (timeout, "is above handshake_timeout_max"),
                )
            }
            PolicyError::GrowthBelowOne => self.wrong("multiplier", error.rule()),
            // A floor that is not set follows the lower of the two.
            PolicyError::OverloadFloorZero => {
                let field = match (self.overload_floor, self.overload_cap) {
                    (None, Some(Duration::ZERO)) => "overload_cap",
                    (None, _) => "max",
                    (Some(_), _) => "overload_floor",
                };
                self.wrong(field, "is zero")
            }
            PolicyError::OverloadGrowthBelowOne => self.wrong("overload_growth", error.rule()),
            PolicyError::OverloadCapBelowFloor => {
                self.wrong("overload_cap", "is below overload_floor")
            }
            PolicyError::BurstZero => self.wrong("rate_burst", "is zero"),
            PolicyError::SpacingZero => self.wrong("rate_spacing", "is zero"),
            PolicyError::BreakerWindowOutOfRange => self.wrong("breaker_last", "is not 1 to 64"),
            PolicyError::BreakerMinimumOutOfRange => {
                self.wrong("breaker_min", "is not between 1 and breaker_last")
            }
            PolicyError::BreakerPercentOutOfRange => self.wrong("breaker_percent", "is above 100"),
            PolicyError::OpenForZero => self.wrong("breaker_open_for", "is zero"),
            PolicyError::OpenMaxBelowOpenFor => {
                self.wrong("breaker_open_max", "is below breaker_open_for")
            }
            other => self.wrong(other.field(), other.rule()),
        }
    }

    /// Of two settings that contradict each other the one that was set, of two such the first, and what the
    /// other is.
    fn beside(
        &self,
        first: ((&'static str, Duration), &str),
        second: ((&'static str, Duration), &str),
    ) -> ConfigError {
        let set = |field: &str| self.value(field).map(|value| value.to_string());
        let swapped = set(first.0.0).is_none() && set(second.0.0).is_some();
        let ((named, rule), (other, _)) = if swapped { (second, first) } else { (first, second) };
        let show = |(field, default): (&str, Duration), mark| {
            set(field).unwrap_or_else(|| format!("{}{mark}", default.value()))
        };
        let rule = format!("{rule}, which is {}", show(other, " by default"));
        ConfigError::new(named.0, Some(show(named, "")), rule)
    }
}

/// Zero and unset are no limit.
fn limit(duration: Option<Duration>) -> Option<Duration> {
    duration.filter(|duration| !duration.is_zero())
}
