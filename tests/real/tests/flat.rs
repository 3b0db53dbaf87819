//! Memory and descriptors over a thousand reconnects.

use std::io;
use std::time::Duration;

use redial_real::feed::policy;
use redial_real::port;
use redial_real::process::{descriptors, resident};
use redial_tokio::redial::Reconnector;
use redial_tokio::{Ended, connect, driver, spawn_drive};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};

const RECONNECTS: u64 = 1000;

#[tokio::test]
async fn memory_and_descriptors_are_flat_over_a_thousand_reconnects() {
    let listener = TcpListener::bind(port::free()).await.unwrap();
    let address = listener.local_addr().unwrap();
    // Greets, stays long enough to be stable, and closes.
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                drop(stream.write_all(&[1; 256]).await);
                sleep(Duration::from_millis(3)).await;
            });
        }
    });
    let policy = policy().stable_after(Duration::from_millis(1)).build().unwrap();
    let driver = driver(Reconnector::new(policy, 1)).share(|_| ());
    let link = spawn_drive(driver.drive(
        move |_| connect(address),
        |mut stream: tokio::net::TcpStream, session| async move {
            let mut buffer = [0; 64];
            loop {
                match stream.read(&mut buffer).await {
                    Ok(0) => return Ended::Lost(io::ErrorKind::UnexpectedEof.into()),
                    Ok(_) => session.activity(),
                    Err(error) => return Ended::Lost(error),
                }
            }
        },
    ));
    let reach = async |dials: u64| {
        let reached = async {
            while link.status().dials < dials {
                sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(Duration::from_secs(60), reached).await.unwrap();
        sleep(Duration::from_millis(50)).await;
        (resident().unwrap(), descriptors().unwrap().0)
    };
    // The allocator's arenas and the runtime's tables are filled by the first hundred.
    let (memory, files) = reach(100).await;
    println!("after  100 reconnects: {memory} KiB resident, {files} descriptors");
    let (grown, opened) = reach(100 + RECONNECTS).await;
    println!("after {} reconnects: {grown} KiB resident, {opened} descriptors", 100 + RECONNECTS);
    // A connection comes and goes while they are counted: two descriptors.
    assert!(opened <= files + 2, "{files} became {opened}");
    assert!(grown <= memory + 512, "{memory} KiB became {grown} KiB");
}
