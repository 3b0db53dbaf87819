//! gRPC over tonic: one `Endpoint::connect` for each dial. A tonic channel redials by itself, without a
//! limit; here a channel that broke is dropped, and the next comes from the link.

use bytes::{Buf, BufMut, Bytes};
use http::{Request, uri::PathAndQuery};
use redial_tower::{Once, Reconnect};
use tonic::body::Body;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::{Channel, Endpoint, Error};
use tonic::{Response, Status};
use tower::{Layer, service_fn};

/// The channel that callers use. Requests stream their bodies, so they are not sent again by it; what is
/// idempotent is retried by the caller, or by a layer outside.
pub type Client = Reconnect<Channel, Error, Once>;

/// A channel to `server`, which keeps one connection up.
pub fn client(server: Endpoint, seed: u64) -> Client {
    let maker = service_fn(|server: Endpoint| async move { server.connect().await });
    crate::layer(seed).target(server).never_resend().layer(maker)
}

/// Calls `/echo.Echo/Echo`.
///
/// # Errors
/// The call's status; `Unavailable` or `Unknown` if the connection broke under it.
pub async fn echo(client: &Client, message: &'static [u8]) -> Result<Response<Bytes>, Status> {
    let mut grpc = Grpc::new(client.clone());
    grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    let path = PathAndQuery::from_static("/echo.Echo/Echo");
    grpc.unary(tonic::Request::new(Bytes::from_static(message)), path, Raw).await
}

/// Messages as they are.
#[derive(Clone, Copy, Debug, Default)]
pub struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}

/// What tonic's server and client exchange.
pub type HttpRequest = Request<Body>;
