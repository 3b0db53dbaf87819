//! The loop of a fleet: for each link what [`World`] is for one, under one timer.

use std::borrow::Borrow;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use redial::{Action, DialId, Endpoint, Event, Failure, Policy, Reconnector, Timestamp};
use redial_fleet::Key;

use crate::bells::Bell;
use crate::classify::{Classify, Ended};
use crate::fleet::Shared;
use crate::fleet::lookout::Lookout;
use crate::runtime::Runtime;
use crate::session::{Attempt, Ear, Session};
use crate::sharing::Private;
use crate::transition::Transition;
use crate::wait::Wait;
use crate::world::{Boxed, Happened, World, caught};

/// Links that time has moved, links that rang, or results of one link, before the others get their turn.
const TURN: usize = 256;

/// What exists of one link.
struct Berth<C, D, V> {
    key: Key,
    world: World<Private, C, D, V>,
    bell: Arc<Bell>,
    waker: Waker,
}

/// What exists of a fleet. A link that has neither dial nor connection takes a word.
pub(crate) struct Crew<R, P, S, C, D, V, Connect, Serve, O> {
    shared: Arc<Shared<R, P, S>>,
    berths: Vec<Option<Box<Berth<C, D, V>>>>,
    /// How many there are.
    busy: usize,
    /// Links to be looked at.
    rung: VecDeque<Key>,
    /// Draining before it ends, until then.
    shutdown: Option<Timestamp>,
    connect: Connect,
    serve: Serve,
    lookout: Lookout<O>,
}

/// What an event has made of a link.
struct Moved<E> {
    /// `None` if there is no such link any more.
    action: Option<Action>,
    /// Why a dial or a connection has ended, if that was it.
    error: Option<(Failure, E)>,
}

impl<E> From<Option<Action>> for Moved<E> {
    fn from(action: Option<Action>) -> Self {
        Self { action, error: None }
    }
}

impl<R, P, S, C, D, V, E, Connect, Serve, O> Crew<R, P, S, C, D, V, Connect, Serve, O>
where
    R: Runtime,
    P: Borrow<Policy>,
    S: AsRef<[Endpoint]> + AsMut<[Endpoint]>,
    Connect: FnMut(Key, Attempt) -> D,
    D: Future<Output = Result<C, E>>,
    Serve: FnMut(Key, C, Session) -> V,
    V: Future<Output = Ended<E>>,
    E: Classify,
    O: FnMut(Key, &Transition<'_, E>),
{
    pub(crate) fn new(
        shared: Arc<Shared<R, P, S>>,
        connect: Connect,
        serve: Serve,
        observer: Option<O>,
    ) -> Self {
        let (berths, rung, lookout) = (Vec::new(), VecDeque::new(), Lookout::new(observer));
        Self { shared, berths, busy: 0, rung, shutdown: None, connect, serve, lookout }
    }

    /// Until it is shut down.
    pub(crate) async fn run(mut self) {
        self.listen();
        if self.shutdown.is_none() {
            self.start();
        }
        let mut wait = Wait::new();
        let mut armed = Timestamp::ORIGIN;
        loop {
            self.tick();
            if self.shutdown.is_some_and(|by| self.is_drained(by)) {
                return self.stop();
            }
            let wake = self.wake();
            let now = self.shared.runtime.now();
            // Coming back early is cheaper than a new timer at every turn.
            if armed > wake || armed <= now {
                armed = wake;
            }
            let Self { shared, rung, .. } = &mut self;
            poll_fn(|cx| {
                let Shared { runtime, bells, .. } = &**shared;
                let happened = |cx: &mut Context<'_>| match rung.front() {
                    Some(_) => Poll::Ready(()),
                    None => bells.poll(cx, rung),
                };
                wait.poll(cx, runtime, now, armed, happened)
            })
            .await;
            self.listen();
            for _ in 0..TURN {
                let Some(key) = self.rung.pop_front() else { break };
                let action = self.shared.fleet().get(key).map(Reconnector::action);
                self.settle(key, action);
            }
        }
    }

    /// Every link is started at once, and `connect` called in turns.
    fn start(&mut self) {
        self.rung = self.shared.fleet().iter().map(|(key, _)| key).collect();
        let now = self.shared.runtime.now();
        for key in &self.rung {
            self.shared.fleet().handle(now, *key, Event::Start);
        }
    }

    /// Everyone was told, and nobody is left or the time is up.
    fn is_drained(&self, by: Timestamp) -> bool {
        self.rung.is_empty() && (self.busy == 0 || self.shared.runtime.now() >= by)
    }

    /// The end: nothing exists any more, and the handles are told so.
    fn stop(&mut self) {
        for berth in self.berths.drain(..) {
            // It is over, whatever that was.
            let _ = caught(|| drop(berth));
        }
        let now = self.shared.runtime.now();
        let stopped = self.shared.end(|fleet| {
            let over = |link: &Reconnector<P, S>| matches!(link.action(), Action::GiveUp(_));
            let links = fleet.iter().filter(|(_, link)| !over(link));
            let keys: Vec<Key> = links.map(|(key, _)| key).collect();
            for key in &keys {
                fleet.handle(now, *key, Event::Stop);
            }
            // Whoever takes a link out of the fleet did not say that there is no network.
            fleet.online(now);
            keys
        });
        for key in stopped {
            let _ = caught(|| self.lookout.tell(&self.shared, key, None));
        }
    }

    /// When to look again if nothing happens.
    fn wake(&self) -> Timestamp {
        let wake = self.shared.fleet().wake();
        self.shutdown.map_or(wake, |by| by.min(wake))
    }

    /// What the whole fleet was told. A link that drains neither dials nor replaces what drains.
    fn listen(&mut self) {
        let (None, Some(within)) = (self.shutdown, self.shared.bells.shutdown()) else { return };
        let now = self.shared.runtime.now();
        self.shutdown = Some(now.saturating_add(within));
        let mut fleet = self.shared.fleet();
        fleet.offline(now);
        let dialing =
            |(key, link): (Key, &Reconnector<P, S>)| Some((key, link.action().dial()?.id));
        let dials: Vec<(Key, DialId)> = fleet.iter().filter_map(dialing).collect();
        for (key, dial) in dials {
            fleet.handle(now, key, Event::DialAborted(dial));
        }
        drop(fleet);
        self.rung = self.berths.iter().flatten().map(|berth| berth.key).collect();
    }

    /// Follows the links that time or the limits have moved.
    fn tick(&mut self) {
        let now = self.shared.runtime.now();
        for _ in 0..TURN {
            let told = self.shared.fleet().poll(now);
            let Some((key, action)) = told else { break };
            self.settle(key, Some(action));
        }
    }

    /// Makes what exists of a link what `action` says, until nothing more happens to it at once. Without
    /// an action there is no such link. A panic of its code stops it, and no other.
    fn settle(&mut self, key: Key, action: Option<Action>) {
        if caught(|| self.follow(key, action.into())).is_ok() {
            return;
        }
        // What is left of it may panic again.
        let _ = caught(|| self.leave(key));
        let now = self.shared.runtime.now();
        self.shared.fleet().handle(now, key, Event::Stop);
        let _ = caught(|| self.lookout.tell(&self.shared, key, None));
    }

    fn follow(&mut self, key: Key, mut moved: Moved<E>) {
        for turn in 1..=TURN {
            self.lookout.tell(&self.shared, key, moved.error);
            let Some(told) = moved.action else {
                self.leave(key);
                return;
            };
            // Dials that end at once would keep the connections waiting for ever: the last turn is without.
            let last = turn == TURN;
            if !last && !self.reconcile(key, &told) {
                return;
            }
            match self.poll(key) {
                Some(next) => moved = next,
                None if last => break,
                None => return,
            }
        }
        self.shared.bells.ring(key);
    }

    /// True if something exists of the link then.
    fn reconcile(&mut self, key: Key, action: &Action) -> bool {
        let place = key.index();
        let ending = self.shutdown.is_some();
        let stale = self.berth(place).is_some_and(|berth| berth.key != key);
        if stale {
            // It may panic, for which this link is not to blame.
            let _ = caught(|| self.clear(place));
        }
        if self.berth(place).is_none() {
            if action.dial().is_none() || ending {
                return false;
            }
            if self.berths.len() <= place {
                self.berths.resize_with(place + 1, || None);
            }
            let bell = Arc::new(Bell::new(key, self.shared.bells.clone()));
            let waker = Waker::from(bell.clone());
            let berth = Berth { key, world: World::new(Private), bell, waker };
            self.berths[place] = Some(Box::new(berth));
            self.busy += 1;
        }
        let Some(Some(berth)) = self.berths.get_mut(place) else { return false };
        let ear = Ear::Fleet(berth.bell.clone());
        let start = |dial, line| (self.connect)(key, Attempt::new(dial, line, ear));
        berth.world.reconcile(action, ending, start);
        let exists = berth.world.dial.is_some() || !berth.world.is_down();
        if !exists {
            self.leave(key);
        }
        exists
    }

    /// Lets the futures of a link go on, and hears what they say; `None` if nothing has happened.
    fn poll(&mut self, key: Key) -> Option<Moved<E>> {
        let Some(Some(berth)) = self.berths.get_mut(key.index()) else { return None };
        let happened = berth.world.poll(&mut Context::from_waker(&berth.waker));
        let now = self.shared.runtime.now();
        let (event, error) = match happened {
            Poll::Pending => return self.hear(now, key),
            Poll::Ready(Happened::Dialed(room, Ok(connection))) => {
                return Some(self.connected(now, key, room, connection).into());
            }
            Poll::Ready(Happened::Dialed(room, Err(error))) => {
                let failure = error.classify();
                (Event::DialFailed(room.line.id, failure), Some((failure, error)))
            }
            Poll::Ready(Happened::Ended(id, ended)) => self.ended(now, key, id, ended),
            Poll::Ready(Happened::Spoken) => return None,
        };
        let action = self.shared.fleet().handle(now, key, event);
        Some(Moved { action, error })
    }

    fn connected(
        &mut self,
        now: Timestamp,
        key: Key,
        room: Boxed<D, V, ()>,
        connection: C,
    ) -> Option<Action> {
        let id = room.line.id;
        let mut fleet = self.shared.fleet();
        let action = fleet.handle(now, key, Event::Connected(id));
        let idles = fleet.get(key).is_some_and(|link| link.policy().idle_timeout().is_some());
        drop(fleet);
        let held = action.is_some_and(|action| action.held() == Some(id));
        if let (true, Some(Some(berth))) = (held, self.berths.get_mut(key.index())) {
            let ear = Ear::Fleet(berth.bell.clone());
            let session = Session::new(room.line.clone(), idles, ear);
            let serve = |connection| (self.serve)(key, connection, session);
            berth.world.hold(room, connection, serve);
        }
        action
    }

    /// A connection ended: what the link is to be told, and why.
    fn ended(
        &mut self,
        now: Timestamp,
        key: Key,
        id: DialId,
        ended: Ended<E>,
    ) -> (Event, Option<(Failure, E)>) {
        let (mut event, error) = match ended {
            Ended::Finished => (Event::Stop, None),
            Ended::Lost(error) => {
                let failure = error.classify();
                (Event::Closed(id, failure), Some((failure, error)))
            }
        };
        let Some(Some(berth)) = self.berths.get_mut(key.index()) else { return (event, error) };
        if let Some(link) = berth.world.link(id) {
            let line = &link.line;
            let mut fleet = self.shared.fleet();
            for heard in line.heard(now) {
                fleet.handle(now, key, heard);
            }
            let ends_link = fleet.get(key).is_some_and(|link| line.ends_link(&link.action()));
            if event == Event::Stop && !ends_link {
                event = Event::Closed(id, Failure::Unreachable);
            }
        }
        berth.world.close(id);
        (event, error)
    }

    /// What the dial and the connections of a link have said; `None` if nothing.
    fn hear(&mut self, now: Timestamp, key: Key) -> Option<Moved<E>> {
        let Some(Some(berth)) = self.berths.get(key.index()) else { return None };
        let progress = berth.world.take_progress().map(Event::Progress);
        let lines = berth.world.links().map(|link| &link.line);
        let heard = lines.flat_map(|line| line.heard(now));
        let mut moved = None;
        for event in progress.into_iter().chain(heard) {
            moved = Some(self.shared.fleet().handle(now, key, event).into());
        }
        moved
    }

    fn berth(&self, place: usize) -> Option<&Berth<C, D, V>> {
        self.berths.get(place)?.as_deref()
    }

    /// Nothing exists of the link any more.
    fn leave(&mut self, key: Key) {
        // Who had the place before has left it, or `key` would not have been there.
        if self.berth(key.index()).is_some_and(|berth| berth.key <= key) {
            self.clear(key.index());
        }
    }

    fn clear(&mut self, place: usize) {
        // Counted first: what it drops may panic.
        self.busy -= 1;
        self.berths[place] = None;
    }
}
