//! A process that is killed and restarted, again and again: what its server sees of it.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use redial_real::crash::{POLICY, dials_of_one_life};
use redial_real::port;
use redial_real::process::Scratch;

const WINDOW: Duration = Duration::from_secs(4);

/// Dials of all lives, and how many lives there were.
#[derive(Debug)]
struct Lives {
    dials: usize,
    count: usize,
    took: Duration,
}

fn life(address: SocketAddr, scratch: &Path, remembers: bool) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mortal"));
    command.arg(address.to_string()).arg(scratch.join("dials"));
    if remembers {
        command.arg(scratch.join("snapshot"));
    }
    command.stderr(Stdio::null()).spawn().unwrap()
}

/// One life after another. Each is killed after some milliseconds, if it has not died of itself.
#[expect(clippy::disallowed_methods, reason = "real processes live in real time")]
fn lives(name: &str, address: SocketAddr, remembers: bool) -> Lives {
    let scratch = Scratch::new(name).unwrap();
    let started = Instant::now();
    let mut count = 0;
    while started.elapsed() < WINDOW {
        let mut child = life(address, scratch.path(), remembers);
        // 1 to 60 ms; in the midst of whatever it does then.
        let span = 1 + count * 7919 % 60;
        for _ in 0..span {
            if child.try_wait().unwrap().is_some() {
                break;
            }
            sleep(Duration::from_millis(1));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        count += 1;
    }
    let took = started.elapsed();
    let dials =
        fs::read_to_string(scratch.path().join("dials")).unwrap_or_default().lines().count();
    Lives { dials, count, took }
}

fn compare(name: &str, address: SocketAddr) {
    let with = lives(&format!("{name}-with"), address, true);
    let without = lives(&format!("{name}-without"), address, false);
    let (burst, spacing) = POLICY.rate_limit();
    let spacings = usize::try_from(with.took.as_nanos() / spacing.as_nanos()).unwrap();
    let bound = burst as usize + spacings;
    let one = dials_of_one_life(with.took);
    println!("{name}: killed {} times in {:?}", with.count, with.took);
    println!("  with the snapshot    {:4} dials", with.dials);
    println!("  one life without end {one:4} dials");
    println!("  bound of the policy  {bound:4} dials");
    println!("  without the snapshot {:4} dials in {} lives", without.dials, without.count);
    assert!(with.dials <= bound, "{with:?}");
    assert!((2..=one + 1).contains(&with.dials), "{with:?}");
    assert!(without.dials > bound, "without it there is a problem: {without:?}");
}

#[test]
fn a_process_killed_in_a_loop_keeps_to_its_policy() {
    // Nobody listens there.
    compare("a dead server", port::free());
}

#[test]
fn a_process_that_dies_of_being_connected_keeps_to_its_policy() {
    let server = TcpListener::bind(port::free()).unwrap();
    let address = server.local_addr().unwrap();
    thread::spawn(move || server.incoming().for_each(drop));
    compare("a crash at each connect", address);
}
