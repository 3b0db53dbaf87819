//! One link with a policy of the program's own: what a firmware would carry.

use redial::{Action, Event, Policy, Reconnector, Timestamp};

use crate::inputs::{Source, event, later};
use crate::log;

static POLICY: Policy = Policy::DEFAULT;

/// Every event, in every state.
pub fn run() {
    let mut source = Source(1);
    let mut link = Reconnector::new(&POLICY, source.word());
    let mut now = Timestamp::ORIGIN;
    let mut action: Action = link.handle(now, Event::Start);
    for _ in 0..5000 {
        now = later(&mut source, now, action);
        action = link.handle(now, event(&mut source, now, action));
        log::line(&[action.wake().as_nanos(), action.dial().map_or(0, |dial| dial.id.get())]);
    }
}
