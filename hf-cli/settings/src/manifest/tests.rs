use std::fmt::Write as _;

use proptest::prelude::*;
use serde_json::json;

use super::*;

#[track_caller]
fn check(text: &str, value: Value) {
    assert_eq!(yaml(text.as_bytes()), Ok(value), "{text:?}");
}

#[track_caller]
fn refused(text: &str, reason: &str) {
    let error = yaml(text.as_bytes()).unwrap_err();
    assert!(error.contains(reason), "{text:?}: {error}");
}

#[test]
fn scalars_mean_what_they_mean_to_kubectl() {
    // Compared with `kubectl label --local -f FILE -o json`, version 1.32.
    for (text, value) in [
        ("yes", json!(true)),
        ("YES", json!(true)),
        ("on", json!(true)),
        ("Off", json!(false)),
        ("y", json!(true)),
        ("N", json!(false)),
        ("'yes'", json!("yes")),
        ("0644", json!(420)),
        ("0o644", json!(420)),
        ("0888", json!(888)),
        ("-007", json!(-7)),
        ("\"0644\"", json!("0644")),
        ("0xFF", json!(255)),
        ("0b101", json!(5)),
        ("1_000", json!(1000)),
        ("1e3", json!(1000)),
        ("1.", json!(1)),
        ("1.50", json!(1.5)),
        (".5", json!(0.5)),
        ("+5", json!(5)),
        ("18446744073709551615", json!(u64::MAX)),
        ("2024-01-02", json!("2024-01-02")),
        ("12:30:45", json!("12:30:45")),
        ("~", json!(null)),
        ("", json!(null)),
        ("!!str 5", json!("5")),
        ("!!int \"5\"", json!(5)),
        ("!foo bar", json!("bar")),
        ("1Gi", json!("1Gi")),
        ("500m", json!("500m")),
        ("${requestId}", json!("${requestId}")),
    ] {
        check(&format!("a: {text}\n"), json!({"a": value}));
    }
}

#[test]
fn one_document_however_it_is_wrapped() {
    for text in [
        "---\na: 1\n",
        "---\n---\na: 1\n",
        "a: 1\n---\n",
        "# c\n---\n# d\na: 1\n...\n# e\n---\n# nothing\n",
        "%YAML 1.1\n---\na: 1\n",
        "\u{feff}a: 1\n",
        "a: 1\r\n",
        "{\n\t\"a\": 1\n}",
    ] {
        check(text, json!({"a": 1}));
    }
    check("a: |\r\n  x\r\n  y\r\n", json!({"a": "x\ny\n"}));
    refused("a: 1\n---\nb: 2\n", "more than one YAML document");
    for empty in ["", "# only\n", "---\n...\n", "null\n"] {
        refused(empty, "is empty");
    }
}

#[test]
fn anchors_aliases_and_merges_are_expanded() {
    check(
        "a: &x {b: 1}\nc: *x\nd: {<<: *x, e: 2}\n",
        json!({"a": {"b": 1}, "c": {"b": 1}, "d": {"b": 1, "e": 2}}),
    );
    refused("a: *nope\n", "unknown value at line 1, column 4");
    refused("a: &a [*a]\n", "Recursive");
}

#[test]
fn a_bomb_of_aliases_does_not_go_off() {
    let mut wide = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
    for n in 1..10 {
        let ten = vec![format!("*a{}", n - 1); 10].join(",");
        writeln!(wide, "a{n}: &a{n} [{ten}]").unwrap();
    }
    refused(&wide, "not valid YAML");
    let fat = format!("a: &a {}\nb: [{}]\n", "x".repeat(500_000), "*a,".repeat(10_000));
    refused(&fat, "not valid YAML");
    refused(&format!("{}{}", "[".repeat(300), "]".repeat(300)), "not valid YAML");
    let deep = (0..300).fold(String::new(), |text, n| text + &" ".repeat(n) + "a:\n");
    refused(&deep, "not valid YAML");
}

#[test]
fn mistakes_are_named_by_line_and_column() {
    refused("a: 1\na: 2\n", "duplicate mapping key `a` is not allowed here at line 2, column 1");
    refused("a: 1\nb: c: d\n", "line 2, column 5");
    refused("a:\n\t- 1\n", "tabs");
    refused("a: .inf\n", "line 1, column 4");
    refused("a: \0\n", "line 1, column 4");
    assert_eq!(yaml(b"a: 1\nb: \xff\n"), Err("is not UTF-8 at line 2".to_owned()));
    let error = json(b"{\n \"a\": }").unwrap_err();
    assert!(error.contains("line 2 column 7"), "{error}");
}

#[test]
fn json_is_taken_with_and_without_a_byte_order_mark() {
    assert_eq!(json(b"\xEF\xBB\xBF{\"a\": 1}"), Ok(json!({"a": 1})));
    assert_eq!(json(b"{\"a\": 1}"), Ok(json!({"a": 1})));
}

proptest! {
    #[test]
    fn no_text_panics(text in "([\\[\\]{}:,&*!|>'\"%@`#~?<=+.\\-\n\r\t a-c0-9_]|\\PC){0,80}") {
        let _ = yaml(text.as_bytes());
        let _ = json(text.as_bytes());
    }

    #[test]
    fn no_bytes_panic(bytes: Vec<u8>) {
        let _ = yaml(&bytes);
        let _ = json(&bytes);
    }

    #[test]
    fn what_is_json_means_the_same_as_yaml(number: i64, text in "[ -~]{0,20}", flag: bool) {
        let value = json!({"number": number, "text": text, "list": [flag, null, {}]});
        prop_assert_eq!(yaml(value.to_string().as_bytes()), Ok(value));
    }
}
