//! A price feed over WebSocket that survives its exchange: restarts, flaps, a refused subscription, a
//! planned drain, and the end of the day.
//!
//! Run it: `cargo run -p redial-showcase --example price_feed` (8 s)
//!
//! `feed.rs` is the client, and what you would write; `exchange.rs` is an exchange on the loopback that
//! misbehaves on schedule.

mod exchange;
mod feed;

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{Write, stdout};
use std::time::Duration;

use redial_tokio::redial::{Backoff, Policy, PolicyError, presets};
use tokio::sync::mpsc;
use tokio::time::{Instant, interval, timeout};

use feed::{Price, Symbols, price_feed};

/// 500 ms, doubling, five tries; each end of a connection that did not last is one.
fn policy() -> Result<Policy, PolicyError> {
    presets::day207_feed()
        .to_builder()
        .backoff(Backoff::exponential(Duration::from_millis(100), 2, 1))
        .stable_after(Duration::from_millis(300))
        .idle_timeout(Duration::from_secs(2))
        .build()
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let (address, day) = exchange::open().await?;

    // The order is kept, and the third is there already.
    let symbols: Symbols = ["BTC", "ETH", "BTC"].map(String::from).into_iter().collect();
    let (prices, mut screen) = mpsc::channel(64);
    let feed = tokio::spawn(price_feed(address, policy()?, symbols.clone(), prices));
    let seen = watch(&mut screen, &symbols).await;
    feed.await??;
    writeln!(stdout(), "-- closed for today, so the feed ended well; prices by symbol: {seen:?}")?;
    if !seen.keys().eq(["BTC", "ETH", "SOL"]) {
        return Err("a subscription was lost".into());
    }
    day.await?;

    let (address, day) = exchange::open().await?;
    let (prices, mut screen) = mpsc::channel(64);
    let feed = tokio::spawn(price_feed(address, policy()?, symbols.clone(), prices));
    let first = screen.recv().await.ok_or("a price")?;
    day.abort();
    drop(screen);
    timeout(Duration::from_secs(1), feed).await???;
    writeln!(stdout(), "-- nobody wants prices after {first}, so the feed ended well")?;

    let nobody = ([127, 0, 0, 1], 9).into();
    let (prices, _screen) = mpsc::channel(64);
    let Err(end) = price_feed(nobody, policy()?, symbols, prices).await else {
        return Err("nobody listens there".into());
    };
    let why = end.source().map(ToString::to_string).unwrap_or_default();
    writeln!(stdout(), "-- no exchange at all: {end}: {why}")?;
    Ok(())
}

/// Prices received for each symbol, until there are no more. Wants another symbol after a while.
async fn watch(screen: &mut mpsc::Receiver<Price>, symbols: &Symbols) -> BTreeMap<String, u32> {
    let (mut last, mut seen) = (BTreeMap::new(), BTreeMap::new());
    let mut tick = interval(Duration::from_millis(500));
    let late = Instant::now() + Duration::from_millis(700);
    loop {
        tokio::select! {
            price = screen.recv() => match price {
                Some(Price { symbol, cents }) => {
                    *seen.entry(symbol.clone()).or_default() += 1;
                    last.insert(symbol, cents);
                }
                None => return seen,
            },
            now = tick.tick() => {
                let line: Vec<_> = std::mem::take(&mut last)
                    .into_iter()
                    .map(|(symbol, cents)| Price { symbol, cents }.to_string())
                    .collect();
                if !line.is_empty() {
                    // Whoever reads this may have had enough of it.
                    let _ = writeln!(stdout(), "           {}", line.join("   "));
                }
                if now > late && symbols.add("SOL".into()) {
                    let _ = writeln!(stdout(), "-- wants {:?} now", symbols.items());
                }
            }
        }
    }
}
