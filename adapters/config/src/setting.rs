//! One parser and one printer for each kind of setting, whatever carries it.

use std::fmt;
use std::time::Duration;

use redial::{FirstRetry, Jitter};

/// A setting's value as a file may hold it.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Value {
    Text(String),
    Integer(u32),
    Float(f64),
    Truth(bool),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Integer(number) => write!(f, "{number}"),
            Self::Float(number) => write!(f, "{number}"),
            Self::Truth(truth) => write!(f, "{truth}"),
        }
    }
}

/// A kind of setting.
pub(crate) trait Setting: Sized {
    /// What a flag's help calls it.
    #[cfg(feature = "clap")]
    const NAME: &'static str;
    /// What a text that does not parse is told.
    const RULE: &'static str;

    fn parse(text: &str) -> Option<Self>;
    fn value(&self) -> Value;
}

impl Setting for Duration {
    #[cfg(feature = "clap")]
    const NAME: &'static str = "DURATION";
    const RULE: &'static str = "is not a duration such as 30s, 5m or 1h 30m";

    fn parse(text: &str) -> Option<Self> {
        if text == "0" { Some(Self::ZERO) } else { humantime::parse_duration(text).ok() }
    }

    fn value(&self) -> Value {
        Value::Text(humantime::format_duration(*self).to_string())
    }
}

impl Setting for u32 {
    #[cfg(feature = "clap")]
    const NAME: &'static str = "COUNT";
    const RULE: &'static str = "is not a whole number from 0 to 4294967295";

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn value(&self) -> Value {
        Value::Integer(*self)
    }
}

impl Setting for u8 {
    #[cfg(feature = "clap")]
    const NAME: &'static str = "COUNT";
    const RULE: &'static str = "is not a whole number from 0 to 255";

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn value(&self) -> Value {
        Value::Integer(u32::from(*self))
    }
}

impl Setting for f64 {
    #[cfg(feature = "clap")]
    const NAME: &'static str = "FACTOR";
    const RULE: &'static str = "is not a number from 1 to 4294";

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok().filter(|factor| (1.0..=4294.0).contains(factor))
    }

    fn value(&self) -> Value {
        Value::Float(*self)
    }
}

impl Setting for bool {
    #[cfg(feature = "clap")]
    const NAME: &'static str = "true|false";
    const RULE: &'static str = "is not true or false";

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn value(&self) -> Value {
        Value::Truth(*self)
    }
}

impl Setting for Jitter {
    #[cfg(feature = "clap")]
    const NAME: &'static str = "JITTER";
    const RULE: &'static str = "is not none, full, equal, or a share such as 20% or phase 67%";

    fn parse(text: &str) -> Option<Self> {
        let share = |text: &str| text.strip_suffix('%')?.parse().ok().filter(|share| *share <= 100);
        Some(match text {
            "none" => Self::None,
            "full" => Self::Full,
            "equal" => Self::Equal,
            _ => match text.strip_prefix("phase ") {
                Some(text) => Self::Phase(share(text)?),
                None => Self::Proportional(share(text)?),
            },
        })
    }

    fn value(&self) -> Value {
        Value::Text(self.to_string())
    }
}

/// [`FirstRetry`]: `immediate`, `backoff`, or the window as a duration.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum First {
    /// At once.
    Immediate,
    /// After the first interval.
    Backoff,
    /// Uniform in this window.
    Within(Duration),
}

impl From<First> for FirstRetry {
    fn from(first: First) -> Self {
        match first {
            First::Immediate => Self::Immediate,
            First::Backoff => Self::Backoff,
            First::Within(window) => Self::Jittered(window),
        }
    }
}

impl Setting for First {
    #[cfg(feature = "clap")]
    const NAME: &'static str = "immediate|backoff|WINDOW";
    const RULE: &'static str = "is not immediate, backoff, or a duration such as 1s";

    fn parse(text: &str) -> Option<Self> {
        match text {
            "immediate" => Some(Self::Immediate),
            "backoff" => Some(Self::Backoff),
            _ => Duration::parse(text).map(Self::Within),
        }
    }

    fn value(&self) -> Value {
        match self {
            Self::Immediate => Value::Text("immediate".into()),
            Self::Backoff => Value::Text("backoff".into()),
            Self::Within(window) => window.value(),
        }
    }
}

/// A choice among words.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $names:literal, $rule:literal {
        $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)*
    }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl Setting for $name {
            #[cfg(feature = "clap")]
            const NAME: &'static str = $names;
            const RULE: &'static str = $rule;

            fn parse(text: &str) -> Option<Self> {
                match text {
                    $($word => Some(Self::$variant),)*
                    _ => None,
                }
            }

            fn value(&self) -> Value {
                Value::Text(match self { $(Self::$variant => $word,)* }.into())
            }
        }
    };
}

words! {
    /// The shapes of [`Backoff`](redial::Backoff) that a text can name.
    Shape, "exponential|linear|fixed|never", "is not exponential, linear, fixed or never" {
        /// Multiplied by `multiplier` each time.
        Exponential = "exponential",
        /// Longer by `step` each time.
        Linear = "linear",
        /// Always `initial`.
        Fixed = "fixed",
        /// No dial after the first failure.
        Never = "never",
    }
}

words! {
    /// The orders of [`Selection`](redial::Selection).
    Order, "round-robin|priority|shuffle", "is not round-robin, priority or shuffle" {
        /// From the one in use, in list order.
        RoundRobin = "round-robin",
        /// The first that may be dialed.
        Priority = "priority",
        /// A new order each round.
        Shuffle = "shuffle",
    }
}

words! {
    /// The ways of [`Refresh`](redial::Refresh).
    Replacement, "make-first|break-first", "is not make-first or break-first" {
        /// The new connection first.
        MakeFirst = "make-first",
        /// The old connection is dropped first.
        BreakFirst = "break-first",
    }
}
