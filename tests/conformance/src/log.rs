//! What was seen, in an order that does not depend on which task a runtime polls first.

use std::cell::RefCell;
use std::rc::Rc;

use redial_async::Runtime;

/// Whose line it is. What different ones do in the same millisecond is in this order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Lane {
    Application,
    Link,
    Caller(usize),
}

/// The lines, and the clock that dates them.
#[derive(Clone, Debug)]
pub(crate) struct Log<R> {
    runtime: R,
    lines: Rc<RefCell<Vec<(u64, Lane, String)>>>,
}

impl<R: Runtime> Log<R> {
    pub(crate) fn new(runtime: R) -> Self {
        Self { runtime, lines: Rc::default() }
    }

    pub(crate) fn line(&self, lane: Lane, text: impl Into<String>) {
        // Rounded up to a millisecond, the tick of the coarsest runtime.
        let millis = self.runtime.now().as_nanos().div_ceil(1_000_000);
        self.lines.borrow_mut().push((millis, lane, text.into()));
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = self.lines.take();
        lines.sort_by_key(|(millis, lane, _)| (*millis, *lane));
        let told = lines.into_iter().map(|(millis, lane, text)| {
            let (secs, millis) = (millis / 1000, millis % 1000);
            match lane {
                Lane::Application => format!("{secs:4}.{millis:03}   > {text}"),
                Lane::Link => format!("{secs:4}.{millis:03}     {text}"),
                Lane::Caller(n) => format!("{secs:4}.{millis:03}   {n}: {text}"),
            }
        });
        told.collect()
    }
}
