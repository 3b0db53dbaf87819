//! [`redial_tower`] around real clients: [`http1`] over hyper, and [`grpc`] over tonic.
#![forbid(unsafe_code)]

pub mod grpc;
pub mod http1;

use redial_tokio::TokioRuntime;
use redial_tower::ReconnectLayer;

/// A layer on tokio, with the default policy.
pub fn layer<M>(seed: u64) -> ReconnectLayer<TokioRuntime, M> {
    ReconnectLayer::new(TokioRuntime::new(), seed, |link| drop(tokio::spawn(link)))
}
