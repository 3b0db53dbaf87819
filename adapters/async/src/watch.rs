//! A cursor of its own on the status of a link.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use event_listener::EventListener;
use redial::{Phase, Status};

use crate::hub::{Hub, poll_until};
use crate::sync::Arc;

/// Watches the status of a link. Level-triggered: it tells that the status is not the one last told, and
/// what it is now; what came and went in between is not told. The last status of a link, however it ended,
/// is idle or that it gave up.
///
/// ```
/// use redial_async::{LinkHandle, redial::Phase};
///
/// async fn report(link: LinkHandle) {
///     let mut watch = link.watch();
///     while let Some(status) = watch.changed().await {
///         match status.phase {
///             Phase::Connected { stable: true, .. } => println!("up"),
///             Phase::Reconnecting { until, reason, .. } => println!("down until {until}: {reason}"),
///             _ => {}
///         }
///     }
///     println!("the link is gone");
/// }
/// # let _ = report;
/// ```
pub struct Watch {
    hub: Arc<Hub>,
    seen: u64,
    listener: Option<EventListener>,
}

impl Watch {
    pub(crate) fn new(hub: Arc<Hub>) -> Self {
        let (_, seen, _) = hub.versioned_status();
        Self { hub, seen, listener: None }
    }

    /// The status now. Does not move the cursor.
    pub fn status(&self) -> Status {
        self.hub.status()
    }

    /// Whether there is a connection now.
    pub fn is_connected(&self) -> bool {
        matches!(self.status().phase, Phase::Connected { .. })
    }

    /// Waits until the status is not the one that this watch told last, or began with; tells it. `None`
    /// once the link is gone and its last status has been told. Nothing is lost when it is dropped.
    pub fn changed(&mut self) -> Changed<'_> {
        Changed { watch: self }
    }

    /// [`changed`](Self::changed) as a poll.
    pub fn poll_changed(&mut self, cx: &mut Context<'_>) -> Poll<Option<Status>> {
        let Self { hub, seen, listener } = self;
        poll_until(&hub.changed, listener, cx, || {
            let (status, version, gone) = hub.versioned_status();
            if version == *seen {
                return gone.then_some(None);
            }
            *seen = version;
            Some(Some(status))
        })
    }
}

impl Clone for Watch {
    /// The clone's cursor begins where this one is.
    fn clone(&self) -> Self {
        Self { hub: self.hub.clone(), seen: self.seen, listener: None }
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("status", &self.status()).finish_non_exhaustive()
    }
}

/// Waits for a change of status; made by [`Watch::changed`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct Changed<'a> {
    watch: &'a mut Watch,
}

impl Future for Changed<'_> {
    type Output = Option<Status>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Status>> {
        self.watch.poll_changed(cx)
    }
}
