//! Sizes of the public types.

use crate::figures::Figure;

macro_rules! sizes {
    ($($type:ty $(=> $goal:literal)?),* $(,)?) => {
        vec![$(Figure::new(
            concat!("size of `", stringify!($type), "`"),
            size_of::<$type>() as u64,
            "bytes",
            [$(Some($goal),)? None][0],
        )),*]
    };
}

pub(crate) fn all() -> Vec<Figure> {
    use redial::{
        Action, Backoff, Breaker, BreakerPolicy, Circuit, Counters, Dial, DialId, Draining,
        Endpoint, EndpointSnapshot, Event, Failure, GiveUp, Growth, Health, Hold, Jitter, Permit,
        Phase, Policy, PolicyBuilder, PolicyError, Reconnector, Refused, Snapshot, SnapshotError,
        Status, Timestamp, Wait,
    };
    sizes![
        Reconnector<&'static Policy> => 208,
        Reconnector<&'static Policy, [Endpoint; 3]>,
        Reconnector,
        Endpoint,
        Policy,
        PolicyBuilder,
        PolicyError,
        Action => 56,
        Dial,
        Wait,
        Hold,
        Draining,
        GiveUp,
        Event,
        Failure,
        Timestamp,
        DialId,
        Status,
        Phase,
        Circuit,
        Counters,
        Backoff,
        Growth,
        Jitter,
        Breaker,
        BreakerPolicy,
        Permit<'static>,
        Refused,
        Snapshot,
        EndpointSnapshot,
        SnapshotError,
        Health,
    ]
}
