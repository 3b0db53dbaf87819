//! What a policy does to a fleet, and to one link: `lab explain`, `lab storm`, `lab matrix`.
#![forbid(unsafe_code)]

/// A part of a line. A reader that has had enough, such as `head`, is no failure.
macro_rules! say_on {
    ($($text:tt)*) => {
        if std::io::Write::write_fmt(&mut std::io::stdout(), format_args!($($text)*)).is_err() {
            std::process::exit(0)
        }
    };
}

/// A line.
macro_rules! say {
    () => { say_on!("\n") };
    ($($line:tt)*) => { say_on!("{}\n", format_args!($($line)*)) };
}

mod explain;
mod matrix;
mod policy;
mod progress;
mod storm;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

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

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Explain(args) => args.run(),
        Command::Storm(args) => args.run(),
        Command::Matrix(args) => args.run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}
