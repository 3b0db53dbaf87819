//! Several endpoints, and the breaker.

use redial::{BreakerPolicy, Failure, Policy, Selection};

use super::{BASE, FLAP, HANGS, LOST, REFUSED, UP, built, exact, ms};
use crate::script::Command::{Connect, Redial, Report};
use crate::script::Step::{Accept, Fail, Finish, UntilDraining, Wait};
use crate::script::{Scenario, Step};

const ONCE: &[Step] = &[Accept, Wait(1500), LOST];
const POLITE: &[Step] = &[Accept, UntilDraining, Wait(30), Finish];

pub(super) const ALL: &[Scenario] = &[
    Scenario {
        name: "failover, and it stays there",
        endpoints: &[1, 2, 3],
        dials: &[REFUSED, ONCE, UP],
        ..BASE
    },
    Scenario { name: "round after round", endpoints: &[1, 2, 3], dials: &[REFUSED], ..BASE },
    Scenario {
        name: "max_rounds: each is tried once",
        policy: || built(exact().max_rounds(1)),
        endpoints: &[1, 2, 3],
        dials: &[REFUSED],
        says: &[(5, Connect(1))],
        ..BASE
    },
    Scenario {
        name: "a hanging endpoint does not hold up the next",
        endpoints: &[1, 2],
        dials: &[HANGS, UP],
        ..BASE
    },
    Scenario {
        name: "an unsuitable endpoint is parked",
        policy: || built(exact().park_for(ms(2000))),
        endpoints: &[1, 2],
        dials: &[&[Fail(Failure::Unsuitable)], FLAP, FLAP, FLAP, FLAP, FLAP, UP],
        ..BASE
    },
    Scenario {
        name: "all are parked: it waits",
        policy: || built(exact().park_for(ms(2000))),
        endpoints: &[1, 2],
        dials: &[&[Fail(Failure::Unsuitable)], &[Fail(Failure::Unsuitable)], UP],
        ..BASE
    },
    Scenario {
        name: "priority, and failback",
        policy: || built(exact().selection(Selection::Priority { failback: Some(ms(2000)) })),
        endpoints: &[1, 2],
        dials: &[REFUSED, POLITE, POLITE],
        ..BASE
    },
    Scenario {
        name: "priority without failback",
        policy: || built(exact().selection(Selection::Priority { failback: None })),
        endpoints: &[1, 2],
        dials: &[REFUSED, ONCE, UP],
        ..BASE
    },
    Scenario {
        name: "shuffled",
        policy: || built(exact().selection(Selection::Shuffle)),
        endpoints: &[1, 2, 3, 4],
        dials: &[REFUSED],
        ..BASE
    },
    Scenario {
        name: "redial while connected stays where it is",
        endpoints: &[1, 2],
        dials: &[POLITE],
        says: &[(1505, Redial)],
        ..BASE
    },
    Scenario {
        name: "ten callers see a provider fail: it moves on once",
        lazy: true,
        endpoints: &[1, 2, 3],
        says: &[(5, Connect(10)), (1505, Report(10)), (1605, Connect(2))],
        ..BASE
    },
    Scenario {
        name: "a breaker opens, probes, and closes",
        policy: guarded,
        dials: &[REFUSED, REFUSED, REFUSED, UP],
        end: 12_000,
        ..BASE
    },
    Scenario {
        name: "a probe that flaps opens it for longer",
        policy: guarded,
        dials: &[REFUSED, REFUSED, REFUSED, FLAP, &[Accept, Wait(20), LOST], UP],
        end: 30_000,
        ..BASE
    },
    Scenario {
        name: "a hanging probe lets go",
        policy: guarded,
        dials: &[REFUSED, REFUSED, REFUSED, HANGS, UP],
        end: 30_000,
        ..BASE
    },
    Scenario {
        name: "an open breaker leaves the other endpoint",
        policy: guarded,
        endpoints: &[1, 2],
        dials: &[REFUSED, FLAP, REFUSED, FLAP, REFUSED, FLAP, UP],
        end: 30_000,
        ..BASE
    },
    Scenario { name: "no endpoint at all", endpoints: &[], says: &[(5, Redial)], ..BASE },
];

fn guarded() -> Policy {
    let mut breaker = BreakerPolicy::consecutive(3);
    breaker.open_for = ms(4000);
    breaker.open_max = ms(16_000);
    built(exact().breaker(breaker))
}
