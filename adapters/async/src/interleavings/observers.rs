//! Who looks sees the last state, and changes in their order.

use std::time::Duration;

use loom::future::block_on;
use loom::thread::spawn;

use super::{PREEMPTIONS, connect, driven, explore, link, serve};
use crate::{Change, Subscriptions};

#[test]
fn a_watch_ends_with_the_last_status() {
    explore("watch", 3, || {
        let drive = link().drive(connect, serve);
        let handle = drive.handle();
        let mut watch = handle.watch();
        let watching = spawn(move || {
            let mut last = None;
            while let Some(status) = block_on(watch.changed()) {
                assert_ne!(Some(status), last, "told twice");
                last = Some(status);
            }
            (last, watch.status())
        });
        let driver = driven(drive);
        handle.stop();
        assert!(driver.join().unwrap().is_ok());
        let (last, status) = watching.join().unwrap();
        assert_eq!(status, handle.status());
        assert_eq!(last.unwrap_or(status), status);
    });
}

#[test]
fn health_is_answered_to_all_who_ask() {
    explore("health", PREEMPTIONS, || {
        let drive = link().lazy().health(Duration::from_secs(1)).drive(connect, serve);
        let handle = drive.handle();
        let driver = driven(drive);
        let other = handle.clone();
        let other = spawn(move || block_on(other.health()));
        assert_eq!(block_on(handle.health()).unwrap().dials(), 0);
        assert_eq!(other.join().unwrap().unwrap().dials(), 0);
        let closed = handle.shutdown(Duration::ZERO);
        assert!(driver.join().unwrap().is_ok());
        assert!(block_on(closed).is_ok());
    });
}

/// Whoever asks before the link ends is answered; who asks while it does may be told that it is too late.
#[test]
fn a_snapshot_is_answered_to_all_who_ask() {
    explore("snapshot", PREEMPTIONS, || {
        let drive = link().lazy().drive(connect, serve);
        let handle = drive.handle();
        let driver = driven(drive);
        let early = block_on(handle.snapshot()).unwrap();
        assert_eq!(early.endpoints.len(), 1);
        let other = handle.clone();
        let other = spawn(move || block_on(other.snapshot()));
        let last = handle.snapshot();
        handle.stop();
        assert_eq!(block_on(last).unwrap().endpoints, early.endpoints);
        let late = other.join().unwrap();
        assert!(late.is_none_or(|late| late.endpoints == early.endpoints));
        assert!(driver.join().unwrap().is_ok());
        assert_eq!(block_on(handle.snapshot()), None);
    });
}

/// Two add and one of them removes, while a connection follows.
#[test]
fn a_cursor_follows_in_order() {
    explore("subscriptions", 3, || {
        let topics = Subscriptions::new();
        topics.add("a");
        let mut cursor = topics.cursor();
        let adding = topics.clone();
        let adding = spawn(move || {
            assert!(adding.add("b"));
            assert!(adding.remove(&"a"));
        });
        let more = topics.clone();
        let more = spawn(move || assert!(more.add("c")));
        let mut told = Vec::new();
        block_on(async {
            while !(told.contains(&"b") && told.contains(&"c") && !told.contains(&"a")) {
                match cursor.changed().await {
                    Change::Add(item) => {
                        assert!(!told.contains(&item), "told twice");
                        told.push(item);
                    }
                    Change::Remove(item) => {
                        assert!(told.contains(&item), "never told");
                        told.retain(|other| *other != item);
                    }
                }
            }
        });
        adding.join().unwrap();
        more.join().unwrap();
        assert_eq!(told, topics.items(), "another order");
        assert_eq!(cursor.next(), None);
    });
}
