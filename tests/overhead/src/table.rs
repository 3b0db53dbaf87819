//! The table of figures, and what may not happen to it.

use std::fmt::Write;
use std::time::Duration;

use crate::clients::Client;
use crate::{count, heap, rounds};

const HEAD: &str = "\
# What one reconnect costs

Written by `.ci/run overhead-store`; `.ci/run overhead` measures again, and fails when a figure of redial's is
more than 5 % above its line here (times apart). One reconnect: the server closes, the client notices,
waits, dials, and the server has accepted. `loopback` and `in memory` are instructions of the client's own
polls, over TCP and with a server that costs next to nothing; `at once` and `1 ms` are medians over TCP
without a wait and with one, as ratios to the loop by hand in the same run; `heap` is bytes per link that
waits for its next dial.

| client | loopback | ratio | in memory | at once | 1 ms | heap | does not do |
|---|--:|--:|--:|--:|--:|--:|---|
";

/// From a profile of the row above; shares, so that they last longer.
const FOOT: &str = "
The goals were 1.10 × the loop by hand in instructions, which is not reached, and 600 bytes, which only a fleet
keeps to. Of redial's instructions in memory a fifth are the machine's, three calls and its action and status
after each, which by themselves are two fifths of what the loop by hand takes in all; a sixth is tokio's two
timers, which that loop has too; a fifteenth allocations, since dial and connection are boxed, one in the room of
the other, so that a waiting link holds neither; a sixteenth the clock. The rest makes the world what the action
says, shows status and connection to those who look, and looks for what they ask. A fleet does the same in more
steps, so that it need not hold a task, a timer and a hub for each link.
Of the 888 bytes 512 are the task (208 the machine), 176 the hub through which others speak to the link and
watch it, 104 the connection as they see it, 96 the timer. A link that keeps its health takes 408 more. Those of
a fleet are measured just after its lists have doubled; just before, they are half of that.
";

pub(crate) struct Row {
    client: Client,
    loopback: u64,
    memory: u64,
    at_once: f64,
    waiting: f64,
    heap: Option<usize>,
}

pub(crate) fn rows() -> Result<Vec<Row>, String> {
    let medians = |wait| rounds::medians(wait).map_err(|error| error.to_string());
    let at_once = medians(Duration::ZERO)?;
    let waiting = medians(Duration::from_millis(1))?;
    let ratio = |times: &[Duration], row: usize| times[row].as_secs_f64() / times[0].as_secs_f64();
    let row = |(row, client): (usize, Client)| {
        let heap = client.waits().then(|| heap::per_link(client));
        Ok(Row {
            client,
            loopback: count::instructions(client, "loopback")?,
            memory: count::instructions(client, "memory")?,
            at_once: ratio(&at_once, row),
            waiting: ratio(&waiting, row),
            heap: heap.transpose().map_err(|error| error.to_string())?,
        })
    };
    Client::ALL.into_iter().enumerate().map(row).collect()
}

/// The whole file.
#[expect(clippy::cast_precision_loss, reason = "counts here are far below 2⁵³")]
pub(crate) fn table(rows: &[Row]) -> String {
    let mut table = HEAD.to_owned();
    for row in rows {
        let Row { client, loopback, memory, at_once, waiting, heap } = row;
        let ratio = *loopback as f64 / rows[0].loopback as f64;
        let heap = heap.map_or("-".to_owned(), |heap| heap.to_string());
        let _ = writeln!(
            table,
            "| {} | {loopback} | × {ratio:.2} | {memory} | × {at_once:.2} | × {waiting:.2} | {heap} | {} |",
            client.name(),
            client.lacks(),
        );
    }
    table.push_str(FOOT);
    table
}

/// Complains of what is worse than stored, or not stored at all.
pub(crate) fn compare(table: &str, stored: &str) -> Result<(), String> {
    let (now, kept) = (figures(table), figures(stored));
    let complaints: Vec<String> = now
        .iter()
        .enumerate()
        .filter_map(|(index, (name, value))| match kept.get(index) {
            None => Some(format!("{name}: not in figures.md; .ci/run overhead-store")),
            Some((_, kept)) if value * 100 > kept * 105 => {
                Some(format!("{name}: {value}, more than 5 % above {kept}"))
            }
            Some(_) => None,
        })
        .collect();
    if complaints.is_empty() { Ok(()) } else { Err(complaints.join("\n")) }
}

/// What redial's rows say of instructions and bytes.
fn figures(table: &str) -> Vec<(String, u64)> {
    let cells = |line: &str| line.split('|').map(|cell| cell.trim().to_owned()).collect();
    let rows: Vec<Vec<String>> = table.lines().map(cells).collect();
    let mut figures = Vec::new();
    for client in [Client::Redial, Client::Fleet] {
        let Some(row) =
            rows.iter().find(|row| row.get(1).is_some_and(|name| name == client.name()))
        else {
            continue;
        };
        for (name, column) in [("loopback", 2), ("in memory", 4), ("heap", 7)] {
            let figure = row.get(column).and_then(|cell| cell.parse().ok());
            figures.extend(figure.map(|figure| (format!("{}, {name}", client.name()), figure)));
        }
    }
    figures
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(loopback: u64, heap: usize) -> String {
        let row = |client, loopback, heap| Row {
            client,
            loopback,
            memory: 500,
            at_once: 1.0,
            waiting: 1.0,
            heap: Some(heap),
        };
        table(&[
            row(Client::Hand, 1, 1),
            row(Client::Redial, 1000, 100),
            row(Client::Fleet, loopback, heap),
        ])
    }

    #[test]
    fn five_per_cent_more_pass_and_six_do_not() {
        assert_eq!(compare(&stored(1050, 105), &stored(1000, 100)), Ok(()));
        assert!(compare(&stored(1060, 100), &stored(1000, 100)).is_err());
        assert!(compare(&stored(1000, 106), &stored(1000, 100)).is_err());
        assert!(compare(&stored(1000, 100), "").is_err());
    }
}
