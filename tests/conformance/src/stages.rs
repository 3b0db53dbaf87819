//! The runtimes, each in simulated time: when nothing can go on, it is the time of the earliest timer.

use std::cell::RefCell;
use std::fmt;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use async_executor::LocalExecutor;
use redial_async::{Drive, Link, LinkError, Runtime};
use redial_tokio::TokioRuntime;
use tokio::runtime::Builder;
use tokio::task::LocalSet;

use crate::third::Clock;

/// A runtime that scenarios are played on.
pub trait Stage: Clone + 'static {
    /// Its adapter.
    type Runtime: Runtime<Sleep: 'static> + Clone + 'static;

    /// The adapter.
    fn runtime(&self) -> Self::Runtime;

    /// Runs `future` beside the others.
    fn spawn(&self, future: impl Future<Output = ()> + 'static);

    /// Spawns a link.
    fn link<F, H, E>(&self, drive: Drive<F, H, E>) -> Link<H, E>
    where
        F: Future<Output = Result<(), LinkError<E>>> + 'static,
        H: 'static,
        E: 'static,
    {
        let link = drive.link();
        self.spawn(async move { drop(drive.await) });
        link
    }
}

/// tokio, with its clock paused.
#[derive(Clone, Debug)]
pub struct Tokio(TokioRuntime);

impl Tokio {
    /// Runs what `play` makes to its end.
    ///
    /// # Panics
    /// If tokio cannot be started.
    pub fn run<F: Future>(play: impl FnOnce(Self) -> F) -> F::Output {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
        let scene = async { play(Self(TokioRuntime::new())).await };
        LocalSet::new().block_on(&runtime.expect("tokio starts"), scene)
    }
}

impl Stage for Tokio {
    type Runtime = TokioRuntime;

    fn runtime(&self) -> TokioRuntime {
        self.0
    }

    fn spawn(&self, future: impl Future<Output = ()> + 'static) {
        drop(tokio::task::spawn_local(future));
    }

    fn link<F, H, E>(&self, drive: Drive<F, H, E>) -> Link<H, E>
    where
        F: Future<Output = Result<(), LinkError<E>>> + 'static,
        H: 'static,
        E: 'static,
    {
        redial_tokio::spawn_drive_local(drive)
    }
}

/// smol's executor, with a clock that is stepped: its own timers know only real time.
#[derive(Clone, Debug, Default)]
pub struct Smol {
    clock: Clock,
    executor: Rc<LocalExecutor<'static>>,
}

impl Smol {
    /// Runs what `play` makes to its end.
    ///
    /// # Panics
    /// If nothing will ever happen again before that.
    pub fn run<F: Future>(play: impl FnOnce(Self) -> F) -> F::Output {
        let stage = Self::default();
        let (mut scene, flag) = (pin!(play(stage.clone())), Flag::raised());
        loop {
            while flag.lower() | stage.executor.try_tick() {
                if let Poll::Ready(output) = flag.poll(scene.as_mut()) {
                    return output;
                }
            }
            stage.clock.advance(stage.clock.earliest().expect("something will happen"));
        }
    }
}

impl Stage for Smol {
    type Runtime = Clock;

    fn runtime(&self) -> Clock {
        self.clock.clone()
    }

    fn spawn(&self, future: impl Future<Output = ()> + 'static) {
        self.executor.spawn(future).detach();
    }

    fn link<F, H, E>(&self, drive: Drive<F, H, E>) -> Link<H, E>
    where
        F: Future<Output = Result<(), LinkError<E>>> + 'static,
        H: 'static,
        E: 'static,
    {
        redial_smol::spawn_drive_local(&self.executor, drive)
    }
}

type Task = Pin<Box<dyn Future<Output = ()>>>;

/// A loop on one thread, which polls everything when anything was woken.
#[derive(Clone, Default)]
pub struct Third {
    clock: Clock,
    spawned: Rc<RefCell<Vec<Task>>>,
}

impl Third {
    /// Runs what `play` makes to its end.
    ///
    /// # Panics
    /// If nothing will ever happen again before that.
    pub fn run<F: Future>(play: impl FnOnce(Self) -> F) -> F::Output {
        let stage = Self::default();
        let (mut scene, flag) = (pin!(play(stage.clone())), Flag::raised());
        let mut tasks: Vec<Task> = Vec::new();
        loop {
            while flag.lower() || !stage.spawned.borrow().is_empty() {
                if let Poll::Ready(output) = flag.poll(scene.as_mut()) {
                    return output;
                }
                tasks.append(&mut stage.spawned.borrow_mut());
                tasks.retain_mut(|task| flag.poll(task.as_mut()).is_pending());
            }
            // Where another loop would wait for sockets until then.
            stage.clock.advance(stage.clock.earliest().expect("something will happen"));
        }
    }
}

impl fmt::Debug for Third {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Third").field("clock", &self.clock).finish_non_exhaustive()
    }
}

impl Stage for Third {
    type Runtime = Clock;

    fn runtime(&self) -> Clock {
        self.clock.clone()
    }

    fn spawn(&self, future: impl Future<Output = ()> + 'static) {
        self.spawned.borrow_mut().push(Box::pin(future));
    }
}

/// Raised by every wake.
struct Flag(AtomicBool);

impl Flag {
    fn raised() -> Arc<Self> {
        Arc::new(Self(AtomicBool::new(true)))
    }

    fn lower(&self) -> bool {
        self.0.swap(false, Ordering::SeqCst)
    }

    fn poll<F: Future + ?Sized>(self: &Arc<Self>, future: Pin<&mut F>) -> Poll<F::Output> {
        let waker = Waker::from(self.clone());
        future.poll(&mut Context::from_waker(&waker))
    }
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}
