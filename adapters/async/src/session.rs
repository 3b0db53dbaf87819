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
use crate::sync::{Arc, AtomicU8, Mutex, MutexGuard, Ordering};

const PROGRESS: u8 = 1;
pub(crate) const CONFIRMED: u8 = 2;
pub(crate) const ACTIVITY: u8 = 4;
const GOING_AWAY: u8 = 8;
/// To be told to it: finish what was started.
const DRAINING: u8 = 16;
/// Somebody may be waiting to be told.
const AWAITED: u8 = 32;
/// A caller has found it broken.
const BROKEN: u8 = 64;

/// One dial, and the connection that comes of it.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) id: DialId,
    pub(crate) endpoint: u32,
    /// Which of the above. What the loop is to hear stays until it listens.
    said: AtomicU8,
    /// In what time the server will end the connection, if it said so; what it said last.
    going_away: Mutex<Option<Duration>>,
    drained: event_listener::Event,
}

impl Line {
    pub(crate) fn new(id: DialId, endpoint: u32) -> Self {
        let (said, going_away) = (AtomicU8::new(0), Mutex::new(None));
        Self { id, endpoint, said, going_away, drained: event_listener::Event::new() }
    }

    /// True if it was not said since the loop last listened.
    pub(crate) fn say(&self, what: u8) -> bool {
        self.said.fetch_or(what, Ordering::AcqRel) & what == 0
    }

    fn lock_going_away(&self) -> MutexGuard<'_, Option<Duration>> {
        self.going_away.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn take_progress(&self) -> bool {
        self.said.fetch_and(!PROGRESS, Ordering::AcqRel) & PROGRESS != 0
    }

    /// What a connection has said since it was last asked, as events at `now`.
    pub(crate) fn heard(&self, now: Timestamp) -> impl Iterator<Item = Event> {
        // Progress stays said, so that to say it again wakes nobody.
        let said = self.said.fetch_and(!(CONFIRMED | ACTIVITY | GOING_AWAY), Ordering::AcqRel);
        let news =
            [ACTIVITY, CONFIRMED, GOING_AWAY].into_iter().filter(move |what| said & what != 0);
        news.map(move |what| match what {
            ACTIVITY => Event::Activity(self.id),
            CONFIRMED => Event::Confirmed(self.id),
            _ => {
                let within = *self.lock_going_away();
                Event::GoingAway(self.id, within.map(|within| now.saturating_add(within)))
            }
        })
    }

    /// Tells `serve` to finish what it has started, and whoever else has a session, that it is over.
    pub(crate) fn drain(&self) {
        let before = self.said.fetch_or(DRAINING, Ordering::AcqRel);
        // To notify nobody would cost an allocation.
        if before & (DRAINING | AWAITED) == AWAITED {
            self.drained.notify(usize::MAX);
        }
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.said.load(Ordering::Acquire) & DRAINING != 0
    }

    /// Whether a caller has found it broken: whoever says so first, under the lock of the view.
    pub(crate) fn is_broken(&self) -> bool {
        self.said.load(Ordering::Acquire) & BROKEN != 0
    }

    pub(crate) fn set_broken(&self) {
        self.say(BROKEN);
    }

    /// Whether the link is done when the application is done with this connection. Not if it was told to
    /// finish it, or if another one is the link.
    pub(crate) fn ends_link(&self, action: &Action) -> bool {
        action.held() == Some(self.id) && !self.is_draining()
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
    line: Arc<Line>,
    ear: Ear,
}

impl Attempt {
    pub(crate) fn new(dial: Dial, line: Arc<Line>, ear: Ear) -> Self {
        Self { dial, line, ear }
    }

    /// The server has answered something: it has accepted TCP, or sent a hello. The first call that comes
    /// before the dial's deadline moves that to the dial's start plus the policy's `handshake_timeout`, or a
    /// longer one after stalled handshakes. Further calls do nothing.
    pub fn progress(&self) {
        if self.line.say(PROGRESS) {
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
    line: Arc<Line>,
    /// Whether anyone asks for activity.
    idles: bool,
    ear: Ear,
}

impl Session {
    pub(crate) fn new(line: Arc<Line>, idles: bool, ear: Ear) -> Self {
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
        if self.line.say(CONFIRMED) {
            self.ear.speak();
        }
    }

    /// Something was received: the policy's `idle_timeout` begins anew. Costs next to nothing if the
    /// policy has none.
    pub fn activity(&self) {
        if self.idles && self.line.say(ACTIVITY) {
            self.ear.speak();
        }
    }

    /// The server will end this connection, `within` this time from now if it said so. A new one is made
    /// first, once this one is stable; then [`draining`](Self::draining) ends.
    pub fn going_away(&self, within: Option<Duration>) {
        *self.line.lock_going_away() = within;
        self.line.say(GOING_AWAY);
        self.ear.speak();
    }

    /// Ends when this connection is to finish what it has started and take on nothing new: another one
    /// is the link, or the link is being shut down. `serve` should then return when it is done; at the
    /// drain deadline it is dropped. Also ends once the connection is gone, for other tasks that have a
    /// clone of this.
    pub fn draining(&self) -> Drain {
        Drain::new(self.line.clone())
    }

    /// Whether [`draining`](Self::draining) would end at once.
    pub fn is_draining(&self) -> bool {
        self.line.is_draining()
    }
}

/// Waits until a connection is to finish; made by [`Session::draining`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct Drain {
    line: Arc<Line>,
    listener: Option<EventListener>,
}

impl Drain {
    pub(crate) fn new(line: Arc<Line>) -> Self {
        line.say(AWAITED);
        Self { line, listener: None }
    }
}

impl Future for Drain {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Self { line, listener } = &mut *self;
        poll_until(&line.drained, listener, cx, || line.is_draining().then_some(()))
    }
}
