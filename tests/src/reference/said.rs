//! What the reference says, in a form that both it and the machine's actions can be put into.

use redial::{Action, Failure, GiveUpReason, WaitReason};

use super::arith::nanos;

/// An [`Action`], field by field, with times as nanoseconds and ids as numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "each is named as in `Action`")]
pub enum Said {
    /// [`Action::Idle`].
    Idle,
    /// [`Action::Dial`].
    Dial { id: u64, endpoint: u32, attempt: u32, deadline: u64, wake: u64, serving: Option<u64> },
    /// [`Action::SleepUntil`].
    Sleep { until: u64, reason: WaitReason },
    /// [`Action::Hold`]; what drains, and until when.
    Hold { id: u64, wake: Option<u64>, draining: Option<(u64, u64)> },
    /// [`Action::GiveUp`].
    GiveUp { reason: GiveUpReason, attempts: u32, elapsed: u64, last: Option<Failure> },
}

impl From<Action> for Said {
    fn from(action: Action) -> Self {
        match action {
            Action::Idle => Self::Idle,
            Action::Dial(dial) => Self::Dial {
                id: dial.id.get(),
                endpoint: dial.endpoint,
                attempt: dial.attempt,
                deadline: dial.deadline.as_nanos(),
                wake: dial.wake.as_nanos(),
                serving: dial.serving.map(redial::DialId::get),
            },
            Action::SleepUntil(wait) => {
                Self::Sleep { until: wait.until.as_nanos(), reason: wait.reason }
            }
            Action::Hold(hold) => Self::Hold {
                id: hold.id.get(),
                wake: hold.wake.map(redial::Timestamp::as_nanos),
                draining: hold.draining.map(|old| (old.id.get(), old.deadline.as_nanos())),
            },
            Action::GiveUp(end) => Self::GiveUp {
                reason: end.reason,
                attempts: end.attempts,
                elapsed: nanos(end.elapsed),
                last: end.last,
            },
        }
    }
}
