//! The table.

use comfy_table::{CellAlignment, LineStyle, Table, TableStyle};

use super::figure::Figure;
use super::samples::Samples;

/// All figures, one a line.
pub(crate) fn of(figures: &[Figure], judged: bool) -> String {
    const PLAIN: TableStyle = TableStyle::new().header_separator(LineStyle::new(' ', '─', '─', ' '));
    let mut table = Table::new();
    table.load_style(PLAIN);
    table.set_header(["figure", "ours", "limit", "ratio", "goal", "met", "n", "p50", "p95", "p99", "max"]);
    for column in [1, 2, 3, 4, 6, 7, 8, 9, 10] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for figure in figures {
        table.add_row(row(figure, judged));
    }
    let notes = figures.iter().filter(|figure| !figure.note.is_empty());
    let notes = notes.map(|figure| format!("{}: {}", figure.name, figure.note));
    std::iter::once(table.to_string()).chain(notes).collect::<Vec<_>>().join("\n")
}

fn row(figure: &Figure, judged: bool) -> Vec<String> {
    let with_unit = |value: f64| format!("{} {}", number(value), figure.unit).trim_end().to_owned();
    let met = match figure.met().filter(|_| judged) {
        Some(true) => "yes",
        Some(false) => "NO",
        None => "",
    };
    let mut row = vec![
        figure.name.clone(),
        with_unit(figure.ours),
        figure.limit.map(with_unit).unwrap_or_default(),
        figure.ratio().map(|ratio| format!("{ratio:.2}")).unwrap_or_default(),
        figure.goal.text().unwrap_or_default(),
        met.to_owned(),
    ];
    match figure.samples.as_ref().map(Samples::document) {
        Some(samples) => row.extend(["n", "p50", "p95", "p99", "max"].map(|key| {
            samples[key]
                .as_u64()
                .map_or_else(|| number(samples[key].as_f64().unwrap_or(f64::NAN)), |n| n.to_string())
        })),
        None => row.extend(std::iter::repeat_n(String::new(), 5)),
    }
    row
}

/// Three digits that count.
fn number(value: f64) -> String {
    match value.abs() {
        large if large >= 99.95 => format!("{value:.0}"),
        middle if middle >= 9.995 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::figure::Goal;

    #[test]
    fn a_figure_has_a_line() {
        let samples = Samples::new(vec![1.0, 2.0, 30.0]);
        let figure = Figure::median("call", "ms", &samples).beside(1.0).goal(Goal::RatioAtMost(1.5));
        let text = of(std::slice::from_ref(&figure), true);
        let line: Vec<_> = text.lines().last().unwrap().split_whitespace().collect();
        assert_eq!(line.join(" "), "call 2.00 ms 1.00 ms 2.00 ≤ 1.5 × NO 3 2.00 30.0 30.0 30.0");
        assert!(!of(&[figure], false).contains("NO"));
    }
}
