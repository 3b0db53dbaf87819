//! What is wrong with a configuration, in the words of who wrote it.

use std::fmt;

/// A setting that cannot be used: which one, what it says, and the rule it breaks.
///
/// ```
/// use redial_config::PolicyConfig;
///
/// let error = PolicyConfig::default().set("jitter", "150%").unwrap_err();
/// assert_eq!(error.field(), "jitter");
/// assert_eq!(
///     error.to_string(),
///     "jitter = 150%: is not none, full, equal, or a share such as 20% or phase 67%"
/// );
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConfigError {
    field: String,
    value: Option<String>,
    rule: String,
}

impl ConfigError {
    pub(crate) fn new(
        field: impl Into<String>,
        value: Option<String>,
        rule: impl Into<String>,
    ) -> Self {
        Self { field: field.into(), value, rule: rule.into() }
    }

    /// The setting, by the name its writer used.
    pub fn field(&self) -> &str {
        &self.field
    }

    /// The value that the setting has, as text: its default if it was not set, `None` if it has none.
    pub fn value(&self) -> Option<&str> {
        self.value.as_deref()
    }

    /// The rule that it breaks.
    pub fn rule(&self) -> &str {
        &self.rule
    }

    /// The same error under another name of the setting.
    pub(crate) fn renamed(self, name: impl FnOnce(&str) -> String) -> Self {
        Self { field: name(&self.field), ..self }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Whatever a file holds must not forge a second line of a log.
        write!(f, "{}", self.field.escape_debug())?;
        if let Some(value) = &self.value {
            write!(f, " = {}", value.escape_debug())?;
        }
        write!(f, ": {}", self.rule)
    }
}

impl std::error::Error for ConfigError {}
