use serde_json::json;

use super::*;

fn call(input: &[u8]) -> Recorded {
    let at = Timestamp::from_millisecond(1_700_000_000_123).unwrap();
    Recorded::new(at, "getRequestStatus", input, b"{\"requests\": []}\n", 0, 7)
}

#[test]
fn what_was_added_is_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("calls.jsonl");
    let calls = [call(b"{\"requests\":\t[]}"), call(b"no JSON"), call(b"")];
    for call in &calls {
        Recorder::new(&path).add(call).unwrap();
    }
    let read: Vec<Recorded> = read_recording(&path).unwrap().map(Result::unwrap).collect();
    assert_eq!(read, calls);
    assert_eq!((&read[0].input, &read[1].input), (&json!({"requests": []}), &json!("no JSON")));
    let text = fs::read_to_string(&path).unwrap();
    assert!(
        text.starts_with(r#"{"at":"2023-11-14T22:13:20.123Z","call":"getRequestStatus","input":"#),
        "{text}"
    );
}

#[test]
fn a_line_that_is_no_call_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("calls.jsonl");
    fs::write(&path, "\n{}\n").unwrap();
    let errors: Vec<String> =
        read_recording(&path).unwrap().map(|read| read.unwrap_err().to_string()).collect();
    assert!(errors.len() == 1 && errors[0].starts_with("line 2: missing field"), "{errors:?}");
}

#[test]
fn long_messages_and_long_files_are_bounded() {
    let long = call(&vec![b'x'; MAX_MESSAGE + 1]);
    assert!(long.cut && long.input.is_null());
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("calls.jsonl");
    let recorder = Recorder { path: path.clone(), max: 1_000 };
    for _ in 0..50 {
        recorder.add(&call(b"{}")).unwrap();
    }
    let sizes: Vec<u64> =
        fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).collect();
    assert!(sizes.len() == 2 && sizes.iter().all(|size| *size <= 1_000), "{sizes:?}");
}

#[test]
fn a_planted_link_is_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    let (path, other) = (dir.path().join("calls.jsonl"), dir.path().join("other"));
    std::os::unix::fs::symlink(&other, &path).unwrap();
    assert!(Recorder::new(&path).add(&call(b"{}")).is_err());
    assert!(!other.exists());
}

#[test]
fn a_recording_that_somebody_keeps_locked_is_given_up_soon() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("calls.jsonl");
    let kept = File::create(&path).unwrap();
    kept.lock().unwrap();
    let began = Instant::now();
    let error = Recorder::new(&path).add(&call(b"{}")).unwrap_err();
    assert!(error.to_string().contains("locked") && began.elapsed() < Duration::from_secs(5), "{error}");
}
