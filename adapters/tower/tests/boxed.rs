//! Boxed errors, services and spawned requests: what tower's users have.

use redial_tokio::TokioRuntime;
use redial_tower::ReconnectLayer;
use tower::util::BoxCloneService;
use tower::{BoxError, Layer, ServiceExt, service_fn};

type Connection = BoxCloneService<u32, u32, BoxError>;

#[tokio::test(start_paused = true)]
async fn a_request_over_boxed_services_can_be_spawned() {
    let maker = service_fn(|()| async {
        let connection = service_fn(|request: u32| async move { Ok::<_, BoxError>(request + 1) });
        Ok::<_, BoxError>(Connection::new(connection))
    });
    let layer = ReconnectLayer::new(TokioRuntime::new(), 42, |link| drop(tokio::spawn(link)));
    let service = layer.layer(maker);
    let spawned = tokio::spawn(async move { service.oneshot(1).await.unwrap() });
    assert_eq!(spawned.await.unwrap(), 2);
}
