//! A fleet in one future, on every runtime: the same dials, connections and ends at the same times.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use redial::{Failure, Jitter, Policy, Reconnector, Timestamp};
use redial_async::redial_fleet::{Fleet, Key};
use redial_async::{Attempt, Ended, Runtime, Session, drive_fleet};
use redial_conformance::{Smol, Stage, Third, Tokio};

const LINKS: u64 = 24;

async fn sleep(runtime: &impl Runtime, millis: u64) {
    let until = runtime.now().saturating_add(Duration::from_millis(millis));
    runtime.sleep_until(until).await;
}

/// What was seen, in the order of time; at one instant every order is right.
async fn play<S: Stage>(stage: S) -> Vec<String> {
    let runtime = stage.runtime();
    let (log, up) = (Rc::new(RefCell::new(Vec::new())), Rc::new(Cell::new(true)));
    let (seen, clock) = (log.clone(), runtime.clone());
    let line = move |text: String| {
        seen.borrow_mut().push(format!("{:>12} {text}", clock.now().to_string()));
    };
    let policy = Rc::new(Policy::builder().jitter(Jitter::None).build().unwrap());
    let link = |seed| Reconnector::new(Rc::unwrap_or_clone(policy.clone()), seed);
    // Without limits, or whoever is woken first of those that end at one instant would dial first.
    let mut fleet = Fleet::new();
    let keys: Vec<Key> = (0..LINKS).map(|n| fleet.insert(Timestamp::ORIGIN, link(n))).collect();

    let (dials, serves) = ((line.clone(), up.clone(), runtime.clone()), (line.clone(), up.clone()));
    let ends = runtime.clone();
    let drive = drive_fleet(
        fleet,
        runtime.clone(),
        move |key, attempt: Attempt| {
            let (line, up, runtime) = dials.clone();
            line(format!("{key} dials, attempt {}", attempt.dial.attempt));
            async move {
                // Every eighth link's first dial hangs.
                let hangs = key.index() % 8 == 3 && attempt.dial.id.get() == 1;
                sleep(&runtime, if hangs { 60_000 } else { 20 }).await;
                if up.get() { Ok(()) } else { Err(Failure::Unreachable) }
            }
        },
        move |key, (), session: Session| {
            let ((line, up), runtime) = (serves.clone(), ends.clone());
            line(format!("{key} connected"));
            async move {
                while up.get() && !session.is_draining() {
                    sleep(&runtime, 50).await;
                }
                line(format!("{key} ends"));
                Ended::Lost(Failure::Unreachable)
            }
        },
    );
    let fleet = drive.handle();
    let over = line.clone();
    stage.spawn(async move {
        drive.await;
        over("over".into());
    });
    sleep(&runtime, 25_007).await;
    line(format!("{:?}", fleet.counts()));
    up.set(false);
    sleep(&runtime, 7_003).await;
    line(format!("{:?}", fleet.counts()));
    fleet.offline();
    sleep(&runtime, 20_000).await;
    assert!(fleet.remove(keys[0]).is_some() && fleet.stop(keys[1]));
    let late = fleet.insert(link(LINKS)).unwrap();
    assert_eq!(late.index(), keys[0].index());
    up.set(true);
    fleet.online();
    sleep(&runtime, 30_000).await;
    line(format!("{:?}", fleet.counts()));
    fleet.shutdown(Duration::from_secs(1));
    sleep(&runtime, 2_000).await;
    assert!(fleet.insert(link(0)).is_none());
    let mut log = log.take();
    log.sort();
    log
}

#[test]
fn a_fleet_does_the_same_on_every_runtime() {
    let tokio = Tokio::run(play);
    assert_eq!(tokio, Smol::run(play), "tokio and smol");
    assert_eq!(tokio, Third::run(play), "tokio and the third");
    for line in &tokio {
        println!("{line}");
    }
    let count = |word| tokio.iter().filter(|line| line.contains(word)).count();
    assert_eq!(count("connected: 24"), 1, "all were connected at first");
    assert_eq!(count("connected: 23"), 1, "and all but the one that was stopped at last");
    assert_eq!(count("over"), 1);
}
