//! Figures as a table that reads well in a terminal and as Markdown.

use crate::figure::{Figure, Target, Unit};
use crate::sample::Sample;

const HEAD: [&str; 7] = [
    "what",
    "measured",
    "peer",
    "its figure",
    "ratio",
    "target",
    "reached",
];

/// One row for each figure, columns aligned.
pub(crate) fn table(figures: &[Figure]) -> String {
    let rows: Vec<[String; 7]> = std::iter::once(HEAD.map(str::to_owned))
        .chain(figures.iter().map(row))
        .collect();
    let widths: [usize; 7] = std::array::from_fn(|column| {
        let lengths = rows.iter().map(|row| row[column].chars().count());
        lengths.max().unwrap_or(0)
    });
    let mut lines: Vec<String> = rows.iter().map(|row| line(row, &widths)).collect();
    let rule = widths.map(|width| "-".repeat(width));
    lines.insert(1, line(&rule, &widths));
    lines.concat()
}

fn line(cells: &[String; 7], widths: &[usize; 7]) -> String {
    let cell = |(cell, width): (&String, &usize)| format!("| {cell:width$} ");
    let cells: String = cells.iter().zip(widths).map(cell).collect();
    cells + "|\n"
}

fn row(figure: &Figure) -> [String; 7] {
    let (peer, its) = match &figure.peer {
        Some((name, sample)) => ((*name).to_owned(), measured(figure.unit, sample)),
        None => ("–".to_owned(), "–".to_owned()),
    };
    let ratio = figure.ratio().map(|ratio| format!("{ratio:.2}"));
    let reached = figure.is_reached().map(|is| if is { "yes" } else { "NO" });
    [
        figure.what.clone(),
        measured(figure.unit, &figure.measured),
        peer,
        its,
        ratio.unwrap_or_else(|| "–".to_owned()),
        target(figure.unit, figure.target),
        reached.unwrap_or("–").to_owned(),
    ]
}

/// The median, and the spread where there is one.
fn measured(unit: Unit, sample: &Sample) -> String {
    let median = number(unit, sample.median());
    match sample.spread() {
        Some((least, most)) => {
            format!(
                "{median} ({} to {})",
                number(unit, least),
                number(unit, most)
            )
        }
        None => median,
    }
}

fn target(unit: Unit, target: Target) -> String {
    match target {
        Target::Nothing => "–".to_owned(),
        Target::AtLeast(least) => format!("≥ {}", number(unit, least)),
        Target::AtMost(most) => format!("≤ {}", number(unit, most)),
        Target::TimesPeer(times) => format!("≥ {times} × peer"),
        Target::AheadOfPeer => "> peer".to_owned(),
        Target::AtMostTimesPeer(times) => format!("≤ {times} × peer"),
    }
}

fn number(unit: Unit, number: f64) -> String {
    match unit {
        Unit::PerSecond => format!("{}/s", thousands(number.round() as u64)),
        Unit::Time if number >= 1.0 => format!("{number:.2} s"),
        Unit::Time if number >= 1e-3 => format!("{:.2} ms", number * 1e3),
        Unit::Time => format!("{:.0} µs", number * 1e6),
        Unit::Memory => format!("{:.1} MiB", number / (1024.0 * 1024.0)),
        Unit::Bytes => format!("{} B", thousands(number.round() as u64)),
        Unit::Count => thousands(number.round() as u64),
    }
}

/// `1,234,567`
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn sample(rounds: &[f64]) -> Sample {
        Sample::of(rounds.to_vec()).unwrap()
    }

    #[test]
    fn a_figure_stands_beside_its_peer_with_ratio_and_verdict() {
        let figure = Figure::new("writes", Unit::PerSecond, &sample(&[20_000.0]))
            .beside("other", &sample(&[10_000.0]))
            .target(Target::TimesPeer(2.5));
        let table = table(&[figure]);
        let row = table.lines().last().unwrap();
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let expected = [
            "",
            "writes",
            "20,000/s",
            "other",
            "10,000/s",
            "2.00",
            "≥ 2.5 × peer",
            "NO",
            "",
        ];
        assert_eq!(cells, expected);
    }

    #[test]
    fn columns_are_aligned() {
        let short = Figure::new("a", Unit::Time, &sample(&[0.5]));
        let long = Figure::new(
            "a long name – of it",
            Unit::Memory,
            &sample(&[1.0, 2.0, 3.0]),
        );
        let table = table(&[short, long]);
        let lengths: Vec<usize> = table.lines().map(|line| line.chars().count()).collect();
        assert_eq!(lengths.len(), 4);
        assert!(
            lengths.iter().all(|length| *length == lengths[0]),
            "{table}"
        );
    }

    #[test]
    fn numbers_carry_their_unit() {
        let cases = [
            (Unit::PerSecond, 1_234_567.4, "1,234,567/s"),
            (Unit::PerSecond, 999.0, "999/s"),
            (Unit::Time, 2.5, "2.50 s"),
            (Unit::Time, 0.0025, "2.50 ms"),
            (Unit::Time, 0.000_25, "250 µs"),
            (Unit::Memory, 96.0 * 1024.0 * 1024.0, "96.0 MiB"),
            (Unit::Bytes, 2048.0, "2,048 B"),
            (Unit::Count, 0.0, "0"),
        ];
        for (unit, figure, text) in cases {
            assert_eq!(number(unit, figure), text);
        }
    }
}
