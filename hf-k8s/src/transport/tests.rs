use std::io;

use super::*;

#[track_caller]
fn check(texts: &[&str], connecting: bool, sent: bool, kind: Trouble) -> String {
    let texts: Vec<String> = texts.iter().map(ToString::to_string).collect();
    let lost = classify(&texts, connecting);
    assert_eq!(matches!(lost, Lost::Unanswered(_)), sent, "{texts:?}");
    let error = lost.error();
    assert_eq!(error.kind, kind, "{texts:?}");
    error.message
}

#[test]
fn what_never_arrived_is_told_from_what_may_have() {
    use Trouble::{Denied, Unreachable};
    check(
        &["client error (Connect)", "tcp connect error", "Connection refused (os error 111)"],
        true,
        false,
        Unreachable,
    );
    check(
        &["client error (Connect)", "dns error", "failed to lookup address information"],
        true,
        false,
        Unreachable,
    );
    check(
        &["client error (SendRequest)", "connection closed before message completed"],
        false,
        true,
        Unreachable,
    );
    check(
        &["client error (SendRequest)", "Connection reset by peer (os error 104)"],
        false,
        true,
        Unreachable,
    );
    let words =
        check(&["client error (Connect)", "invalid peer certificate: UnknownIssuer"], true, false, Denied);
    assert!(words.contains("certificate-authority") && words.contains("UnknownIssuer"), "{words}");
    let words = check(
        &["client error (SendRequest)", "received fatal alert: CertificateExpired"],
        false,
        false,
        Denied,
    );
    assert!(words.contains("client-certificate"), "{words}");
    check(&["received fatal alert: the peer's certificate: BadCertificate"], true, false, Denied);
    check(&["received fatal alert: InternalError"], true, false, Unreachable);
}

#[test]
fn causes_hidden_in_io_errors_are_found() {
    #[derive(Debug, thiserror::Error)]
    #[error("invalid peer certificate: Expired")]
    struct Certificate;
    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] io::Error);

    let error = lost(&Outer(io::Error::other(io::Error::other(Certificate)))).error();
    assert_eq!(error.kind, Trouble::Denied);
    assert!(error.message.ends_with("(outer: invalid peer certificate: Expired)"), "{}", error.message);
}

#[test]
fn errors_that_go_in_circles_end() {
    #[derive(Debug)]
    struct Circle;
    impl std::fmt::Display for Circle {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("circle")
        }
    }
    impl Error for Circle {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&Self)
        }
    }
    assert_eq!(lost(&Circle).error().message, "circle");
}

#[test]
fn a_plug_ins_output_is_not_repeated() {
    use std::os::unix::process::ExitStatusExt;
    let out = std::process::Output {
        status: std::process::ExitStatus::from_raw(256),
        stdout: b"token: s3cret".to_vec(),
        stderr: b"s3cret".to_vec(),
    };
    let cmd = "\"aws-plugin\" \"--password\" \"s3cret\"".to_owned();
    let auth = kube::client::AuthError::AuthExecRun { cmd, out: Box::new(out) };
    let error = lost(&kube::Error::Auth(auth));
    let Lost::NotSent(error) = error else { panic!("{error:?}") };
    assert_eq!(error.kind, Trouble::Denied);
    assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
}
