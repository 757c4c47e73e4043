use super::*;

/// What comes of a kubeconfig.
async fn with(text: &str, context: Option<&str>, namespace: Option<&str>) -> Result<Cluster, ConnectError> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    let access = Access {
        kubeconfig: Some(file.path().to_owned()),
        context: context.map(str::to_owned),
        namespace: namespace.map(str::to_owned),
        ..Access::default()
    };
    connect(&access).await
}

const GOOD: &str = r"
apiVersion: v1
kind: Config
current-context: a
contexts:
- {name: a, context: {cluster: c, user: u}}
- {name: b, context: {cluster: c, user: u, namespace: grid}}
- {name: e, context: {cluster: c, user: u, namespace: ''}}
- {name: lost, context: {cluster: nowhere, user: u}}
- {name: plugin, context: {cluster: c, user: plugin}}
- {name: proxy, context: {cluster: proxied, user: u}}
clusters:
- {name: c, cluster: {server: 'http://127.0.0.1:1'}}
- {name: proxied, cluster: {server: 'https://api.example:6443', proxy-url: 'socks5://me:s3cret@proxy:1080'}}
users:
- {name: u, user: {token: s3cret}}
- {name: plugin, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: 'false', args: [s3cret],
                               interactiveMode: Never}}}
";

#[tokio::test]
async fn namespaces() {
    for (context, namespace, found) in [
        (None, None, "default"),
        (Some("b"), None, "grid"),
        (Some("e"), None, "default"),
        (None, Some(""), "default"),
        (Some("b"), Some("mine"), "mine"),
    ] {
        let cluster = with(GOOD, context, namespace).await.unwrap();
        assert_eq!(cluster.namespace(), found);
        assert_eq!(cluster.server(), "http://127.0.0.1:1");
    }
    assert!(matches!(with(GOOD, None, Some("../x")).await, Err(ConnectError::Namespace(_))));
}

#[tokio::test]
async fn what_is_wrong_is_named_and_no_credential_is() {
    let token = "\nusers:\n- {name: u, user: {token: s3cret, : : }}";
    for (text, context, words) in [
        ("", None, "current-context"),
        (GOOD, Some("none"), "no context \"none\""),
        (GOOD, Some("lost"), "no cluster \"nowhere\""),
        (GOOD, Some("plugin"), "plug-in failed (exit status: 1)"),
        (GOOD, Some("proxy"), "the proxy is of a kind that is not supported"),
        (token, None, "is no YAML of a kubeconfig"),
        ("{\"users\": \"s3cret\"}", None, "is no YAML of a kubeconfig"),
    ] {
        let error = with(text, context, None).await.unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(shown.contains(words) && shown.contains("kubeconfig "), "{shown}");
        assert!(!shown.contains("s3cret"), "{shown}");
    }
    let access = Access { kubeconfig: Some("/nowhere/config".into()), ..Access::default() };
    let error = connect(&access).await.unwrap_err().to_string();
    assert!(error.contains("/nowhere/config") && error.contains("--kubeconfig"), "{error}");
}

#[test]
fn addresses_have_no_password() {
    for (url, shown) in [
        ("https://me:s3cret@api.example:6443/path/", "https://api.example:6443/path"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
    ] {
        assert_eq!(address(&url.parse().unwrap()), shown);
    }
}

#[test]
fn the_fingerprint_tells_servers_and_authorities_apart() {
    let make = |url: &'static str, authority: Option<&[u8]>| {
        let mut config = kube::Config::new(http::Uri::from_static(url));
        config.root_cert = authority.map(|authority| vec![authority.to_vec()]);
        fingerprint(&config)
    };
    let all = [
        make("https://a", None),
        make("https://b", None),
        make("https://a", Some(b"x")),
        make("https://a", Some(b"y")),
    ];
    let different: std::collections::BTreeSet<&String> = all.iter().collect();
    assert_eq!(different.len(), 4);
    assert_eq!(all[0], make("https://a", None));
    assert_eq!(all[0].len(), 32);
}
