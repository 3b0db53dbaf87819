//! One HTTP/1.1 connection: hyper-util's connector dials, hyper speaks, and a buffer shares it, since such a
//! connection cannot be cloned.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::client::legacy::connect::HttpConnector;
use redial_tower::{Reconnect, ReconnectError};
use tower::buffer::Buffer;
use tower::util::BoxCloneService;
use tower::{BoxError, Layer, Service, ServiceExt, service_fn};

/// A request without a body, which can be sent again.
pub type Get = Request<Empty<Bytes>>;
type Answer = Pin<Box<dyn Future<Output = hyper::Result<Response<Incoming>>> + Send>>;

/// A connection as a service.
#[derive(Debug)]
pub struct Connection(SendRequest<Empty<Bytes>>);

impl Service<Get> for Connection {
    type Response = Response<Incoming>;
    type Error = hyper::Error;
    type Future = Answer;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<hyper::Result<()>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Get) -> Answer {
        Box::pin(self.0.send_request(request))
    }
}

/// What can be shared of a [`Connection`].
pub type Shared = BoxCloneService<Get, Response<Incoming>, BoxError>;
/// The client.
pub type Client = Reconnect<Shared, BoxError>;
/// Its errors.
pub type Error = ReconnectError<BoxError, BoxError>;

/// A client of `server`, which keeps one connection up.
pub fn client(server: Uri, seed: u64) -> Client {
    let maker = service_fn(|server: Uri| async {
        let stream = HttpConnector::new().ready_oneshot().await?.call(server).await?;
        let (send, connection) = handshake(stream).await?;
        tokio::spawn(connection);
        Ok::<_, BoxError>(Shared::new(Buffer::new(Connection(send), 32)))
    });
    crate::layer(seed).target(server).layer(maker)
}
