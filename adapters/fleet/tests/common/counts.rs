//! What a fleet counts, from its links one by one.

use std::borrow::Borrow;

use redial::{Endpoint, Phase, Policy, Reconnector};
use redial_fleet::Counts;

/// All but the queue, which is the fleet's own.
pub(crate) fn counted<'a, P, S>(links: impl Iterator<Item = &'a Reconnector<P, S>>) -> Counts
where
    P: Borrow<Policy> + 'a,
    S: AsRef<[Endpoint]> + AsMut<[Endpoint]> + 'a,
{
    let mut counts = Counts::default();
    for link in links {
        *match link.status().phase {
            Phase::Connecting { .. } => &mut counts.connecting,
            Phase::Connected { .. } => &mut counts.connected,
            Phase::Reconnecting { .. } => &mut counts.reconnecting,
            Phase::Offline => &mut counts.offline,
            Phase::GaveUp { .. } => &mut counts.gave_up,
            _ => &mut counts.idle,
        } += 1;
        counts.dialing += u32::from(link.action().dial().is_some());
    }
    counts
}
