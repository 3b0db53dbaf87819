//! gRPC, with `tonic`: a server stream. A `Channel` dials again by itself, so each dial of the link makes
//! its own, and drops it with the stream.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::Stream;
use futures_util::stream::unfold;
use http::uri::PathAndQuery;
use tonic::body::Body;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status, Streaming};
use tonic_prost::ProstCodec;
use tower_service::Service;

use super::{Client, ended};
use crate::publish::Numbers;

/// A server stream of `google.protobuf.UInt64Value`.
#[derive(Clone, Copy, Debug)]
pub struct Grpc;

impl Client for Grpc {
    type Connection = Streaming<u64>;

    async fn connect(address: SocketAddr) -> io::Result<Streaming<u64>> {
        let endpoint = Endpoint::from_shared(format!("http://{address}"));
        let endpoint = endpoint.map_err(io::Error::other)?;
        let channel: Channel = endpoint.connect().await.map_err(io::Error::other)?;
        let mut client = tonic::client::Grpc::new(channel);
        client.ready().await.map_err(io::Error::other)?;
        let path = PathAndQuery::from_static("/redial.Ids/Subscribe");
        let codec = ProstCodec::<(), u64>::default();
        let answer = client.server_streaming(Request::new(()), path, codec).await;
        Ok(answer.map_err(io::Error::other)?.into_inner())
    }

    async fn next(stream: &mut Streaming<u64>) -> io::Result<u64> {
        stream.message().await.map_err(io::Error::other)?.ok_or_else(ended)
    }
}

/// Serves the stream, and single numbers.
///
/// # Errors
/// If it cannot listen.
pub async fn serve(address: SocketAddr) -> io::Result<()> {
    let service = Ids(Numbers::new());
    Server::builder().serve(address, service).await.map_err(io::Error::other)
}

/// What generated code would be.
#[derive(Clone)]
struct Ids(Numbers);

type Pushed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl Service<http::Request<Body>> for Ids {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pushed<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let numbers = self.0.clone();
        Box::pin(async {
            let mut server = tonic::server::Grpc::new(ProstCodec::<u64, ()>::default());
            Ok(match request.uri().path() {
                "/redial.Ids/Next" => server.unary(Next(numbers), request).await,
                _ => server.server_streaming(Subscribe(numbers), request).await,
            })
        })
    }
}

struct Next(Numbers);

impl Service<Request<()>> for Next {
    type Response = Response<u64>;
    type Error = Status;
    type Future = Pushed<Result<Response<u64>, Status>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        let numbers = self.0.clone();
        Box::pin(async move { Ok(Response::new(numbers.next().await)) })
    }
}

struct Subscribe(Numbers);

impl Service<Request<()>> for Subscribe {
    type Response = Response<Pin<Box<dyn Stream<Item = Result<u64, Status>> + Send>>>;
    type Error = Status;
    type Future = Ready<Result<Self::Response, Status>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        let numbers =
            unfold(self.0.clone(), |numbers| async { Some((Ok(numbers.next().await), numbers)) });
        ready(Ok(Response::new(Box::pin(numbers))))
    }
}
