//! What was decided, one line each: words in hexadecimal.

use redial::{
    Action, Circuit, DialId, GiveUpReason, Phase, PolicyError, Status, Timestamp, WaitReason,
};

use crate::platform::write;

pub fn refused(error: PolicyError) {
    write(error.field().as_bytes());
    write(b": ");
    write(error.rule().as_bytes());
    write(b"\n");
}

pub fn print(action: Action) {
    let id = |id: Option<DialId>| id.map_or(0, DialId::get);
    match action {
        Action::Idle => line(&[0]),
        Action::Dial(dial) => line(&[
            1,
            dial.id.get(),
            u64::from(dial.endpoint),
            u64::from(dial.attempt),
            dial.deadline.as_nanos(),
            dial.wake.as_nanos(),
            id(dial.serving),
        ]),
        Action::SleepUntil(wait) => line(&[2, wait.until.as_nanos(), reason(wait.reason)]),
        Action::Hold(hold) => {
            let draining = hold.draining.map_or(Timestamp::MAX, |old| old.deadline);
            let old = id(hold.draining.map(|old| old.id));
            line(&[3, hold.id.get(), action.wake().as_nanos(), old, draining.as_nanos()]);
        }
        Action::GiveUp(end) => {
            let failed = u64::from(end.last.is_some());
            let elapsed = Timestamp::from_origin(end.elapsed).as_nanos();
            line(&[4, gave_up(end.reason), u64::from(end.attempts), elapsed, failed]);
        }
    }
}

fn reason(reason: WaitReason) -> u64 {
    match reason {
        WaitReason::Backoff => 0,
        WaitReason::FirstRetry => 1,
        WaitReason::NextEndpoint => 2,
        WaitReason::Splay => 3,
        WaitReason::Online => 4,
        WaitReason::Hint => 5,
        WaitReason::Breaker => 6,
        WaitReason::Parked => 7,
        WaitReason::RateLimit => 8,
        WaitReason::Deferred => 9,
        _ => 99,
    }
}

fn gave_up(reason: GiveUpReason) -> u64 {
    match reason {
        GiveUpReason::Fatal => 0,
        GiveUpReason::HintTooLong => 1,
        GiveUpReason::MaxAttempts => 2,
        GiveUpReason::PolicyNever => 3,
        GiveUpReason::AllParked => 4,
        GiveUpReason::MaxElapsed => 5,
        _ => 99,
    }
}

pub fn status(status: Status) {
    let words = match status.phase {
        Phase::Idle => [0; 4],
        Phase::Connecting { attempt } => [1, u64::from(attempt), 0, 0],
        Phase::Connected { since, stable } => [2, since.as_nanos(), u64::from(stable), 0],
        Phase::Reconnecting { attempt, until, reason: why } => {
            [3, u64::from(attempt), until.as_nanos(), reason(why)]
        }
        Phase::Offline => [4, 0, 0, 0],
        Phase::GaveUp { reason, attempts } => [5, gave_up(reason), u64::from(attempts), 0],
        _ => [99; 4],
    };
    line(&words);
    line(&[status.endpoint.map_or(u64::MAX, u64::from)]);
    circuit(status.circuit);
}

pub fn circuit(circuit: Circuit) {
    match circuit {
        Circuit::Closed => line(&[0]),
        Circuit::Open { until } => line(&[1, until.as_nanos()]),
        Circuit::HalfOpen => line(&[2]),
        Circuit::Disabled => line(&[3]),
        _ => line(&[99]),
    }
}

/// One line: the words in hexadecimal.
pub fn line(words: &[u64]) {
    let mut text = [0; 17 * 8];
    let mut length = 0;
    for word in words {
        let digits = (64 - word.leading_zeros()).div_ceil(4).max(1);
        for digit in (0..digits).rev() {
            let nibble = word.wrapping_shr(4 * digit) as u8 & 15;
            put(&mut text, &mut length, nibble + if nibble < 10 { b'0' } else { b'a' - 10 });
        }
        put(&mut text, &mut length, b' ');
    }
    let end = length.saturating_sub(1);
    if let Some(last) = text.get_mut(end) {
        *last = b'\n';
    }
    write(text.get(..length).unwrap_or_default());
}

fn put(text: &mut [u8], length: &mut usize, byte: u8) {
    if let Some(place) = text.get_mut(*length) {
        *place = byte;
        *length += 1;
    }
}
