//! The laws, over one step and what could come after it.

use redial::{Action, Event, Failure, GiveUpReason, Timestamp};

use crate::{Do, Link, Seen, World, id};

/// The number of a law that the step from `before` to `after` breaks, or 0.
pub(crate) fn broken(world: &World, before: &Seen, after: &Seen, what: Do) -> u8 {
    let laws: [(u8, bool); 13] = [
        (1, held_by_success(before, after, what)),
        (2, stale_is_a_tick(after)),
        (3, ids_rise(before, after)),
        (4, paced(world, after)),
        (6, counted(world, after)),
        (7, silent_when_over(before, after, what)),
        (8, start_works(after)),
        (11, wake_progresses(after)),
        (12, early_ticks_are_nothing(after)),
        (17, leads_somewhere(after, &after.link.action())),
        (18, gives_up_once(before, after, what)),
        (19, keeps_the_link(world, before, after, what)),
        (21, backward_is_now(after)),
    ];
    laws.iter().find(|(_, holds)| !holds).map_or(0, |(law, _)| *law)
}

fn handled(link: &Link, now: u64, event: Event) -> Link {
    let mut link = *link;
    link.handle(Timestamp::from_nanos(now), event);
    link
}

/// The same but for the counters, which are all that may differ.
fn same(one: &Link, other: &Link) -> bool {
    one.action() == other.action()
        && one.status() == other.status()
        && one.snapshot() == other.snapshot()
}

/// A new connection is one whose dial has just succeeded, or the one that was replaced.
fn held_by_success(before: &Seen, after: &Seen, what: Do) -> bool {
    let (was, is) = (before.link.action(), after.link.action());
    match is.held() {
        None => true,
        held if held == was.held() => true,
        held if held == was.draining().map(|old| old.id) => true,
        Some(held) => what == Do::Event(Event::Connected(held)) && id(&was) == Some(held),
    }
}

fn stale_is_a_tick(after: &Seen) -> bool {
    let action = after.link.action();
    let named = [id(&action), action.held(), action.draining().map(|old| old.id)];
    let Some(stale) = (1..4).filter_map(redial::DialId::new).find(|id| !named.contains(&Some(*id)))
    else {
        return true;
    };
    let ticked = handled(&after.link, after.now, Event::Tick);
    let events = [
        Event::Progress(stale),
        Event::Connected(stale),
        Event::DialFailed(stale, Failure::Fatal),
        Event::DialAborted(stale),
        Event::Closed(stale, Failure::Overloaded),
        Event::Confirmed(stale),
        Event::Activity(stale),
        Event::GoingAway(stale, None),
    ];
    events.into_iter().all(|event| {
        let link = handled(&after.link, after.now, event);
        same(&link, &ticked) && link.counters().ignored == ticked.counters().ignored + 1
    })
}

fn ids_rise(before: &Seen, after: &Seen) -> bool {
    let (was, is) = (before.link.action(), after.link.action());
    let named = [id(&was), was.held(), was.draining().map(|old| old.id)];
    match id(&is) {
        Some(id) if !named.contains(&Some(id)) => named.into_iter().flatten().all(|old| old < id),
        _ => true,
    }
}

fn paced(world: &World, after: &Seen) -> bool {
    let (burst, spacing) = world.policy.rate_limit();
    let (burst, spacing) = (u64::from(burst), spacing.as_nanos());
    after.dials.iter().enumerate().all(|(first, start)| {
        let rest = &after.dials[first..];
        rest.iter().zip(1_u64..).all(|(last, count)| {
            u128::from(count) <= u128::from(burst) + u128::from(last - start) / spacing
        })
    })
}

fn counted(world: &World, after: &Seen) -> bool {
    let Some(limit) = world.policy.max_attempts() else { return true };
    match after.link.action() {
        Action::Dial(dial) => {
            dial.attempt <= limit.get() && (dial.attempt == 0) == dial.serving.is_some()
        }
        Action::GiveUp(end) if end.reason == GiveUpReason::MaxAttempts => {
            end.attempts == limit.get()
        }
        _ => true,
    }
}

fn silent_when_over(before: &Seen, after: &Seen, what: Do) -> bool {
    let was = before.link.action();
    let over = !before.started || matches!(was, Action::GiveUp(_));
    let is = after.link.action();
    let silent = is.dial().is_none() && is.held().is_none();
    !over || what == Do::Event(Event::Start) || silent
}

fn start_works(after: &Seen) -> bool {
    let started = handled(&after.link, after.now, Event::Start);
    leads_somewhere(after, &started.action())
        || matches!(started.action(), Action::Idle) && blocked(after)
}

fn blocked(seen: &Seen) -> bool {
    let mut keys = seen.link.endpoints().iter().map(redial::Endpoint::key);
    seen.offline || keys.all(|key| seen.tripped.contains(&key))
}

fn leads_somewhere(after: &Seen, action: &Action) -> bool {
    match action {
        Action::Dial(dial) => dial.wake <= dial.deadline && dial.wake < Timestamp::MAX,
        Action::Hold(_) | Action::GiveUp(_) => true,
        Action::SleepUntil(wait) => wait.until < Timestamp::MAX || blocked(after),
        Action::Idle => !after.started || blocked(after),
    }
}

fn wake_progresses(after: &Seen) -> bool {
    let action = after.link.action();
    let wake = action.wake();
    if wake == Timestamp::MAX {
        return true;
    }
    let later = handled(&after.link, wake.as_nanos(), Event::Tick).action();
    later != action && later.wake() > wake
}

fn early_ticks_are_nothing(after: &Seen) -> bool {
    let action = after.link.action();
    let wake = action.wake().as_nanos();
    if wake == u64::MAX {
        return handled(&after.link, after.now + 7, Event::Tick).action() == action;
    }
    let slept = handled(&after.link, wake, Event::Tick);
    (after.now..wake).all(|early| {
        let ticked = handled(&after.link, early, Event::Tick);
        ticked.action() == action && handled(&ticked, wake, Event::Tick) == slept
    })
}

fn gives_up_once(before: &Seen, after: &Seen, what: Do) -> bool {
    let (was, is) = (before.link.action(), after.link.action());
    let ends = [Do::Event(Event::Start), Do::Event(Event::Stop)];
    !matches!(was, Action::GiveUp(_)) || is == was || ends.contains(&what)
}

/// What is the link stays the link until it ends, is replaced, or is dropped by who may.
fn keeps_the_link(world: &World, before: &Seen, after: &Seen, what: Do) -> bool {
    let (was, is) = (before.link.action(), after.link.action());
    let Some(held) = was.held() else { return true };
    if is.held() == Some(held) || is.draining().is_some_and(|old| old.id == held) {
        return true;
    }
    let idle = world.policy.idle_timeout().is_some();
    let breaks = world.policy.refresh() == redial::Refresh::BreakFirst;
    match what {
        Do::Event(Event::Stop | Event::Redial) => true,
        Do::Event(Event::Closed(id, _)) if id == held => true,
        // Replaced, with no time left to drain.
        Do::Event(Event::Connected(id)) if is.held() == Some(id) => true,
        _ => idle || breaks,
    }
}

fn backward_is_now(after: &Seen) -> bool {
    let Some(earlier) = after.now.checked_sub(1) else { return true };
    let (back, now) =
        (handled(&after.link, earlier, Event::Tick), handled(&after.link, after.now, Event::Tick));
    same(&back, &now) && back.counters().backward == now.counters().backward + 1
}
