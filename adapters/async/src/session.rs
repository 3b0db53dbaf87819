//! What `connect` and `serve` get besides the connection: a way to speak to the machine.

use std::pin::Pin;
use std::sync::PoisonError;
use std::task::{Context, Poll};
use std::time::Duration;

use event_listener::EventListener;
use redial::{Action, Dial, DialId, Event, Timestamp};

#[cfg(feature = "fleet")]
use crate::bells::Bell;
use crate::hub::{Hub, poll_until};
use crate::sync::{Arc, AtomicBool, AtomicU8, Mutex, MutexGuard, Ordering};

const PROGRESS: u8 = 1;
const CONFIRMED: u8 = 2;
const ACTIVITY: u8 = 4;
const GOING_AWAY: u8 = 8;

/// What one dial, and the connection that comes of it, has said since the loop last listened.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    /// Which of [`PROGRESS`], [`CONFIRMED`], [`ACTIVITY`] and [`GOING_AWAY`].
    said: AtomicU8,
    /// In what time the server will end the connection, if it said so; what it said last.
    going_away: Mutex<Option<Duration>>,
    draining: AtomicBool,
    drained: event_listener::Event,
}

/// One dial, and the connection that comes of it.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) id: DialId,
    pub(crate) endpoint: u32,
    pub(crate) slot: Arc<Slot>,
}

impl Line {
    /// Whether the link is done when the application is done with this connection. Not if it was told to
    /// finish it, or if another one is the link.
    pub(crate) fn ends_link(&self, action: &Action) -> bool {
        action.held() == Some(self.id) && !self.slot.is_draining()
    }
}

impl Slot {
    /// True if it was not said since the loop last listened.
    fn say(&self, what: u8) -> bool {
        self.said.fetch_or(what, Ordering::AcqRel) & what == 0
    }

    fn lock_going_away(&self) -> MutexGuard<'_, Option<Duration>> {
        self.going_away.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn take_progress(&self) -> bool {
        self.said.fetch_and(!PROGRESS, Ordering::AcqRel) & PROGRESS != 0
    }

    /// What a connection has said since it was last asked, as events at `now`.
    pub(crate) fn heard(&self, now: Timestamp, id: DialId) -> impl Iterator<Item = Event> {
        // Progress stays said, so that to say it again wakes nobody.
        let said = self.said.fetch_and(PROGRESS, Ordering::AcqRel);
        let going_away = || {
            let within = *self.lock_going_away();
            Event::GoingAway(id, within.map(|within| now.saturating_add(within)))
        };
        let events = [
            (said & ACTIVITY != 0).then_some(Event::Activity(id)),
            (said & CONFIRMED != 0).then_some(Event::Confirmed(id)),
            (said & GOING_AWAY != 0).then(going_away),
        ];
        events.into_iter().flatten()
    }

    /// Tells `serve` to finish what it has started.
    pub(crate) fn drain(&self) {
        if !self.draining.swap(true, Ordering::AcqRel) {
            self.drained.notify(usize::MAX);
        }
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }
}

/// The loop that listens.
#[derive(Clone, Debug)]
pub(crate) enum Ear {
    Link(Arc<Hub>),
    #[cfg(feature = "fleet")]
    Fleet(std::sync::Arc<Bell>),
}

impl Ear {
    /// Wakes the loop.
    fn speak(&self) {
        match self {
            Self::Link(hub) => hub.speak(),
            #[cfg(feature = "fleet")]
            Self::Fleet(bell) => bell.ring(),
        }
    }
}

/// One dial, as `connect` gets it.
///
/// ```
/// # mod client {
/// #     pub async fn tcp(_: u32) -> std::io::Result<()> { Ok(()) }
/// #     pub async fn login(_: ()) -> std::io::Result<()> { Ok(()) }
/// # }
/// use redial_async::Attempt;
///
/// async fn connect(attempt: Attempt) -> std::io::Result<()> {
///     let stream = client::tcp(attempt.dial.endpoint).await?;
///     attempt.progress(); // somebody is there: the rest has until the handshake's deadline
///     client::login(stream).await
/// }
/// # let _ = connect;
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Attempt {
    /// Which dial it is, to which endpoint, and until when. The loop drops the future at the deadline;
    /// `connect` need not watch it.
    pub dial: Dial,
    slot: Arc<Slot>,
    ear: Ear,
}

impl Attempt {
    pub(crate) fn new(dial: Dial, slot: Arc<Slot>, ear: Ear) -> Self {
        Self { dial, slot, ear }
    }

    /// The server has answered something: it has accepted TCP, or sent a hello. The first call that comes
    /// before the dial's deadline moves that to the dial's start plus the policy's `handshake_timeout`, or a
    /// longer one after stalled handshakes. Further calls do nothing.
    pub fn progress(&self) {
        if self.slot.say(PROGRESS) {
            self.ear.speak();
        }
    }
}

/// One connection, as `serve` gets it. Clones speak for the same connection.
///
/// ```
/// # mod protocol {
/// #     use std::{io, time::Duration};
/// #     pub enum Message { Pong, Data(Vec<u8>), Leaving(Duration) }
/// #     pub async fn receive(_: &mut Vec<u8>) -> io::Result<Message> { Ok(Message::Pong) }
/// # }
/// use std::io;
/// use redial_async::{Ended, Session};
/// use protocol::{Message, receive};
///
/// async fn serve(mut connection: Vec<u8>, session: Session) -> Ended<io::Error> {
///     while !session.is_draining() {
///         match receive(&mut connection).await {
///             // It answers: attempts, outage and breaker need not wait for `stable_after`.
///             Ok(Message::Pong) => session.confirmed(),
///             // `idle_timeout` begins anew.
///             Ok(Message::Data(_)) => session.activity(),
///             // A new connection is made, and then this one is told to drain.
///             Ok(Message::Leaving(within)) => session.going_away(Some(within)),
///             Err(error) => return Ended::Lost(error),
///         }
///     }
///     Ended::Finished
/// }
/// # let _ = serve;
/// ```
#[derive(Clone, Debug)]
pub struct Session {
    line: Line,
    /// Whether anyone asks for activity.
    idles: bool,
    ear: Ear,
}

impl Session {
    pub(crate) fn new(line: Line, idles: bool, ear: Ear) -> Self {
        Self { line, idles, ear }
    }

    /// The connection, by its dial.
    pub fn id(&self) -> DialId {
        self.line.id
    }

    /// The key of the endpoint it is connected to.
    pub fn endpoint(&self) -> u32 {
        self.line.endpoint
    }

    /// The application has seen the connection healthy: it need not wait for `stable_after` to count as
    /// a success. Never sent by the loop itself, because being accepted proves nothing.
    pub fn confirmed(&self) {
        if self.line.slot.say(CONFIRMED) {
            self.ear.speak();
        }
    }

    /// Something was received: the policy's `idle_timeout` begins anew. Costs next to nothing if the
    /// policy has none.
    pub fn activity(&self) {
        if self.idles && self.line.slot.say(ACTIVITY) {
            self.ear.speak();
        }
    }

    /// The server will end this connection, `within` this time from now if it said so. A new one is made
    /// first, once this one is stable; then [`draining`](Self::draining) ends.
    pub fn going_away(&self, within: Option<Duration>) {
        *self.line.slot.lock_going_away() = within;
        self.line.slot.say(GOING_AWAY);
        self.ear.speak();
    }

    /// Ends when this connection is to finish what it has started and take on nothing new: another one
    /// is the link, or the link is being shut down. `serve` should then return when it is done; at the
    /// drain deadline it is dropped. Also ends once the connection is gone, for other tasks that have a
    /// clone of this.
    pub fn draining(&self) -> Drain {
        Drain::new(self.line.slot.clone())
    }

    /// Whether [`draining`](Self::draining) would end at once.
    pub fn is_draining(&self) -> bool {
        self.line.slot.is_draining()
    }
}

/// Waits until a connection is to finish; made by [`Session::draining`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct Drain {
    slot: Arc<Slot>,
    listener: Option<EventListener>,
}

impl Drain {
    pub(crate) fn new(slot: Arc<Slot>) -> Self {
        Self { slot, listener: None }
    }
}

impl Future for Drain {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Self { slot, listener } = &mut *self;
        poll_until(&slot.drained, listener, cx, || slot.is_draining().then_some(()))
    }
}
