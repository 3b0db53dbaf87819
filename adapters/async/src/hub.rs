//! Where those outside and the loop meet: commands as a level, status with a version.
//!
//! Nothing here queues, so nobody can fill it: saying a thing twice before the loop listens is saying it
//! once.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::PoisonError;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use event_listener::{Event, EventListener};
use redial::{Endpoint, Health, Status, Timestamp};

use crate::deadlines::Deadlines;
use crate::saved::Reply;
use crate::sync::{Arc, Mutex, MutexGuard};

/// What those outside want, as a level.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wanted {
    /// Nothing was asked for yet.
    Nothing,
    Up,
    Down,
    /// Drained within this time, then stopped for good.
    ShutDown(Duration),
}

/// What was said last of what holds until something else is said.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Commands {
    pub(crate) wanted: Wanted,
    /// To start, to stop and to shut down, counted: the loop compares with how many it has seen.
    pub(crate) orders: u64,
    pub(crate) offline: bool,
    /// Stay after a stop or a give-up, for as long as someone can start the link again.
    pub(crate) restartable: bool,
    pub(crate) aborted: bool,
    pub(crate) news: News,
}

impl Commands {
    /// A link that was shut down stays down.
    pub(crate) fn order(&mut self, wanted: Wanted) {
        if !matches!(self.wanted, Wanted::ShutDown(_)) {
            self.wanted = wanted;
            self.orders += 1;
            self.news.stop |= wanted == Wanted::Down;
        }
    }
}

/// What was said since the loop last listened.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "these are independent of each other")]
pub(crate) struct News {
    pub(crate) stop: bool,
    pub(crate) redial: bool,
    pub(crate) online: bool,
    pub(crate) offline: bool,
    pub(crate) health: bool,
}

/// What was asked for since the loop last listened, seldom, and is done once.
#[derive(Debug, Default)]
pub(crate) struct Wishes {
    pub(crate) endpoints: Option<Vec<Endpoint>>,
    /// By key: tripped, or reset.
    pub(crate) circuits: BTreeMap<u32, bool>,
    pub(crate) defer: Option<Duration>,
    /// For all who have asked.
    pub(crate) snapshot: Option<Arc<Reply>>,
}

#[derive(Debug)]
struct State {
    commands: Commands,
    wishes: Option<Box<Wishes>>,
    /// The list of endpoints may change.
    changeable: bool,
    /// Something was said since the loop last listened.
    spoken: bool,
    driver: Option<Waker>,
    handles: usize,
    status: Status,
    version: u64,
    /// `None` if nobody asked for it when the link was made.
    record: Option<Box<Record>>,
    /// `None` until there is one.
    deadlines: Option<Box<Deadlines>>,
    /// The loop has ended.
    gone: bool,
}

/// The health, and who has asked for it.
#[derive(Debug)]
struct Record {
    health: Health,
    /// Counted.
    asked: u64,
    /// So many of these it is good for.
    answered: u64,
}

/// Shared by the loop and all who speak to it or watch it. No lock is held across an await.
#[derive(Debug)]
pub(crate) struct Hub {
    state: Mutex<State>,
    /// Something that can be waited for has changed; see [`announce`](Self::announce).
    pub(crate) changed: Event,
}

impl Hub {
    /// Health is kept if there is a `window` for it.
    pub(crate) fn new(status: Status, changeable: bool, window: Option<Duration>) -> Self {
        let commands = Commands {
            wanted: Wanted::Nothing,
            orders: 0,
            offline: false,
            restartable: false,
            aborted: false,
            news: News::default(),
        };
        let record = window.map(|window| {
            let health = Health::new(window, 950_000);
            Box::new(Record { health, asked: 0, answered: 0 })
        });
        let state = State {
            commands,
            wishes: None,
            changeable,
            spoken: true,
            driver: None,
            handles: 0,
            status,
            version: 0,
            record,
            deadlines: None,
            gone: false,
        };
        Self { state: Mutex::new(state), changed: Event::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes all who wait for a change, which has been made before. Whoever begins to listen later will
    /// see it.
    pub(crate) fn announce(&self) {
        // To notify nobody would cost an allocation the first time.
        if self.changed.total_listeners() > 0 {
            self.changed.notify(usize::MAX);
        }
    }

    /// Wakes the loop.
    pub(crate) fn speak(&self) {
        self.change(|_| ());
    }

    /// Changes what is wanted and wakes the loop.
    pub(crate) fn tell<T>(&self, change: impl FnOnce(&mut Commands) -> T) -> T {
        self.change(|state| change(&mut state.commands))
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        let answer = change(&mut state);
        state.spoken = true;
        let driver = state.driver.take();
        drop(state);
        if let Some(driver) = driver {
            driver.wake();
        }
        answer
    }

    /// Asks for the link to be up; returns a ticket, which the loop has honoured when it has seen as many
    /// orders.
    pub(crate) fn start(&self) -> u64 {
        self.tell(|commands| {
            commands.order(Wanted::Up);
            commands.orders
        })
    }

    pub(crate) fn is_changeable(&self) -> bool {
        self.lock().changeable
    }

    /// Asks for something to be done once.
    pub(crate) fn wish<T>(&self, wish: impl FnOnce(&mut Wishes) -> T) -> T {
        self.change(|state| wish(state.wishes.get_or_insert_default()))
    }

    /// Everything that was said. News and wishes are told once.
    pub(crate) fn take_commands(&self) -> (Commands, Option<Box<Wishes>>) {
        let mut state = self.lock();
        let commands = state.commands;
        state.commands.news = News::default();
        (commands, state.wishes.take())
    }

    pub(crate) fn commands(&self) -> Commands {
        self.lock().commands
    }

    /// Ready if something was said since it last was.
    pub(crate) fn poll_spoken(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if std::mem::take(&mut state.spoken) {
            return Poll::Ready(());
        }
        let stale = keep_waker(&mut state.driver, cx);
        drop(state);
        drop(stale);
        Poll::Pending
    }

    pub(crate) fn add_handle(&self) {
        self.lock().handles += 1;
    }

    pub(crate) fn drop_handle(&self) {
        let mut state = self.lock();
        state.handles -= 1;
        let last = state.handles == 0;
        drop(state);
        if last {
            self.speak();
        }
    }

    /// Whether the loop should outlive a stop or a give-up.
    pub(crate) fn may_restart(&self) -> bool {
        let state = self.lock();
        let shut_down = matches!(state.commands.wanted, Wanted::ShutDown(_));
        state.commands.restartable && state.handles > 0 && !shut_down
    }

    pub(crate) fn status(&self) -> Status {
        self.lock().status
    }

    /// The status, its version, and whether it is the last: the loop has ended.
    pub(crate) fn versioned_status(&self) -> (Status, u64, bool) {
        let state = self.lock();
        (state.status, state.version, state.gone)
    }

    /// True if it differs from the last. The health sees it, if it has not, as being so `since`.
    pub(crate) fn set_status(&self, since: Option<Timestamp>, status: Status) -> bool {
        let mut state = self.lock();
        if let (Some(since), Some(record)) = (since, &mut state.record) {
            record.health.observe(since, &status);
        }
        let differs = state.status != status;
        if differs {
            state.status = status;
            state.version += 1;
        }
        differs
    }

    /// Asks for the health; returns the number of the request.
    pub(crate) fn ask_health(&self) -> u64 {
        let mut state = self.lock();
        let Some(record) = &mut state.record else { return 0 };
        record.asked += 1;
        let asked = record.asked;
        state.commands.news.health = true;
        drop(state);
        self.speak();
        asked
    }

    /// The status at `now`, for the health.
    pub(crate) fn observe(&self, now: Timestamp, status: &Status) {
        if let Some(record) = &mut self.lock().record {
            record.health.observe(now, status);
        }
    }

    /// The same, for all who have asked.
    pub(crate) fn answer(&self, now: Timestamp, status: &Status) {
        if let Some(record) = &mut self.lock().record {
            record.health.observe(now, status);
            record.answered = record.asked;
        }
    }

    /// The health, if it is good for request number `asked` or will not be better.
    #[expect(clippy::option_option, reason = "no answer yet, or nothing is kept")]
    pub(crate) fn health(&self, asked: u64) -> Option<Option<Health>> {
        let state = self.lock();
        match &state.record {
            Some(record) if !state.gone && record.answered < asked => None,
            record => Some(record.as_ref().map(|record| record.health)),
        }
    }

    /// Asks the loop for a deadline; returns its number.
    pub(crate) fn add_deadline(&self, within: Duration) -> u64 {
        self.change(|state| state.deadlines.get_or_insert_default().add(within))
    }

    pub(crate) fn drop_deadline(&self, number: u64) {
        if let Some(deadlines) = &mut self.lock().deadlines {
            deadlines.remove(number);
        }
    }

    pub(crate) fn is_expired(&self, number: u64) -> bool {
        let state = self.lock();
        state.gone || state.deadlines.as_ref().is_none_or(|known| known.is_expired(number))
    }

    /// Arms new deadlines: whether any has expired, and when the next one will.
    pub(crate) fn tend_deadlines(&self, now: Timestamp) -> (bool, Timestamp) {
        match &mut self.lock().deadlines {
            Some(deadlines) => (deadlines.tend(now), deadlines.next()),
            None => (false, Timestamp::MAX),
        }
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.lock().gone
    }

    pub(crate) fn set_gone(&self) {
        let mut state = self.lock();
        state.gone = true;
        let driver = state.driver.take();
        drop(state);
        drop(driver);
    }
}

/// Keeps the waker of `cx` for later. Gives back the one that it replaces, to be dropped without a lock.
pub(crate) fn keep_waker(kept: &mut Option<Waker>, cx: &Context<'_>) -> Option<Waker> {
    match kept {
        Some(waker) if waker.will_wake(cx.waker()) => None,
        kept => kept.replace(cx.waker().clone()),
    }
}

/// Waits on `event` until `check` answers. The listener is kept by the caller between polls.
pub(crate) fn poll_until<T>(
    event: &Event,
    listener: &mut Option<EventListener>,
    cx: &mut Context<'_>,
    mut check: impl FnMut() -> Option<T>,
) -> Poll<T> {
    loop {
        if let Some(answer) = check() {
            *listener = None;
            return Poll::Ready(answer);
        }
        // Looked again after listening began, nothing can slip through in between.
        match listener {
            None => *listener = Some(event.listen()),
            Some(listening) => match Pin::new(listening).poll(cx) {
                Poll::Ready(()) => *listener = None,
                Poll::Pending => return Poll::Pending,
            },
        }
    }
}
