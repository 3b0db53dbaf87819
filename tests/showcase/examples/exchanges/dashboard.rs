//! The screen: a row for each exchange, and the last lines of the log.

use std::io;
use std::time::Duration;

use ratatui::Frame;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyModifiers};
use ratatui::layout::{Constraint, Layout};
use ratatui::style::{Color, Stylize};
use ratatui::text::Line;
use ratatui::widgets::{Block, Cell, Paragraph, Row, Table};
use redial_tokio::redial::{Circuit, Phase, Status, Timestamp};

use crate::board::{Board, kind, percent, tenths};

/// `q`, or control-c.
pub(crate) fn asked_to_quit() -> io::Result<bool> {
    while event::poll(Duration::ZERO)? {
        if let Event::Key(key) = event::read()? {
            let control = key.modifiers.contains(KeyModifiers::CONTROL);
            if key.code == KeyCode::Char('q') || control && key.code == KeyCode::Char('c') {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

pub(crate) fn draw(frame: &mut Frame<'_>, board: &Board, now: Timestamp) {
    let height = u16::try_from(board.rows.len()).unwrap_or(u16::MAX).saturating_add(3);
    let areas = Layout::vertical([Constraint::Length(height), Constraint::Min(3)]);
    let [above, below] = areas.areas(frame.area());

    let head =
        ["exchange", "state", "circuit", "for", "reliable", "dials", "next dial", "filled", ""];
    let rows = board.rows.iter().map(|row| {
        let Some(status) = row.status else { return Row::new([row.name]) };
        let (state, colour) = state(&status);
        let (since, next) = match status.phase {
            Phase::Connected { since, .. } => (tenths(now, since), String::new()),
            Phase::Reconnecting { until, .. } => {
                (String::new(), format!("in {}", tenths(until, now)))
            }
            _ => (String::new(), String::new()),
        };
        let alert = if row.health.recent() < 950_000 { "ALERT" } else { "" };
        let circuit = match status.circuit {
            Circuit::Closed => Cell::new("closed"),
            circuit => Cell::new(kind(circuit)).fg(Color::Yellow),
        };
        Row::new([
            Cell::new(row.name).bold(),
            Cell::new(state).fg(colour),
            circuit,
            Cell::new(since),
            Cell::new(percent(row.health.recent())),
            Cell::new(status.dials.to_string()),
            Cell::new(next),
            Cell::new(row.filled.to_string()),
            Cell::new(alert).fg(Color::Red).bold(),
        ])
    });
    let widths = [9, 18, 9, 7, 8, 5, 9, 6, 5].map(Constraint::Length);
    let title = format!(" exchanges, {:.1} s (q ends it) ", now.since_origin().as_secs_f64());
    let table =
        Table::new(rows, widths).header(Row::new(head).dim()).block(Block::bordered().title(title));
    frame.render_widget(table, above);

    let lines = usize::from(below.height.saturating_sub(2));
    let last = board.log.iter().rev().take(lines).rev().map(|line| Line::raw(line.as_str()));
    let log = Paragraph::new(last.collect::<Vec<_>>()).block(Block::bordered().title(" log "));
    frame.render_widget(log, below);
}

fn state(status: &Status) -> (String, Color) {
    match status.phase {
        Phase::Connected { stable: true, .. } => ("connected".into(), Color::Green),
        Phase::Connected { stable: false, .. } => ("not yet stable".into(), Color::Cyan),
        Phase::Connecting { attempt } => (format!("connecting ({attempt})"), Color::Cyan),
        Phase::Reconnecting { attempt, .. } => {
            (format!("waiting ({attempt} failed)"), Color::Yellow)
        }
        Phase::GaveUp { attempts, .. } => (format!("gave up after {attempts}"), Color::Red),
        other => (other.to_string(), Color::Gray),
    }
}
