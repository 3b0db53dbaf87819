//! The integrations of a client that fails over: Celery, and a `Channel` of tonic.

#[expect(dead_code, reason = "an example has a main")]
#[path = "../examples/celery.rs"]
mod celery;
#[expect(dead_code, reason = "an example has a main")]
#[path = "../examples/tonic_client.rs"]
mod tonic_client;

use std::cell::Cell;
use std::collections::HashSet;
use std::time::Duration;

use redial_real::server::Server;
use serde_json::{Value, json};
use tokio::time::sleep;

async fn queued(server: &Server) -> Vec<Value> {
    let client = redis::Client::open(format!("redis://{}", server.address())).unwrap();
    let mut redis = client.get_multiplexed_async_connection().await.unwrap();
    let range = redis::cmd("LRANGE").arg(celery::QUEUE).arg(0).arg(-1).to_owned();
    let texts: Vec<String> = range.query_async(&mut redis).await.unwrap();
    texts.iter().map(|text| serde_json::from_str(text).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s3_9_celery_tasks_are_sent_once_through_kills() {
    let durable = ["--appendonly", "yes", "--appendfsync", "always"];
    let mut server = Server::redis_with(&durable).await.unwrap();
    let link = celery::broker([server.address()].into(), 1);
    assert_eq!(link.status().dials, 0, "it dials when the first task is sent");
    let (over, dialed) = (Cell::new(false), || link.status().dials);
    let sent = async {
        let mut number = 0;
        while !over.get() || number < 300 {
            let task = json!([number, 1]);
            celery::send(&link, &celery::id(number), "tasks.add", task).await.unwrap();
            number += 1;
        }
        usize::try_from(number).unwrap()
    };
    let killed = async {
        for _ in 0..5 {
            sleep(Duration::from_millis(15)).await;
            let before = dialed();
            server.kill().unwrap();
            server.start().await.unwrap();
            while dialed() == before {
                sleep(Duration::from_millis(1)).await;
            }
        }
        over.set(true);
    };
    let (sent, ()) = tokio::join!(sent, killed);
    // Sending a task that was sent is nothing.
    celery::send(&link, &celery::id(0), "tasks.add", json!([0, 1])).await.unwrap();
    let tasks = queued(&server).await;
    let ids: HashSet<_> = tasks.iter().map(|task| task["headers"]["id"].to_string()).collect();
    println!("celery: {sent} tasks, {} in the queue, {} dials", tasks.len(), dialed());
    assert!(dialed() > 5);
    assert_eq!((tasks.len(), ids.len()), (sent, sent));
    let first = celery::message(&celery::id(0), "tasks.add", &json!([0, 1]));
    assert_eq!(tasks.last(), Some(&first));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s3_9_celery_tasks_go_to_the_next_broker() {
    let (mut first, second) = (Server::redis().await.unwrap(), Server::redis().await.unwrap());
    let link = celery::broker([first.address(), second.address()].into(), 1);
    celery::send(&link, &celery::id(1), "tasks.add", json!([1, 1])).await.unwrap();
    assert_eq!(queued(&first).await.len(), 1);
    first.kill().unwrap();
    celery::send(&link, &celery::id(2), "tasks.add", json!([2, 1])).await.unwrap();
    assert_eq!(queued(&second).await.len(), 1);
    first.start().await.unwrap();
    celery::send(&link, &celery::id(3), "tasks.add", json!([3, 1])).await.unwrap();
    assert_eq!(queued(&second).await.len(), 2, "it stays there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s3_9_a_channel_of_tonic_is_shared_and_replaced() {
    let mut server = Server::own(env!("CARGO_BIN_EXE_served"), "grpc").await.unwrap();
    let link = tonic_client::service(server.address(), 1);
    let mut last = tonic_client::next(&link).await.unwrap();
    for _ in 0..5 {
        let dials = link.status().dials;
        server.kill().unwrap();
        let (asked, ()) = tokio::join!(tonic_client::next(&link), async {
            sleep(Duration::from_millis(100)).await;
            server.start().await.unwrap();
        });
        let number = asked.unwrap();
        assert!(number > last, "of a later server");
        last = number;
        let dials = link.status().dials - dials;
        println!("tonic: killed and back, {dials} dials");
        assert!((1..=10).contains(&dials));
    }
}
