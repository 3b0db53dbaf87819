//! The part of the program whose instructions count.

use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

pin_project! {
    /// A client of which only what its polls do is counted: not the server, nor the runtime around it.
    pub(crate) struct Measured<F> {
        #[pin]
        client: F,
    }
}

pub(crate) fn measured<F>(client: F) -> Measured<F> {
    Measured { client }
}

impl<F: Future> Future for Measured<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        counted(self.project().client, cx)
    }
}

/// Callgrind counts what happens in here.
#[inline(never)]
fn counted<F: Future>(client: Pin<&mut F>, cx: &mut Context<'_>) -> Poll<F::Output> {
    client.poll(cx)
}
