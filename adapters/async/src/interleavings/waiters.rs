//! Whoever waits is woken, whatever they wait for and however it ends.

use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use loom::future::block_on;
use loom::thread::spawn;
use redial::Failure;

use super::{Handle, connect, driven, explore, line, link, serve};
use crate::session::Drain;
use crate::sync::Arc;
use crate::{Ended, Idempotent, LinkError, RunError, Session};

#[test]
fn a_waiter_hears_that_the_future_was_dropped() {
    explore("dropped", 5, || {
        let drive = link().drive(connect, serve);
        let handle = drive.handle();
        let waiting: Handle = handle.clone();
        let waiting = spawn(move || block_on(waiting.connection()));
        drop(drive);
        assert!(matches!(waiting.join().unwrap(), Err(LinkError::Aborted)));
        assert!(matches!(block_on(handle.closed()), Err(LinkError::Aborted)));
    });
}

#[test]
fn every_waiter_hears_of_a_stop() {
    explore("stop", 1, || {
        let drive = link().lazy().drive(connect, serve);
        let handle = drive.handle();
        let (closed, mut watch) = (handle.closed(), handle.watch());
        let closed = spawn(move || block_on(closed));
        let watching = spawn(move || while block_on(watch.changed()).is_some() {});
        let driver = driven(drive);
        handle.start();
        handle.stop();
        assert!(driver.join().unwrap().is_ok());
        assert!(closed.join().unwrap().is_ok());
        watching.join().unwrap();
    });
}

#[test]
fn an_operation_hears_that_its_connection_is_gone() {
    explore("operation", 3, || {
        let drive = link().drive(connect, serve);
        let handle = drive.handle();
        let driver = driven(drive);
        let running: Handle = handle.clone();
        let running = spawn(move || {
            block_on(running.run(|_| pending::<Result<(), Failure>>(), Idempotent::No))
        });
        handle.stop();
        let error = running.join().unwrap().unwrap_err();
        assert!(matches!(error, RunError::Lost | RunError::Link(_)), "{error:?}");
        assert!(driver.join().unwrap().is_ok());
    });
}

/// One caller's panic is the end of its connection, and of no other.
#[test]
fn an_operation_hears_that_another_has_panicked() {
    explore("panic", 1, || {
        let drive = link().drive(connect, serve);
        let handle = drive.handle();
        let driver = driven(drive);
        let first = block_on(handle.connection()).unwrap().id;
        let other: Handle = handle.clone();
        let other = spawn(move || {
            block_on(other.run(
                move |id| async move { if *id == first { pending().await } else { Ok(*id) } },
                Idempotent::Yes,
            ))
        });
        // As `panic!`, but that nothing is printed.
        let panics = |_| async { resume_unwind(Box::new("a bug")) };
        let run = AssertUnwindSafe(|| block_on(handle.run::<(), _, _>(panics, Idempotent::Yes)));
        catch_unwind(run).unwrap_err();
        assert_eq!(other.join().unwrap().unwrap().get(), first.get() + 1);
        assert_eq!(block_on(handle.connection()).unwrap().id.get(), first.get() + 1);
        handle.stop();
        assert!(driver.join().unwrap().is_ok());
    });
}

#[test]
fn a_deadline_comes_whenever_it_is_set() {
    explore("deadline", 3, || {
        let drive = link().drive(connect, serve);
        let handle = drive.handle();
        let driver = driven(drive);
        let run = handle.run(|_| pending::<Result<(), Failure>>(), Idempotent::Yes);
        let error = block_on(run.within(Duration::ZERO)).unwrap_err();
        assert!(matches!(error, RunError::TimedOut(None)), "{error:?}");
        handle.stop();
        assert!(driver.join().unwrap().is_ok());
    });
}

/// Whoever drains may be a task of its own.
#[test]
fn a_drain_is_heard_whenever_it_comes() {
    explore("drain", 3, || {
        let line = Arc::new(line());
        let drains: Vec<_> = (0..2)
            .map(|_| {
                let drain = Drain::new(line.clone());
                spawn(move || block_on(drain))
            })
            .collect();
        line.drain();
        for drain in drains {
            drain.join().unwrap();
        }
    });
}

/// What serves a connection may be on any thread, and speaks to the loop from there.
#[test]
fn what_a_session_says_is_heard() {
    explore("session", 3, || {
        let serve = |_, session: Session| {
            let first = session.id().get() == 1;
            if first {
                let announcing = session.clone();
                spawn(move || announcing.going_away(None));
            }
            async move {
                if !first {
                    return Ended::Finished;
                }
                session.draining().await;
                Ended::Lost(Failure::Unreachable)
            }
        };
        let drive = link().drive(connect, serve);
        assert!(block_on(drive).is_ok());
    });
}

/// A task of one's own that serves a connection must end with it.
#[test]
fn a_drain_ends_when_its_connection_is_gone() {
    explore("drain of a closed connection", 3, || {
        let serve = |_, session: Session| {
            spawn(move || block_on(session.draining()));
            pending::<Ended<Failure>>()
        };
        let drive = link().drive(connect, serve);
        let handle = drive.handle();
        let driver = driven(drive);
        handle.stop();
        assert!(driver.join().unwrap().is_ok());
    });
}
