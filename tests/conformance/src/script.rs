//! What a scenario is made of.

use redial::{Failure, Policy};
use redial_async::Idempotent;

/// One thing that a dial or a connection does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Step {
    /// Nothing, for so many milliseconds.
    Wait(u64),
    /// The server has answered something.
    Progress,
    /// The dial succeeds; what follows is what the connection does.
    Accept,
    /// Subscribes to all there is, a millisecond each. The server refuses what is named `refused`, and
    /// what is named `broken` breaks the connection: the dial fails.
    Restore,
    /// Follows the subscriptions as they change, for ever.
    Follow,
    /// The dial fails.
    Fail(Failure),
    /// The application has seen the connection healthy.
    Confirm,
    /// Something was received.
    Activity,
    /// The server will end the connection, in so many milliseconds if it says so.
    GoingAway(Option<u64>),
    /// Nothing, until the connection is told to drain.
    UntilDraining,
    /// The connection is lost.
    Lose(Failure),
    /// The application is done.
    Finish,
    /// The code of the application panics.
    Panic,
}

/// One thing that the application says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Command {
    /// `start()`
    Start,
    /// `stop()`
    Stop,
    /// `redial()`
    Redial,
    /// `online()`
    Online,
    /// `offline()`
    Offline,
    /// `defer` for so many milliseconds.
    Defer(u64),
    /// `shutdown` within so many milliseconds, and waits for it beside.
    Shutdown(u64),
    /// Drops the link.
    Drop,
    /// So many callers ask for the connection at once.
    Connect(usize),
    /// So many callers report the connection that was handed out last as unreachable.
    Report(usize),
    /// So many callers run an operation of so many milliseconds that ends so.
    Run(usize, Idempotent, u64, Op),
    /// Adds a subscription.
    Subscribe(&'static str),
    /// Removes a subscription.
    Unsubscribe(&'static str),
    /// Someone waits for the end.
    Closed,
    /// Someone watches the status, and looks at it every so many milliseconds.
    Watch(u64),
}

/// How an operation ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Op {
    /// It has an answer.
    Answers,
    /// On the first connection it fails as a broken one does, on later ones it has an answer.
    BreaksFirst,
    /// The answer is an error, and the connection is well.
    IsRefused,
    /// It never ends by itself.
    Hangs,
    /// The code of the caller panics.
    Panics,
}

/// What happens to one link.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// What it shows.
    pub name: &'static str,
    /// The policy.
    pub policy: fn() -> Policy,
    /// Keys of the endpoints.
    pub endpoints: &'static [u32],
    /// Starts only when asked to.
    pub lazy: bool,
    /// What each dial does; those beyond the last do as the last.
    pub dials: &'static [&'static [Step]],
    /// What the application says, and when in milliseconds; in order.
    pub says: &'static [(u64, Command)],
    /// When it is over, in milliseconds.
    pub end: u64,
}
