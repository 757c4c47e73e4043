//! The one way to a cluster.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::{HeaderValue, header};
use hyper_util::client::proxy::matcher::Matcher;
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use sha2::{Digest, Sha256};

use crate::{Cluster, proxy, transport};

/// How long credentials may take: a plug-in that asks somebody a question would wait for ever.
const CREDENTIALS: Duration = Duration::from_mins(1);

/// How long a connection may take. Less than a request's deadline, so that a server that is not there is told from one
/// that does not answer: then it is certain that nothing was done.
const CONNECTION: Duration = Duration::from_secs(5);

/// Which namespace of which cluster is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// The kubeconfig; else `KUBECONFIG`, else `~/.kube/config`, else the service account of the pod we run in.
    pub kubeconfig: Option<PathBuf>,
    /// The context; else the kubeconfig's current one.
    pub context: Option<String>,
    /// The namespace; else the context's, else `default`.
    pub namespace: Option<String>,
    /// How many requests may be in flight at once, watches excepted.
    pub max_in_flight: usize,
}

impl Default for Access {
    fn default() -> Self {
        Self { kubeconfig: None, context: None, namespace: None, max_in_flight: 128 }
    }
}

/// Why there is no way to a cluster, with the remedy. Never repeats the contents of a kubeconfig.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// There is a kubeconfig, but it cannot be used.
    #[error("{kubeconfig}: {problem}")]
    Kubeconfig {
        /// Which one.
        kubeconfig: String,
        /// What is wrong with it.
        problem: String,
    },
    /// There is none, and no service account either.
    #[error(
        "there is no kubeconfig at {default} and no service account ({account}): name a kubeconfig with \
         `--kubeconfig` or `KUBECONFIG`"
    )]
    Nowhere {
        /// Where a kubeconfig was looked for.
        default: String,
        /// What is missing of the service account.
        account: String,
    },
    /// The namespace is no name of one.
    #[error("{0:?} is no name of a namespace (a-z, 0-9 and '-', at most 63 characters)")]
    Namespace(String),
    /// The credentials could not be had, or no client could be made of them.
    #[error("{kubeconfig}: {problem}")]
    Credentials {
        /// Where they are from.
        kubeconfig: String,
        /// What is wrong with them.
        problem: String,
    },
}

/// Finds the cluster and its credentials. Sends nothing yet, but may run the kubeconfig's credential plug-in.
///
/// To be called again when the server does not let us in: everything is read anew.
pub async fn connect(access: &Access) -> Result<Cluster, ConnectError> {
    let (mut config, source) = configure(access).await?;
    let named = access.namespace.clone().filter(|name| !name.is_empty());
    let namespace = named.unwrap_or_else(|| config.default_namespace.clone());
    let namespace = if namespace.is_empty() { "default".to_owned() } else { namespace };
    // It becomes part of every path. Namespaces have the form of machine names: both are DNS labels.
    hf_core::MachineName::parse(&namespace).map_err(|_| ConnectError::Namespace(namespace.clone()))?;

    // kube retries by itself, creates as well, 15 times; the caller knows better when and how often.
    config.default_retry = false;
    config.connect_timeout = Some(CONNECTION);
    let agent = HeaderValue::from_static(concat!("hf-k8s/", env!("CARGO_PKG_VERSION")));
    config.headers.push((header::USER_AGENT, agent));
    let (server, fingerprint) = (address(&config.cluster_url), fingerprint(&config));

    // Credential plug-ins are run as soon as a client is made, and waited for.
    let failed = |problem: String| ConnectError::Credentials { kubeconfig: source.to_string(), problem };
    let made = tokio::task::spawn_blocking(move || kube::Client::try_from(config));
    let client = match tokio::time::timeout(CREDENTIALS, made).await {
        Ok(Ok(Ok(client))) => client,
        Ok(Ok(Err(error))) => return Err(failed(problem(&error))),
        Ok(Err(_)) => return Err(failed("the credentials could not be read".to_owned())),
        Err(_) => return Err(failed(format!("no credentials within {} s", CREDENTIALS.as_secs()))),
    };
    Ok(Cluster::new(client, namespace, server, fingerprint, access.max_in_flight))
}

/// Where a configuration is from.
enum Source {
    File(PathBuf),
    Environment,
    ServiceAccount,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "kubeconfig {}", path.display()),
            Self::Environment => f.write_str("kubeconfig of KUBECONFIG or ~/.kube/config"),
            Self::ServiceAccount => f.write_str("service account of this pod"),
        }
    }
}

async fn configure(access: &Access) -> Result<(kube::Config, Source), ConnectError> {
    let (read, source) = match &access.kubeconfig {
        Some(path) => (Kubeconfig::read_from(path), Source::File(path.clone())),
        None => (Kubeconfig::read(), Source::Environment),
    };
    let kubeconfig = match read {
        Ok(kubeconfig) => kubeconfig,
        // A file that was named must be there. One that is there must be good: going to another cluster instead, because
        // of a mistake in it, would be worse than stopping.
        Err(error) if access.kubeconfig.is_none() && access.context.is_none() && is_absent(&error) => {
            let config = kube::Config::incluster().map_err(|account| ConnectError::Nowhere {
                default: missing(&error),
                account: account.to_string(),
            })?;
            return Ok((config, Source::ServiceAccount));
        }
        Err(error) => return Err(unusable(&source, &error)),
    };
    let of_cluster = names_proxy(&kubeconfig, access.context.as_deref());
    let options = KubeConfigOptions { context: access.context.clone(), ..KubeConfigOptions::default() };
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &options).await;
    let mut config = config.map_err(|error| unusable(&source, &error))?;
    let found = config.proxy_url.take();
    config.proxy_url = proxy::choose(&config.cluster_url, of_cluster, found, &Matcher::from_env());
    Ok((config, source))
}

/// Whether the kubeconfig itself names a proxy for the cluster of a context.
fn names_proxy(kubeconfig: &Kubeconfig, context: Option<&str>) -> bool {
    let name = context.or(kubeconfig.current_context.as_deref());
    let context = kubeconfig.contexts.iter().find(|context| Some(context.name.as_str()) == name);
    let cluster =
        context.and_then(|context| context.context.as_ref()).map(|context| context.cluster.as_str());
    let cluster = kubeconfig.clusters.iter().find(|named| Some(named.name.as_str()) == cluster);
    let proxy =
        cluster.and_then(|named| named.cluster.as_ref()).and_then(|cluster| cluster.proxy_url.as_deref());
    proxy.is_some_and(|proxy| !proxy.is_empty())
}

fn is_absent(error: &KubeconfigError) -> bool {
    match error {
        KubeconfigError::FindPath => true,
        KubeconfigError::ReadConfig(error, _) => error.kind() == std::io::ErrorKind::NotFound,
        _ => false,
    }
}

fn missing(error: &KubeconfigError) -> String {
    match error {
        KubeconfigError::ReadConfig(_, path) => path.display().to_string(),
        _ => "~/.kube/config".to_owned(),
    }
}

fn unusable(source: &Source, error: &KubeconfigError) -> ConnectError {
    let named = |path: &Path| format!("kubeconfig {}", path.display());
    let (kubeconfig, problem) = match error {
        KubeconfigError::ReadConfig(why, path) => {
            (named(path), format!("cannot be read: {why}; name another with `--kubeconfig` or `KUBECONFIG`"))
        }
        // The parser quotes the lines around a mistake, and those may hold a token.
        KubeconfigError::Parse(why) => {
            let line = why.location().map_or_else(String::new, |at| format!(" in line {}", at.line()));
            (source.to_string(), format!("is no YAML of a kubeconfig{line}; `kubectl config view` checks it"))
        }
        KubeconfigError::CurrentContextNotSet => {
            (source.to_string(), "has no `current-context`; choose one with `--context`".to_owned())
        }
        KubeconfigError::LoadContext(name) => {
            (source.to_string(), format!("has no context {name:?}; `kubectl config get-contexts` lists them"))
        }
        KubeconfigError::LoadClusterOfContext(name) => {
            (source.to_string(), format!("has no cluster {name:?}, which the context names"))
        }
        KubeconfigError::MissingClusterUrl => {
            (source.to_string(), "has no `server` for the cluster of the context".to_owned())
        }
        // An address may have a password in it, so that it is not repeated.
        KubeconfigError::ParseProxyUrl(_) => (
            source.to_string(),
            "has a `proxy-url`, or HTTPS_PROXY has a value, that is no address".to_owned(),
        ),
        other => (source.to_string(), other.to_string()),
    };
    ConnectError::Kubeconfig { kubeconfig, problem }
}

/// Why no client could be made.
fn problem(error: &kube::Error) -> String {
    match error {
        kube::Error::Auth(error) => transport::credentials(error),
        kube::Error::ProxyProtocolUnsupported { .. } | kube::Error::ProxyProtocolDisabled { .. } => {
            "the proxy is of a kind that is not supported; use one with http:// or https://".to_owned()
        }
        other => other.to_string(),
    }
}

/// The server's address without what may be a password.
fn address(server: &http::Uri) -> String {
    let authority = server.authority().map_or("", |authority| authority.as_str());
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    format!("{}://{host}{}", server.scheme_str().unwrap_or("https"), server.path().trim_end_matches('/'))
}

/// A hash of the server's address and certificate authority.
fn fingerprint(config: &kube::Config) -> String {
    let mut hash = Sha256::new();
    hash.update(address(&config.cluster_url));
    for certificate in config.root_cert.iter().flatten() {
        hash.update([0]);
        hash.update(certificate);
    }
    hash.finalize().iter().take(16).fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

#[cfg(test)]
mod tests;
