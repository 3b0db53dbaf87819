//! Several addresses of one name, tried side by side with a head start for each.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use crate::runtime::Runtime;

/// Connects to the first of `addresses` that answers: each is tried when the one before has failed, or has
/// been silent for `head_start`, which is not given up on then. So an address that swallows packets does
/// not keep the others from being tried. The attempts that lose are dropped.
///
/// # Errors
/// The last error, if all fail; `NotFound` if there is no address.
pub async fn race<A, T, F>(
    runtime: impl Runtime,
    addresses: impl IntoIterator<Item = A>,
    head_start: Duration,
    mut connect: impl FnMut(A) -> F,
) -> io::Result<T>
where
    F: Future<Output = io::Result<T>>,
{
    let mut addresses = addresses.into_iter();
    let mut running: Vec<Pin<Box<F>>> = Vec::new();
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    loop {
        let address = addresses.next();
        let exhausted = address.is_none();
        match address {
            Some(address) => running.push(Box::pin(connect(address))),
            None if running.is_empty() => return Err(last),
            None => {}
        }
        let next = runtime.now().saturating_add(head_start);
        let mut sleep = std::pin::pin!(runtime.sleep_until(next));
        let answer = poll_fn(|cx| {
            for index in 0..running.len() {
                if let Poll::Ready(result) = running[index].as_mut().poll(cx) {
                    drop(running.swap_remove(index));
                    return Poll::Ready(Some(result));
                }
            }
            // Without another address there is nothing to wake up for.
            if exhausted {
                return Poll::Pending;
            }
            sleep.as_mut().poll(cx).map(|()| None)
        });
        match answer.await {
            Some(Ok(connection)) => return Ok(connection),
            Some(Err(error)) => last = error,
            None => {}
        }
    }
}
