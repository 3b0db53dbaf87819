//! For tests in which time does not pass.

use std::future::{Pending, pending};

use redial_async::Runtime;
use redial_async::redial::Timestamp;

/// A clock that stands still.
pub(crate) struct Still;

impl Runtime for Still {
    type Sleep = Pending<()>;

    fn now(&self) -> Timestamp {
        Timestamp::ORIGIN
    }

    fn sleep_until(&self, _: Timestamp) -> Pending<()> {
        pending()
    }
}
