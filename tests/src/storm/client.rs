//! A client, real or modelled, behind one small contract.

use std::time::Duration;

use redial::{Action, Event, Failure, Policy, PolicyError, Reconnector, Timestamp};

use super::peers::{Peer, PeerClient};

/// What every client of a fleet does.
#[derive(Clone, Debug)]
pub struct Strategy {
    name: String,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Policy(Box<Policy>),
    Peer(&'static Peer),
}

impl Strategy {
    /// Real reconnectors under `policy`. Its `idle_timeout` and `max_age` are left out, since nothing
    /// is sent and the fleet is not watched for long.
    ///
    /// # Errors
    /// None for a policy that was built; the signature only says so.
    pub fn policy(name: impl Into<String>, policy: &Policy) -> Result<Self, PolicyError> {
        let never = Duration::MAX;
        let policy = policy.to_builder().idle_timeout(never).max_age(never).build()?;
        Ok(Self { name: name.into(), kind: Kind::Policy(Box::new(policy)) })
    }

    /// [`Policy::DEFAULT`].
    pub fn default_policy() -> Self {
        let policy = Box::new(Policy::DEFAULT);
        Self { name: "redial".into(), kind: Kind::Policy(policy) }
    }

    /// A model of another library.
    pub fn peer(peer: &'static Peer) -> Self {
        Self { name: peer.name.into(), kind: Kind::Peer(peer) }
    }

    /// Its name in tables.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The policy, if these are real reconnectors.
    pub fn as_policy(&self) -> Option<&Policy> {
        match &self.kind {
            Kind::Policy(policy) => Some(policy),
            Kind::Peer(_) => None,
        }
    }

    pub(crate) fn client(&self, seed: u64) -> Client<'_> {
        match &self.kind {
            Kind::Policy(policy) => Client::Real(Reconnector::new(policy, seed)),
            Kind::Peer(peer) => Client::Peer(PeerClient::new(peer, seed)),
        }
    }
}

/// What happened to a client. Ids that are not current are ignored.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Input {
    Start,
    Tick,
    Progress(u64),
    Connected(u64),
    Failed(u64, Failure),
    Closed(u64, Failure),
}

/// What should exist after it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Wants {
    pub(crate) dial: Option<u64>,
    pub(crate) held: Option<u64>,
    /// Nanoseconds; `u64::MAX` for never.
    pub(crate) wake: u64,
    pub(crate) gave_up: bool,
}

pub(crate) enum Client<'a> {
    Real(Reconnector<&'a Policy>),
    Peer(PeerClient),
}

impl Client<'_> {
    pub(crate) fn handle(&mut self, now: u64, input: Input) -> Wants {
        let link = match self {
            Self::Real(link) => link,
            Self::Peer(peer) => return peer.handle(now, input),
        };
        let before = link.action();
        let dial = |id: u64| before.dial().map(|d| d.id).filter(|d| d.get() == id);
        let held = |id: u64| before.held().filter(|h| h.get() == id);
        let event = match input {
            Input::Start => Some(Event::Start),
            Input::Tick => Some(Event::Tick),
            Input::Progress(id) => dial(id).map(Event::Progress),
            Input::Connected(id) => dial(id).map(Event::Connected),
            Input::Failed(id, failure) => dial(id).map(|id| Event::DialFailed(id, failure)),
            Input::Closed(id, failure) => held(id).map(|id| Event::Closed(id, failure)),
        };
        let event = event.unwrap_or(Event::Tick);
        let action = link.handle(Timestamp::from_nanos(now), event);
        Wants {
            dial: action.dial().map(|dial| dial.id.get()),
            held: action.held().map(redial::DialId::get),
            wake: action.wake().as_nanos(),
            gave_up: matches!(action, Action::GiveUp(_)),
        }
    }
}
