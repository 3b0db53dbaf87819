//! I come from another crate: what changes?
//!
//! Retry crates answer "how long until the next try?". That is one of the gates here; what they
//! leave to the caller (when to reset, what counts as a success, which socket is current, when to
//! stop) is the rest of this machine.
//!
//! Lines under "after" are those of `redial-tokio`; `serve` is what uses a connection until it ends.
//!
//! # A loop of your own
//!
//! ```text
//! // before
//! loop {
//!     match TcpStream::connect(addr).await {
//!         Ok(stream) => { delay = MIN; serve(stream).await }     // resets whatever happens next
//!         Err(_) => { sleep(delay).await; delay = MAX.min(delay * 2) }
//!     }
//! }
//! // after
//! let link = spawn(Reconnector::new(Policy::DEFAULT, random_seed()), move |_| connect(addr), serve);
//! ```
//!
//! # backon
//!
//! ```text
//! // before: covers one connect; the caller sees to the next
//! let dial = || TcpStream::connect(addr);
//! let stream = dial.retry(ExponentialBuilder::default().with_jitter().with_max_times(5)).await?;
//! // after: covers the first and every later one
//! let link = spawn(Reconnector::new(policy, random_seed()), move |_| connect(addr), serve);
//! ```
//! ```
//! # use core::time::Duration;
//! # use redial::{Backoff, Policy};
//! # let secs = Duration::from_secs;
//! let policy = Policy::builder()
//!     .backoff(Backoff::exponential(secs(1), 2, 1))
//!     .cap(secs(60))
//!     .max_attempts(6)
//!     .build()?;
//! # Ok::<(), redial::PolicyError>(())
//! ```
//! `with_max_times(5)` is 5 *re*tries, so `max_attempts(6)`. Its `max_delay` of 60 s can make a
//! wait of 120 s with jitter; a cap is a cap here. `when(…)` is [`Failure`](crate::Failure), said
//! by `Classify`; `notify(…)` is `observe(…)`.
//!
//! # backoff
//!
//! ```text
//! // before
//! retry(ExponentialBackoff::default(), || async {
//!     let stream = TcpStream::connect(addr).await.map_err(backoff::Error::transient)?;
//!     serve(stream).await.map_err(backoff::Error::transient)
//! }).await?;
//! // after
//! let link = spawn(Reconnector::new(policy, random_seed()), move |_| connect(addr), serve);
//! ```
//! ```
//! # use core::time::Duration;
//! # use redial::{Backoff, Jitter, Policy};
//! # let secs = Duration::from_secs;
//! // 500 ms ± 50 %: jitter only shortens here, so it reads 750 ms, less up to 67 %.
//! let policy = Policy::builder()
//!     .backoff(Backoff::exponential(Duration::from_millis(750), 3, 2))
//!     .jitter(Jitter::Proportional(67))
//!     .cap(secs(90))
//!     .max_elapsed(secs(15 * 60))
//!     .build()?;
//! # Ok::<(), redial::PolicyError>(())
//! ```
//! `max_elapsed_time` of 15 minutes is its default and ends a client after 15 minutes; here nothing
//! gives up unless asked. `reset()` is not yours to call: it happens when a connection was stable.
//! `Error::permanent` is `Failure::Fatal`, `Error::retry_after` is `Failure::RetryAfter`.
//!
//! # tokio-retry
//!
//! ```text
//! // before
//! let strategy = ExponentialBackoff::from_millis(10).map(jitter).take(3);
//! let stream = Retry::spawn(strategy, || TcpStream::connect(addr)).await?;
//! // after
//! let link = spawn(Reconnector::new(policy, random_seed()), move |_| connect(addr), serve);
//! ```
//! ```
//! # use core::time::Duration;
//! # use redial::{Backoff, Jitter, Policy};
//! let policy = Policy::builder()
//!     .backoff(Backoff::exponential(Duration::from_millis(10), 10, 1))
//!     .jitter(Jitter::Full)
//!     .max_attempts(4)
//!     .build()?;
//! # Ok::<(), redial::PolicyError>(())
//! ```
//! `ExponentialBackoff::from_millis(10)` is 10 ms *to the power of* the attempt; `exponential(ms(10),
//! 2, 1)` is what was probably meant. `.take(3)` is three retries, so four dials.
//!
//! # stubborn-io
//!
//! ```text
//! // before
//! let mut stream = StubbornTcpStream::connect(addr).await?;
//! stream.write_all(b"hello\n").await?;
//! // after
//! let reconnector = Reconnector::new(Policy::DEFAULT, random_seed());
//! let mut stream = ReconnectingStream::new(reconnector, move |_| connect(addr));
//! stream.write_all(b"hello\n").await?;
//! stream.flush().await?;                 // says so, once, if bytes were lost with a connection
//! ```
//! Its default durations panic on the 64th attempt; the first connect is not covered unless asked
//! for, here it is the same path.
//!
//! # tower-resilience
//!
//! ```text
//! // before
//! let config = ReconnectConfig::builder()
//!     .policy(ReconnectPolicy::exponential(ms(100), secs(5)))
//!     .max_attempts(3)
//!     .build();
//! let service = ReconnectLayer::new(config).layer(make_connection);
//! // after
//! let spawn = |link| drop(tokio::spawn(link));
//! let service = ReconnectLayer::new(TokioRuntime::new(), random_seed(), spawn)
//!     .max_attempts(NonZeroU32::new(4).unwrap())
//!     .layer(make_connection);
//! ```
//! `ReconnectLayer` is `redial-tower`'s, whose waits are those of [`presets::tower`](crate::presets::tower)
//! unless another policy is given, but with jitter, and with servers in mind that close idle connections.
//! Over there `max_attempts(3)` makes four dials; here a limit is what it says.
//!
//! # tourniquet
//!
//! ```text
//! // before
//! let conn = RoundRobin::new(providers, connector);
//! let answer = conn.run(|channel| async move { channel.ask().await }).await?;
//! // after
//! let endpoints: Vec<_> = (0..).zip(&providers).map(|(key, _)| Endpoint::new(key)).collect();
//! let reconnector = Reconnector::with_endpoints(policy, random_seed(), endpoints);
//! let driver = driver(reconnector).lazy().share(Channel::clone);
//! let dial = move |attempt: Attempt| {
//!     let provider = providers[attempt.dial.endpoint as usize].clone();
//!     let connector = connector.clone();
//!     async move { connector.connect(&provider).await }
//! };
//! let link = spawn_drive(driver.drive(dial, serve));
//! let answer = link.run(|channel| async move { channel.ask().await }, Idempotent::Yes).await?;
//! ```
//! [`presets::tourniquet`](crate::presets::tourniquet) is one round without a pause, as there; the
//! default policy goes on. Say `Idempotent::No` for what must not run twice. Its trait `Next` is
//! `Classify::breaks_connection`.
//!
//! # moq's `Reconnect`
//!
//! ```text
//! // before
//! let mut reconnect = client.reconnect(url);
//! while let Ok(status) = reconnect.status().await { … }
//! // after
//! let link = spawn(Reconnector::new(presets::moq(), random_seed()), move |_| dial(url.clone()), serve);
//! let mut watch = link.watch();
//! while let Some(status) = watch.changed().await { … }
//! link.closed().await?;                  // why it gave up, with the last error and its sources
//! ```
//! [`presets::moq`](crate::presets::moq) is its schedule; `redial-config` has the flags and
//! environment variables. `timeout = 0` is unlimited in a configuration file; in code, leave
//! `max_elapsed` unset.
//!
//! # reconnecting-websocket
//!
//! ```text
//! // before
//! const socket = new ReconnectingWebSocket(url, [], { minUptime: 5000, connectionTimeout: 4000 });
//! socket.reconnect();
//! // after
//! let reconnector = Reconnector::new(presets::reconnecting_websocket(), random_seed());
//! let link = spawn(reconnector, move |_| dial(url.clone()), serve);
//! link.redial();                         // after it gave up: link.start()
//! ```
//! `minUptime` is `stable_after`, `connectionTimeout` is `dial_timeout`, and
//! [`presets::reconnecting_websocket`](crate::presets::reconnecting_websocket) has both.
