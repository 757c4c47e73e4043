//! CSV as RFC 4180 has it, with plain line ends.

use super::Sheet;

/// A header and a line for each row.
pub(super) fn render(sheet: &Sheet) -> String {
    let mut text = String::new();
    line(&mut text, sheet.columns.iter().map(|column| column.name.to_string()));
    for row in &sheet.rows {
        line(&mut text, row.iter().map(ToString::to_string));
    }
    text
}

fn line(text: &mut String, fields: impl Iterator<Item = String>) {
    for (index, field) in fields.enumerate() {
        if index > 0 {
            text.push(',');
        }
        if field.contains(['"', ',', '\n', '\r']) {
            text.push('"');
            text.push_str(&field.replace('"', "\"\""));
            text.push('"');
        } else {
            text.push_str(&field);
        }
    }
    text.push('\n');
}
