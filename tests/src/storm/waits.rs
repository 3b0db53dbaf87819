//! What a policy means for one link: its waits, with their ranges, by asking many real links.

use std::time::Duration;

use redial::{Action, Event, Failure, Policy, Reconnector, Timestamp};
use serde::Serialize;

use super::client::Strategy;
use super::report::Run;
use super::scenario::{Cell, Mode};
use super::sim::run;
use super::svg::{FAINT, INK, Svg};

/// The waits of a link whose server keeps answering with one failure.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Waits {
    /// What the server does, in a word.
    pub server: &'static str,
    /// Shortest, median and longest of each wait, in seconds; the first follows the loss.
    pub waits: Vec<[f64; 3]>,
    /// Why the link gives up, if it does within these waits or an hour.
    pub gave_up: Option<String>,
    /// Most dials of one link in any minute, [`MOST_DIALS`](Self::MOST_DIALS) standing for any more.
    pub dials_per_minute: usize,
}

impl Waits {
    /// A link is asked for no more dials than these: nothing but the policy bounds how many there would be.
    pub const MOST_DIALS: usize = 1000;
}

const LINKS: u64 = 500;
const HOUR: Duration = Duration::from_secs(3600);

/// What each of 500 links under `policy` waits, at most `count` times, when its stable connection ends
/// and every dial fails as `server` says: refused, silent, overloaded, or accepted and closed.
pub fn waits(policy: &Policy, count: usize) -> Vec<Waits> {
    [
        ("refuses", Some(Failure::Unreachable)),
        ("is overloaded", Some(Failure::Overloaded)),
        ("is silent", Some(Failure::TimedOut)),
        ("accepts and closes", None),
    ]
    .map(|(server, failure)| of(policy, count, server, failure))
    .into()
}

fn of(policy: &Policy, count: usize, server: &'static str, failure: Option<Failure>) -> Waits {
    let (mut all, mut gave_up, mut busiest) = (vec![Vec::new(); count], None, 0);
    for seed in 0..LINKS {
        let mut link = Reconnector::new(policy, seed);
        let lost = Timestamp::from_origin(2 * HOUR);
        let mut action = link.handle(Timestamp::ORIGIN, Event::Start);
        if action.dial().is_none() {
            action = link.handle(action.wake(), Event::Tick);
        }
        let Some(first) = action.dial() else { continue };
        let _ = link.handle(Timestamp::ORIGIN, Event::Connected(first.id));
        let mut now = lost;
        action = link.handle(now, Event::Closed(first.id, Failure::Unreachable));
        let (mut dials, mut ended, mut number) = (Vec::new(), now, 0);
        let enough = |now: Timestamp, dials| {
            now >= lost.saturating_add(HOUR) && dials >= count || dials >= Waits::MOST_DIALS
        };
        while !enough(now, number) && now < lost.saturating_add(24 * HOUR) {
            match action {
                Action::Dial(dial) => {
                    if let Some(waits) = all.get_mut(number) {
                        waits.push(now.saturating_since(ended).as_secs_f64());
                    }
                    number += 1;
                    dials.push(now);
                    let event = match failure {
                        Some(Failure::TimedOut) => {
                            now = dial.deadline;
                            Event::Tick
                        }
                        Some(failure) => Event::DialFailed(dial.id, failure),
                        None => Event::Connected(dial.id),
                    };
                    action = link.handle(now, event);
                    if let Some(id) = action.held() {
                        action = link.handle(now, Event::Closed(id, Failure::Unreachable));
                    }
                    ended = now;
                }
                Action::SleepUntil(wait) => {
                    now = wait.until;
                    action = link.handle(now, Event::Tick);
                }
                Action::GiveUp(mut end) => {
                    let millis = end.elapsed.as_millis().try_into().unwrap_or(u64::MAX);
                    end.elapsed = Duration::from_millis(millis);
                    gave_up = Some(end.to_string());
                    break;
                }
                Action::Idle | Action::Hold(_) => break,
            }
        }
        let minute = Duration::from_secs(60);
        for (index, start) in dials.iter().enumerate() {
            let end = dials.partition_point(|dial| dial.saturating_since(*start) < minute);
            busiest = busiest.max(end - index);
        }
    }
    let spread = |mut waits: Vec<f64>| {
        waits.sort_by(f64::total_cmp);
        let at = |share: usize| waits.get((waits.len() - 1) * share / 2).copied().unwrap_or(0.0);
        [at(0), at(1), at(2)]
    };
    let waits = all.into_iter().filter(|waits| !waits.is_empty()).map(spread).collect();
    Waits { server, waits, gave_up, dials_per_minute: busiest }
}

/// How long after the return of a server that nobody overloads a link is back: half of the links, and
/// 99 % of them, in seconds; `None` if they are not.
pub fn back_after(strategy: &Strategy, outage: f64) -> [Option<f64>; 2] {
    let cell = Cell { mode: Mode::plain(), outage, limit: 0.001 };
    let report = run(&Run { strategy, cell: &cell, clients: 1000, seed: 1 });
    [report.t50, report.t99]
}

/// The waits as ranges, with the median marked, on a logarithmic scale.
pub fn timeline(title: &str, servers: &[Waits]) -> String {
    const LEFT: f64 = 64.0;
    const WIDE: f64 = 640.0;
    const ROW: f64 = 13.0;
    let (low, high) = (-2.0, 3.3_f64);
    let rows: usize = servers.iter().map(|s| s.waits.len() + 2).sum();
    let height = 88.0 + ROW * rows as f64;
    let mut svg = Svg::new(LEFT + WIDE + 24.0, height, title);
    let (bold, faint) =
        (format!("font-weight=\"600\" fill=\"{INK}\""), format!("fill=\"{FAINT}\""));
    let x = |t: f64| LEFT + (t.max(0.01).log10().min(high) - low) / (high - low) * WIDE;
    svg.text((LEFT, 22.0), "start", 15.0, &bold, title);
    let what = "each wait, from the shortest to the longest of 500 links; the mark is the median";
    svg.text((LEFT, 38.0), "start", 10.0, &faint, what);
    let bottom = height - 26.0;
    for (t, label) in [
        (0.01, "10 ms"),
        (0.1, "100 ms"),
        (1.0, "1 s"),
        (10.0, "10 s"),
        (60.0, "1 min"),
        (600.0, "10 min"),
    ] {
        svg.line((x(t), 50.0), (x(t), bottom), "stroke=\"#d0d7de\" stroke-width=\"1\"");
        svg.text((x(t), bottom + 14.0), "middle", 10.0, &faint, label);
    }
    let mut y = 62.0;
    for (server, colour) in servers.iter().zip(["#1f6feb", "#d1570f", "#8250df", "#1a7f37"]) {
        let end = match (&server.gave_up, server.waits.len()) {
            (None, _) => "",
            (Some(_), 0) => ": it gives up at once",
            (Some(_), _) => ", and in the end it gives up",
        };
        let heading = format!("the server {}{end}", server.server);
        svg.text((LEFT, y + 4.0), "start", 11.0, &bold, &heading);
        y += ROW;
        for (index, [from, middle, to]) in server.waits.iter().enumerate() {
            svg.text((LEFT - 8.0, y + 3.0), "end", 9.0, &faint, &(index + 1).to_string());
            let width = (x(*to) - x(*from)).max(2.0);
            svg.rect((x(*from), y - 4.0, width, 8.0), &format!("{colour}\" fill-opacity=\"0.35"));
            svg.rect((x(*middle) - 1.0, y - 4.0, 2.5, 8.0), colour);
            y += ROW;
        }
        y += ROW;
    }
    svg.done()
}
