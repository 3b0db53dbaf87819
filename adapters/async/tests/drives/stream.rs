//! A stream whose connection is replaced with bytes in its buffer.

use std::io;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use redial_async::redial::{DialId, Policy, Reconnector};
use redial_async::{Attempt, Driver, Half, StreamCore, StreamIo};

use crate::clock::Clock;
use crate::poll;

#[test]
fn a_flush_tells_of_bytes_that_a_handover_has_dropped() {
    let clock = Clock::default();
    let driver = Driver::new(Reconnector::new(Policy::DEFAULT, 1), clock.clone());
    let driver = driver.share_closing(StreamIo::<DialId>::clone, |io| io.close());
    let connect = |attempt: Attempt| async move { io::Result::Ok(StreamIo::new(attempt.dial.id)) };
    let mut drive = pin!(driver.drive(connect, StreamIo::serve));
    let mut stream = StreamCore::new(drive.link());
    // What is written stays in a buffer until it is flushed.
    let write = |stream: &mut StreamCore<DialId>| {
        let mut cx = Context::from_waker(Waker::noop());
        stream.poll_io(Half::Write, &mut cx, |io, _| Poll::Ready(Ok(io.get())))
    };
    let flush = |stream: &mut StreamCore<DialId>| {
        let mut cx = Context::from_waker(Waker::noop());
        stream.poll_flush(&mut cx, |_, _| Poll::Ready(Ok(())))
    };

    assert!(poll(drive.as_mut()).is_pending());
    assert!(matches!(write(&mut stream), Poll::Ready(Ok(1))));
    clock.advance(Duration::from_secs(20));
    assert!(poll(drive.as_mut()).is_pending());
    stream.link().redial();
    assert!(poll(drive.as_mut()).is_pending());
    let Poll::Ready(Err(lost)) = flush(&mut stream) else { panic!("nothing is told") };
    assert_eq!(lost.kind(), io::ErrorKind::ConnectionReset);
    assert!(matches!(flush(&mut stream), Poll::Ready(Ok(()))), "told once");
    assert!(matches!(write(&mut stream), Poll::Ready(Ok(2))));
    assert!(matches!(flush(&mut stream), Poll::Ready(Ok(()))));
}
