//! Refused, stalled and cut by the kernel's packet filter, in a network namespace of the test's own.

use std::process::Command;
use std::time::Duration;

use redial_real::clients::Redis;
use redial_real::feed::Feed;
use redial_real::publish::{Broker, Publisher};
use redial_real::server::Server;
use tokio::time::sleep;

/// Set in the process that has a namespace of its own.
const INSIDE: &str = "REDIAL_OWN_NETWORK";
const NAME: &str = "refused_stalled_and_cut_by_the_packet_filter";

fn run(program: &str, arguments: &str) {
    let status = Command::new(program).args(arguments.split(' ')).status().unwrap();
    assert!(status.success(), "{program} {arguments}");
}

/// One link, to which everything happens that the filter can do. The publisher fares no better.
async fn filtered() {
    run("ip", "link set lo up");
    run("nft", "add table inet redial");
    run("nft", "add chain inet redial input { type filter hook input priority 0 ; }");
    let server = Server::redis().await.unwrap();
    let port = server.address().port();
    let _publisher = Publisher::to(Broker::Redis, server.address());
    let feed = Feed::from::<Redis>(server.address());
    feed.back(0).await;

    let rules = [
        ("refused and reset", format!("tcp dport {port} reject with tcp reset")),
        ("stalled to the server", format!("tcp dport {port} drop")),
        ("stalled from the server", format!("tcp sport {port} drop")),
        ("half of it lost", format!("tcp sport {port} numgen random mod 2 == 0 drop")),
    ];
    for (name, rule) in rules {
        let (connection, dials) = (feed.connection(), feed.dials());
        run("nft", &format!("add rule inet redial input {rule}"));
        if name == "half of it lost" {
            // TCP mends it, or the link does: either way the feed comes through.
            sleep(Duration::from_secs(1)).await;
        } else {
            feed.lost(connection).await;
            sleep(Duration::from_millis(300)).await;
        }
        run("nft", "flush chain inet redial input");
        let connection = if name == "half of it lost" { connection - 1 } else { connection };
        feed.back(connection).await;
        let (_, twice) = feed.counts();
        println!("redis behind nft: {name}: back, {} dials", feed.dials() - dials);
        assert_eq!(twice, 0, "{name}");
    }
    let connection = feed.connection();
    let killed = Command::new("ss").args(["-K", "dport", "=", &port.to_string()]).output().unwrap();
    if !String::from_utf8_lossy(&killed.stdout).contains("ESTAB") {
        println!("NOT RUN: this kernel kills no sockets (ss -K)");
        return;
    }
    feed.lost(connection).await;
    feed.back(connection).await;
    println!("redis: every socket killed by ss -K: back");
    assert_eq!(feed.counts().1, 0);
}

#[test]
fn refused_stalled_and_cut_by_the_packet_filter() {
    if std::env::var_os(INSIDE).is_some() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        return runtime.block_on(filtered());
    }
    let own = Command::new("unshare").args(["-rn", "true"]).output();
    if !own.is_ok_and(|output| output.status.success()) {
        println!("NOT RUN: this machine allows no network namespace of one's own (unshare -rn)");
        return;
    }
    let mut inside = Command::new("unshare");
    inside.arg("-rn").arg(std::env::current_exe().unwrap());
    inside.args(["--exact", NAME, "--nocapture"]).env(INSIDE, "1");
    assert!(inside.status().unwrap().success());
}
