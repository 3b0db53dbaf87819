//! Pictures of what the machine does: timelines as SVG, states as a Mermaid diagram.

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::time::Duration;

use redial::{Action, DialId, Phase, Timestamp};

use crate::world::Moment;

const WIDTH: f64 = 880.0;
const LEFT: f64 = 96.0;
const PLOT: f64 = 760.0;
const SERVER: f64 = 34.0;
const LINK: f64 = 60.0;
const DIALS: f64 = 100.0;
const SOCKETS: f64 = 118.0;
const AXIS: f64 = 158.0;
const HEIGHT: f64 = 184.0;

/// What the server does from a second on: a colour's name, and a word.
pub type Weather = &'static [(u64, &'static str, &'static str)];

/// One picture: what is said of it, what the server did, and what the machine did then.
#[derive(Debug)]
pub struct Timeline<'a> {
    /// One sentence.
    pub title: &'a str,
    /// What the server did.
    pub server: Weather,
    /// What came of it.
    pub moments: &'a [Moment],
    /// Where the picture ends.
    pub until: Duration,
}

/// What a stretch of time is called, and its colour.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Dialing,
    Unstable,
    Stable,
    Draining,
    Waiting,
    Nothing,
}

impl Kind {
    fn of(moment: &Moment) -> Self {
        match (moment.action, moment.status.phase) {
            (_, Phase::Connected { stable: true, .. }) => Self::Stable,
            (_, Phase::Connected { stable: false, .. }) => Self::Unstable,
            (Action::Dial(_), _) => Self::Dialing,
            (Action::SleepUntil(_), _) => Self::Waiting,
            (Action::Idle | Action::Hold(_) | Action::GiveUp(_), _) => Self::Nothing,
        }
    }

    fn colour(self) -> &'static str {
        match self {
            Self::Dialing => "#4a7fc1",
            Self::Unstable => "#9ad3ae",
            Self::Stable => "#3a9d5d",
            Self::Draining => "#b9c4cc",
            Self::Waiting => "#ecc25c",
            Self::Nothing => "#dddddd",
        }
    }

    fn word(self, length: Duration) -> String {
        match self {
            Self::Dialing => "dialing".into(),
            Self::Unstable => "not yet stable".into(),
            Self::Stable => "stable".into(),
            Self::Draining => "draining".into(),
            Self::Waiting => format!("{:.1} s", length.as_secs_f64()),
            Self::Nothing => "idle".into(),
        }
    }
}

impl Timeline<'_> {
    fn x(&self, at: Timestamp) -> f64 {
        let at = at.since_origin().min(self.until);
        LEFT + PLOT * at.as_secs_f64() / self.until.as_secs_f64()
    }

    /// A bar, with a word on it if there is room.
    fn bar(
        &self,
        f: &mut fmt::Formatter<'_>,
        (from, to): (Timestamp, Timestamp),
        (y, height): (f64, f64),
        colour: &str,
        word: &str,
    ) -> fmt::Result {
        // A hair short, so that one stretch can be told from the next.
        let (x, width) = (self.x(from), (self.x(to) - self.x(from) - 0.6).max(0.4));
        writeln!(
            f,
            r#"<rect x="{x:.1}" y="{y}" width="{width:.1}" height="{height}" fill="{colour}"/>"#
        )?;
        if f64::from(u16::try_from(word.len()).unwrap_or(u16::MAX)) * 6.2 < width {
            let (x, y) = (x + width / 2.0, y + height / 2.0 + 4.0);
            let ink = if colour == Kind::Stable.colour() || colour == Kind::Dialing.colour() {
                "#ffffff"
            } else {
                "#222222"
            };
            writeln!(
                f,
                r#"<text x="{x:.1}" y="{y}" text-anchor="middle" fill="{ink}">{word}</text>"#
            )?;
        }
        Ok(())
    }

    fn spans(&self) -> Vec<(Timestamp, Timestamp, &Moment)> {
        let ends = self.moments.iter().skip(1).map(|next| next.at);
        let end = Timestamp::from_origin(self.until);
        let spans = self.moments.iter().zip(ends.chain([end]));
        spans.map(|(moment, end)| (moment.at, end, moment)).collect()
    }

    /// What the link is, stretch by stretch.
    fn link(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut stretches: Vec<(Timestamp, Timestamp, Kind)> = Vec::new();
        for (from, to, moment) in self.spans() {
            let kind = Kind::of(moment);
            match stretches.last_mut() {
                Some(last) if last.2 == kind => last.1 = to,
                _ => stretches.push((from, to, kind)),
            }
        }
        for (from, to, kind) in stretches.into_iter().filter(|(from, to, _)| from < to) {
            let word = kind.word(to.saturating_since(from));
            self.bar(f, (from, to), (LINK, 26.0), kind.colour(), &word)?;
        }
        Ok(())
    }

    /// A mark for each dial, and a bar for each socket that lasts.
    fn sockets(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut dials: Vec<(DialId, Timestamp)> = Vec::new();
        let mut sockets: BTreeMap<DialId, Vec<(Timestamp, Timestamp, Kind)>> = BTreeMap::new();
        for (from, to, moment) in self.spans() {
            let dial = moment.action.dial().map(|dial| (dial.id, Kind::Dialing));
            let held = moment.action.held().map(|id| (id, Kind::of(moment)));
            let old = moment.action.draining().map(|old| (old.id, Kind::Draining));
            for (id, kind) in [dial, held, old].into_iter().flatten() {
                if kind == Kind::Dialing && dials.iter().all(|(known, _)| *known != id) {
                    dials.push((id, from));
                }
                let spans = sockets.entry(id).or_default();
                match spans.last_mut() {
                    Some(last) if last.2 == kind => last.1 = to,
                    _ if from < to => spans.push((from, to, kind)),
                    _ => {}
                }
            }
        }
        for (id, at) in &dials {
            let failed = !sockets[id].iter().any(|span| span.2 != Kind::Dialing);
            let x = self.x(*at);
            if failed {
                let cross = "m-4 1l8 9m0 -9l-8 9";
                writeln!(
                    f,
                    r##"<path d="M{x:.1} {DIALS}{cross}" stroke="#c0392b" stroke-width="2"/>"##
                )?;
            } else {
                writeln!(f, r##"<path d="M{x:.1} {DIALS}l-4 11h8z" fill="#1e7d43"/>"##)?;
            }
        }
        let (mut row, mut last) = (0.0, Timestamp::ORIGIN);
        for spans in sockets.values() {
            let Some((begins, ..)) = spans.first() else { continue };
            row = if *begins < last { 16.0 - row } else { row };
            last = spans.last().map_or(last, |span| span.1);
            for (from, to, kind) in spans {
                let word = if *kind == Kind::Draining { "draining" } else { "" };
                self.bar(f, (*from, *to), (SOCKETS + row, 14.0), kind.colour(), word)?;
            }
        }
        Ok(())
    }

    fn axis(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let step = match self.until.as_secs() {
            0..=60 => 5,
            61..=120 => 10,
            121..=300 => 30,
            _ => 60,
        };
        for second in (0..=self.until.as_secs()).step_by(step) {
            let x = self.x(Timestamp::from_origin(Duration::from_secs(second)));
            writeln!(f, r##"<path d="M{x:.1} {SERVER}V{AXIS}" stroke="#00000018"/>"##)?;
            writeln!(
                f,
                r#"<text x="{x:.1}" y="{}" text-anchor="middle">{second} s</text>"#,
                AXIS + 14.0
            )?;
        }
        Ok(())
    }
}

/// As SVG without an empty line, so that it may stand in Markdown.
impl fmt::Display for Timeline<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let title = self.title;
        writeln!(
            f,
            r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{title}" font-family="sans-serif" font-size="11" fill="#222222">"##
        )?;
        writeln!(f, r##"<rect width="{WIDTH}" height="{HEIGHT}" rx="6" fill="#ffffff"/>"##)?;
        writeln!(f, r#"<text x="12" y="20" font-size="13" font-weight="bold">{title}</text>"#)?;
        let kinds = [Kind::Dialing, Kind::Unstable, Kind::Stable, Kind::Draining, Kind::Waiting];
        for (x, kind) in [548, 608, 700, 750, 815].into_iter().zip(kinds) {
            let word =
                if kind == Kind::Waiting { "waiting".into() } else { kind.word(Duration::ZERO) };
            writeln!(f, r#"<rect x="{x}" y="11" width="9" height="9" fill="{}"/>"#, kind.colour())?;
            writeln!(f, r#"<text x="{}" y="20" font-size="10">{word}</text>"#, x + 12)?;
        }
        for (y, label) in
            [(SERVER, "server"), (LINK + 6.0, "link"), (DIALS - 2.0, "dials (× fails)")]
        {
            writeln!(f, r#"<text x="12" y="{}">{label}</text>"#, y + 12.0)?;
        }
        writeln!(f, r#"<text x="12" y="{}">connections</text>"#, SOCKETS + 18.0)?;
        let ends = self.server.iter().skip(1).map(|next| Duration::from_secs(next.0));
        for ((from, colour, word), to) in self.server.iter().zip(ends.chain([self.until])) {
            let from = Timestamp::from_origin(Duration::from_secs(*from));
            self.bar(f, (from, Timestamp::from_origin(to)), (SERVER, 18.0), colour, word)?;
        }
        self.link(f)?;
        self.sockets(f)?;
        self.axis(f)?;
        writeln!(f, "</svg>")
    }
}

/// A Mermaid state diagram of the transition table in `table`. What every state does alike is left to a
/// sentence, or nothing else could be seen.
pub fn states(table: &str) -> String {
    const ALIKE: [&str; 3] = ["`Stop`", "`set_endpoints`", "`Offline`"];
    let mut diagram = String::from("stateDiagram-v2\n    [*] --> Stopped\n");
    let mut edges: BTreeMap<(&str, &str), Vec<String>> = BTreeMap::new();
    let mut order = Vec::new();
    let mut from = "";
    for line in table.lines() {
        if let Some(name) = line.strip_prefix("## ") {
            from = name;
            order.push(name);
        }
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let [_, event, to, _, _] = cells[..] else { continue };
        let moves = !matches!(to, "–" | "state" | "---") && to != from;
        if moves && !ALIKE.iter().any(|alike| event.starts_with(alike)) {
            edges.entry((from, to)).or_default().push(event.replace(['`', ':'], ""));
        }
    }
    for name in &order {
        if name.contains(' ') {
            writeln!(diagram, "    state \"{name}\" as {}", id(name)).unwrap_or_default();
        }
    }
    for from in &order {
        for to in &order {
            if let Some(events) = edges.get(&(*from, *to)) {
                let events = short(events).join("<br>");
                writeln!(diagram, "    {} --> {} : {events}", id(from), id(to)).unwrap_or_default();
            }
        }
    }
    diagram
}

/// An event with many causes is named without them.
fn short(events: &[String]) -> Vec<String> {
    let verb = |event: &str| event.split(' ').next().unwrap_or_default().to_owned();
    let causes = |of: &str| -> usize {
        events.iter().filter(|event| verb(event) == of).map(|event| event.split(", ").count()).sum()
    };
    let mut named: Vec<String> = Vec::new();
    for event in events {
        let verb = verb(event);
        let name = if causes(&verb) > 2 { verb } else { event.clone() };
        if !named.contains(&name) {
            named.push(name);
        }
    }
    named
}

fn id(state: &str) -> String {
    state.replace(' ', "")
}
