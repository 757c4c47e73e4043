use std::io;
use std::sync::{Arc, Mutex};

use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use super::*;

/// Keeps what is written, one entry for each call of `write`.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<String>>>);

impl io::Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().push(String::from_utf8(bytes.to_vec()).unwrap());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Kept {
    type Writer = Kept;

    fn make_writer(&'a self) -> Kept {
        self.clone()
    }
}

fn written(format: LogFormat, say: impl FnOnce()) -> Vec<String> {
    let kept = Kept::default();
    let records = Records { format, program: "hf-test", process: 7, instance: "k8s-hf".to_owned() };
    let builder = tracing_subscriber::fmt().with_ansi(false).event_format(records).with_writer(kept.clone());
    tracing::subscriber::with_default(builder.finish(), say);
    let lines = kept.0.lock().unwrap().clone();
    for line in &lines {
        assert!(line.ends_with('\n') && line.matches('\n').count() == 1, "{line:?}");
    }
    lines
}

#[track_caller]
fn text(say: impl FnOnce(), expected: &str) {
    let lines = written(LogFormat::Text, say);
    let (time, rest) = lines[0].split_once(' ').unwrap();
    assert!(time.len() == 27 && time.ends_with('Z') && time.contains('T'), "{time}");
    assert_eq!(rest.trim_end(), expected);
}

#[test]
fn a_record_says_whose_it_is_in_one_line() {
    text(
        || tracing::info!(count = 3, id = "abc", ok = true, why = "no room", "asked for"),
        " INFO hf-test[7] k8s-hf: asked for count=3 id=abc ok=true why=\"no room\"",
    );
    text(
        || tracing::error!(path = ?std::path::Path::new("/a b"), "lost"),
        "ERROR hf-test[7] k8s-hf: lost path=\"/a b\"",
    );
    text(|| tracing::warn!(n = -1), " WARN hf-test[7] k8s-hf: n=-1");
    text(
        || {
            let span = tracing::info_span!("request", id = "r1");
            span.in_scope(|| tracing::info!("created"));
        },
        " INFO hf-test[7] k8s-hf: request{id=\"r1\"}: created",
    );
}

#[test]
fn words_from_outside_cannot_look_like_a_record_nor_steer_a_terminal() {
    let planted = "x\n2026-01-01T00:00:00Z ERROR gotcha\u{1b}[2J";
    text(
        || tracing::info!("said {planted}"),
        " INFO hf-test[7] k8s-hf: said x\\n2026-01-01T00:00:00Z ERROR gotcha\\u{1b}[2J",
    );
    written(LogFormat::Text, || tracing::info!(planted, other = %planted));
    written(LogFormat::Json, || tracing::info!(planted, "{planted}"));
}

#[test]
fn json_has_the_same_in_one_object() {
    let lines = written(LogFormat::Json, || {
        let span = tracing::info_span!("request", id = "r1");
        span.in_scope(|| tracing::info!(count = 3, name = "a\"b", "asked for"));
    });
    let mut record: Value = serde_json::from_str(&lines[0]).unwrap();
    assert!(record["timestamp"].take().as_str().unwrap().ends_with('Z'));
    assert!(record["target"].take().as_str().unwrap().starts_with("hf_settings"));
    let expected = json!({
        "timestamp": null, "target": null, "level": "INFO", "program": "hf-test", "pid": 7, "provider": "k8s-hf",
        "message": "asked for", "fields": {"count": 3, "name": "a\"b"}, "spans": ["request{id=\"r1\"}"],
    });
    assert_eq!(record, expected);
}
