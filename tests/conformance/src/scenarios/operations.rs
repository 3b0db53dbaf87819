//! Operations over a link, and subscriptions.

use redial_async::Idempotent::{No, Yes};

use super::{BASE, LOST, REFUSED, UP, built, exact, ms};
use crate::script::Command::{Run, Shutdown, Stop, Subscribe, Unsubscribe};
use crate::script::Op::{Answers, BreaksFirst, Hangs, IsRefused, Panics};
use crate::script::Step::{Accept, Finish, Follow, GoingAway, Restore, UntilDraining, Wait};
use crate::script::{Scenario, Step};

/// Up with its subscriptions, for as long as it lasts.
const SUBSCRIBED: &[Step] = &[Wait(10), Restore, Accept, Follow];

const LEAVES: &[Step] = &[Accept, Wait(1500), GoingAway(None), UntilDraining, Wait(300), Finish];

pub(super) const ALL: &[Scenario] = &[
    Scenario {
        name: "an operation waits for the connection",
        lazy: true,
        dials: &[REFUSED, &[Wait(50), Accept]],
        says: &[(5, Run(3, No, 20, Answers))],
        ..BASE
    },
    Scenario {
        name: "an operation breaks its connection: it runs again if it may",
        says: &[(1505, Run(1, Yes, 20, BreaksFirst)), (2505, Run(1, No, 20, BreaksFirst))],
        ..BASE
    },
    Scenario {
        name: "ten operations see one connection fail: one dial",
        says: &[(1505, Run(10, Yes, 20, BreaksFirst))],
        ..BASE
    },
    Scenario {
        name: "an answer that is an error keeps the connection",
        says: &[(1505, Run(2, Yes, 20, IsRefused))],
        ..BASE
    },
    Scenario {
        name: "the connection is lost under operations",
        dials: &[&[Accept, Wait(1600), LOST], UP],
        says: &[(1505, Run(1, Yes, 200, Answers)), (1506, Run(1, No, 200, Answers))],
        ..BASE
    },
    Scenario {
        name: "answers keep an idle timeout away, and a hang does not",
        policy: || built(exact().idle_timeout(ms(700))),
        says: &[
            (505, Run(1, Yes, 0, Answers)),
            (1105, Run(1, No, 50, IsRefused)),
            (1755, Run(1, Yes, 50, Answers)),
            (2205, Run(1, No, 0, Hangs)),
            (3105, Run(2, Yes, 0, Answers)),
        ],
        end: 4000,
        ..BASE
    },
    Scenario {
        name: "an operation that hangs has a deadline",
        says: &[(505, Run(1, Yes, 0, Hangs))],
        ..BASE
    },
    Scenario {
        name: "an operation panics: its connection ends, and others go on",
        says: &[
            (1505, Run(1, Yes, 50, Answers)),
            (1506, Run(1, No, 50, Answers)),
            (1515, Run(2, Yes, 20, Panics)),
            (2505, Run(1, Yes, 20, Answers)),
            (2705, Run(1, Yes, 20, Panics)),
        ],
        ..BASE
    },
    Scenario {
        name: "an operation without a connection has a deadline",
        dials: &[REFUSED],
        says: &[(505, Run(1, Yes, 0, Answers))],
        ..BASE
    },
    Scenario {
        name: "an operation meets a give-up",
        policy: || built(exact().max_attempts(3)),
        dials: &[REFUSED],
        says: &[(205, Run(2, Yes, 0, Answers))],
        ..BASE
    },
    Scenario {
        name: "an operation meets a stop",
        says: &[(505, Run(1, Yes, 300, Answers)), (605, Stop), (705, Run(1, Yes, 0, Answers))],
        ..BASE
    },
    Scenario {
        name: "an operation is finished by the connection that drains",
        dials: &[LEAVES, UP],
        says: &[(1405, Run(1, No, 200, Answers)), (1605, Run(1, No, 10, Answers))],
        ..BASE
    },
    Scenario {
        name: "an operation during a shutdown",
        dials: &[&[Accept, UntilDraining, Wait(400), Finish]],
        says: &[(1505, Run(1, Yes, 200, Answers)), (1605, Shutdown(1000))],
        ..BASE
    },
    Scenario {
        name: "subscriptions are replayed in order on each connection",
        dials: &[SUBSCRIBED],
        lazy: true,
        says: &[
            (5, Subscribe("b")),
            (15, Subscribe("a")),
            (25, Subscribe("b")),
            (105, Run(1, Yes, 0, Answers)),
            (1505, Run(1, Yes, 0, BreaksFirst)),
        ],
        ..BASE
    },
    Scenario {
        name: "subscriptions change while connected, and while not",
        dials: &[&[Restore, Accept, Follow], REFUSED, &[Wait(500), Restore, Accept, Follow]],
        says: &[
            (105, Subscribe("a")),
            (205, Subscribe("b")),
            (305, Unsubscribe("a")),
            (1505, Run(1, Yes, 0, BreaksFirst)),
            (1555, Subscribe("c")),
            (1605, Unsubscribe("b")),
        ],
        ..BASE
    },
    Scenario {
        name: "a subscription is refused: the others are there",
        dials: &[SUBSCRIBED],
        lazy: true,
        says: &[
            (5, Subscribe("a")),
            (6, Subscribe("refused")),
            (7, Subscribe("b")),
            (105, Run(1, Yes, 0, Answers)),
        ],
        ..BASE
    },
    Scenario {
        name: "a subscription breaks the connection: a failed dial",
        dials: &[SUBSCRIBED],
        lazy: true,
        says: &[
            (5, Subscribe("a")),
            (6, Subscribe("broken")),
            (105, Run(1, Yes, 0, Answers)),
            (1005, Unsubscribe("broken")),
        ],
        ..BASE
    },
    Scenario {
        name: "a restore has no more time than its dial",
        policy: || built(exact().dial_timeout(ms(12)).dial_timeout_max(ms(12))),
        dials: &[SUBSCRIBED],
        lazy: true,
        says: &[
            (5, Subscribe("a")),
            (6, Subscribe("b")),
            (7, Subscribe("c")),
            (105, Run(1, Yes, 0, Answers)),
            (1005, Unsubscribe("b")),
            (1006, Unsubscribe("c")),
        ],
        ..BASE
    },
];
