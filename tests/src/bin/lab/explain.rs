//! `lab explain`: what a policy means.

use std::error::Error;
use std::num::NonZeroU32;
use std::path::PathBuf;

use redial::{Backoff, Jitter, Overload, Policy, Trip};
use redial_testkit::storm::{Strategy, Waits, back_after, timeline, waits};
use serde::Serialize;

use crate::policy::Chosen;

/// The outages after which a link's return is timed, in seconds.
const OUTAGES: [f64; 4] = [1.0, 10.0, 60.0, 600.0];

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Links that share one server.
    #[arg(long, default_value_t = 1000, allow_hyphen_values = true, value_parser = clap::value_parser!(u32).range(1..))]
    clients: u32,
    /// Connections a second that the server can accept.
    #[arg(long, default_value_t = 100.0, allow_hyphen_values = true, value_parser = crate::storm::rate)]
    capacity: f64,
    /// How many waits to show.
    #[arg(long, default_value_t = 15, allow_hyphen_values = true, value_parser = clap::value_parser!(u8).range(1..=60))]
    waits: u8,
    /// Where a picture of the waits goes; none if not given.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Print everything as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    chosen: Chosen,
}

#[derive(Serialize)]
struct Explained {
    policy: String,
    waits: Vec<Waits>,
    limits: Vec<String>,
    back: Vec<Back>,
    warnings: Vec<String>,
}

/// Seconds after the server's return by which half, and 99 %, of the links are back.
#[derive(Serialize)]
struct Back {
    outage: f64,
    half: Option<f64>,
    most: Option<f64>,
}

impl Args {
    pub(crate) fn run(&self) -> Result<(), Box<dyn Error>> {
        let default = || ("the default policy".to_owned(), Policy::DEFAULT);
        let (name, policy) = self.chosen.policy()?.unwrap_or_else(default);
        let strategy = Strategy::policy(&name, &policy)?;
        let waits = waits(&policy, usize::from(self.waits));
        let explained = Explained {
            limits: limits(&policy, &waits),
            back: OUTAGES
                .map(|outage| {
                    let [half, most] = back_after(&strategy, outage);
                    Back { outage, half, most }
                })
                .into(),
            warnings: warnings(&policy, &waits, f64::from(self.clients) / self.capacity),
            waits,
            policy: name,
        };
        let drawn = self.svg.as_ref().map_or(Ok(()), |path| {
            let title = format!("Waits of {}", explained.policy);
            crate::picture(path, &timeline(&title, &explained.waits))
        });
        if self.json {
            say!("{}", serde_json::to_string_pretty(&explained)?);
        } else {
            self.print(&explained);
        }
        Ok(drawn?)
    }

    fn print(&self, explained: &Explained) {
        say!("What {} means for one link, and for {} of them.\n", explained.policy, self.clients);
        say!(
            "Waits, shortest to longest (of 500 links), after a stable connection is lost and the server"
        );
        say_on!("{:>4}", "");
        for server in &explained.waits {
            say_on!("  {:>19}", server.server);
        }
        say!();
        let rows = explained.waits.iter().map(|server| server.waits.len()).max().unwrap_or(0);
        for row in 0..rows {
            say_on!("{:>4}", row + 1);
            for server in &explained.waits {
                let range = server.waits.get(row).map_or_else(String::new, |[from, _, to]| {
                    if to - from < 1e-9 {
                        time(*to)
                    } else {
                        format!("{} – {}", time(*from), time(*to))
                    }
                });
                say_on!("  {range:>19}");
            }
            say!();
        }
        say!();
        for server in &explained.waits {
            let dials = match server.dials_per_minute {
                0 => "not dialed again".to_owned(),
                1 => format!("at most 1 dial a minute, {} for the fleet", self.clients),
                most if most >= Waits::MOST_DIALS => format!("{most} dials a minute, or more"),
                most => format!(
                    "at most {most} dials a minute, {} for the fleet",
                    most as u64 * u64::from(self.clients)
                ),
            };
            let end = server.gave_up.as_ref().map_or_else(String::new, |end| format!("; {end}"));
            say!("A server that {}: {dials}{end}.", server.server);
        }
        say!();
        for limit in &explained.limits {
            say!("{limit}");
        }
        say!();
        for back in &explained.back {
            let outage = time(back.outage);
            match (back.half, back.most) {
                (Some(half), Some(most)) => say!(
                    "After an outage of {outage} half of the links are back {} after the server, 99 % after {}.",
                    time(half),
                    time(most)
                ),
                (Some(_), None) => {
                    say!("After an outage of {outage} some links never come back.");
                }
                (None, _) => say!("After an outage of {outage} most links never come back."),
            }
        }
        say!();
        if explained.warnings.is_empty() {
            say!("No warnings for a fleet of this size.");
        }
        for warning in &explained.warnings {
            say!("warning: {warning}");
        }
    }
}

fn time(seconds: f64) -> String {
    let short = |number: f64, unit| match format!("{number:.1}").strip_suffix(".0") {
        Some(whole) => format!("{whole} {unit}"),
        None => format!("{number:.1} {unit}"),
    };
    match seconds {
        s if s < 0.000_5 => "0".to_owned(),
        s if s < 1.0 => format!("{:.0} ms", s * 1e3),
        s if s < 100.0 => short(s, "s"),
        s if s < 6000.0 => short(s / 60.0, "min"),
        s => short(s / 3600.0, "h"),
    }
}

/// When limits and breaker act, as sentences.
fn limits(policy: &Policy, waits: &[Waits]) -> Vec<String> {
    let seconds = |d: std::time::Duration| time(d.as_secs_f64());
    let some = |n: NonZeroU32, word| match n.get() {
        1 => format!("1 {word}"),
        n => format!("{n} {word}s"),
    };
    let mut said = Vec::new();
    said.extend(policy.max_attempts().map(|n| format!("It gives up after {}.", some(n, "dial"))));
    said.extend(policy.max_rounds().map(|n| format!("It gives up after {}.", some(n, "round"))));
    let elapsed = policy.max_elapsed();
    said.extend(elapsed.map(|d| format!("It gives up {} into an outage.", seconds(d))));
    if said.is_empty() {
        said.push(match waits {
            _ if waits.iter().all(|server| server.gave_up.is_none()) => "It never gives up.".into(),
            _ if policy.backoff() == &Backoff::Never => "It never dials again.".to_owned(),
            _ => "It gives up when its waits are used up.".to_owned(),
        });
    }
    let (burst, spacing) = policy.rate_limit();
    said.push(format!(
        "Whatever happens it makes at most {burst} dials at once, and then one every {}.",
        seconds(spacing)
    ));
    if let Some(breaker) = policy.breaker() {
        let trip = match breaker.trip {
            Trip::Consecutive(1) => "a failure".to_owned(),
            Trip::Consecutive(n) => format!("{n} failures in a row"),
            Trip::Rate { last, min, percent } => {
                format!("{percent} % of the last {last} have failed, and at least {min} are known")
            }
            other => format!("{other:?}"),
        };
        said.push(format!(
            "Its breaker opens after {trip}, for {} at first and {} at most.",
            seconds(breaker.open_for),
            seconds(breaker.open_max)
        ));
    }
    said.push(format!(
        "A dial has {} until the server answers anything (up to {}), then {} (up to {}).",
        seconds(policy.dial_timeout()),
        seconds(policy.dial_timeout_max()),
        seconds(policy.handshake_timeout()),
        seconds(policy.handshake_timeout_max())
    ));
    said.push(format!("Failures are forgotten after {} up.", seconds(policy.stable_after())));
    said.push(format!(
        "No wait, hints included, is longer than {}.",
        seconds(policy.longest_wait())
    ));
    said
}

/// What will hurt a fleet that needs `k` seconds to come back at the server's capacity.
fn warnings(policy: &Policy, waits: &[Waits], k: f64) -> Vec<String> {
    let mut said = Vec::new();
    if waits.iter().any(|server| server.gave_up.is_some()) {
        let over = "it gives up: an outage that lasts longer is for ever, unless something starts it again";
        said.push(over.to_owned());
    }
    if let Some(elapsed) = policy.max_elapsed().filter(|limit| *limit <= policy.stable_after()) {
        said.push(format!(
            "it gives up {} into an outage, and a connection is part of one until it has lasted {}: one that ends \
             between the two is not dialed again, unless it was confirmed",
            time(elapsed.as_secs_f64()),
            time(policy.stable_after().as_secs_f64())
        ));
    }
    if waits.iter().all(|server| server.waits.is_empty()) {
        return said;
    }
    // The mean of a wait, as a share of its interval.
    let mean = 1.0 - f64::from(policy.jitter().percent()) / 200.0;
    let interval = mean * policy.cap().as_secs_f64();
    if policy.jitter() == Jitter::None {
        said.push(
            "no jitter: links that lose the server together dial together, for ever".to_owned(),
        );
    }
    let overloaded = if let Overload::Jump { cap, .. } = policy.overload() {
        mean * cap.as_secs_f64()
    } else {
        let as_down = "overload counts as being down: a server that is too busy is asked as often";
        said.push(as_down.to_owned());
        interval
    };
    if 0.1 * k > overloaded {
        said.push(format!(
            "the fleet needs {} to come back, and the mean interval under overload ends at {}: a server to which \
             saying no costs a tenth of a handshake does nothing else",
            time(k),
            time(overloaded)
        ));
    }
    if k / interval > 5.0 {
        said.push(format!(
            "while the server is down it is asked {:.0} times as often as it can accept; one that crashes at that \
             will not come back",
            k / interval
        ));
    }
    let deadline = policy.dial_timeout_max().max(policy.handshake_timeout_max()).as_secs_f64();
    if deadline < 30.0 && k > interval + deadline {
        said.push(format!(
            "no dial lasts longer than {}: if the server's queue is longer, nobody gets in, and the work is wasted",
            time(deadline)
        ));
    }
    said
}
