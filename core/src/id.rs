//! Every dial has an identity, so that nothing old can be mistaken for something new.

use core::fmt;
use core::num::NonZeroU64;

/// Names one dial, and the connection that came of it.
///
/// Ids strictly increase and are never reused, also over `Stop` and `Start`. An event that carries
/// an id that is not current changes nothing but a counter: the late close of an old socket cannot
/// touch the connection that replaced it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DialId(NonZeroU64);

impl DialId {
    /// The id with this number; `None` for zero, which names no dial. Drivers take ids from
    /// actions; this is for tests and for decoding logs.
    ///
    /// ```
    /// assert_eq!(redial::DialId::new(7).unwrap().to_string(), "#7");
    /// assert!(redial::DialId::new(0).is_none());
    /// ```
    pub const fn new(number: u64) -> Option<Self> {
        match NonZeroU64::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// The number: 1 for the first dial of a reconnector, then one more for each.
    pub const fn get(self) -> u64 {
        self.0.get()
    }

    /// The id of the dial after `count` others. 2⁶⁴ dials at one a nanosecond are 584 years; then it
    /// stays.
    pub(crate) const fn after(count: u64) -> Self {
        Self(NonZeroU64::MIN.saturating_add(count))
    }

    /// The id of the `count`-th dial; of the first, if there was none.
    pub(crate) const fn nth(count: u64) -> Self {
        match Self::new(count) {
            Some(id) => id,
            None => Self(NonZeroU64::MIN),
        }
    }
}

impl fmt::Debug for DialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for DialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}
