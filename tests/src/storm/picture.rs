//! Pictures, as SVG text: no fonts are shipped and nothing is drawn by hand.

use super::report::Report;
use super::scenario::Cell;
use super::svg::{FAINT, INK, Svg};
use super::timeline::Timeline;

/// What a report comes to, in a few words: `0.99 × ideal`, `STUCK at 23 %`.
pub fn verdict(report: &Report) -> String {
    match (report.t99, report.gave_up) {
        (Some(_), _) => format!("{:.2} × ideal", report.rho),
        (None, 0) => format!("STUCK at {:.0} %", 100.0 * report.connected),
        (None, gone) => format!(
            "STUCK at {:.0} %, {:.0} % gave up",
            100.0 * report.connected,
            100.0 * f64::from(gone) / f64::from(report.clients)
        ),
    }
}

/// Colours by the logarithm of `ρ`.
const STOPS: [(f64, [f64; 3]); 6] = [
    (-1.0, [222.0, 240.0, 230.0]),
    (0.0, [186.0, 224.0, 202.0]),
    (1.0, [254.0, 229.0, 160.0]),
    (2.0, [253.0, 174.0, 97.0]),
    (3.0, [224.0, 90.0, 60.0]),
    (4.0, [150.0, 20.0, 40.0]),
];

/// Light for fast, dark red for slow; `ρ` from 0.5 to 16 on a logarithmic scale.
fn colour(rho: f64) -> String {
    if !rho.is_finite() {
        return "#000000".to_owned();
    }
    let at = rho.max(1e-3).log2().clamp(-1.0, 4.0);
    let upper = STOPS.iter().position(|(stop, _)| *stop >= at).unwrap_or(STOPS.len() - 1).max(1);
    let ((low, from), (high, to)) = (STOPS[upper - 1], STOPS[upper]);
    let share = (at - low) / (high - low);
    let [r, g, b] = [0, 1, 2].map(|i| (from[i] + (to[i] - from[i]) * share).round() as u8);
    format!("#{r:02x}{g:02x}{b:02x}")
}

/// Strategies × cells: one row for each slice of reports, all of the same cells in the same order. The
/// colour is `ρ`; black is stuck.
pub fn heat_map(rows: &[Vec<Report>]) -> String {
    const LEFT: f64 = 172.0;
    const TOP: f64 = 86.0;
    const CELL: f64 = 8.0;
    const ROW: f64 = 22.0;
    const GAP: f64 = 10.0;
    let Some(first) = rows.first() else { return Svg::new(10.0, 10.0, "empty").done() };

    // Where each column begins: a gap between modes, a small one between outages.
    let (mut columns, mut x) = (Vec::new(), LEFT);
    for (index, report) in first.iter().enumerate() {
        match index.checked_sub(1).and_then(|before| first.get(before)) {
            Some(before) if before.mode != report.mode => x += GAP,
            Some(before) if before.outage.to_bits() != report.outage.to_bits() => x += 2.0,
            _ => {}
        }
        columns.push(x);
        x += CELL;
    }
    let right = x + 14.0;
    let width = right + 150.0;
    let bottom = TOP + ROW * rows.len() as f64;
    let height = bottom + 62.0;
    let mut svg = Svg::new(width, height, "Strategies and outages: how slowly a fleet comes back");
    let bold = format!("font-weight=\"600\" fill=\"{INK}\"");
    let (ink, faint) = (format!("fill=\"{INK}\""), format!("fill=\"{FAINT}\""));
    svg.text((LEFT, 22.0), "start", 15.0, &bold, "Who comes back, and how fast");
    let about = "every square is one storm; the small figures are how many seconds the server is down, and the three \
         squares under each are fleets of rising size";
    svg.text((LEFT, 40.0), "start", 11.0, &faint, about);
    for (index, report) in first.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|before| first.get(before));
        let x = columns[index];
        if before.is_none_or(|before| before.mode != report.mode) {
            svg.text((x, TOP - 22.0), "start", 12.0, &bold, &report.mode);
        }
        let begins =
            |b: &Report| b.mode != report.mode || b.outage.to_bits() != report.outage.to_bits();
        if before.is_none_or(begins) {
            let outage = report.outage.to_string();
            svg.text((x, TOP - 7.0), "start", 8.5, &faint, &outage);
        }
    }
    for (x, heading) in [(48.0, "stuck"), (94.0, "worst ρ"), (142.0, "dials")] {
        svg.text((right + x, TOP - 7.0), "end", 10.0, &faint, heading);
    }
    for (row, reports) in rows.iter().enumerate() {
        let y = TOP + ROW * row as f64;
        let style = if row == 0 { &bold } else { &ink };
        let name = reports.first().map_or("", |report| report.strategy.as_str());
        svg.text((LEFT - 10.0, y + 15.0), "end", 12.0, style, name);
        for (report, x) in reports.iter().zip(&columns) {
            svg.rect((*x, y + 1.0, CELL - 0.6, ROW - 3.0), &colour(report.rho));
        }
        let summary = super::summarise(reports);
        let worst = if summary.worst_rho.is_finite() {
            format!("{:.2}", summary.worst_rho)
        } else {
            "–".to_owned()
        };
        let stuck = if summary.stuck == 0 { "0".to_owned() } else { summary.stuck.to_string() };
        for (x, text) in
            [(48.0, stuck), (94.0, worst), (142.0, format!("{:.1}", summary.worst_dials))]
        {
            svg.text((right + x, y + 15.0), "end", 11.0, style, &text);
        }
    }
    let (y, mut x) = (bottom + 16.0, LEFT);
    for (rho, label) in
        [(0.5, "0.5"), (1.0, "1"), (2.0, "2"), (4.0, "4"), (8.0, "8"), (16.0, "16+")]
    {
        svg.rect((x, y, 40.0, 12.0), &colour(rho));
        svg.text((x + 20.0, y + 26.0), "middle", 10.0, &faint, label);
        x += 40.0;
    }
    svg.rect((x + 12.0, y, 40.0, 12.0), "#000000");
    svg.text((x + 32.0, y + 26.0), "middle", 10.0, &faint, "stuck");
    let scale =
        "× the ideal time until 99 % are back; dials: most per client after the server's return";
    svg.text((x + 68.0, y + 10.0), "start", 11.0, &faint, scale);
    svg.done()
}

/// Seconds as people write them.
fn duration(seconds: f64) -> String {
    if seconds < 1.0 {
        format!("{:.0} ms", seconds * 1e3)
    } else if seconds >= 60.0 && seconds % 60.0 == 0.0 {
        format!("{:.0} min", seconds / 60.0)
    } else {
        format!("{seconds:.0} s")
    }
}

/// One panel for each run of the same cell: the rate of dials as a multiple of the capacity (log scale,
/// filled), the share connected (blue), the outage (grey), and the earliest that all can be back
/// (dotted).
pub fn panels(cell: &Cell, runs: &[(Report, Timeline)]) -> String {
    const WIDE: f64 = 440.0;
    const HIGH: f64 = 178.0;
    const ACROSS: usize = 2;
    let across = ACROSS.min(runs.len().max(1));
    let down = runs.len().div_ceil(across);
    let (width, height) = (across as f64 * WIDE + 24.0, down as f64 * HIGH + 76.0);
    let mut svg = Svg::new(width, height, &format!("A fleet loses its server: {cell}"));
    let bold = format!("font-weight=\"600\" fill=\"{INK}\"");
    let faint = format!("fill=\"{FAINT}\"");
    let clients = runs.first().map_or(0, |(report, _)| report.clients);
    let heading = format!(
        "{clients} clients, {:.0} accepts a second, down for {}, mode {}",
        f64::from(clients) / cell.limit,
        duration(cell.outage),
        cell.mode.name
    );
    svg.text((20.0, 24.0), "start", 15.0, &bold, &heading);

    // As far as the slowest that came back, but no further than six times the limit.
    let slowest = runs.iter().filter_map(|(report, _)| report.t100).fold(0.0, f64::max);
    let span = cell.outage + (1.15 * slowest).clamp(1.5 * cell.limit, 6.0 * cell.limit + 60.0);
    for (index, run) in runs.iter().enumerate() {
        let origin = ((index % across) as f64 * WIDE + 20.0, (index / across) as f64 * HIGH + 46.0);
        panel(&mut svg, origin, (WIDE - 28.0, HIGH - 24.0), cell, span, run);
    }
    let (y, x) = (height - 16.0, 20.0);
    svg.rect((x, y - 9.0, 14.0, 10.0), "#f2b27a");
    svg.text((x + 19.0, y), "start", 11.0, &faint, "dials a second ÷ capacity (log; line at 1)");
    svg.line((x + 252.0, y - 4.0), (x + 270.0, y - 4.0), "stroke=\"#1f6feb\" stroke-width=\"2\"");
    svg.text((x + 275.0, y), "start", 11.0, &faint, "connected");
    svg.rect((x + 346.0, y - 9.0, 14.0, 10.0), "#e3e6ea");
    svg.text((x + 365.0, y), "start", 11.0, &faint, "server down");
    svg.line((x + 446.0, y - 4.0), (x + 466.0, y - 4.0), DOTTED);
    svg.text((x + 471.0, y), "start", 11.0, &faint, "earliest possible");
    svg.done()
}

const DOTTED: &str = "stroke=\"#1f2328\" stroke-width=\"1.2\" stroke-dasharray=\"2 3\"";
/// The logarithmic axis: from 10⁻² to 10³.
const DECADES: (f64, f64) = (-2.0, 3.0);

fn panel(
    svg: &mut Svg,
    (left, top): (f64, f64),
    (width, height): (f64, f64),
    cell: &Cell,
    span: f64,
    (report, timeline): &(Report, Timeline),
) {
    let faint = format!("fill=\"{FAINT}\"");
    let colour = if report.stuck { "#b00020" } else { INK };
    let style = format!("font-weight=\"600\" fill=\"{colour}\"");
    svg.text(
        (left + 30.0, top + 10.0),
        "start",
        12.5,
        &style,
        &format!("{}: {}", report.strategy, verdict(report)),
    );
    let (x0, x1, y0, y1) = (left + 30.0, left + width - 26.0, top + 18.0, top + height - 16.0);
    let x = |t: f64| x0 + (t / span).clamp(0.0, 1.0) * (x1 - x0);
    let y_rate = |rate: f64| {
        let decade = rate.max(1e-9).log10().clamp(DECADES.0, DECADES.1);
        y1 - (decade - DECADES.0) / (DECADES.1 - DECADES.0) * (y1 - y0)
    };
    let y_share = |share: f64| y1 - share * (y1 - y0);
    svg.rect((x0, y0, x(cell.outage) - x0, y1 - y0), "#e3e6ea");

    // Bins are merged so that none is narrower than a pixel and a half.
    let merged = ((span / (x1 - x0) * 1.5 / timeline.bin).ceil() as usize).max(1);
    let capacity = f64::from(report.clients) / cell.limit;
    let mut area = vec![(x0, y1)];
    let mut line = Vec::new();
    for (index, (dials, up)) in
        timeline.dials.chunks(merged).zip(timeline.connected.chunks(merged)).enumerate()
    {
        let from = (index * merged) as f64 * timeline.bin;
        if from >= span {
            break;
        }
        let length = dials.len() as f64 * timeline.bin;
        let rate = f64::from(dials.iter().sum::<u32>()) / length / capacity;
        area.push((x(from), y_rate(rate)));
        area.push((x(from + length), y_rate(rate)));
        let share = f64::from(up.last().copied().unwrap_or(0)) / f64::from(report.clients);
        line.push((x(from + length), y_share(share)));
    }
    if let Some((end, _)) = area.last().copied() {
        area.push((end, y1));
    }
    if let Some((_, share)) = line.last().copied() {
        line.push((x1, share));
    }
    svg.path(&area, "fill=\"#f2b27a\" fill-opacity=\"0.85\"");
    svg.line((x0, y_rate(1.0)), (x1, y_rate(1.0)), "stroke=\"#b35900\" stroke-width=\"1\"");
    svg.path(
        &line,
        "fill=\"none\" stroke=\"#1f6feb\" stroke-width=\"2\" stroke-linejoin=\"round\"",
    );
    let earliest = x(cell.outage + cell.limit);
    svg.line((earliest, y0), (earliest, y1), DOTTED);
    svg.put(format_args!(
        "<rect x=\"{x0:.1}\" y=\"{y0:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"none\" stroke=\"#afb8c1\"/>",
        x1 - x0,
        y1 - y0
    ));
    for (rate, label) in [(0.01, "0.01"), (1.0, "1"), (100.0, "100")] {
        svg.text((x0 - 5.0, y_rate(rate) + 3.0), "end", 9.0, &faint, label);
    }
    for (share, label) in [(0.0, "0 %"), (0.5, "50 %"), (1.0, "100 %")] {
        svg.text((x1 + 4.0, y_share(share) + 3.0), "start", 9.0, &faint, label);
    }
    for (t, label) in [(0.0, "lost"), (cell.outage, "back")] {
        // The two would touch after a short outage.
        if t > 0.0 || x(cell.outage) - x0 > 40.0 {
            svg.text((x(t), y1 + 11.0), "middle", 9.0, &faint, label);
        }
    }
    svg.text((x1, y1 + 11.0), "end", 9.0, &faint, &format!("{span:.0} s"));
}
