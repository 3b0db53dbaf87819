//! What the application says, in each state.

use redial::{Failure, Policy};

use super::{BASE, HANGS, LOST, REFUSED, UP, built, exact, ms};
use crate::script::Command::{
    Closed, Connect, Defer, Drop, Offline, Online, Redial, Report, Shutdown, Start, Stop, Watch,
};
use crate::script::Step::{Accept, Confirm, Fail, Finish, UntilDraining, Wait};
use crate::script::{Scenario, Step};

/// Finishes 50 ms after it was told to.
const POLITE: &[Step] = &[Accept, UntilDraining, Wait(50), Finish];

pub(super) const ALL: &[Scenario] = &[
    Scenario {
        name: "stop while dialing",
        dials: &[HANGS, UP],
        says: &[(105, Stop), (605, Start)],
        ..BASE
    },
    Scenario {
        name: "stop while waiting",
        dials: &[REFUSED, REFUSED, REFUSED, UP],
        says: &[(405, Stop), (605, Start)],
        ..BASE
    },
    Scenario {
        name: "stop while connected",
        says: &[(105, Closed), (205, Stop), (305, Stop), (605, Start)],
        ..BASE
    },
    Scenario {
        name: "stop in the instant of a loss",
        dials: &[&[Accept, Wait(500), LOST], UP],
        says: &[(500, Stop), (705, Start)],
        ..BASE
    },
    Scenario {
        name: "start while running changes nothing",
        dials: &[REFUSED, &[Wait(300), Accept]],
        says: &[(55, Start), (205, Start), (1005, Start)],
        ..BASE
    },
    Scenario {
        name: "redial while waiting",
        dials: &[REFUSED, REFUSED, REFUSED, REFUSED, UP],
        says: &[(755, Redial)],
        ..BASE
    },
    Scenario {
        name: "redial while dialing changes nothing",
        dials: &[&[Wait(500), Accept]],
        says: &[(105, Redial)],
        ..BASE
    },
    Scenario { name: "redial drops an unstable connection", says: &[(505, Redial)], ..BASE },
    Scenario {
        name: "redial after a give-up changes nothing",
        dials: &[&[Fail(Failure::Fatal)]],
        says: &[(505, Redial)],
        ..BASE
    },
    Scenario {
        name: "redialing without end meets the rate limit",
        policy: || built(exact().rate_limit(2, ms(1000))),
        says: &[(105, Redial), (205, Redial), (305, Redial), (2005, Redial)],
        ..BASE
    },
    Scenario {
        name: "offline while waiting, then online",
        dials: &[REFUSED, REFUSED, REFUSED, REFUSED, UP],
        says: &[(755, Offline), (2005, Online)],
        ..BASE
    },
    Scenario {
        name: "offline while dialing: the dial may finish",
        dials: &[&[Wait(500), Accept]],
        says: &[(105, Offline)],
        ..BASE
    },
    Scenario {
        name: "offline while dialing: a failure is nobody's fault",
        dials: &[&[Wait(500), Fail(Failure::Unreachable)], UP],
        says: &[(105, Offline), (1005, Online)],
        ..BASE
    },
    Scenario {
        name: "offline while connected, and then lost",
        dials: &[&[Accept, Wait(2000), LOST], UP],
        says: &[(1505, Offline), (3005, Online)],
        ..BASE
    },
    Scenario {
        name: "offline from the start",
        lazy: true,
        says: &[(5, Offline), (105, Start), (505, Online)],
        ..BASE
    },
    Scenario {
        name: "deferred, and let go",
        dials: &[REFUSED, UP],
        says: &[(55, Defer(2000)), (705, Defer(0))],
        ..BASE
    },
    Scenario {
        name: "deferred until then",
        dials: &[REFUSED, UP],
        says: &[(55, Defer(2000))],
        ..BASE
    },
    Scenario {
        name: "dropped while dialing",
        dials: &[HANGS],
        says: &[(15, Closed), (105, Drop)],
        ..BASE
    },
    Scenario {
        name: "dropped while waiting",
        dials: &[REFUSED],
        says: &[(15, Closed), (405, Drop)],
        ..BASE
    },
    Scenario { name: "dropped while connected", says: &[(15, Closed), (405, Drop)], ..BASE },
    Scenario {
        name: "dropped after a give-up",
        dials: &[&[Fail(Failure::Fatal)]],
        says: &[(15, Closed), (405, Drop)],
        ..BASE
    },
    Scenario {
        name: "shutdown drains",
        dials: &[POLITE],
        says: &[(1505, Shutdown(1000)), (1605, Connect(1)), (1705, Start)],
        ..BASE
    },
    Scenario { name: "shutdown does not wait for ever", says: &[(1505, Shutdown(1000))], ..BASE },
    Scenario {
        name: "shutdown while waiting",
        dials: &[REFUSED],
        says: &[(405, Shutdown(1000))],
        ..BASE
    },
    Scenario {
        name: "shutdown while dialing",
        dials: &[HANGS],
        says: &[(405, Shutdown(1000))],
        ..BASE
    },
    Scenario {
        name: "lazy: ten callers, one dial",
        lazy: true,
        dials: &[&[Wait(100), Accept]],
        says: &[(505, Connect(10)), (705, Connect(1))],
        ..BASE
    },
    Scenario {
        name: "lazy: ten callers, one give-up",
        lazy: true,
        policy: || built(exact().max_attempts(2)),
        dials: &[REFUSED],
        says: &[(505, Connect(10))],
        ..BASE
    },
    Scenario { name: "lazy: nobody asks", lazy: true, ..BASE },
    Scenario {
        name: "ten callers see one connection fail: it fails once",
        dials: &[UP, UP],
        says: &[(1505, Report(10)), (1605, Connect(1))],
        ..BASE
    },
    Scenario {
        name: "a confirmed connection is reported: a new outage, the next backoff",
        dials: &[REFUSED, REFUSED, &[Accept, Confirm], UP],
        says: &[(505, Report(1))],
        ..BASE
    },
    Scenario {
        name: "a watch looks seldom, and sees what is",
        dials: &[REFUSED, REFUSED, REFUSED, REFUSED, UP],
        says: &[(5, Watch(400))],
        ..BASE
    },
    Scenario {
        name: "a watch sees each change if it looks often",
        policy: || Policy::DEFAULT,
        dials: &[REFUSED, UP],
        says: &[(5, Watch(1)), (4005, Stop)],
        ..BASE
    },
];
