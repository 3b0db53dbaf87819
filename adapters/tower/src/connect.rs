//! One dial: the maker's readiness, then its answer.

use std::future::poll_fn;
use std::sync::{Mutex, PoisonError};
use std::task::ready;

use tower_service::Service;

/// Asks the maker for one connection. Dropped at any point it leaves the maker as it was.
pub(crate) async fn connect<M, T>(make: &Mutex<M>, target: T) -> Result<M::Response, M::Error>
where
    M: Service<T>,
{
    let mut target = Some(target);
    let call = poll_fn(|cx| {
        let mut make = make.lock().unwrap_or_else(PoisonError::into_inner);
        ready!(make.poll_ready(cx))?;
        match target.take() {
            Some(target) => Ok(make.call(target)).into(),
            None => unreachable!("ready is the end of this future"),
        }
    });
    call.await?.await
}
