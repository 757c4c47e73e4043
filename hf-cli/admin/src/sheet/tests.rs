use super::*;

fn sheet() -> Sheet {
    const COLUMNS: &[Column] = &[column("name"), column("count"), wide("more"), column("at")];
    let mut sheet = Sheet::new("things", COLUMNS);
    let at = Timestamp::from_millisecond(1_700_000_000_123).unwrap();
    sheet.push([Cell::from("a, \"b\"\n\u{1b}[31m"), 7_u32.into(), Cell::None, at.into()]);
    sheet.push([Cell::from("true"), 12_u32.into(), true.into(), None::<Timestamp>.into()]);
    sheet
}

#[test]
fn a_table_is_for_people() {
    let text = sheet().render(Format::Table, false).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("name") && !lines[0].contains("more"), "{text}");
    // What would move the cursor or turn the terminal red is a blank.
    assert!(
        lines[2].starts_with("a, \"b\"  [31m") && lines[2].ends_with("7   2023-11-14 22:13:20"),
        "{text}"
    );
    assert_eq!((lines.len(), lines[3].split_whitespace().collect::<Vec<_>>()), (4, vec!["true", "12"]));
    let wide = sheet().render(Format::Table, true).unwrap();
    assert!(wide.contains("more"), "{wide}");
}

#[test]
fn long_texts_are_cut_in_narrow_tables_only() {
    const COLUMNS: &[Column] = &[column("message")];
    let mut sheet = Sheet::new("things", COLUMNS);
    sheet.push([Cell::from("ä".repeat(200))]);
    assert!(sheet.render(Format::Table, false).unwrap().contains("ä…"));
    assert!(sheet.render(Format::Table, true).unwrap().contains(&"ä".repeat(200)));
}

#[test]
fn programs_get_every_column_and_every_character() {
    let csv = sheet().render(Format::Csv, false).unwrap();
    assert_eq!(
        csv,
        "name,count,more,at\n\"a, \"\"b\"\"\n\u{1b}[31m\",7,,2023-11-14T22:13:20.123Z\ntrue,12,true,\n"
    );
    let json = sheet().render(Format::Json, false).unwrap();
    let read: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(read[0]["name"], "a, \"b\"\n\u{1b}[31m");
    assert_eq!((&read[1]["more"], &read[0]["more"]), (&true.into(), &serde_json::Value::Null));
    let at = |column: &str| json.find(&format!("\"{column}\"")).unwrap();
    assert!(at("name") < at("count") && at("count") < at("more") && at("more") < at("at"), "{json}");
}

#[test]
fn yaml_means_the_same_as_json() {
    let yaml = sheet().render(Format::Yaml, false).unwrap();
    let read: serde_json::Value = serde_saphyr::from_str(&yaml).unwrap();
    assert_eq!(read, serde_json::to_value(sheet()).unwrap(), "{yaml}");
}

#[test]
fn nothing_is_an_empty_list_and_no_table() {
    let none = Sheet { rows: Vec::new(), ..sheet() };
    let rendered = |format| none.render(format, false).unwrap();
    assert_eq!(rendered(Format::Table), "");
    assert_eq!(rendered(Format::Json), "[]\n");
    assert_eq!(rendered(Format::Yaml).trim(), "[]");
    assert_eq!(rendered(Format::Csv), "name,count,more,at\n");
}

#[test]
fn a_document_has_facts_and_lists() {
    let facts = Sheet { rows: sheet().rows[1..].to_vec(), ..sheet() };
    let document = Document { facts, lists: vec![sheet()] };
    let json: serde_json::Value =
        serde_json::from_str(&document.render(Format::Json, false).unwrap()).unwrap();
    assert_eq!((&json["name"], &json["things"][0]["count"]), (&"true".into(), &7.into()));
    let text = document.render(Format::Table, false).unwrap();
    assert!(text.starts_with("name   true\ncount  12\nmore   true\n\nthings\n"), "{text}");
}
