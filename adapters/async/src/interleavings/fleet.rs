//! What is said of a link of a fleet is heard, and which link it was.

use std::collections::VecDeque;
use std::future::{pending, poll_fn, ready};
use std::sync::Arc;
use std::time::Duration;

use loom::future::block_on;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread::spawn;
use redial::{Endpoint, Failure, Reconnector, Timestamp};
use redial_fleet::{Fleet, Key};

use super::{Flying, PREEMPTIONS, QUICK, explore};
use crate::bells::Bells;
use crate::session::Drain;
use crate::{Attempt, Ended, drive_fleet};

fn reconnector() -> Reconnector<&'static redial::Policy> {
    Reconnector::with_endpoints(&QUICK, 1, [Endpoint::new(0)])
}

/// Two links ring, one of them twice: each is heard after what it rang for.
#[test]
fn every_bell_is_heard() {
    explore("bells", 3, || {
        let mut fleet = Fleet::new();
        let keys = [(); 2].map(|()| fleet.insert(Timestamp::ORIGIN, reconnector()));
        let bells = Arc::new(Bells::default());
        let said: Arc<[AtomicBool; 3]> = Arc::default();
        let ring = |bells: &Bells, said: &[AtomicBool; 3], what: usize, key: Key| {
            said[what].swap(true, Ordering::AcqRel);
            bells.ring(key);
        };
        let ringing = [&[0, 1][..], &[2]].map(|whats| {
            let (bells, said) = (bells.clone(), said.clone());
            spawn(move || whats.iter().for_each(|what| ring(&bells, &said, *what, keys[what % 2])))
        });
        let mut left = 3;
        let mut rung = VecDeque::new();
        block_on(async {
            while left > 0 {
                rung.clear();
                poll_fn(|cx| bells.poll(cx, &mut rung)).await;
                for key in &rung {
                    for what in (0..3).filter(|what| keys[what % 2] == *key) {
                        left -= u32::from(said[what].swap(false, Ordering::AcqRel));
                    }
                }
            }
        });
        for ringing in ringing {
            ringing.join().unwrap();
        }
    });
}

#[test]
fn a_link_that_is_inserted_is_dialed_and_the_end_is_heard() {
    explore("fleet", PREEMPTIONS, || {
        let up = crate::sync::Arc::new(super::line());
        let connected = Drain::new(up.clone());
        let drive = drive_fleet(
            Fleet::new(),
            Flying::default(),
            |_, attempt: Attempt| ready(Ok::<_, Failure>(attempt.dial.id)),
            move |_, _, _| {
                up.drain();
                pending::<Ended<Failure>>()
            },
        );
        let handle = drive.handle();
        let driver = spawn(move || block_on(drive));
        let key = handle.insert(reconnector()).unwrap();
        block_on(connected);
        let stopping = handle.clone();
        let stopping = spawn(move || stopping.stop(key));
        handle.shutdown(Duration::ZERO);
        driver.join().unwrap();
        assert!(stopping.join().unwrap());
    });
}
