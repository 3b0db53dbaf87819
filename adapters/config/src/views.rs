//! What a link shows, as a dashboard reads it: flat, in words, with times in whole milliseconds.

use std::time::Duration;

use redial::{Circuit, Health, Phase, Status, Timestamp};
use serde::{Deserialize, Serialize};

/// A [`Status`] for files and dashboards. Times are milliseconds on the link's own clock. Keys that a
/// later version adds are ignored when it is read.
///
/// ```
/// use redial::{Event, Policy, Reconnector, Timestamp};
/// use redial_config::StatusView;
///
/// let mut link = Reconnector::new(Policy::DEFAULT, 1);
/// link.handle(Timestamp::ORIGIN, Event::Start);
/// let json = serde_json::to_string(&StatusView::from(link.status())).unwrap();
/// assert_eq!(json, r#"{"phase":"connecting","attempt":1,"endpoint":0,"circuit":"closed"}"#);
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StatusView {
    /// `idle`, `connecting`, `connected`, `reconnecting`, `offline`, `gave_up`, or what a later version
    /// says.
    pub phase: String,
    /// Dials of this outage, while there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// When the connection was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since_ms: Option<u64>,
    /// Whether the connection is stable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stable: Option<bool>,
    /// When it will dial again; unset for never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_ms: Option<u64>,
    /// What it waits for, or why it gave up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Key of the endpoint in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<u32>,
    /// `closed`, `open`, `half_open`, `disabled`, or what a later version says.
    pub circuit: String,
    /// When an open circuit admits a probe; unset if it was tripped by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub circuit_until_ms: Option<u64>,
}

impl From<Status> for StatusView {
    fn from(status: Status) -> Self {
        Self::from(&status)
    }
}

impl From<&Status> for StatusView {
    fn from(status: &Status) -> Self {
        let (circuit, circuit_until_ms) = match status.circuit {
            Circuit::Closed => ("closed".into(), None),
            Circuit::Open { until } => ("open".into(), millis_at(until)),
            Circuit::HalfOpen => ("half_open".into(), None),
            Circuit::Disabled => ("disabled".into(), None),
            other => (other.to_string(), None),
        };
        let view = Self { circuit, circuit_until_ms, endpoint: status.endpoint, ..Self::default() };
        match status.phase {
            Phase::Idle => Self { phase: "idle".into(), ..view },
            Phase::Connecting { attempt } => {
                Self { phase: "connecting".into(), attempt: Some(attempt), ..view }
            }
            Phase::Connected { since, stable } => Self {
                phase: "connected".into(),
                since_ms: millis_at(since),
                stable: Some(stable),
                ..view
            },
            Phase::Reconnecting { attempt, until, reason } => Self {
                phase: "reconnecting".into(),
                attempt: Some(attempt),
                until_ms: millis_at(until),
                reason: Some(reason.to_string()),
                ..view
            },
            Phase::Offline => Self { phase: "offline".into(), ..view },
            Phase::GaveUp { reason, attempts } => Self {
                phase: "gave_up".into(),
                attempt: Some(attempts),
                reason: Some(reason.to_string()),
                ..view
            },
            other => Self { phase: other.to_string(), ..view },
        }
    }
}

/// [`Health`] for files and dashboards. Times are milliseconds, shares are parts per million. Keys that a
/// later version adds are ignored when it is read.
///
/// ```
/// use std::time::Duration;
/// use redial::{Event, Health, Policy, Reconnector, Timestamp};
/// use redial_config::HealthView;
///
/// let (start, later) = (Timestamp::ORIGIN, Timestamp::from_origin(Duration::from_secs(2)));
/// let mut link = Reconnector::new(Policy::DEFAULT, 1);
/// link.handle(start, Event::Start);
/// // Over an hour, and told of below 95 %.
/// let mut health = Health::new(Duration::from_secs(3600), 950_000);
/// health.observe(start, &link.status());
/// health.observe(later, &link.status());
/// let json = serde_json::to_value(HealthView::from(&health)).unwrap();
/// assert_eq!((json["downtime_ms"].as_u64(), json["dials"].as_u64()), (Some(2000), Some(1)));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HealthView {
    /// Time connected.
    pub uptime_ms: u64,
    /// Time dialing and waiting.
    pub downtime_ms: u64,
    /// Time without a network.
    pub offline_ms: u64,
    /// Time stopped or given up.
    pub stopped_ms: u64,
    /// The longest time without a connection.
    pub longest_outage_ms: u64,
    /// Dials started.
    pub dials: u64,
    /// Dials that failed.
    pub failures: u64,
    /// Connections that ended before they were stable.
    pub flaps: u64,
    /// Time up per time up or down.
    pub reliability_ppm: u32,
    /// The same over the sliding window.
    pub recent_ppm: u32,
}

impl From<Health> for HealthView {
    fn from(health: Health) -> Self {
        Self::from(&health)
    }
}

impl From<&Health> for HealthView {
    fn from(health: &Health) -> Self {
        Self {
            uptime_ms: millis(health.uptime()),
            downtime_ms: millis(health.downtime()),
            offline_ms: millis(health.offline()),
            stopped_ms: millis(health.stopped()),
            longest_outage_ms: millis(health.longest_outage()),
            dials: health.dials(),
            failures: health.failures(),
            flaps: health.flaps(),
            reliability_ppm: health.reliability(),
            recent_ppm: health.recent(),
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn millis_at(time: Timestamp) -> Option<u64> {
    (time != Timestamp::MAX).then(|| millis(time.since_origin()))
}
