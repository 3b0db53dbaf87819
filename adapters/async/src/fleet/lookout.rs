//! What those who observe a fleet are told of each link.

use std::borrow::Borrow;

use redial::{Action, Endpoint, EndpointSnapshot, Failure, Phase, Policy, Snapshot, Status};
use redial_fleet::Key;

use crate::fleet::Shared;
use crate::runtime::Runtime;
use crate::saved::Saved;
use crate::transition::{Snapshots, Transition, cut_off, differ};

/// A link as it was when it was last looked at.
struct Seen {
    key: Key,
    status: Status,
    action: Action,
}

/// Sees the links change, for an observer.
pub(crate) struct Lookout<O> {
    observer: Option<O>,
    /// By place. Empty without an observer.
    seen: Vec<Option<Seen>>,
}

impl<O> Lookout<O> {
    pub(crate) fn new(observer: Option<O>) -> Self {
        Self { observer, seen: Vec::new() }
    }

    /// Tells the observer what has become of a link, if that is another thing than it was. `error` has ended
    /// its dial or connection.
    pub(crate) fn tell<R, P, S, E>(
        &mut self,
        shared: &Shared<R, P, S>,
        key: Key,
        error: Option<(Failure, E)>,
    ) where
        R: Runtime,
        P: Borrow<Policy>,
        S: AsRef<[Endpoint]> + AsMut<[Endpoint]>,
        O: FnMut(Key, &Transition<'_, E>),
    {
        let Some(observer) = &mut self.observer else { return };
        let at = shared.runtime.now();
        let fleet = shared.fleet();
        let Some(link) = fleet.get(key) else { return };
        let (to, action) = (link.status(), link.action());
        let place = key.index();
        if self.seen.len() <= place {
            self.seen.resize_with(place + 1, || None);
        }
        let now = Seen { key, status: to, action };
        let before = self.seen[place].replace(now).filter(|seen| seen.key == key);
        let (from, before) = before.map_or_else(
            || {
                let mut idle = to;
                idle.phase = Phase::Idle;
                (idle, Action::Idle)
            },
            |seen| (seen.status, seen.action),
        );
        if !differ((&from, &before), (&to, &action)) {
            return;
        }
        let (failure, error) = match error {
            Some((failure, error)) => (Some(failure), Some(error)),
            None => {
                (cut_off(link.policy(), &before, &action).filter(|_| at >= before.wake()), None)
            }
        };
        // An observer may ask the fleet for anything, and so has copies.
        let endpoints = link.endpoints().to_vec();
        let saved = Saved::from(link);
        drop(fleet);
        observer(
            key,
            &Transition {
                at,
                from,
                before,
                to,
                action,
                failure,
                error: error.as_ref(),
                endpoints: &endpoints,
                source: &saved,
            },
        );
    }
}

impl Snapshots for Saved {
    fn snapshot(&self) -> Snapshot {
        self.link
    }

    fn endpoint_snapshots(&self) -> Vec<EndpointSnapshot> {
        self.endpoints.clone()
    }
}
