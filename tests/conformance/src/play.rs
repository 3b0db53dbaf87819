//! Plays a scenario on a stage.

use std::cell::Cell;
use std::fmt;
use std::future::{pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use redial::{DialId, Endpoint, Failure, Reconnector, Timestamp};
use redial_async::{
    Attempt, Classify, Connection, Cursor, Driver, Ended, Idempotent, Link, LinkError, LinkHandle,
    Runtime, Session, Subscriptions, Transition,
};

use crate::log::{Lane, Log};
use crate::script::{Command, Op, Scenario, Step};
use crate::stages::Stage;

/// Every link's; scenarios that draw nothing do not care.
const SEED: u64 = 7;

/// Why something ended.
#[derive(Clone, Copy, Debug)]
enum Error {
    Broke(Failure),
    /// By a server that is well.
    Refused,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broke(failure) => fmt::Display::fmt(failure, f),
            Self::Refused => f.write_str("refused"),
        }
    }
}

impl Classify for Error {
    fn classify(&self) -> Failure {
        match self {
            Self::Broke(failure) => *failure,
            Self::Refused => Failure::Unreachable,
        }
    }

    fn breaks_connection(&self) -> bool {
        matches!(self, Self::Broke(_))
    }
}

/// Plays `scenario` on `stage`; what was seen, line by line.
pub async fn play<S: Stage>(stage: S, scenario: &Scenario) -> Vec<String> {
    let runtime = stage.runtime();
    let log = Log::new(runtime.clone());
    let subscriptions = Subscriptions::new();
    let scene = Scene {
        stage,
        log: log.clone(),
        callers: Rc::default(),
        subscriptions: subscriptions.clone(),
    };
    let (seen, dialed) = (log.clone(), Cell::new(0));
    let endpoints: Vec<_> = scenario.endpoints.iter().map(|key| Endpoint::new(*key)).collect();
    let reconnector = Reconnector::with_endpoints((scenario.policy)(), SEED, endpoints);
    let driver = Driver::new(reconnector, runtime.clone());
    let driver = if scenario.lazy { driver.lazy() } else { driver };
    let scripts = scenario.dials;
    let (dials, ends) = (log.clone(), runtime.clone());
    let drive = driver
        .share(|socket: &Socket<_>| socket.shared.clone())
        .observe(move |transition: &Transition<'_, Error>| {
            let failure = transition.failure.map(|failure| format!(" ({failure})"));
            let failure = failure.unwrap_or_default();
            let Transition { from, to, action, .. } = transition;
            let text = match (from.to_string(), to.to_string()) {
                (from, to) if from == to => action.to_string(),
                (from, to) => format!("{from} -> {to}"),
            };
            seen.line(Lane::Link, text + &failure);
        })
        .drive(
            move |attempt| {
                let script = scripts.get(dialed.get()).or(scripts.last()).copied();
                dialed.set(dialed.get() + 1);
                let socket = Socket {
                    shared: Rc::new(attempt.dial.id),
                    rest: script.unwrap_or_default(),
                    log: dials.clone(),
                    connected: false,
                    subscribed: subscriptions.cursor(),
                };
                connect(attempt, socket, runtime.clone())
            },
            move |socket, session| serve(socket, session, ends.clone()),
        );
    let mut link = Some(scene.stage.link(drive));
    for (at, command) in scenario.says {
        scene.until(*at).await;
        log.line(Lane::Application, format!("{command:?}"));
        scene.say(*command, &mut link);
    }
    scene.until(scenario.end).await;
    log.line(Lane::Application, "the end");
    drop(link);
    scene.until(scenario.end + 1).await;
    log.lines()
}

type Handle = LinkHandle<Rc<DialId>, Error>;

struct Scene<S: Stage> {
    stage: S,
    log: Log<S::Runtime>,
    callers: Rc<Cell<usize>>,
    subscriptions: Subscriptions<&'static str>,
}

impl<S: Stage> Scene<S> {
    async fn until(&self, millis: u64) {
        let at = Timestamp::from_origin(Duration::from_millis(millis));
        if self.stage.runtime().now() < at {
            self.stage.runtime().sleep_until(at).await;
        }
    }

    fn say(&self, command: Command, owner: &mut Option<Link<Rc<DialId>, Error>>) {
        let Some(link) = owner else { return };
        match command {
            Command::Start => link.start(),
            Command::Stop => link.stop(),
            Command::Redial => link.redial(),
            Command::Online => link.online(),
            Command::Offline => link.offline(),
            Command::Defer(millis) => link.defer(Duration::from_millis(millis)),
            Command::Shutdown(millis) => {
                let shut_down = link.shutdown(Duration::from_millis(millis));
                self.call(async move { told(shut_down.await.map(|()| "shut down")) });
            }
            Command::Drop => *owner = None,
            Command::Connect(callers) => {
                for _ in 0..callers {
                    let asked = link.connection();
                    self.call(async move {
                        told(asked.await.map(|connection| format!("got {}", connection.id)))
                    });
                }
            }
            Command::Report(callers) => {
                if let Some(Connection { id, .. }) = link.current() {
                    for _ in 0..callers {
                        let handle: Handle = link.handle();
                        self.call(async move {
                            let first = handle.report(id, Error::Broke(Failure::Unreachable));
                            format!("reported {id}: {}", if first { "heard" } else { "known" })
                        });
                    }
                }
            }
            Command::Closed => {
                let closed = link.closed();
                self.call(async move { told(closed.await.map(|()| "closed")) });
            }
            Command::Run(callers, idempotent, millis, op) => {
                for _ in 0..callers {
                    self.run(link, idempotent, millis, op);
                }
            }
            Command::Subscribe(item) => drop(self.subscriptions.add(item)),
            Command::Unsubscribe(item) => drop(self.subscriptions.remove(&item)),
            Command::Watch(millis) => self.watch(link, millis),
        }
    }

    fn call(&self, caller: impl Future<Output = String> + 'static) {
        let (lane, log) = (self.caller(), self.log.clone());
        self.stage.spawn(async move { log.line(lane, caller.await) });
    }

    fn caller(&self) -> Lane {
        self.callers.set(self.callers.get() + 1);
        Lane::Caller(self.callers.get())
    }

    /// An operation that gives up after 3 s.
    fn run(&self, link: &Handle, idempotent: Idempotent, millis: u64, op: Op) {
        let (runtime, broke) = (self.stage.runtime(), Rc::new(Cell::new(false)));
        let run = link.run(
            move |connection| {
                let (runtime, broke) = (runtime.clone(), broke.clone());
                async move {
                    pause(&runtime, millis).await;
                    match op {
                        Op::BreaksFirst if !broke.replace(true) => {
                            Err(Error::Broke(Failure::Unreachable))
                        }
                        Op::Answers | Op::BreaksFirst => Ok(connection.id),
                        Op::IsRefused => Err(Error::Refused),
                        Op::Hangs => pending().await,
                        Op::Panics => panic!("an operation panicked"),
                    }
                }
            },
            idempotent,
        );
        let mut run = Box::pin(run.within(Duration::from_secs(3)));
        self.call(poll_fn(move |cx| {
            let poll = catch_unwind(AssertUnwindSafe(|| run.as_mut().poll(cx)));
            let Ok(poll) = poll else { return Poll::Ready("panicked".into()) };
            poll.map(|result| match result {
                Ok(id) => format!("answered by {id}"),
                Err(error) => format!("no answer: {error}"),
            })
        }));
    }

    fn watch(&self, link: &Handle, millis: u64) {
        let (lane, log, mut watch) = (self.caller(), self.log.clone(), link.watch());
        let (runtime, pause) = (self.stage.runtime(), Duration::from_millis(millis));
        self.stage.spawn(async move {
            while let Some(status) = watch.changed().await {
                log.line(lane, format!("sees {status}"));
                runtime.sleep_until(runtime.now().saturating_add(pause)).await;
            }
            log.line(lane, "sees no more");
        });
    }
}

fn told(result: Result<impl fmt::Display, LinkError<Error>>) -> String {
    match result {
        Ok(text) => text.to_string(),
        Err(error) => match error.last() {
            Some(last) => format!("{error}; last error: {last}"),
            None => error.to_string(),
        },
    }
}

/// Tells when it is dropped. Nothing about it is `Send`.
struct Socket<R: Runtime> {
    shared: Rc<DialId>,
    rest: &'static [Step],
    log: Log<R>,
    connected: bool,
    subscribed: Cursor<&'static str>,
}

impl<R: Runtime> Socket<R> {
    /// Subscribes to everything, as part of the dial.
    async fn restore(&mut self, runtime: &R) -> Result<(), Error> {
        let Self { log, subscribed, .. } = self;
        let replayed = subscribed.replay(|item| {
            log.line(Lane::Link, format!("subscribes to {item}"));
            async move {
                pause(runtime, 1).await;
                match item {
                    "broken" => Err(Error::Broke(Failure::Unreachable)),
                    "refused" => Err(Error::Refused),
                    _ => Ok(()),
                }
            }
        });
        for (item, error) in replayed.await? {
            log.line(Lane::Link, format!("not subscribed to {item}: {error}"));
        }
        Ok(())
    }
}

impl<R: Runtime> Drop for Socket<R> {
    fn drop(&mut self) {
        let what = if self.connected { "connection" } else { "dial" };
        self.log.line(Lane::Link, format!("{what} {} is gone", self.shared));
    }
}

async fn connect<R: Runtime>(
    attempt: Attempt,
    mut socket: Socket<R>,
    runtime: R,
) -> Result<Socket<R>, Error> {
    socket.log.line(Lane::Link, format!("starts {}", attempt.dial));
    while let Some((step, rest)) = socket.rest.split_first() {
        socket.rest = rest;
        match step {
            Step::Accept => {
                socket.connected = true;
                return Ok(socket);
            }
            Step::Fail(failure) => return Err(Error::Broke(*failure)),
            Step::Progress => attempt.progress(),
            Step::Restore => socket.restore(&runtime).await?,
            Step::Wait(millis) => pause(&runtime, *millis).await,
            Step::Panic => panic!("connect panicked"),
            other => panic!("a dial cannot {other:?}"),
        }
    }
    pending().await
}

async fn serve<R: Runtime>(mut socket: Socket<R>, session: Session, runtime: R) -> Ended<Error> {
    while let Some((step, rest)) = socket.rest.split_first() {
        socket.rest = rest;
        match step {
            Step::Wait(millis) => pause(&runtime, *millis).await,
            Step::Confirm => session.confirmed(),
            Step::Activity => session.activity(),
            Step::GoingAway(within) => session.going_away(within.map(Duration::from_millis)),
            Step::Follow => loop {
                let change = socket.subscribed.changed().await;
                socket.log.line(Lane::Link, format!("{change:?}"));
            },
            Step::UntilDraining => session.draining().await,
            Step::Lose(failure) => return Ended::Lost(Error::Broke(*failure)),
            Step::Finish => return Ended::Finished,
            Step::Panic => panic!("serve panicked"),
            other => panic!("a connection cannot {other:?}"),
        }
    }
    pending().await
}

async fn pause(runtime: &impl Runtime, millis: u64) {
    if millis > 0 {
        let at = runtime.now().saturating_add(Duration::from_millis(millis));
        runtime.sleep_until(at).await;
    }
}
