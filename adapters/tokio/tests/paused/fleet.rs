//! A fleet in one future, against a server that is a flag.

use std::io;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use redial_tokio::redial::{Endpoint, Phase, Policy, PolicyBuilder, Reconnector, Timestamp};
use redial_tokio::redial_fleet::{Fleet, Key};
use redial_tokio::{
    Attempt, Ended, FleetHandle, Session, TokioRuntime, drive_fleet, drive_fleet_observed,
};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::support::{MS, Socket, exact, refused};

type Handle = FleetHandle<TokioRuntime, Arc<Policy>>;

/// Accepts after 5 ms while it is up, and closes everything when it goes down.
#[derive(Clone)]
struct Server {
    up: watch::Sender<bool>,
    dialing: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
    dials: Arc<AtomicUsize>,
    open: Arc<AtomicUsize>,
}

impl Server {
    fn new(up: bool) -> Self {
        let [dialing, most, dials, open] = std::array::from_fn(|_| Arc::default());
        Self { up: watch::Sender::new(up), dialing, most, dials, open }
    }

    async fn accept(self) -> io::Result<(Socket, watch::Receiver<bool>)> {
        let flight = Socket::open(&self.dialing);
        self.most.fetch_max(self.dialing.load(Ordering::SeqCst), Ordering::SeqCst);
        self.dials.fetch_add(1, Ordering::SeqCst);
        sleep(MS(5)).await;
        drop(flight);
        let up = self.up.subscribe();
        if *up.borrow() { Ok((Socket::open(&self.open), up)) } else { Err(refused()) }
    }

    fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    fn dialing(&self) -> usize {
        self.dialing.load(Ordering::SeqCst)
    }
}

async fn closed((socket, mut up): (Socket, watch::Receiver<bool>)) -> Ended<io::Error> {
    let _ = up.wait_for(|up| !up).await;
    drop(socket);
    Ended::Lost(io::ErrorKind::UnexpectedEof.into())
}

fn fleet(links: u32, policy: PolicyBuilder) -> (Fleet<Arc<Policy>>, Vec<Key>) {
    let policy = Arc::new(policy.build().unwrap());
    let mut fleet = Fleet::new();
    let link = |number| {
        let endpoint = [Endpoint::new(number)];
        Reconnector::with_endpoints(policy.clone(), u64::from(number), endpoint)
    };
    let keys = (0..links).map(|number| fleet.insert(Timestamp::ORIGIN, link(number))).collect();
    (fleet, keys)
}

fn spawn(fleet: Fleet<Arc<Policy>>, server: &Server) -> (Handle, JoinHandle<()>) {
    let server = server.clone();
    let drive = drive_fleet(
        fleet,
        TokioRuntime::new(),
        move |_, _| server.clone().accept(),
        |_, connection, _| closed(connection),
    );
    (drive.handle(), tokio::spawn(drive))
}

#[tokio::test(start_paused = true)]
async fn all_links_reconnect_after_an_outage() {
    let server = Server::new(true);
    let (fleet, _) = fleet(1500, Policy::builder());
    let (fleet, task) = spawn(fleet, &server);
    sleep(MS(20_000)).await;
    assert_eq!((fleet.counts().connected, server.open()), (1500, 1500));

    server.up.send_replace(false);
    sleep(MS(30_000)).await;
    assert_eq!((fleet.counts().connected, server.open()), (0, 0));
    let dials = server.dials.load(Ordering::SeqCst);
    assert!((3 * 1500..12 * 1500).contains(&dials), "{dials} dials in half a minute");

    server.up.send_replace(true);
    sleep(MS(60_000)).await;
    assert_eq!((fleet.counts().connected, server.open()), (1500, 1500));
    assert!(!task.is_finished());
}

#[tokio::test(start_paused = true)]
async fn limits_hold_over_all_links() {
    let server = Server::new(false);
    let (fleet, _) = fleet(1000, exact());
    let some = |number| NonZeroU32::new(number).unwrap();
    let fleet = fleet.max_in_flight(some(20)).max_dials_per_second(some(500));
    let (fleet, _task) = spawn(fleet, &server);
    for second in 1..=20 {
        sleep(MS(1000)).await;
        let dials = server.dials.load(Ordering::SeqCst);
        assert!(dials <= 500 * second, "{dials} dials in {second} s");
    }
    server.up.send_replace(true);
    sleep(MS(60_000)).await;
    assert_eq!(fleet.counts().connected, 1000);
    assert_eq!(server.most.load(Ordering::SeqCst), 20, "the limit was reached, and not passed");
}

#[tokio::test(start_paused = true)]
async fn dropping_the_drive_leaves_nothing() {
    let server = Server::new(true);
    let (fleet, _) = fleet(1000, exact());
    let fleet = fleet.max_in_flight(NonZeroU32::new(10).unwrap());
    let (fleet, task) = spawn(fleet, &server);
    sleep(MS(253)).await;
    assert!(server.open() > 100 && server.dialing() == 10, "half way");
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    assert_eq!((server.open(), server.dialing()), (0, 0));
    let link = Reconnector::with_endpoints(Arc::new(Policy::DEFAULT), 1, [Endpoint::new(1)]);
    assert!(fleet.insert(link).is_none(), "nobody drives it");
}

#[tokio::test(start_paused = true)]
async fn a_link_that_is_removed_while_it_dials_is_gone() {
    let server = Server::new(true);
    let (fleet, keys) = fleet(2, exact());
    let (fleet, _task) = spawn(fleet, &server);
    sleep(MS(2)).await;
    assert_eq!(server.dialing(), 2);
    assert!(fleet.remove(keys[0]).is_some());
    sleep(MS(1)).await;
    assert_eq!(server.dialing(), 1, "its dial is dropped");
    sleep(MS(10)).await;
    assert_eq!((fleet.counts().connected, server.open()), (1, 1));

    // Its place is used again, and a connection goes with its link as well.
    let link = Reconnector::with_endpoints(Arc::new(Policy::DEFAULT), 1, [Endpoint::new(1)]);
    let late = fleet.insert(link).unwrap();
    assert_eq!((late.index(), late == keys[0]), (keys[0].index(), false));
    sleep(MS(10)).await;
    assert_eq!(server.open(), 2);
    assert!(fleet.remove(late).is_some() && fleet.remove(keys[1]).is_some());
    assert_eq!(fleet.status(late), None);
    sleep(MS(1)).await;
    assert_eq!((fleet.counts().connected, server.open()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_dial_that_hangs_is_dropped_at_its_deadline() {
    let (fleet, _) = fleet(1, exact());
    let hung = Arc::new(AtomicUsize::new(0));
    let (count, begin) = (hung.clone(), Instant::now());
    let drive = drive_fleet(
        fleet,
        TokioRuntime::new(),
        move |_, attempt: Attempt| {
            let socket = Socket::open(&count);
            async move {
                if attempt.dial.attempt == 1 {
                    std::future::pending::<()>().await;
                }
                io::Result::Ok(socket)
            }
        },
        |_, socket, session: Session| async move {
            session.draining().await;
            drop(socket);
            Ended::Finished
        },
    );
    let fleet = drive.handle();
    let task = tokio::spawn(drive);
    sleep(MS(9_900)).await;
    assert_eq!((fleet.counts().dialing, hung.load(Ordering::SeqCst)), (1, 1));
    sleep(MS(500)).await;
    assert_eq!((fleet.counts().connected, hung.load(Ordering::SeqCst)), (1, 1));
    fleet.shutdown(MS(1000));
    task.await.unwrap();
    assert_eq!(begin.elapsed(), MS(10_400), "it drained at once");
    assert_eq!(hung.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn shutdown_waits_for_connections_only_so_long() {
    let server = Server::new(true);
    let (fleet, _) = fleet(10, exact());
    let (fleet, task) = spawn(fleet, &server);
    sleep(MS(100)).await;
    let begin = Instant::now();
    fleet.shutdown(MS(1000));
    fleet.shutdown(MS(9000));
    task.await.unwrap();
    assert_eq!((begin.elapsed(), server.open()), (MS(1000), 0));
}

#[tokio::test(start_paused = true)]
async fn links_stop_and_start_and_the_network_goes_and_comes() {
    let server = Server::new(true);
    let (fleet, keys) = fleet(3, exact());
    let (fleet, _task) = spawn(fleet, &server);
    sleep(MS(100)).await;
    assert!(fleet.stop(keys[0]));
    sleep(MS(1)).await;
    assert_eq!((server.open(), fleet.status(keys[0]).unwrap().phase), (2, Phase::Idle));
    fleet.offline();
    server.up.send_replace(false);
    sleep(MS(60_000)).await;
    assert_eq!((fleet.counts().offline, server.dials.load(Ordering::SeqCst)), (2, 3));
    server.up.send_replace(true);
    fleet.start(keys[0]);
    sleep(MS(1_000)).await;
    assert_eq!((fleet.counts().offline, server.open()), (3, 0));
    fleet.online();
    sleep(MS(1_000)).await;
    assert_eq!((fleet.counts().connected, server.open()), (3, 3));
}

#[tokio::test(start_paused = true)]
async fn a_link_that_gives_up_stays_until_it_is_started_again() {
    let server = Server::new(false);
    let (fleet, keys) = fleet(1, exact().max_attempts(2));
    let (fleet, _task) = spawn(fleet, &server);
    sleep(Duration::from_secs(60)).await;
    assert_eq!((fleet.counts().gave_up, server.dials.load(Ordering::SeqCst)), (1, 2));
    server.up.send_replace(true);
    assert!(fleet.start(keys[0]));
    sleep(Duration::from_secs(1)).await;
    assert_eq!(fleet.counts().connected, 1);
}

#[tokio::test(start_paused = true)]
async fn the_one_that_is_done_stops_its_link_and_no_other() {
    let (fleet, keys) = fleet(2, exact());
    let drive = drive_fleet(
        fleet,
        TokioRuntime::new(),
        |_, attempt: Attempt| async move { io::Result::Ok(attempt.dial.endpoint) },
        |_, number, session: Session| async move {
            if number == 1 {
                session.draining().await;
            }
            Ended::Finished
        },
    );
    let fleet = drive.handle();
    let _task = tokio::spawn(drive);
    sleep(MS(10)).await;
    assert_eq!(fleet.status(keys[0]).unwrap().phase, Phase::Idle);
    assert_eq!(fleet.counts().connected, 1);
}

#[tokio::test(start_paused = true)]
async fn a_link_follows_changes_of_its_endpoints() {
    let server = Server::new(true);
    let (fleet, keys) = fleet(2, exact());
    let (handle, _task) = spawn(fleet, &server);
    let endpoint = || handle.status(keys[0]).unwrap().endpoint;
    sleep(MS(20_000)).await;
    assert_eq!((endpoint(), server.open()), (Some(0), 2));

    let old = handle.set_endpoints(keys[0], [Endpoint::new(9)]).unwrap();
    assert_eq!(old[0].key(), 0);
    sleep(MS(100)).await;
    assert_eq!((endpoint(), server.open()), (Some(9), 3), "the old connection drains");
    sleep(MS(30_000)).await;
    assert_eq!((endpoint(), server.open()), (Some(9), 2));

    assert!(handle.trip(keys[0], 9));
    server.up.send_replace(false);
    sleep(MS(1)).await;
    server.up.send_replace(true);
    sleep(MS(60_000)).await;
    assert_eq!(server.open(), 1, "nothing dials it");
    assert!(handle.reset(keys[0], 9));
    sleep(MS(1_000)).await;
    assert_eq!(server.open(), 2);

    handle.remove(keys[0]);
    assert!(!handle.trip(keys[0], 9) && !handle.reset(keys[0], 9));
    assert!(handle.set_endpoints(keys[0], [Endpoint::new(1)]).is_err());
}

/// Panics when it is dropped.
struct Fragile(bool);

impl Drop for Fragile {
    fn drop(&mut self) {
        assert!(!self.0, "as it is dropped");
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_stops_its_link_and_no_other() {
    let server = Server::new(true);
    let (fleet, keys) = fleet(10, exact());
    let (accepting, fine) = (server.clone(), Arc::new(AtomicBool::new(false)));
    let (dials, serves) = (fine.clone(), fine.clone());
    let drive = drive_fleet(
        fleet,
        TokioRuntime::new(),
        move |key, _| {
            let (server, fine) = (accepting.clone(), dials.load(Ordering::SeqCst));
            assert!(fine || key.index() != 1, "connect");
            async move {
                let accepted = server.accept().await;
                assert!(fine || key.index() != 2, "the dial");
                accepted
            }
        },
        move |key, connection, session| {
            let fine = serves.load(Ordering::SeqCst);
            assert!(fine || key.index() != 3, "serve");
            let fragile = Fragile(!fine && key.index() == 5);
            async move {
                assert!(fine || key.index() != 4, "the connection");
                let _kept = (fragile, session);
                closed(connection).await
            }
        },
    );
    let handle = drive.handle();
    let task = tokio::spawn(drive);
    sleep(MS(100)).await;
    assert_eq!((server.open(), server.dialing()), (6, 0));
    assert!(handle.stop(keys[5]), "and what it leaves behind panics");
    sleep(MS(100)).await;
    let stopped = |key: &Key| handle.status(*key).unwrap().phase == Phase::Idle;
    let down: Vec<usize> = keys.iter().filter(|key| stopped(key)).map(|key| key.index()).collect();
    assert_eq!(down, [1, 2, 3, 4, 5]);
    assert_eq!((server.open(), handle.counts().connected), (5, 5));

    fine.store(true, Ordering::SeqCst);
    assert!(keys[1..=5].iter().all(|key| handle.start(*key)));
    sleep(MS(2_000)).await;
    assert_eq!((server.open(), handle.counts().connected), (10, 10));
    handle.shutdown(Duration::ZERO);
    task.await.unwrap();
    assert_eq!(server.open(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_observer_that_panics_at_the_end_is_told_of_every_link() {
    let server = Server::new(true);
    let (fleet, _) = fleet(10, exact());
    let (accepting, told) = (server.clone(), Arc::new(AtomicUsize::new(0)));
    let stopped = told.clone();
    let drive = drive_fleet_observed(
        fleet,
        TokioRuntime::new(),
        move |_, _| accepting.clone().accept(),
        |_, connection, _| closed(connection),
        move |_, transition| {
            if transition.to.phase == Phase::Idle {
                stopped.fetch_add(1, Ordering::SeqCst);
                panic!("at the end");
            }
        },
    );
    let handle = drive.handle();
    let task = tokio::spawn(drive);
    sleep(MS(100)).await;
    assert_eq!(handle.counts().connected, 10);
    handle.shutdown(Duration::ZERO);
    task.await.unwrap();
    assert_eq!((told.load(Ordering::SeqCst), server.open()), (10, 0));
}
