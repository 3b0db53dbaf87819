//! `lab explain`: what a policy means.

use std::error::Error;
use std::path::PathBuf;

use redial::{Jitter, Overload, Policy};
use redial_testkit::storm::{Strategy, Waits, back_after, timeline, waits};
use serde::Serialize;

use crate::policy::Chosen;

/// The outages after which a link's return is timed, in seconds.
const OUTAGES: [f64; 4] = [1.0, 10.0, 60.0, 600.0];

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    chosen: Chosen,
    /// Links that share one server.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    clients: u32,
    /// Connections a second that the server can accept.
    #[arg(long, default_value_t = 100.0, value_parser = crate::storm::positive)]
    capacity: f64,
    /// How many waits to show.
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u8).range(1..=60))]
    waits: u8,
    /// Where a picture of the waits goes; none if not given.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Print everything as JSON.
    #[arg(long)]
    json: bool,
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
            limits: limits(&policy),
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
        if let Some(path) = &self.svg {
            let title = format!("What {} waits", explained.policy);
            std::fs::write(path, timeline(&title, &explained.waits))
                .map_err(|error| format!("{}: {error}", path.display()))?;
            eprintln!("picture: {}", path.display());
        }
        if self.json {
            println!("{}", serde_json::to_string_pretty(&explained)?);
        } else {
            self.print(&explained);
        }
        Ok(())
    }

    fn print(&self, explained: &Explained) {
        println!(
            "What {} means for one link, and for {} of them.\n",
            explained.policy, self.clients
        );
        println!(
            "Waits, shortest to longest (of 500 links), after a stable connection is lost and the server"
        );
        print!("{:>4}", "");
        for server in &explained.waits {
            print!("  {:>19}", server.server);
        }
        println!();
        let rows = explained.waits.iter().map(|server| server.waits.len()).max().unwrap_or(0);
        for row in 0..rows {
            print!("{:>4}", row + 1);
            for server in &explained.waits {
                let range = server.waits.get(row).map_or_else(String::new, |[from, _, to]| {
                    if to - from < 1e-9 {
                        time(*to)
                    } else {
                        format!("{} – {}", time(*from), time(*to))
                    }
                });
                print!("  {range:>19}");
            }
            println!();
        }
        println!();
        for server in &explained.waits {
            let most = server.dials_per_minute;
            println!(
                "A server that {}: at most {most} dials a minute, {} for the fleet{}.",
                server.server,
                most * self.clients as usize,
                server.gave_up.as_ref().map_or_else(String::new, |end| format!("; {end}"))
            );
        }
        println!();
        for limit in &explained.limits {
            println!("{limit}");
        }
        println!();
        for back in &explained.back {
            let outage = time(back.outage);
            match (back.half, back.most) {
                (Some(half), Some(most)) => println!(
                    "After an outage of {outage} half of the links are back {} after the server, 99 % {}.",
                    time(half),
                    time(most)
                ),
                (Some(_), None) => {
                    println!("After an outage of {outage} some links never come back.");
                }
                (None, _) => println!("After an outage of {outage} most links never come back."),
            }
        }
        println!();
        if explained.warnings.is_empty() {
            println!("Nothing in it will hurt a fleet of this size.");
        }
        for warning in &explained.warnings {
            println!("warning: {warning}");
        }
    }
}

fn time(seconds: f64) -> String {
    match seconds {
        s if s < 0.000_5 => "0".to_owned(),
        s if s < 1.0 => format!("{:.0} ms", s * 1e3),
        s if s < 100.0 => format!("{s:.1} s"),
        s if s < 6000.0 => format!("{:.1} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}

/// When limits and breaker act, as sentences.
fn limits(policy: &Policy) -> Vec<String> {
    let seconds = |d: std::time::Duration| time(d.as_secs_f64());
    let mut said = Vec::new();
    match (policy.max_attempts(), policy.max_elapsed()) {
        (None, None) => said.push("It never gives up.".to_owned()),
        (attempts, elapsed) => {
            said.extend(attempts.map(|n| format!("It gives up after {n} dials.")));
            said.extend(elapsed.map(|d| format!("It gives up {} into an outage.", seconds(d))));
        }
    }
    if let Some(breaker) = policy.breaker() {
        said.push(format!(
            "Its breaker opens after {:?}, for {} at first and {} at most.",
            breaker.trip,
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
