//! Servers in processes of their own, to be killed, frozen and restarted.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::port;
use crate::process::Scratch;

/// A server on loopback. It dies with this.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    command: Command,
    child: Option<Child>,
    scratch: Scratch,
}

impl Server {
    /// redis, without persistence.
    ///
    /// # Errors
    /// If it does not start.
    pub async fn redis() -> io::Result<Self> {
        Self::redis_with(&["--appendonly", "no"]).await
    }

    /// redis, with these arguments besides.
    ///
    /// # Errors
    /// If it does not start.
    pub async fn redis_with(arguments: &[&str]) -> io::Result<Self> {
        Self::new("redis-server", |command, address, scratch| {
            command.args(["--port", &address.port().to_string(), "--bind", "127.0.0.1"]);
            command.args(["--save", "", "--dir"]).arg(scratch).args(arguments);
        })
        .await
    }

    /// mosquitto, for MQTT.
    ///
    /// # Errors
    /// If it does not start.
    pub async fn mosquitto() -> io::Result<Self> {
        Self::new("mosquitto", |command, address, _| {
            command.args(["-p", &address.port().to_string()]);
        })
        .await
    }

    /// nats-server.
    ///
    /// # Errors
    /// If it does not start.
    pub async fn nats() -> io::Result<Self> {
        Self::new("nats-server", |command, address, _| {
            command.args(["-a", "127.0.0.1", "-p", &address.port().to_string()]);
        })
        .await
    }

    /// `program`, of this package's own, which is told the address.
    ///
    /// # Errors
    /// If it does not start.
    pub async fn own(program: &str, protocol: &str) -> io::Result<Self> {
        Self::new(program, |command, address, _| {
            command.args([protocol, &address.to_string()]);
        })
        .await
    }

    async fn new(
        program: &str,
        arguments: impl FnOnce(&mut Command, SocketAddr, &Path),
    ) -> io::Result<Self> {
        let address = port::free();
        let scratch = Scratch::new(&address.port().to_string())?;
        let mut command = Command::new(program);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        arguments(&mut command, address, scratch.path());
        let mut server = Self { address, command, child: None, scratch };
        server.start().await?;
        Ok(server)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it keeps its files.
    pub fn directory(&self) -> &Path {
        self.scratch.path()
    }

    /// Starts it where it was, and waits until it accepts.
    ///
    /// # Errors
    /// If it does not start, or does not listen in 20 s.
    pub async fn start(&mut self) -> io::Result<()> {
        let spawned = self.command.spawn();
        let program = self.command.get_program().to_string_lossy().into_owned();
        self.child =
            Some(spawned.map_err(|e| io::Error::new(e.kind(), format!("{program}: {e}")))?);
        let accepts = async {
            while TcpStream::connect(self.address).await.is_err() {
                sleep(Duration::from_millis(2)).await;
            }
        };
        Ok(timeout(Duration::from_secs(20), accepts).await?)
    }

    /// `kill -9`, and waits until it is dead.
    ///
    /// # Errors
    /// If there is nothing to kill.
    pub fn kill(&mut self) -> io::Result<()> {
        let mut child = self.child.take().ok_or(io::ErrorKind::NotFound)?;
        child.kill()?;
        child.wait().map(drop)
    }

    /// `SIGSTOP`: the kernel goes on accepting for it, and nothing answers.
    ///
    /// # Errors
    /// If there is nothing to freeze.
    pub fn freeze(&self) -> io::Result<()> {
        self.signal(Signal::STOP)
    }

    /// `SIGCONT`.
    ///
    /// # Errors
    /// If there is nothing to thaw.
    pub fn thaw(&self) -> io::Result<()> {
        self.signal(Signal::CONT)
    }

    fn signal(&self, signal: Signal) -> io::Result<()> {
        let child = self.child.as_ref().ok_or(io::ErrorKind::NotFound)?;
        Ok(kill_process(Pid::from_child(child), signal)?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.kill());
    }
}
