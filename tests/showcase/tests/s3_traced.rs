//! What tourniquet logs of a failover. Alone in its process: a test without a subscriber, on another thread,
//! can keep an event from one that has just begun to listen.

use std::fmt::{self, Write};
use std::future::pending;
use std::io;
use std::sync::{Arc, Mutex};

use redial::{Endpoint, Reconnector, presets};
use redial_tokio::{Attempt, Ended, driver, spawn_drive};

/// Keeps message and fields of each event.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl tracing::Subscriber for Lines {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target() == "redial"
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut line = String::new();
        event.record(&mut |field: &tracing::field::Field, value: &dyn fmt::Debug| {
            write!(line, "{field}={value:?} ").unwrap();
        });
        self.0.lock().unwrap().push(line);
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

#[tokio::test(start_paused = true)]
async fn s3_10_each_failover_is_traced_with_index_and_provider() {
    let lines = Lines::default();
    let _guard = tracing::subscriber::set_default(lines.clone());
    let names = ["amsterdam", "berlin", "cologne"];
    let reconnector =
        Reconnector::with_endpoints(presets::tourniquet(3), 1, [0, 1, 2].map(Endpoint::new));
    let drive = driver(reconnector).named("tasks").drive(
        move |attempt: Attempt| async move {
            let name = names[attempt.dial.endpoint as usize];
            tracing::info!(target: "redial", provider = name, "connecting");
            if name == "cologne" { Ok(()) } else { Err(io::ErrorKind::ConnectionReset.into()) }
        },
        |(), _| pending::<Ended<io::Error>>(),
    );
    let link = spawn_drive(drive);
    link.connection().await.unwrap();
    let lines = lines.0.lock().unwrap();
    let has =
        |parts: &[&str]| lines.iter().any(|line| parts.iter().all(|part| line.contains(part)));
    for (index, name) in names.into_iter().enumerate() {
        let endpoint = format!("endpoint={index}");
        assert!(has(&["dialing", "link=\"tasks\"", &endpoint]), "{lines:#?}");
        assert!(has(&[&format!("provider={name:?}")]), "{lines:#?}");
    }
    assert!(has(&["connected", "endpoint=2"]), "{lines:#?}");
}
