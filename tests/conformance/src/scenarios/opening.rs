//! Dials: how they succeed, fail, and hang.

use redial::{Failure, Policy};

use super::{BASE, FLAP, HANGS, LOST, REFUSED, UP, built, exact, ms};
use crate::script::Command::{Start, Stop};
use crate::script::Scenario;
use crate::script::Step::{Accept, Confirm, Fail, Lose, Progress, Wait};

pub(super) const ALL: &[Scenario] = &[
    Scenario { name: "connects at once", ..BASE },
    Scenario { name: "connects late", dials: &[&[Wait(300), Accept]], ..BASE },
    Scenario { name: "refused, then up", dials: &[REFUSED, REFUSED, REFUSED, UP], ..BASE },
    Scenario {
        name: "fails late, then up",
        dials: &[&[Wait(250), Fail(Failure::Unreachable)], UP],
        ..BASE
    },
    Scenario {
        name: "refused for an hour",
        dials: &[REFUSED],
        end: 3_600_000,
        policy: hourly,
        ..BASE
    },
    Scenario { name: "a dial hangs until its deadline", dials: &[HANGS, UP], ..BASE },
    Scenario {
        name: "progress moves the deadline",
        dials: &[&[Wait(500), Progress, Wait(2000), Accept]],
        ..BASE
    },
    Scenario {
        name: "only the first progress moves it",
        dials: &[&[Wait(500), Progress, Wait(2000), Progress, Wait(2000), Accept], UP],
        ..BASE
    },
    Scenario { name: "a success at the deadline counts", dials: &[&[Wait(1000), Accept]], ..BASE },
    Scenario { name: "a late success does not", dials: &[&[Wait(1001), Accept], UP], ..BASE },
    Scenario { name: "accept, then close: the wait grows", dials: &[FLAP], end: 20_000, ..BASE },
    Scenario {
        name: "accept, confirm, close: it grows as well",
        dials: &[&[Accept, Confirm, Wait(5), LOST]],
        end: 20_000,
        ..BASE
    },
    Scenario {
        name: "an overloaded server is left alone",
        policy: respectful,
        dials: &[&[Wait(5), Fail(Failure::Overloaded)], REFUSED, UP],
        end: 30_000,
        ..BASE
    },
    Scenario {
        name: "a hint is followed",
        dials: &[&[Fail(Failure::RetryAfter { delay: ms(2000), spread: ms(1000) })], UP],
        ..BASE
    },
    Scenario {
        name: "a planned restart: a hint at the end of a stable connection",
        dials: &[
            &[Accept, Wait(1500), Lose(Failure::RetryAfter { delay: ms(1000), spread: ms(2000) })],
            UP,
        ],
        end: 8000,
        ..BASE
    },
    Scenario {
        name: "a hint outlives stop and start",
        dials: &[&[Fail(Failure::RetryAfter { delay: ms(2000), spread: ms(0) })], UP],
        says: &[(505, Stop), (705, Start)],
        ..BASE
    },
    Scenario {
        name: "the default policy, with its jitter",
        policy: || Policy::DEFAULT,
        dials: &[&[Accept, Wait(20_000), LOST], REFUSED, HANGS, REFUSED, FLAP, REFUSED, UP],
        end: 120_000,
        ..BASE
    },
    Scenario {
        name: "a startup splay",
        policy: || built(Policy::DEFAULT.to_builder().startup_splay(ms(3000))),
        ..BASE
    },
];

fn hourly() -> Policy {
    built(exact().cap(ms(600_000)))
}

fn respectful() -> Policy {
    let overload = redial::Overload::Jump {
        floor: ms(3000),
        growth: redial::Growth::ratio(2, 1),
        cap: ms(20_000),
    };
    built(exact().overload(overload))
}
