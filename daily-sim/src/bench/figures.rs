//! What was measured, and the table of it.

use std::fmt::Write;
use std::time::Duration;

use super::Kind;

/// How long the calls took.
#[derive(Debug, Default)]
pub(super) struct Figures(Vec<(Kind, Duration)>);

const ROWS: [(Kind, &str); 5] = [
    (Kind::Get, "GET /rooms/NAME"),
    (Kind::List, "GET /rooms, 100 a page"),
    (Kind::Update, "POST /rooms/NAME"),
    (Kind::Create, "POST /rooms"),
    (Kind::Delete, "DELETE /rooms/NAME"),
];

impl Figures {
    pub fn note(&mut self, kind: Kind, took: Duration) {
        self.0.push((kind, took));
    }

    pub fn add(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// A row for each kind of call, and a last line with all calls a second.
    pub fn table(&self, over: Duration) -> String {
        let mut table = format!(
            "{:<24} {:>9} {:>6} {:>9} {:>9} {:>9}\n",
            "call", "calls", "share", "calls/s", "median", "99%"
        );
        for (kind, name) in ROWS {
            let of_kind = self.0.iter().filter(|(other, _)| *other == kind);
            let mut took: Vec<Duration> = of_kind.map(|(_, took)| *took).collect();
            took.sort_unstable();
            let share = 100.0 * took.len() as f64 / self.0.len().max(1) as f64;
            // Writing to a string does not fail.
            let _ = writeln!(
                table,
                "{name:<24} {:>9} {share:>5.0}% {:>9.0} {:>6.1} ms {:>6.1} ms",
                took.len(),
                per_second(took.len(), over),
                quantile(&took, 0.5),
                quantile(&took, 0.99),
            );
        }
        let _ = writeln!(table, "{:.0} calls/s", per_second(self.0.len(), over));
        table
    }
}

fn per_second(calls: usize, over: Duration) -> f64 {
    calls as f64 / over.as_secs_f64().max(f64::EPSILON)
}

/// In milliseconds.
fn quantile(sorted: &[Duration], part: f64) -> f64 {
    let place = (sorted.len() as f64 * part) as usize;
    let found = sorted.get(place).or(sorted.last());
    found.map_or(0.0, |took| took.as_secs_f64() * 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_a_row_a_kind_and_the_sum_last() {
        let mut figures = Figures::default();
        for milliseconds in 1..=100 {
            figures.note(Kind::Get, Duration::from_millis(milliseconds));
        }
        figures.note(Kind::Create, Duration::from_millis(7));
        let table = figures.table(Duration::from_secs(2));
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines.len(), 7, "{table}");
        let get: Vec<&str> = lines[1].split_whitespace().skip(2).collect();
        assert_eq!(get, ["100", "99%", "50", "51.0", "ms", "100.0", "ms"]);
        assert_eq!(lines[6], "50 calls/s");
    }
}
