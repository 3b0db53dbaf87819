//! ferogram's `ConnectionRestartPolicy`, line by line, and the bugs not to have.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use redial::{
    Action, Backoff, Event, Failure, Failures, FirstRetry, GiveUp, GiveUpReason, Jitter, Phase,
    Policy, Reconnector, Timestamp, WaitReason, presets,
};
use redial_showcase::{Answer, Moment, Said, World};
use redial_tokio::{Attempt, Ended, LinkError, Session, driver, spawn, spawn_drive};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

const MS: fn(u64) -> Duration = Duration::from_millis;
const S: fn(u64) -> Duration = Duration::from_secs;
const HOUR: Duration = Duration::from_secs(3600);

fn at(time: Duration) -> Timestamp {
    Timestamp::from_origin(time)
}

/// 500, 1000, 2000 … 60000 ms, from what it remembers; less up to a tenth, drawn; for 500 failures.
fn own_schedule(failures: Failures) -> Option<Duration> {
    let wait = (failures.previous * 2).max(MS(500)).min(S(60));
    let per_mille = 1000 - u32::try_from(failures.draw % 100).unwrap();
    (failures.count < 500).then_some(wait * per_mille / 1000)
}

fn own_policy() -> Policy {
    Policy::builder()
        .backoff(Backoff::Custom(own_schedule))
        .jitter(Jitter::None)
        .cap(S(60))
        .first_retry(FirstRetry::Backoff)
        .build()
        .unwrap()
}

#[test]
fn s4_1_a_policy_says_some_delay_or_none_after_n() {
    let policy = Policy::builder()
        .backoff(Backoff::Custom(|f| (f.count <= 3).then_some(S(2))))
        .jitter(Jitter::None)
        .build()
        .unwrap();
    let moments = World::new(policy, 1, 1, |_, _| Answer::REFUSE).play(HOUR);
    assert_eq!(Moment::dials(&moments), [0, 2000, 4000, 6000]);
    let Some(Moment { at, action: Action::GiveUp(GiveUp { reason, attempts, .. }), .. }) =
        moments.last()
    else {
        panic!("{moments:?}")
    };
    assert_eq!((*reason, *attempts, at.since_origin()), (GiveUpReason::PolicyNever, 4, S(6)));
}

#[tokio::test(start_paused = true)]
async fn s4_2_never_ends_at_the_drop_and_a_shutdown_signal_fires() {
    let (down, mut signal) = watch::channel(false);
    let rest = tokio::spawn(async move { signal.wait_for(|down| *down).await.is_ok() });
    let started = Instant::now();
    let link = spawn(
        Reconnector::new(presets::never(), 1),
        |_| async { io::Result::Ok(()) },
        |(), _| async {
            sleep(S(100)).await;
            Ended::Lost(io::Error::from(io::ErrorKind::ConnectionReset))
        },
    );
    let LinkError::GaveUp { end, last } = link.closed().await.unwrap_err() else { panic!() };
    down.send(true).unwrap();
    assert!(rest.await.unwrap());
    assert_eq!(end.reason, GiveUpReason::PolicyNever);
    assert_eq!(last.unwrap().kind(), io::ErrorKind::ConnectionReset);
    assert!((S(100)..S(101)).contains(&started.elapsed()), "at the drop, not later");
}

#[test]
fn s4_3_fixed_is_measured_from_the_drop() {
    for seconds in [1, 5, 30] {
        // Up for 100 s, then refused twice, then up again.
        let policy = presets::fixed(S(seconds));
        let lost = Answer::Serve { after: S(0), lasts: Some((S(100), Failure::Unreachable)) };
        let answers = [lost, Answer::REFUSE, Answer::REFUSE, Answer::SERVE];
        let mut answers = answers.into_iter();
        let world = World::new(policy, 1, 1, move |_, _| answers.next().unwrap());
        let step = seconds * 1000;
        let expected = [0, 100_000 + step, 100_000 + 2 * step, 100_000 + 3 * step];
        assert_eq!(Moment::dials(&world.play(HOUR)), expected);
    }
}

#[test]
fn s4_4_a_custom_policy_has_its_own_state_and_jitter() {
    let exact = Backoff::Custom(|f| Some((f.previous * 2).max(MS(500)).min(S(60))));
    let policy = own_policy().to_builder().backoff(exact).build().unwrap();
    let moments = World::new(policy, 1, 1, |_, _| Answer::REFUSE).play(S(184));
    let instants = [0, 500, 1500, 3500, 7500, 15_500, 31_500, 63_500, 123_500, 183_500];
    assert_eq!(Moment::dials(&moments), instants);

    // Its own jitter: another one for each link, the same one in each replay.
    let play = |seed| {
        let moments = World::new(own_policy(), seed, 1, |_, _| Answer::REFUSE).play(HOUR);
        Moment::dials(&moments)
    };
    assert_eq!(play(1), play(1));
    assert_ne!(play(1), play(2), "jitter that is identical on every machine is none");
    let waits: Vec<_> = play(3).windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(waits.iter().skip(10).all(|wait| (54_000..=60_000).contains(wait)), "{waits:?}");
}

#[test]
fn s4_4_the_counter_resets_after_a_stable_connection() {
    let mut dials = 0;
    let world = World::new(own_policy(), 1, 1, |_, _| {
        dials += 1;
        match dials {
            20 => Answer::Serve { after: S(0), lasts: Some((S(11), Failure::Unreachable)) },
            _ => Answer::REFUSE,
        }
    });
    let waits: Vec<_> = Moment::dials(&world.play(HOUR)).windows(2).map(|p| p[1] - p[0]).collect();
    assert!(waits[18] >= 54_000, "the last before it: {waits:?}");
    assert!(
        (11_450..=11_500).contains(&waits[19]),
        "eleven seconds up, and half a second: {waits:?}"
    );
}

#[test]
fn s4_5_a_healthy_connection_is_refreshed_every_12_hours() {
    let policy = presets::fixed(S(1)).to_builder().max_age(HOUR * 12).build().unwrap();
    let world = World::new(policy, 1, 1, |_, _| Answer::SERVE)
        .at(HOUR * 30, Said::Lost(Failure::Unreachable));
    let moments = world.play(HOUR * 40);
    // One number is not both: a drop is followed by a second's wait, not by twelve hours.
    let hour = 3_600_000;
    assert_eq!(Moment::dials(&moments), [0, 12 * hour, 24 * hour, 30 * hour + 1000]);
    let serving = moments.iter().filter_map(|m| m.action.dial()?.serving).count();
    assert!(serving >= 2, "the old connection serves while the new one comes up");
}

/// A server that answers a call with its number after 300 ms.
async fn call(id: u64) -> u64 {
    sleep(MS(300)).await;
    id
}

#[tokio::test(start_paused = true)]
async fn s4_6_calls_in_flight_at_a_refresh_are_answered() {
    let policy = presets::fixed(S(1))
        .to_builder()
        .stable_after(S(1))
        .max_age(S(10))
        .drain_timeout(S(5))
        .build()
        .unwrap();
    let busy = Arc::new(AtomicU64::new(0));
    let calls = busy.clone();
    let drive = driver(Reconnector::new(policy, 1)).share(|id: &u64| *id).drive(
        |attempt: Attempt| async move { io::Result::Ok(attempt.dial.id.get()) },
        move |_, session: Session| {
            let busy = busy.clone();
            async move {
                session.draining().await;
                while busy.load(Ordering::Relaxed) > 0 {
                    sleep(MS(10)).await;
                }
                Ended::Finished
            }
        },
    );
    let link = spawn_drive(drive);
    let first = link.connection().await.unwrap();
    // Every call is in flight when a refresh comes, and none fails.
    for _ in 0..3 {
        let connection = link.connection().await.unwrap();
        sleep(MS(9900)).await;
        calls.fetch_add(1, Ordering::Relaxed);
        assert_eq!(call(connection.shared).await, connection.shared);
        calls.fetch_sub(1, Ordering::Relaxed);
        assert_ne!(link.connection().await.unwrap().id, connection.id, "it was replaced");
    }
    assert!(link.connection().await.unwrap().id > first.id);
    assert!(matches!(link.status().phase, Phase::Connected { .. }));
}

#[tokio::test(start_paused = true)]
async fn s4_7_missed_updates_are_caught_up_with_before_the_link_is_up() {
    // The world's news go on, one a second; whoever connects asks for those since the last one seen.
    let started = Instant::now();
    let news = move || started.elapsed().as_secs();
    let seen = Arc::new(AtomicU64::new(0));
    let (caught_up, updates) = (seen.clone(), seen.clone());
    let tries = Arc::new(AtomicU64::new(0));
    let link = spawn(
        Reconnector::new(presets::fixed(S(5)), 1),
        move |_| {
            let (seen, attempt) = (caught_up.clone(), tries.fetch_add(1, Ordering::Relaxed));
            async move {
                if attempt == 1 {
                    return Err(io::Error::from(io::ErrorKind::TimedOut)); // the hook failed
                }
                seen.store(news(), Ordering::Relaxed);
                Ok(())
            }
        },
        move |(), _| {
            let seen = updates.clone();
            async move {
                for _ in 0..20 {
                    sleep(S(1)).await;
                    seen.store(news(), Ordering::Relaxed);
                }
                Ended::Lost(io::Error::from(io::ErrorKind::ConnectionReset))
            }
        },
    );
    let first = link.connection().await.unwrap().id;
    sleep(MS(20_500)).await;
    assert_eq!(seen.load(Ordering::Relaxed), 20);
    let second = link.connection().await.unwrap().id;
    assert!(second > first);
    assert_eq!(seen.load(Ordering::Relaxed), news(), "caught up when the link is up");
    assert!(news() >= 30, "its failure was a failed dial: two waits of five seconds");
}

#[test]
fn s4_8_network_restored_cuts_the_backoff() {
    let policy = own_policy();
    let moments =
        World::new(
            policy,
            1,
            1,
            |now, _| {
                if now < at(S(100)) { Answer::REFUSE } else { Answer::SERVE }
            },
        )
        .at(S(110), Said::Event(Event::Online))
        .play(HOUR);
    let dials = Moment::dials(&moments);
    let last = *dials.last().unwrap();
    assert!((110_000..=110_500).contains(&last), "within the first interval: {dials:?}");
    assert!(dials[dials.len() - 2] < 100_000);
}

#[test]
fn s4_bug_a_hint_given_while_healthy_does_not_skip_the_next_backoff() {
    let world = World::new(presets::fixed(S(30)), 1, 1, |_, _| Answer::SERVE)
        .at(S(50), Said::Event(Event::Online))
        .at(S(100), Said::Lost(Failure::Unreachable));
    assert_eq!(Moment::dials(&world.play(HOUR)), [0, 130_000]);
}

#[test]
fn s4_9_rate_limits_of_the_server_are_handled_apart() {
    let flood = Failure::RetryAfter { delay: S(200), spread: S(0) };
    let mut dials = 0;
    let moments = World::new(own_policy(), 1, 1, |_, _| {
        dials += 1;
        if dials == 3 { Answer::Fail(S(0), flood) } else { Answer::REFUSE }
    })
    .at(S(100), Said::Event(Event::Online))
    .play(S(1000));
    let hinted = moments.iter().find_map(|moment| match moment.status.phase {
        Phase::Reconnecting { until, reason: WaitReason::Hint, .. } => Some((moment.at, until)),
        _ => None,
    });
    let (from, until) = hinted.expect("a wait whose reason is the server's");
    let wait = until.saturating_since(from);
    assert!((S(200)..=S(220)).contains(&wait), "beyond the cap of a minute: {wait:?}");
    let dials = Moment::dials(&moments);
    assert_eq!(dials[3], until.as_nanos() / 1_000_000, "the network's return does not cut it");
    assert!(dials[4] - dials[3] <= 4000, "and then the policy goes on where it was: {dials:?}");
}

#[tokio::test(start_paused = true)]
async fn s4_bug_shutdown_during_an_outage_is_obeyed() {
    let dials = Arc::new(AtomicU64::new(0));
    let count = dials.clone();
    let link = spawn(
        Reconnector::new(own_policy(), 1),
        move |_| {
            count.fetch_add(1, Ordering::Relaxed);
            async { Err::<(), _>(io::Error::from(io::ErrorKind::ConnectionRefused)) }
        },
        |(), _| std::future::pending(),
    );
    sleep(S(40)).await;
    timeout(MS(1), link.shutdown(S(1))).await.expect("at once").unwrap();
    let dialed = dials.load(Ordering::Relaxed);
    sleep(HOUR).await;
    assert_eq!(dials.load(Ordering::Relaxed), dialed);
}
