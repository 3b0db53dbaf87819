//! Links and fleets that are driven by hand, on a clock that the test moves.

mod bounds;
mod clock;
mod ends;
#[cfg(feature = "fleet")]
mod fleet;
mod heard;
mod lines;
mod mishaps;
mod stream;

use std::pin::pin;
use std::task::{Context, Poll, Waker};

fn poll<F: Future>(future: F) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}
