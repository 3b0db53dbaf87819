//! Ends of connections, and ends of links.

use redial::{Backoff, Failure, Jitter, Policy};

use super::{BASE, FLAP, HANGS, LOST, REFUSED, UP, built, exact, ms};
use crate::script::Command::{Closed, Connect, Start};
use crate::script::Scenario;
use crate::script::Step::{Accept, Activity, Fail, Finish, Lose, Panic, Wait};

const PARKED: &[crate::script::Step] = &[Fail(Failure::Unsuitable)];

pub(super) const ALL: &[Scenario] = &[
    Scenario {
        name: "a stable connection is lost",
        dials: &[&[Accept, Wait(2000), LOST], UP],
        ..BASE
    },
    Scenario {
        name: "a stable connection times out",
        dials: &[&[Accept, Wait(2000), Lose(Failure::TimedOut)], UP],
        ..BASE
    },
    Scenario {
        name: "a stable connection is lost to overload",
        policy: || built(Policy::DEFAULT.to_builder().jitter(Jitter::None)),
        dials: &[&[Accept, Wait(12_000), Lose(Failure::Overloaded)], REFUSED, UP],
        end: 60_000,
        ..BASE
    },
    Scenario {
        name: "an unstable one is lost: the attempts go on",
        dials: &[REFUSED, &[Accept, Wait(999), LOST], UP],
        ..BASE
    },
    Scenario {
        name: "stable at the very instant",
        dials: &[REFUSED, &[Accept, Wait(1000), LOST], UP],
        ..BASE
    },
    Scenario {
        name: "an idle connection ends",
        policy: || built(exact().idle_timeout(ms(700))),
        dials: &[&[Accept, Wait(500), Activity, Wait(500), Activity], UP],
        ..BASE
    },
    Scenario {
        name: "serve finishes, and the link stops",
        dials: &[&[Accept, Wait(400), Finish]],
        says: &[(15, Closed)],
        ..BASE
    },
    Scenario {
        name: "finished, and started again",
        dials: &[&[Accept, Wait(400), Finish], UP],
        says: &[(15, Closed), (605, Start), (705, Closed)],
        ..BASE
    },
    Scenario {
        name: "max_attempts: exactly so many dials",
        policy: three,
        dials: &[REFUSED],
        says: &[(15, Closed)],
        ..BASE
    },
    Scenario {
        name: "max_attempts: accept, then close counts",
        policy: three,
        dials: &[FLAP],
        says: &[(15, Closed)],
        ..BASE
    },
    Scenario {
        name: "max_attempts: hanging dials count",
        policy: three,
        dials: &[HANGS],
        says: &[(15, Closed)],
        ..BASE
    },
    Scenario {
        name: "max_elapsed gives up at once when the next dial would be too late",
        policy: || built(exact().max_elapsed(ms(2500))),
        dials: &[REFUSED],
        says: &[(15, Closed)],
        ..BASE
    },
    Scenario {
        name: "max_elapsed ends a dial in flight",
        policy: || built(exact().max_elapsed(ms(1500))),
        dials: &[HANGS],
        says: &[(15, Closed)],
        ..BASE
    },
    Scenario {
        name: "a fatal failure",
        dials: &[REFUSED, &[Wait(20), Fail(Failure::Fatal)]],
        says: &[(15, Closed)],
        ..BASE
    },
    Scenario {
        name: "a hint that is too long",
        policy: || built(exact().max_hint(ms(60_000)).give_up_on_long_hint(true)),
        dials: &[&[Fail(Failure::RetryAfter { delay: ms(60_001), spread: ms(0) })]],
        says: &[(15, Closed)],
        ..BASE
    },
    Scenario {
        name: "every endpoint is parked",
        policy: || built(exact().give_up_when_all_parked(true)),
        endpoints: &[1, 2],
        dials: &[PARKED],
        says: &[(15, Closed)],
        ..BASE
    },
    Scenario {
        name: "the policy does not dial again",
        policy: || built(exact().backoff(Backoff::Never)),
        dials: &[&[Accept, Wait(2000), LOST]],
        says: &[(15, Closed)],
        ..BASE
    },
    Scenario {
        name: "after a give-up, a call starts anew",
        policy: three,
        dials: &[REFUSED, REFUSED, REFUSED, UP],
        says: &[(505, Connect(1))],
        ..BASE
    },
    Scenario {
        name: "connect panics",
        dials: &[REFUSED, &[Wait(10), Panic]],
        says: &[(15, Closed), (25, Connect(2))],
        ..BASE
    },
    Scenario {
        name: "serve panics",
        dials: &[&[Accept, Wait(10), Panic]],
        says: &[(5, Closed), (55, Connect(1))],
        ..BASE
    },
];

fn three() -> Policy {
    built(exact().max_attempts(3))
}
