//! The table of cases.

use comfy_table::{CellAlignment, LineStyle, Table, TableStyle};

use super::End;
use super::cases::Case;
use crate::console::seconds;

/// Each case, the rows that it is for, and how it ended.
pub(super) fn of(cases: &[&Case], ends: &[End]) -> String {
    const PLAIN: TableStyle = TableStyle::new().header_separator(LineStyle::new(' ', '─', '─', ' '));
    let mut table = Table::new();
    table.load_style(PLAIN);
    table.set_header(["case", "rows", "result", "took"]);
    if let Some(column) = table.column_mut(3) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for (case, end) in cases.iter().zip(ends) {
        let (result, took) = match end {
            End::Passed(took) => ("ok".to_owned(), seconds(*took)),
            End::Failed(took) => ("FAILED".to_owned(), seconds(*took)),
            End::Skipped(why) => (format!("skipped: it {why}"), String::new()),
        };
        table.add_row([case.name.clone(), case.rows.join(", "), result, took]);
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}
