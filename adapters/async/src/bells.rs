//! Who is to be looked at: each link of a fleet has a bell, and the loop hears which of them rang.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use redial_fleet::Key;

use crate::hub::keep_waker;
use crate::sync::{Mutex, MutexGuard};

#[derive(Debug, Default)]
struct State {
    /// Links that rang since the loop last heard, each place once.
    rung: VecDeque<Key>,
    /// By place: who rang, and has not been heard. Of several the last that had the place.
    last: Vec<Option<Key>>,
    /// Something was said that concerns no single link.
    spoken: bool,
    shutdown: Option<Duration>,
    driver: Option<Waker>,
    gone: bool,
}

/// Shared by the loop, its futures, and all who speak to it.
#[derive(Debug, Default)]
pub(crate) struct Bells(Mutex<State>);

impl Bells {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.lock();
        change(&mut state);
        let driver = state.driver.take();
        drop(state);
        if let Some(driver) = driver {
            driver.wake();
        }
    }

    /// The link `key` is to be looked at.
    pub(crate) fn ring(&self, key: Key) {
        self.change(|state| {
            let place = key.index();
            if state.last.len() <= place {
                state.last.resize(place + 1, None);
            }
            match &mut state.last[place] {
                Some(last) => *last = key.max(*last),
                none => {
                    *none = Some(key);
                    state.rung.push_back(key);
                }
            }
        });
    }

    /// The loop is to look at the fleet.
    pub(crate) fn speak(&self) {
        self.change(|state| state.spoken = true);
    }

    /// Asks for the end, in this time at the latest; the first to ask decides.
    pub(crate) fn shut_down(&self, within: Duration) {
        self.change(|state| {
            state.shutdown.get_or_insert(within);
            state.spoken = true;
        });
    }

    pub(crate) fn shutdown(&self) -> Option<Duration> {
        self.lock().shutdown
    }

    /// Nobody listens any more. Gives back whom to wake no more, to be dropped without a lock.
    pub(crate) fn set_gone(&self) -> Option<Waker> {
        let mut state = self.lock();
        state.gone = true;
        state.driver.take()
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.lock().gone
    }

    /// Ready when something was said; `rung`, empty before, is then who rang.
    pub(crate) fn poll(&self, cx: &Context<'_>, rung: &mut VecDeque<Key>) -> Poll<()> {
        let mut state = self.lock();
        if state.spoken || !state.rung.is_empty() {
            state.spoken = false;
            std::mem::swap(&mut state.rung, rung);
            for key in rung {
                *key = state.last[key.index()].take().unwrap_or(*key);
            }
            return Poll::Ready(());
        }
        let stale = keep_waker(&mut state.driver, cx);
        drop(state);
        drop(stale);
        Poll::Pending
    }
}

/// The bell of one link: what wakes its futures, and what they speak through.
#[derive(Debug)]
pub(crate) struct Bell {
    key: Key,
    bells: Arc<Bells>,
}

impl Bell {
    pub(crate) fn new(key: Key, bells: Arc<Bells>) -> Self {
        Self { key, bells }
    }

    pub(crate) fn ring(&self) {
        self.bells.ring(self.key);
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.ring();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ring();
    }
}
