//! The table of figures, and what may not happen to it.

use std::fmt::Write;

/// One measured number, of which less is better.
pub(crate) struct Figure {
    name: String,
    value: u64,
    unit: &'static str,
    goal: Option<u64>,
}

impl Figure {
    pub(crate) fn new(name: &str, value: u64, unit: &'static str, goal: Option<u64>) -> Self {
        Self { name: name.to_owned(), value, unit, goal }
    }
}

const HEAD: &str = "\
# Figures of the core

Written by `.ci/run perf-store`, checked by `.ci/run perf`, which fails when one is more than 5 % above
its line here. Instructions are those of one call, with its action; a *full* link has a breaker, three
endpoints by priority with failback, and every limit set. `text` is code at opt-level s, of the binary
in `tests/bare` that uses everything, and of one that drives a single link under a constant policy. The
core never allocates: they link without an allocator. A goal that was not reached is left standing.

| figure | value | unit | goal |
|---|--:|---|--:|
";

/// The whole file.
pub(crate) fn table(figures: &[Figure]) -> String {
    let mut table = HEAD.to_owned();
    for figure in figures {
        let goal = figure.goal.map_or(String::new(), |goal| format!("≤ {goal}"));
        let Figure { name, value, unit, .. } = figure;
        let _ = writeln!(table, "| {name} | {value} | {unit} | {goal} |");
    }
    table
}

/// What is worse than stored, or not stored at all.
pub(crate) fn compare(figures: &[Figure], stored: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    for Figure { name, value, unit, .. } in figures {
        let line = stored.lines().find_map(|line| line.strip_prefix(&format!("| {name} | ")));
        let kept = line.and_then(|line| line.split(' ').next()?.parse::<u64>().ok());
        match kept {
            None => complaints.push(format!("{name}: not in figures.md; .ci/run perf-store")),
            Some(kept) if *value * 100 > kept * 105 => {
                complaints.push(format!("{name}: {value} {unit}, more than 5 % above {kept}"));
            }
            Some(_) => {}
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_per_cent_more_pass_and_six_do_not() {
        let figure = |value| [Figure::new("x", value, "bytes", Some(90))];
        let stored = table(&figure(100));
        assert!(compare(&figure(105), &stored).is_empty());
        assert_eq!(compare(&figure(106), &stored).len(), 1);
        assert_eq!(compare(&figure(100), "").len(), 1);
    }
}
