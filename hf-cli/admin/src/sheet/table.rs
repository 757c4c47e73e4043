//! Tables for people.

use comfy_table::{CellAlignment, LineStyle, Table, TableStyle};

use super::{Cell, Sheet};

/// How much of a text a narrow table shows. Programs, and `--wide`, get all of it.
const MOST: usize = 60;

/// A line below the header, and else nothing but spaces.
pub(super) fn render(sheet: &Sheet, wide: bool) -> String {
    const PLAIN: TableStyle = TableStyle::new().header_separator(LineStyle::new(' ', '─', '─', ' '));
    let shown: Vec<usize> =
        (0..sheet.columns.len()).filter(|index| wide || !sheet.columns[*index].wide).collect();
    let mut table = Table::new();
    table.load_style(PLAIN);
    table.set_header(shown.iter().map(|index| &sheet.columns[*index].name));
    for row in &sheet.rows {
        table.add_row(shown.iter().map(|index| text(&row[*index], wide)));
    }
    for (place, index) in shown.iter().enumerate() {
        let number = |row: &Vec<Cell>| matches!(row[*index], Cell::Number(_) | Cell::Real(_) | Cell::None);
        if sheet.rows.iter().all(number)
            && let Some(column) = table.column_mut(place)
        {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let lines = table.to_string();
    // The left border is blank as well.
    let lines = lines.lines().map(|line| line.strip_prefix("  ").or(line.strip_prefix(' ')).unwrap_or(line));
    lines.flat_map(|line| [line.trim_end(), "\n"]).collect()
}

/// One row as names and values, one below the other. What is not known is left out.
pub(super) fn facts(sheet: &Sheet) -> String {
    let Some(row) = sheet.rows.first() else { return String::new() };
    let known = || {
        let each = sheet.columns.iter().zip(row).map(|(column, cell)| (&column.name, text(cell, true)));
        each.filter(|(_, value)| !value.is_empty())
    };
    let widest = known().map(|(name, _)| name.len()).max().unwrap_or_default();
    known().flat_map(|(name, value)| [format!("{name:widest$}  "), value, "\n".to_owned()]).collect()
}

/// What others wrote may hold anything: what moves the cursor or rings the bell is shown as a blank.
fn text(cell: &Cell, whole: bool) -> String {
    let text = match cell {
        Cell::Time(time) => time.strftime("%Y-%m-%d %H:%M:%S").to_string(),
        other => other.to_string(),
    };
    let mut text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if !whole && text.chars().count() > MOST {
        text = text.chars().take(MOST - 1).chain(['…']).collect();
    }
    text
}
