//! The pictures of the documentation are what the machine does: made anew, and held against the stored
//! ones. `REDIAL_BLESS=1` rewrites them.

use std::path::Path;
use std::time::Duration;

use redial::{Failure, Policy, Timestamp};
use redial_showcase::{Answer, Said, Timeline, Weather, World, states};

const S: fn(u64) -> Duration = Duration::from_secs;
const UP: &str = "#cfe8d0";
const DOWN: &str = "#f2c9c4";
const BUSY: &str = "#f6ddb0";

fn check(name: &str, made: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../core/pictures").join(name);
    if std::env::var_os("REDIAL_BLESS").is_some() {
        std::fs::write(&path, made).unwrap();
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(stored == made, "{name} is not what the machine does; REDIAL_BLESS=1 rewrites it");
}

fn picture(name: &str, title: &str, server: Weather, until: Duration, world: World<'_>) {
    let moments = world.play(until);
    check(name, &Timeline { title, server, moments: &moments, until }.to_string());
}

fn second(at: Timestamp) -> u64 {
    at.since_origin().as_secs()
}

#[test]
fn the_picture_of_an_outage_is_current() {
    let world = World::new(Policy::DEFAULT, 7, 1, |at, _| match second(at) {
        20..75 => Answer::REFUSE,
        _ => Answer::SERVE,
    })
    .at(S(20), Said::Lost(Failure::Unreachable));
    let server: Weather = &[(0, UP, "up"), (20, DOWN, "down: refuses"), (75, UP, "up")];
    let title = "An outage: asking is cheap, so the waits grow gently";
    picture("outage.svg", title, server, S(110), world);
}

#[test]
fn the_picture_of_a_flap_is_current() {
    let flap = Answer::Serve { after: S(0), lasts: Some((S(1), Failure::Unreachable)) };
    let world = World::new(Policy::DEFAULT, 3, 1, move |at, _| match second(at) {
        20..60 => flap,
        _ => Answer::SERVE,
    })
    .at(S(20), Said::Lost(Failure::Unreachable));
    let server: Weather =
        &[(0, UP, "up"), (20, BUSY, "accepts, and closes after a second"), (60, UP, "up")];
    let title = "A flap: a connection that did not last is a failed attempt";
    picture("flap.svg", title, server, S(110), world);
}

#[test]
fn the_picture_of_an_overload_is_current() {
    let world = World::new(Policy::DEFAULT, 5, 1, |at, _| match second(at) {
        20..150 => Answer::Fail(S(2), Failure::Overloaded),
        _ => Answer::Serve { after: S(1), lasts: None },
    })
    .at(S(20), Said::Lost(Failure::Unreachable));
    let server: Weather =
        &[(0, UP, "up"), (20, BUSY, "busy: turns everyone away"), (150, UP, "up")];
    let title = "An overload: every dial costs the server work, so the waits jump";
    picture("overload.svg", title, server, S(220), world);
}

#[test]
fn the_picture_of_a_handover_is_current() {
    let world =
        World::new(Policy::DEFAULT, 1, 1, |_, _| Answer::Serve { after: S(3), lasts: None })
            .at(S(20), Said::GoingAway(S(25)))
            .at(S(36), Said::Drained);
    let server: Weather = &[(0, UP, "up"), (20, BUSY, "going away within 25 s"), (45, UP, "up")];
    let title = "A handover: the new connection is up before the old one ends";
    picture("handover.svg", title, server, S(60), world);
}

#[test]
fn the_diagram_of_states_is_current() {
    let table = include_str!("../../../core/src/transitions.md");
    let text = format!(
        "The states, from the table of transitions in `src/transitions.md`. Also, every state but\n\
         *Stopped* goes there on `Stop`, to *No endpoint* when the list becomes empty, and to *Offline* on\n\
         `Offline` unless a connection or a dial is to be kept.\n\n```mermaid\n{}```\n",
        states(table)
    );
    check("states.md", &text);
}
