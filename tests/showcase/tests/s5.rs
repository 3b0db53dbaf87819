//! The trading client of "Day 207: Reconnect", line by line, and the bugs not to have.

use std::future::pending;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use redial::{
    Action, Breaker, BreakerPolicy, Circuit, Crossing, Failure, Growth, Health, Jitter, Phase,
    Policy, PolicyError, Reconnector, Timestamp, WaitReason, presets,
};
use redial_showcase::{Answer, Moment, Said, World};
use redial_tokio::{
    Change, Cursor, Ended, LinkError, Session, Subscriptions, Transition, driver, on_connected,
    spawn, spawn_drive,
};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

const MS: fn(u64) -> Duration = Duration::from_millis;
const S: fn(u64) -> Duration = Duration::from_secs;

fn at(time: Duration) -> Timestamp {
    Timestamp::from_origin(time)
}

fn refused() -> io::Error {
    io::ErrorKind::ConnectionRefused.into()
}

#[test]
fn s5_1_ten_tries_from_100_ms_to_25600_ms_and_then_it_says_so() {
    let moments = World::new(presets::day207(), 1, 1, |_, _| Answer::REFUSE).play(S(3600));
    let dials = Moment::dials(&moments);
    let waits: Vec<_> = dials.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(waits, [100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600]);
    let end = moments.last().unwrap().action.to_string();
    assert!(end.starts_with("gave up: max_attempts reached after 10 attempts in 51.1s"), "{end}");
}

#[test]
fn s5_2_the_feed_tries_five_times_from_500_ms() {
    let moments = World::new(presets::day207_feed(), 1, 1, |_, _| Answer::REFUSE).play(S(3600));
    assert_eq!(Moment::dials(&moments), [0, 500, 1500, 3500, 7500]);
    assert!(matches!(moments.last().unwrap().action, Action::GiveUp(_)));
}

#[test]
fn s5_3_the_states_have_the_names_people_use() {
    let mut dials = 0;
    let moments = World::new(presets::day207(), 1, 1, |_, _| {
        dials += 1;
        match dials {
            1 => Answer::Serve { after: MS(50), lasts: Some((S(20), Failure::Unreachable)) },
            2 => Answer::REFUSE,
            _ => Answer::SERVE,
        }
    })
    .at(S(60), Said::Event(redial::Event::Stop))
    .play(S(100));
    let words: Vec<_> = moments.iter().map(|moment| moment.status.to_string()).collect();
    let expected = [
        "connecting (attempt 1)",
        "connected since 50ms, not yet stable",
        "connected since 50ms",
        "connecting (attempt 1)",
        "reconnecting at 20.15s (backoff, after attempt 1)",
        "connecting (attempt 2)",
        "connected since 20.15s, not yet stable",
        "connected since 20.15s",
        "idle",
    ];
    assert_eq!(words, expected);
}

/// An exchange that subscribes a connection to what it is asked for, or `refuses` one of it.
fn subscribe(
    mut feed: (Cursor<&'static str>, Vec<&'static str>),
    refuses: bool,
) -> io::Result<(Cursor<&'static str>, Vec<&'static str>)> {
    while let Some(change) = feed.0.next() {
        let Change::Add(symbol) = change else { panic!("{change:?}") };
        if refuses && symbol == "ETH" {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        feed.1.push(symbol);
    }
    Ok(feed)
}

#[tokio::test(start_paused = true)]
async fn s5_4_subscriptions_are_an_ordered_set_that_is_replayed_after_every_connect() {
    let symbols: Subscriptions<_> = ["BTC", "ETH", "BTC"].into_iter().collect();
    let (wanted, dials) = (symbols.clone(), Arc::new(AtomicU64::new(0)));
    let (count, told) = (dials.clone(), Arc::new(Mutex::new(Vec::new())));
    let log = told.clone();
    let connect = move |_| {
        count.fetch_add(1, Ordering::Relaxed);
        let cursor = wanted.cursor();
        async move { Ok((cursor, Vec::new())) }
    };
    let dial = dials.clone();
    let restore = move |feed| async move { subscribe(feed, dial.load(Ordering::Relaxed) == 2) };
    let link = spawn(
        Reconnector::new(presets::day207(), 1),
        on_connected(connect, restore),
        move |(mut cursor, mut subscribed), _| {
            let log = log.clone();
            async move {
                log.lock().unwrap().push(subscribed.clone());
                while let Ok(change) = timeout(S(20), cursor.changed()).await {
                    let Change::Add(symbol) = change else { panic!("{change:?}") };
                    subscribed.push(symbol);
                    log.lock().unwrap().push(subscribed.clone());
                }
                Ended::Lost(refused())
            }
        },
    );
    sleep(S(5)).await;
    assert!(symbols.add("SOL"));
    assert!(!symbols.add("BTC"));
    sleep(S(30)).await;
    let told = told.lock().unwrap();
    assert_eq!(told[..2], [vec!["BTC", "ETH"], vec!["BTC", "ETH", "SOL"]]);
    assert_eq!(told[2..], [vec!["BTC", "ETH", "SOL"]], "all, in order, on the next connection");
    assert_eq!(dials.load(Ordering::Relaxed), 3, "the failed restore was a failed dial");
    assert!(matches!(link.status().phase, Phase::Connected { .. }));
}

#[tokio::test(start_paused = true)]
async fn s5_5_a_graceful_close_ends_and_an_error_reconnects() {
    let dials = Arc::new(AtomicU64::new(0));
    let count = dials.clone();
    let link = spawn(
        Reconnector::new(presets::day207(), 1),
        move |_| {
            let dial = count.fetch_add(1, Ordering::Relaxed);
            async move { io::Result::Ok(dial) }
        },
        |dial, _| async move {
            sleep(S(20)).await;
            if dial == 2 { Ended::Finished } else { Ended::Lost(refused()) }
        },
    );
    link.closed().await.expect("a graceful close is a good end");
    assert_eq!(dials.load(Ordering::Relaxed), 3, "two errors, two reconnects");
    sleep(S(3600)).await;
    assert_eq!(dials.load(Ordering::Relaxed), 3);
}

#[tokio::test(start_paused = true)]
async fn s5_6_a_dropped_receiver_is_a_clean_shutdown() {
    for refuses in [false, true] {
        let (prices, mut screen) = mpsc::channel::<u64>(8);
        let feed = prices.clone();
        let link = spawn(
            Reconnector::new(presets::day207(), 1),
            move |_| async move { if refuses { Err(refused()) } else { Ok(()) } },
            move |(), session: Session| {
                let prices = feed.clone();
                async move {
                    while !session.is_draining() {
                        sleep(MS(100)).await;
                        if prices.send(1).await.is_err() {
                            break;
                        }
                    }
                    Ended::Finished
                }
            },
        );
        let ended = tokio::spawn(async move {
            tokio::select! {
                end = link.closed() => end,
                () = prices.closed() => link.shutdown(S(1)).await,
            }
        });
        if !refuses {
            screen.recv().await.unwrap();
        }
        sleep(MS(250)).await;
        drop(screen);
        let end = timeout(S(2), ended).await.expect("in an outage too").unwrap();
        assert!(end.is_ok(), "refuses {refuses}: {end:?}");
    }
}

/// Three failures open it for ten seconds.
fn guarded() -> Policy {
    presets::day207_multi().to_builder().max_attempts(1000).build().unwrap()
}

#[test]
fn s5_7_a_circuit_opens_after_three_failures_for_ten_seconds_and_is_probed_once() {
    let answer = |now, _| if now < at(S(25)) { Answer::REFUSE } else { Answer::SERVE };
    let moments = World::new(guarded(), 1, 1, answer).play(S(100));
    assert_eq!(Moment::dials(&moments), [0, 100, 300, 10_300, 20_300, 30_300]);
    let circuit = |time| {
        let moment = moments.iter().rfind(|moment| moment.at <= at(time)).unwrap();
        moment.status.circuit
    };
    assert_eq!(circuit(MS(200)), Circuit::Closed);
    assert_eq!(circuit(S(5)), Circuit::Open { until: at(MS(10_300)) });
    assert_eq!(circuit(S(35)), Circuit::HalfOpen, "connected, and not yet proven");
    assert_eq!(circuit(S(50)), Circuit::Closed, "closed when the probe was stable");
    let breaker = |moment: &&Moment| {
        let Phase::Reconnecting { reason, .. } = moment.status.phase else { return false };
        reason == WaitReason::Breaker
    };
    assert_eq!(moments.iter().filter(breaker).count(), 3, "it refuses while open");
}

#[test]
fn s5_bug_a_late_failure_does_not_extend_the_open_time() {
    let policy = BreakerPolicy::consecutive(3).open_for(S(10)).open_max(S(10));
    let breaker = Breaker::new(policy, 1).unwrap();
    let permits: Vec<_> = (0..5).map(|_| breaker.allow(at(S(0))).unwrap()).collect();
    for (second, permit) in (0..).zip(permits) {
        permit.failure(at(S(second)));
    }
    let refused = breaker.allow(at(S(4))).unwrap_err();
    assert!(refused.until <= at(S(13)), "opened by the third, not by the fifth: {refused:?}");
    // And one caller is the probe, whoever else asks.
    let probe = breaker.allow(refused.until).unwrap();
    assert!(breaker.allow(refused.until).is_err());
    drop(probe);
    assert!(breaker.allow(refused.until).is_ok(), "dropped is given back");
}

#[tokio::test(start_paused = true)]
async fn s5_8_several_exchanges_do_not_stop_one_another() {
    let links: Vec<_> = (0..4_u64)
        .map(|exchange| {
            let limit = u32::try_from(exchange + 3).unwrap();
            let policy = guarded().to_builder().max_attempts(limit).build().unwrap();
            let broken = exchange % 2 == 1;
            spawn(
                Reconnector::new(policy, exchange),
                move |_| async move { if broken { Err(refused()) } else { Ok(()) } },
                |(), _| pending(),
            )
        })
        .collect();
    sleep(S(600)).await;
    for (exchange, link) in links.iter().enumerate() {
        match link.status().phase {
            Phase::Connected { stable: true, .. } => assert_eq!(exchange % 2, 0),
            Phase::GaveUp { attempts, .. } => {
                assert_eq!(exchange % 2, 1);
                assert_eq!(attempts as usize, exchange + 3, "each has its own limit");
            }
            phase => panic!("exchange {exchange}: {phase}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn s5_9_trading_stops_while_the_circuit_is_open_and_resumes() {
    let up = Arc::new(Mutex::new(true));
    let (dialed, served) = (up.clone(), up.clone());
    let link = spawn(
        Reconnector::new(guarded(), 1),
        move |_| {
            let up = *dialed.lock().unwrap();
            async move { if up { Ok(()) } else { Err(refused()) } }
        },
        move |(), _| {
            let up = served.clone();
            async move {
                while *up.lock().unwrap() {
                    sleep(MS(100)).await;
                }
                Ended::Lost(refused())
            }
        },
    );
    let trades = || link.status().circuit == Circuit::Closed;
    let mut log = Vec::new();
    for second in 0..100 {
        *up.lock().unwrap() = !(20..45).contains(&second);
        sleep(S(1)).await;
        if log.last().is_none_or(|(_, last)| *last != trades()) {
            log.push((second, trades()));
        }
    }
    let [(0, true), (stopped, false), (resumed, true)] = log[..] else { panic!("{log:?}") };
    assert!((20..23).contains(&stopped), "{log:?}");
    assert!((55..70).contains(&resumed), "probed within 10 s, and stable 10 s later: {log:?}");
}

#[tokio::test(start_paused = true)]
async fn s5_10_every_transition_and_circuit_change_is_logged() {
    let log = Arc::new(Mutex::new(Vec::new()));
    let lines = log.clone();
    let drive = driver(Reconnector::new(guarded(), 1))
        .observe(move |t: &Transition<'_, io::Error>| {
            let mut lines = lines.lock().unwrap();
            let mut line = t.to.phase.to_string();
            if t.from.circuit != t.to.circuit {
                line = format!("{line}; circuit {} -> {}", t.from.circuit, t.to.circuit);
            }
            if let Some(error) = t.error {
                line = format!("{line}; {}", error.kind());
            }
            lines.push(line);
        })
        .drive(|_| async { Err::<(), _>(refused()) }, |(), _| pending());
    let link = spawn_drive(drive);
    sleep(S(15)).await;
    link.stop();
    link.closed().await.unwrap();
    let log = log.lock().unwrap();
    let seen: Vec<_> = log.iter().map(|line| line.split(" at ").next().unwrap()).collect();
    let words = ["connecting (attempt 1)", "reconnecting", "connecting (attempt 2)"];
    assert_eq!(seen[..3], words, "{log:#?}");
    let changes: Vec<_> = log.iter().filter(|line| line.contains("circuit ")).collect();
    assert!(changes[0].contains("circuit closed -> open"), "{changes:#?}");
    assert!(changes[1].contains("-> half-open"), "{changes:#?}");
    assert!(changes[2].contains("circuit half-open -> open"), "{changes:#?}");
    assert!(log.iter().filter(|line| line.ends_with("connection refused")).count() >= 4);
    assert_eq!(log.last().unwrap(), "idle");
}

#[test]
fn s5_11_uptime_reliability_and_an_alert_below_95_per_cent() {
    let mut dials = 0;
    let moments = World::new(presets::day207(), 1, 1, |now, _| {
        dials += 1;
        let down = (at(S(100))..at(S(110))).contains(&now);
        match (dials, down) {
            (1, _) => Answer::Serve { after: S(0), lasts: Some((S(100), Failure::Unreachable)) },
            (_, true) => Answer::REFUSE,
            (_, false) => Answer::SERVE,
        }
    })
    .play(S(1000));
    let mut health = Health::new(S(160), 950_000);
    let (mut alerts, mut index) = (Vec::new(), 0);
    for second in 0..=500 {
        while let Some(moment) = moments.get(index).filter(|moment| moment.at <= at(S(second))) {
            if let Some(crossing) = health.observe(moment.at, &moment.status) {
                alerts.push((moment.at.since_origin(), crossing));
            }
            index += 1;
        }
        let status = &moments[index - 1].status;
        alerts.extend(health.observe(at(S(second)), status).map(|crossing| (S(second), crossing)));
    }
    // The first dial after 100 s is at once, then 0.1, 0.3 … 12.7 s later: 12.7 s without it.
    assert_eq!((health.uptime(), health.downtime()), (MS(487_300), MS(12_700)));
    assert_eq!(health.reliability(), 974_600);
    let [(below, Crossing::Below), (above, Crossing::Above)] = alerts[..] else {
        panic!("{alerts:?}")
    };
    assert!((S(105)..S(113)).contains(&below), "{alerts:?}");
    assert!((S(200)..S(300)).contains(&above), "once it has left the window: {alerts:?}");
}

#[tokio::test(start_paused = true)]
async fn s5_bug_accept_then_close_does_not_loop_at_100_ms() {
    let dials = Arc::new(AtomicU64::new(0));
    let count = dials.clone();
    let link = spawn(
        Reconnector::new(presets::day207(), 1),
        move |_| {
            count.fetch_add(1, Ordering::Relaxed);
            async { Ok(()) }
        },
        |(), _| async { Ended::Lost(refused()) },
    );
    let LinkError::GaveUp { end, .. } = link.closed().await.unwrap_err() else { panic!() };
    assert_eq!((end.attempts, dials.load(Ordering::Relaxed)), (10, 10));
    assert!(end.elapsed >= S(51));
}

#[test]
fn s5_bug_nonsense_multipliers_are_errors_and_no_panics() {
    for factor in [f64::NAN, f64::INFINITY, -2.0, 0.0, 0.5] {
        let backoff =
            redial::Backoff::Exponential { initial: MS(100), growth: Growth::from_f64(factor) };
        let error = Policy::builder().backoff(backoff).jitter(Jitter::None).build().unwrap_err();
        assert_eq!(error, PolicyError::GrowthBelowOne, "{factor}");
    }
}
