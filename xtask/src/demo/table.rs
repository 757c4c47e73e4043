//! The tables that the demo prints.

use std::collections::BTreeMap;
use std::time::Duration;

use comfy_table::{CellAlignment, LineStyle, Table, TableStyle};
use jiff::Timestamp;

use crate::console::seconds;
use crate::harness::answers::Machine;

/// How many machines are listed; the others are counted.
const LISTED: usize = 40;

/// The machines with their addresses and times.
pub(crate) fn machines(machines: &[Machine], running_after: &BTreeMap<String, Duration>) -> String {
    let mut table = table();
    table.set_header(["machine", "address", "launched (UTC)", "running after"]);
    align_right(&mut table, 3);
    for machine in machines.iter().take(LISTED) {
        let after = running_after.get(&machine.name).map(|after| seconds(*after));
        table.add_row([
            machine.name.clone(),
            machine.private_ip_address.clone(),
            clock(machine.launchtime),
            after.unwrap_or_default(),
        ]);
    }
    match machines.len().saturating_sub(LISTED) {
        0 => indented(&table),
        more => format!("{}\n    and {more} more", indented(&table)),
    }
}

/// How long each phase took.
pub(crate) fn phases(phases: &[(String, String)]) -> String {
    let mut table = table();
    align_right(&mut table, 1);
    for (phase, time) in phases {
        table.add_row([phase, time]);
    }
    indented(&table)
}

/// As far to the right as the other texts, and no further than it reaches.
fn indented(table: &Table) -> String {
    table.lines().map(|line| format!("  {line}").trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

/// A line below the header, and else nothing but spaces.
fn table() -> Table {
    const PLAIN: TableStyle = TableStyle::new().header_separator(LineStyle::new(' ', '─', '─', ' '));
    let mut table = Table::new();
    table.load_style(PLAIN);
    table
}

fn align_right(table: &mut Table, column: usize) {
    if let Some(column) = table.column_mut(column) {
        column.set_cell_alignment(CellAlignment::Right);
    }
}

fn clock(second: i64) -> String {
    Timestamp::from_second(second)
        .map_or_else(|_| second.to_string(), |time| time.strftime("%H:%M:%S").to_string())
}
