//! A connection is replaced while it works.

use redial::{Failure, Policy, Refresh};

use super::{BASE, HANGS, LOST, REFUSED, UP, built, exact, ms};
use crate::script::Command::{Closed, Drop, Offline, Online, Redial, Report, Shutdown, Stop};
use crate::script::Step::{Accept, Fail, Finish, GoingAway, UntilDraining, Wait};
use crate::script::{Scenario, Step};

/// The server goes away; what was started takes another 300 ms.
const LEAVES: &[Step] = &[Accept, Wait(1500), GoingAway(None), UntilDraining, Wait(300), Finish];

/// The server goes away, and what was started never ends.
const LINGERS: &[Step] = &[Accept, Wait(1500), GoingAway(None)];

const SLOW: &[Step] = &[Wait(200), Accept];

pub(super) const ALL: &[Scenario] = &[
    Scenario { name: "the server drains: the new one first", dials: &[LEAVES, SLOW], ..BASE },
    Scenario { name: "a drain deadline", dials: &[LINGERS, SLOW], ..BASE },
    Scenario {
        name: "the server's own deadline",
        dials: &[&[Accept, Wait(1500), GoingAway(Some(700))], SLOW],
        ..BASE
    },
    Scenario {
        name: "before the new one is up no deadline ends the old one",
        dials: &[
            &[Accept, Wait(1500), GoingAway(Some(100)), UntilDraining, Finish],
            REFUSED,
            REFUSED,
            SLOW,
        ],
        ..BASE
    },
    Scenario {
        name: "the old one ends by itself while it drains",
        dials: &[&[Accept, Wait(1500), GoingAway(None), UntilDraining, Wait(100), LOST], UP],
        ..BASE
    },
    Scenario {
        name: "the old one is lost during the handover dial",
        dials: &[&[Accept, Wait(1500), GoingAway(None), Wait(100), LOST], SLOW],
        ..BASE
    },
    Scenario {
        name: "the old one is lost while the next try waits",
        dials: &[&[Accept, Wait(1500), GoingAway(None), Wait(250), LOST], REFUSED, REFUSED, UP],
        ..BASE
    },
    Scenario {
        name: "the new one is lost while the old one drains: it is the link again",
        dials: &[LINGERS, &[Accept, Wait(500), LOST], SLOW],
        ..BASE
    },
    Scenario {
        name: "a handover that fails for good costs no connection",
        dials: &[LINGERS, &[Fail(Failure::Fatal)]],
        ..BASE
    },
    Scenario { name: "a handover dial hangs", dials: &[LEAVES, HANGS, UP], ..BASE },
    Scenario {
        name: "going away before it is stable: a flap at its end",
        dials: &[&[Accept, Wait(500), GoingAway(Some(100)), Wait(100), LOST], UP],
        ..BASE
    },
    Scenario {
        name: "redial while connected",
        dials: &[&[Accept, UntilDraining, Wait(30), Finish], SLOW],
        says: &[(1505, Redial), (1605, Redial)],
        ..BASE
    },
    Scenario {
        name: "offline during a handover dial",
        dials: &[LEAVES, &[Wait(200), Fail(Failure::Unreachable)], UP],
        says: &[(1605, Offline), (3005, Online)],
        ..BASE
    },
    Scenario {
        name: "stop during a handover dial",
        dials: &[LEAVES, SLOW],
        says: &[(5, Closed), (1605, Stop)],
        ..BASE
    },
    Scenario {
        name: "stop while the old one drains",
        dials: &[LEAVES, UP],
        says: &[(1605, Stop)],
        ..BASE
    },
    Scenario {
        name: "dropped while the old one drains",
        dials: &[LEAVES, UP],
        says: &[(5, Closed), (1605, Drop)],
        ..BASE
    },
    Scenario {
        name: "shutdown while the old one drains: both may finish",
        dials: &[LEAVES, &[Accept, UntilDraining, Wait(400), Finish]],
        says: &[(1605, Shutdown(1000))],
        ..BASE
    },
    Scenario {
        name: "the new one is reported while the old one drains",
        dials: &[LINGERS, UP, SLOW],
        says: &[(1605, Report(2))],
        ..BASE
    },
    Scenario {
        name: "break first, where a second connection evicts the first",
        policy: || built(exact().refresh(Refresh::BreakFirst)),
        dials: &[LEAVES, SLOW],
        ..BASE
    },
    Scenario {
        name: "max_age",
        policy: || built(exact().max_age(ms(2500))),
        dials: &[&[Accept, UntilDraining, Wait(30), Finish]],
        end: 9000,
        ..BASE
    },
    Scenario {
        name: "max_age, spread",
        policy: || built(Policy::DEFAULT.to_builder().max_age(ms(60_000))),
        dials: &[&[Accept, UntilDraining, Wait(30), Finish]],
        end: 300_000,
        ..BASE
    },
];
