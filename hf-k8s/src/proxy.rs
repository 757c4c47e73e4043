//! Which way to the server.

use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;

/// The proxy to use for a server: the one that the kubeconfig names for the cluster, else the environment's.
///
/// kube looks `NO_PROXY` up with the proxy's own address instead of the server's, and sends what is meant for loopback
/// through the proxy too; so its answer for the environment is looked at again.
pub(crate) fn choose(
    server: &Uri,
    of_cluster: bool,
    found: Option<Uri>,
    environment: &Matcher,
) -> Option<Uri> {
    if of_cluster {
        return found;
    }
    let host = server.host().unwrap_or_default().trim_matches(['[', ']']);
    let loopback =
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    found.filter(|_| !loopback && environment.intercept(server).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(server: &str, of_cluster: bool, no: &str, used: bool) {
        let proxy = Uri::from_static("http://proxy.example:3128");
        let environment = Matcher::builder().https("http://proxy.example:3128").no(no).build();
        let server: Uri = server.parse().unwrap();
        let found = choose(&server, of_cluster, Some(proxy), &environment);
        assert_eq!(found.is_some(), used, "{server} of cluster {of_cluster}, except {no:?}");
    }

    #[test]
    fn exceptions_are_for_the_server() {
        check("https://api.example:6443", false, "", true);
        check("https://api.example:6443", false, "proxy.example", true);
        check("https://api.example:6443", false, "api.example", false);
        check("https://api.example:6443", false, ".example", false);
        check("https://10.1.2.3:6443", false, "10.0.0.0/8", false);
        check("https://10.1.2.3:6443", false, "192.168.0.0/16", true);
    }

    #[test]
    fn loopback_needs_no_proxy() {
        for server in [
            "https://127.0.0.1:6443",
            "https://localhost:6443",
            "https://[::1]:6443",
            "http://127.0.0.1:8080",
        ] {
            check(server, false, "", false);
        }
    }

    #[test]
    fn a_proxy_of_the_cluster_is_meant() {
        check("https://127.0.0.1:6443", true, "*", true);
    }
}
