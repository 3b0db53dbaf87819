//! What a policy does to a fleet, and to one link: `lab explain`, `lab storm`, `lab matrix`.
#![forbid(unsafe_code)]

/// A part of a line.
macro_rules! say_on {
    ($($text:tt)*) => {
        if let Err(error) = std::io::Write::write_fmt(&mut std::io::stdout(), format_args!($($text)*)) {
            $crate::unsaid(&error)
        }
    };
}

/// A line.
macro_rules! say {
    () => { say_on!("\n") };
    ($($line:tt)*) => { say_on!("{}\n", format_args!($($line)*)) };
}

/// A line on standard error; who has closed that has no need of it.
macro_rules! note {
    ($($line:tt)*) => {
        std::mem::drop(std::io::Write::write_fmt(
            &mut std::io::stderr(),
            format_args!("{}\n", format_args!($($line)*)),
        ))
    };
}

mod explain;
mod matrix;
mod policy;
mod progress;
mod storm;

use std::path::Path;
use std::process::{self, ExitCode};
use std::{env, fs, io};

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};
use redial_testkit::storm::Suite;

/// Simulates fleets of real reconnectors, to see what a policy does before it is deployed.
#[derive(Parser)]
#[command(name = "lab", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// One link: its waits, when its limits act, how soon it is back, and what will hurt.
    Explain(explain::Args),
    /// One outage: the policy beside the default one and AWS full jitter, in words and as a picture.
    Storm(storm::Args),
    /// Many kinds of outage: how many fleets are stuck, and how slowly the others come back.
    Matrix(matrix::Args),
}

/// The end. A reader that has had enough, such as `head`, is no failure.
fn unsaid(error: &io::Error) -> ! {
    if error.kind() == io::ErrorKind::BrokenPipe {
        process::exit(0)
    }
    note!("error: standard output: {error}");
    process::exit(2)
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn suite(path: &Path) -> Result<Suite, String> {
    Suite::parse(&read(path)?).map_err(|error| format!("{}: {error}", path.display()))
}

/// Drawn first, since a reader that leaves ends the program; an error waits until all is told.
fn picture(path: &Path, svg: &str) -> Result<(), String> {
    replace(path, svg).map_err(|error| format!("{}: {error}", path.display()))?;
    note!("picture: {}", path.display());
    Ok(())
}

/// Writes a file whole or not at all, so that a full disk costs no older picture.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    // What is no file, such as `/dev/stdout`, or another name of one, is written to as it stands.
    let plain = match fs::symlink_metadata(path) {
        Ok(there) => there.is_file(),
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    };
    let (Some(name), true) = (path.file_name(), plain) else { return fs::write(path, text) };
    let mut part = name.to_owned();
    part.push(format!(".{}.part", process::id()));
    let part = path.with_file_name(part);
    let done = fs::write(&part, text).and_then(|()| fs::rename(&part, path));
    if done.is_err() {
        // It may not be there; the first error is the one to tell.
        let _ = fs::remove_file(&part);
    }
    done
}

/// The arguments; clap does not say which of them is not Unicode.
fn arguments() -> Cli {
    Cli::try_parse().unwrap_or_else(|error| {
        if error.kind() == ErrorKind::InvalidUtf8 {
            for given in env::args_os().filter(|given| given.to_str().is_none()) {
                note!("error: {given:?}: is not Unicode");
            }
            process::exit(2)
        }
        error.exit()
    })
}

fn main() -> ExitCode {
    let done = match arguments().command {
        Command::Explain(args) => args.run(),
        Command::Storm(args) => args.run(),
        Command::Matrix(args) => args.run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            note!("error: {}", error.to_string().trim_end());
            ExitCode::from(2)
        }
    }
}
