//! A gRPC channel that comes back.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use redial_tower::ConnectionState;
use redial_tower_clients::grpc::{HttpRequest, Raw, client, echo};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tonic::body::Body;
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Endpoint, Server};
use tonic::{Request, Response, Status};
use tower::Service;

#[derive(Clone)]
struct Echo;

impl NamedService for Echo {
    const NAME: &'static str = "echo.Echo";
}

impl UnaryService<Bytes> for Echo {
    type Response = Bytes;
    type Future = Ready<Result<Response<Bytes>, Status>>;

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        ready(match &request.get_ref()[..] {
            b"nonsense" => Err(Status::invalid_argument("nonsense")),
            _ => Ok(Response::new(request.into_inner())),
        })
    }
}

impl Service<HttpRequest> for Echo {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: HttpRequest) -> Self::Future {
        Box::pin(async { Ok(Grpc::new(Raw).unary(Echo, request).await) })
    }
}

/// A server in a runtime of its own, so that ending it ends every connection at once, as a crash does.
struct Running(Option<tokio::runtime::Runtime>, JoinHandle<()>);

impl Running {
    async fn start(address: SocketAddr) -> (Self, SocketAddr) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let bound = runtime.spawn(async move { TcpListener::bind(address).await.unwrap() });
        let listener = bound.await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = runtime.spawn(async move {
            let incoming = TcpIncoming::from(listener);
            let _ = Server::builder().add_service(Echo).serve_with_incoming(incoming).await;
        });
        (Self(Some(runtime), serving), address)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.1.abort();
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

#[tokio::test]
async fn s1_1_tonic_gets_a_new_channel_for_each_dial() {
    let (server, address) = Running::start("127.0.0.1:0".parse().unwrap()).await;
    let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
    let client = client(endpoint, 42);
    assert_eq!(echo(&client, b"one").await.unwrap().get_ref(), "one");
    // A status is an answer, and no concern of the connection.
    let refused = echo(&client, b"nonsense").await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::InvalidArgument);
    assert_eq!(client.state(), ConnectionState::Connected);

    drop(server);
    sleep(Duration::from_millis(100)).await;
    // The caller gets the error, and the link dials by itself.
    let lost = timeout(Duration::from_secs(10), echo(&client, b"two")).await;
    assert!(lost.is_err() || lost.unwrap().is_err());
    sleep(Duration::from_millis(400)).await;
    assert!(matches!(client.state(), ConnectionState::Reconnecting { .. }), "{}", client.state());
    assert!(client.attempts() < 8, "{} dials in half a second", client.attempts());

    let (_server, _) = Running::start(address).await;
    let answer = timeout(Duration::from_secs(20), echo(&client, b"three")).await.unwrap();
    assert_eq!(answer.unwrap().get_ref(), "three");
    assert_eq!(client.state(), ConnectionState::Connected);
}
