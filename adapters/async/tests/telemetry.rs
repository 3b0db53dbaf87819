//! Logs and metrics of one link through an outage, as their documentation promises.
#![cfg(all(feature = "metrics", feature = "tracing"))]

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::future::{Ready, ready};
use std::pin::pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Waker};
use std::time::Duration;

use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata,
    SharedString, Unit,
};
use redial_async::redial::{
    Backoff, Failure, FirstRetry, Jitter, Overload, Policy, Reconnector, Timestamp,
};
use redial_async::{Classify, Driver, Ended, Runtime};
use tracing::field::{Field, Visit};
use tracing::span;

/// A clock that a second passes on at each sleep.
#[derive(Clone, Default)]
struct Fast(Rc<Cell<u64>>);

impl Runtime for Fast {
    type Sleep = Ready<()>;

    fn now(&self) -> Timestamp {
        Timestamp::from_nanos(self.0.get())
    }

    fn sleep_until(&self, at: Timestamp) -> Ready<()> {
        self.0.set(at.as_nanos());
        ready(())
    }
}

/// What a server might say.
#[derive(Debug)]
struct Rude;

impl fmt::Display for Rude {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("go away\n2026-01-01 INFO all is well")?;
        f.write_str(&"!".repeat(1000))
    }
}

impl Classify for Rude {
    fn classify(&self) -> Failure {
        Failure::Unreachable
    }
}

/// Writes each event as a line.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl tracing::Subscriber for Lines {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target() == "redial"
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        struct Line(String);
        impl Visit for Line {
            fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
                let _ = write!(self.0, " {field}={value:?}");
            }
        }
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// Keeps the last value, or the sum, of each metric by its name and labels.
#[derive(Clone, Default)]
struct Values(Arc<Mutex<BTreeMap<String, Arc<Value>>>>);

#[derive(Default)]
struct Value(AtomicU64);

impl Values {
    fn value(&self, key: &Key) -> Arc<Value> {
        let labels: Vec<_> =
            key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
        let name = format!("{}{{{}}}", key.name(), labels.join(","));
        self.0.lock().unwrap().entry(name).or_default().clone()
    }
}

impl CounterFn for Value {
    fn increment(&self, value: u64) {
        self.0.fetch_add(value, Ordering::SeqCst);
    }

    fn absolute(&self, value: u64) {
        self.0.store(value, Ordering::SeqCst);
    }
}

impl GaugeFn for Value {
    fn increment(&self, _: f64) {}

    fn decrement(&self, _: f64) {}

    fn set(&self, value: f64) {
        self.0.store(value.to_bits(), Ordering::SeqCst);
    }
}

impl HistogramFn for Value {
    fn record(&self, value: f64) {
        self.0.store(value.to_bits(), Ordering::SeqCst);
    }
}

impl metrics::Recorder for Values {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.value(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.value(key))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.value(key))
    }
}

/// Fails twice, connects, is stable for a while, is lost, connects and finishes.
fn ride(runtime: &Fast) {
    let policy = Policy::builder()
        .backoff(Backoff::fixed(Duration::from_secs(2)))
        .jitter(Jitter::None)
        .first_retry(FirstRetry::Immediate)
        .overload(Overload::Ignore)
        .stable_after(Duration::from_secs(1))
        .build();
    let clock = runtime.0.clone();
    let drive =
        Driver::new(Reconnector::new(policy.unwrap(), 1), runtime.clone()).named("feed").drive(
            |attempt| async move {
                let number = attempt.dial.id.get();
                if number < 3 { Err(Rude) } else { Ok(number) }
            },
            |number, _| {
                let clock = clock.clone();
                let begun = clock.get();
                std::future::poll_fn(move |cx| {
                    if number == 4 {
                        return std::task::Poll::Ready(Ended::Finished);
                    }
                    if clock.get() > begun {
                        return std::task::Poll::Ready(Ended::Lost(Rude));
                    }
                    cx.waker().wake_by_ref();
                    std::task::Poll::Pending
                })
            },
        );
    let mut drive = pin!(drive);
    let mut cx = Context::from_waker(Waker::noop());
    while drive.as_mut().poll(&mut cx).is_pending() {}
}

/// One at a time: tracing remembers for all threads whether anybody listens.
static ALONE: Mutex<()> = Mutex::new(());

#[test]
fn an_outage_is_logged_and_measured() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (lines, values) = (Lines::default(), Values::default());
    metrics::with_local_recorder(&values, || {
        tracing::subscriber::with_default(lines.clone(), || ride(&Fast::default()));
    });

    let log = lines.0.lock().unwrap().join("\n");
    for line in [
        "DEBUG message=dialing link=\"feed\" endpoint=0 attempt=1",
        "WARN message=waiting link=\"feed\" endpoint=0 attempt=1 delay=2s reason=backoff \
         failure=unreachable error=\"go away\\\\n2026-01-01 INFO all is well!!",
        "INFO message=connected link=\"feed\" endpoint=0 stable=false",
        "INFO message=connected link=\"feed\" endpoint=0 stable=true",
        "INFO message=idle link=\"feed\"",
    ] {
        assert!(log.contains(line), "{line}\nis not in\n{log}");
    }
    assert!(log.lines().all(|line| line.len() < 600), "text of a server has no end:\n{log}");
    assert_eq!(log.lines().count(), lines.0.lock().unwrap().len(), "nor a line of its own");

    let values = values.0.lock().unwrap();
    let get = |name: &str| values[name].0.load(Ordering::SeqCst);
    assert_eq!(get("redial_dials_total{link=feed,endpoint=0,outcome=unreachable}"), 2);
    assert_eq!(get("redial_dials_total{link=feed,endpoint=0,outcome=connected}"), 2);
    assert_eq!(f64::from_bits(get("redial_up{link=feed}")).to_string(), "0");
    assert_eq!(f64::from_bits(get("redial_outage_seconds{link=feed}")).to_string(), "5");
    assert_eq!(values.len(), 4, "{:?}", values.keys());
}

#[test]
fn the_gauge_falls_with_a_link_whose_future_is_dropped() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let values = Values::default();
    let up = || {
        let values = values.0.lock().unwrap();
        f64::from_bits(values["redial_up{link=link}"].0.load(Ordering::SeqCst)).to_string()
    };
    metrics::with_local_recorder(&values, || {
        let link = Driver::new(Reconnector::new(Policy::DEFAULT, 1), Fast::default());
        let mut drive = Box::pin(link.drive(
            |_| ready(Ok::<_, Failure>(())),
            |(), _| std::future::pending::<Ended<Failure>>(),
        ));
        let mut cx = Context::from_waker(Waker::noop());
        assert!(drive.as_mut().poll(&mut cx).is_pending());
        assert_eq!(up(), "1");
        drop(drive);
    });
    assert_eq!(up(), "0");
}
