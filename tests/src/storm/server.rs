//! The server: first come, first served, with a backlog, and what it does beyond it.

use std::collections::VecDeque;
use std::time::Duration;

use redial::{Admission, Timestamp, VirtualQueue};

use super::scenario::{Mode, Overflow};

/// What becomes of a dial that reaches a server that is up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    Queued,
    Rejected,
    /// Come back after this time.
    Hinted(Duration),
    Dropped,
    /// That was one too many.
    Crashed,
}

#[derive(Clone, Copy, Debug)]
enum Job {
    Handshake { client: u32, dial: u64 },
    Overhead(u64),
}

#[derive(Debug)]
pub(crate) struct Server {
    service: u64,
    stale: u64,
    reject: u64,
    /// Nanoseconds of work.
    queue_limit: u64,
    crash_above: Option<usize>,
    overflow: Overflow,
    queue: VecDeque<Job>,
    /// What is being worked on, and when it is done.
    current: Option<(Job, u64)>,
    /// Work in `queue`, in nanoseconds.
    waiting: u64,
    /// Arrivals of the last second.
    recent: VecDeque<u64>,
    virtual_queue: VirtualQueue,
}

/// What a server has finished.
pub(crate) enum Done {
    Handshake { client: u32, dial: u64 },
    Overhead,
}

const SECOND: u64 = 1_000_000_000;

impl Server {
    /// `service`: nanoseconds per handshake.
    pub(crate) fn new(mode: &Mode, service: f64) -> Self {
        let nanos = |handshakes: f64| (service * handshakes) as u64;
        let backlog = Duration::try_from_secs_f64(mode.queue).unwrap_or(Duration::MAX);
        let virtual_queue = VirtualQueue::new(Duration::from_nanos(nanos(1.0)), backlog)
            .rejection(Duration::from_nanos(nanos(mode.reject_cost)));
        Self {
            service: service as u64,
            stale: nanos(mode.stale),
            reject: nanos(mode.reject_cost),
            queue_limit: (mode.queue * SECOND as f64) as u64,
            crash_above: mode.crash_above.map(|above| (above * SECOND as f64 / service) as usize),
            overflow: mode.overflow,
            queue: VecDeque::new(),
            current: None,
            waiting: 0,
            recent: VecDeque::new(),
            virtual_queue,
        }
    }

    /// Work ahead of a new arrival, in nanoseconds.
    fn backlog(&self, now: u64) -> u64 {
        self.waiting + self.current.map_or(0, |(_, done)| done.saturating_sub(now))
    }

    pub(crate) fn arrive(&mut self, now: u64, client: u32, dial: u64) -> Verdict {
        if let Some(limit) = self.crash_above {
            self.recent.push_back(now);
            while self.recent.front().is_some_and(|first| first + SECOND <= now) {
                self.recent.pop_front();
            }
            if self.recent.len() > limit {
                return Verdict::Crashed;
            }
        }
        let hint = match self.overflow {
            Overflow::Hint => Some(self.virtual_queue.admit(Timestamp::from_nanos(now))),
            Overflow::Reject | Overflow::Drop => None,
        };
        let room = match hint {
            Some(admission) => admission == Admission::Admitted,
            None => self.backlog(now) < self.queue_limit,
        };
        if room {
            self.queue.push_back(Job::Handshake { client, dial });
            self.waiting += self.service;
            return Verdict::Queued;
        }
        if self.overflow == Overflow::Drop {
            return Verdict::Dropped;
        }
        self.waiting += self.reject;
        match self.queue.back_mut() {
            Some(Job::Overhead(work)) => *work += self.reject,
            _ => self.queue.push_back(Job::Overhead(self.reject)),
        }
        match hint {
            Some(Admission::RetryAfter(delay)) => Verdict::Hinted(delay),
            Some(Admission::Admitted) | None => Verdict::Rejected,
        }
    }

    /// Begins the next job, if idle; returns when it is done. `waits` tells whether a client still does.
    pub(crate) fn begin(&mut self, now: u64, waits: impl Fn(u32, u64) -> bool) -> Option<u64> {
        if self.current.is_some() {
            return None;
        }
        let job = self.queue.pop_front()?;
        let (nominal, cost) = match job {
            Job::Overhead(work) => (work, work),
            Job::Handshake { client, dial } if waits(client, dial) => (self.service, self.service),
            Job::Handshake { .. } => (self.service, self.stale),
        };
        self.waiting -= nominal;
        self.current = Some((job, now + cost));
        Some(now + cost)
    }

    /// The current job is done at `now`; `None` for one that a crash has ended.
    pub(crate) fn finish(&mut self, now: u64) -> Option<Done> {
        match self.current {
            Some((job, done)) if done == now => {
                self.current = None;
                Some(match job {
                    Job::Handshake { client, dial } => Done::Handshake { client, dial },
                    Job::Overhead(_) => Done::Overhead,
                })
            }
            _ => None,
        }
    }

    /// Forgets all work; returns the dials that are reset by it.
    pub(crate) fn crash(&mut self) -> Vec<(u32, u64)> {
        let current = self.current.take().map(|(job, _)| job);
        let reset = current
            .into_iter()
            .chain(self.queue.drain(..))
            .filter_map(|job| match job {
                Job::Handshake { client, dial } => Some((client, dial)),
                Job::Overhead(_) => None,
            })
            .collect();
        self.waiting = 0;
        self.recent.clear();
        reset
    }
}
