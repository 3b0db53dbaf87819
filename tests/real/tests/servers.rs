//! Real servers: killed, frozen, refused, stalled, cut, and back; each time the subscription is there
//! again and nothing comes twice.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use redial_real::clients::{
    AsyncTungstenite, Grpc, Mqtt, Nats, Redis, SmolTungstenite, TokioTungstenite,
};
use redial_real::feed::Feed;
use redial_real::process::descriptors;
use redial_real::proxy::{Fault, Proxy};
use redial_real::publish::{Broker, Publisher};
use redial_real::server::Server;
use tokio::time::{sleep, timeout};

const WHILE: Duration = Duration::from_millis(150);
const CUTS: usize = 200;

/// A feed through a proxy, with what has happened to it.
struct Scene {
    name: &'static str,
    server: Server,
    proxy: Proxy,
    feed: Feed,
}

impl Scene {
    async fn new(
        name: &'static str,
        server: Server,
        feed: impl FnOnce(SocketAddr) -> Feed,
    ) -> Self {
        let proxy = Proxy::before(server.address()).await.unwrap();
        let feed = feed(proxy.address());
        feed.back(0).await;
        Self { name, server, proxy, feed }
    }

    /// Waits until the loss is noticed, lets it last, ends it, and waits for the feed.
    #[expect(clippy::disallowed_methods, reason = "a figure that is printed, and no check")]
    async fn outlives(&mut self, fault: &str, end: impl AsyncFnOnce(&mut Self)) {
        let (connection, dials) = (self.feed.connection(), self.feed.dials());
        self.feed.lost(connection).await;
        sleep(WHILE).await;
        end(self).await;
        let ended = Instant::now();
        self.feed.back(connection).await;
        let (_, twice) = self.feed.counts();
        let dials = self.feed.dials() - dials;
        println!("{}: {fault}: back after {:?}, {dials} dials", self.name, ended.elapsed());
        assert_eq!(twice, 0, "{}: {fault}", self.name);
    }

    /// A fault of the network, with the connections there are `cut` or not.
    async fn faulty(&mut self, fault: Fault, cut: bool) {
        self.proxy.set(fault);
        if cut {
            self.proxy.cut();
        }
        self.outlives(&format!("{fault:?}"), async |scene| scene.proxy.set(Fault::None)).await;
    }

    /// 200 connections are cut, one after the other. None is left behind.
    async fn cuts(&mut self) {
        // The first ones after a fault may still be on their way out.
        sleep(WHILE).await;
        let (before, dials) = (descriptors().unwrap(), self.feed.dials());
        for _ in 0..CUTS {
            let connection = self.feed.connection();
            self.proxy.cut();
            self.feed.back(connection).await;
        }
        let settled = async {
            while descriptors().unwrap() != before || self.proxy.open() != 1 {
                sleep(Duration::from_millis(5)).await;
            }
        };
        let settled = timeout(Duration::from_secs(10), settled).await;
        let (all, sockets) = descriptors().unwrap();
        let dials = self.feed.dials() - dials;
        let (numbers, twice) = self.feed.counts();
        println!(
            "{}: {CUTS} cuts: {dials} dials; sockets {} before, {sockets} after; \
             {numbers} numbers, {twice} of them twice",
            self.name, before.1
        );
        assert!(settled.is_ok(), "{before:?} became {:?}", (all, sockets));
        assert_eq!(twice, 0);
    }
}

async fn survives(name: &'static str, server: Server, feed: impl FnOnce(SocketAddr) -> Feed) {
    let mut scene = Scene::new(name, server, feed).await;

    scene.server.kill().unwrap();
    scene.outlives("kill -9", async |scene| scene.server.start().await.unwrap()).await;
    scene.server.freeze().unwrap();
    scene.outlives("frozen", async |scene| scene.server.thaw().unwrap()).await;

    scene.faulty(Fault::None, true).await;
    scene.faulty(Fault::HalfOpen, false).await;
    scene.faulty(Fault::Stall, false).await;
    scene.faulty(Fault::Refuse, true).await;
    scene.faulty(Fault::AcceptThenClose, true).await;
    scene.faulty(Fault::SlowAccept(WHILE), true).await;
    // In the midst of the first message of the handshake, and somewhere in the feed.
    scene.faulty(Fault::ResetAfter(3), true).await;
    scene.faulty(Fault::ResetAfter(600), true).await;

    // It is slow, and that is all: nothing is dialed for it.
    let (connection, (before, _)) = (scene.feed.connection(), scene.feed.counts());
    scene.proxy.set(Fault::Latency(Duration::from_millis(20)));
    sleep(2 * WHILE).await;
    scene.proxy.set(Fault::None);
    sleep(WHILE).await;
    assert_eq!(scene.feed.connection(), connection);
    assert!(scene.feed.counts().0 > before);

    scene.cuts().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_survives() {
    let server = Server::redis().await.unwrap();
    let _publisher = Publisher::to(Broker::Redis, server.address());
    survives("redis", server, Feed::from::<Redis>).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mqtt_survives() {
    let server = Server::mosquitto().await.unwrap();
    let _publisher = Publisher::to(Broker::Mqtt, server.address());
    survives("mqtt", server, Feed::from::<Mqtt>).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nats_survives() {
    let server = Server::nats().await.unwrap();
    let _publisher = Publisher::to(Broker::Nats, server.address());
    survives("nats", server, Feed::from::<Nats>).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn websocket_survives_on_tokio_tungstenite() {
    let server = Server::own(env!("CARGO_BIN_EXE_served"), "websocket").await.unwrap();
    survives("websocket", server, Feed::from::<TokioTungstenite>).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn websocket_survives_on_async_tungstenite() {
    let server = Server::own(env!("CARGO_BIN_EXE_served"), "websocket").await.unwrap();
    survives("websocket, async-tungstenite", server, Feed::from::<AsyncTungstenite>).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn websocket_survives_on_smol() {
    let server = Server::own(env!("CARGO_BIN_EXE_served"), "websocket").await.unwrap();
    survives("websocket, smol", server, Feed::on_smol::<SmolTungstenite>).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn grpc_survives() {
    let server = Server::own(env!("CARGO_BIN_EXE_served"), "grpc").await.unwrap();
    survives("grpc", server, Feed::from::<Grpc>).await;
}
