//! A bare client: requests as fast as the server takes them, and nothing else.

use std::collections::HashSet;
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context;
use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, DeleteParams, ListParams, PostParams, WatchEvent, WatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::Request;
use kube::{Client, Config};
use serde_json::{Value, json};

/// Which cluster, and where in it.
#[derive(Debug, clap::Args)]
struct Site {
    /// The kubeconfig
    #[arg(long)]
    kubeconfig: PathBuf,
    /// The namespace
    #[arg(long)]
    namespace: String,
}

impl Site {
    async fn connect(&self) -> anyhow::Result<Client> {
        let kubeconfig = Kubeconfig::read_from(&self.kubeconfig)?;
        let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
        config.default_namespace.clone_from(&self.namespace);
        Ok(Client::try_from(config)?)
    }

    fn path(&self) -> String {
        format!("/api/v1/namespaces/{}/pods", self.namespace)
    }
}

/// Creates pods.
#[derive(Debug, clap::Args)]
pub(crate) struct Post {
    #[command(flatten)]
    site: Site,
    /// How many
    #[arg(long)]
    count: usize,
    /// How many at a time
    #[arg(long)]
    in_flight: usize,
    /// What their names begin with
    #[arg(long)]
    prefix: String,
    /// What they run
    #[arg(long)]
    image: String,
}

impl Post {
    /// Posts them, with a watch open beside it that takes in what becomes of them.
    pub(crate) async fn run(&self) -> anyhow::Result<Value> {
        let client = self.site.connect().await?;
        let watch = tokio::spawn(follow(client.clone(), self.prefix.clone()));
        // The watch is open and a connection is there, as they are for the watchers.
        tokio::time::sleep(Duration::from_millis(300)).await;
        let bodies: Vec<_> = (0..self.count).map(|n| pod(&self.prefix, n, &self.image).to_string()).collect();
        let (client, request) = (&client, Request::new(self.site.path()));
        let request = &request;
        let sent = futures::stream::iter(bodies.into_iter().map(|body| async move {
            let request = request.create(&PostParams::default(), body.into_bytes())?;
            client.request_text(request).await.context("a POST failed")
        }));
        let report = count(sent.buffer_unordered(self.in_flight)).await?;
        watch.abort();
        Ok(report)
    }
}

/// Deletes pods.
#[derive(Debug, clap::Args)]
pub(crate) struct Delete {
    #[command(flatten)]
    site: Site,
    /// Which
    #[arg(long)]
    selector: String,
    /// How many at a time
    #[arg(long)]
    in_flight: usize,
    /// How many of them at most
    #[arg(long, default_value_t = usize::MAX)]
    count: usize,
}

impl Delete {
    /// Lists them, and only then begins to count.
    pub(crate) async fn run(&self) -> anyhow::Result<Value> {
        let client = self.site.connect().await?;
        let pods: Api<Pod> = Api::default_namespaced(client.clone());
        let listed = pods.list_metadata(&ListParams::default().labels(&self.selector)).await?;
        let names: Vec<_> =
            listed.items.into_iter().filter_map(|pod| pod.metadata.name).take(self.count).collect();
        let (client, request) = (&client, Request::new(self.site.path()));
        let request = &request;
        let sent = futures::stream::iter(names.into_iter().map(|name| async move {
            let request = request.delete(&name, &DeleteParams::default())?;
            client.request_text(request).await.context("a DELETE failed")
        }));
        count(sent.buffer_unordered(self.in_flight)).await
    }
}

/// Watches pods.
#[derive(Debug, clap::Args)]
pub(crate) struct Watch {
    #[command(flatten)]
    site: Site,
    /// Which
    #[arg(long)]
    selector: String,
    /// How many
    #[arg(long)]
    count: usize,
    /// Whether they are to go, rather than to come
    #[arg(long)]
    gone: bool,
}

impl Watch {
    /// Says "ready" once nothing is missed any more, and then waits for the last.
    #[expect(clippy::disallowed_methods, reason = "what is measured elsewhere has the same clock")]
    pub(crate) async fn run(&self) -> anyhow::Result<Value> {
        let pods: Api<Pod> = Api::default_namespaced(self.site.connect().await?);
        let only = ListParams::default().labels(&self.selector);
        let listed = pods.list_metadata(&only).await?.metadata.resource_version.unwrap_or_default();
        let parameters = WatchParams::default().labels(&self.selector);
        let mut events = Box::pin(pods.watch_metadata(&parameters, &listed).await?);
        writeln!(std::io::stdout(), "ready")?;
        let mut seen = HashSet::new();
        while let Some(event) = events.try_next().await? {
            let pod = match event {
                WatchEvent::Added(pod) if !self.gone => pod,
                WatchEvent::Modified(pod) if self.gone && pod.metadata.deletion_timestamp.is_some() => pod,
                WatchEvent::Deleted(pod) if self.gone => pod,
                WatchEvent::Error(error) => anyhow::bail!("the watch ended: {error:?}"),
                _ => continue,
            };
            seen.insert(pod.metadata.name);
            if seen.len() == self.count {
                return Ok(json!({"atNs": i64::try_from(jiff::Timestamp::now().as_nanosecond())?}));
            }
        }
        anyhow::bail!("the watch ended after {} of {}", seen.len(), self.count)
    }
}

/// Lists pods.
#[derive(Debug, clap::Args)]
pub(crate) struct List {
    #[command(flatten)]
    site: Site,
    /// Which
    #[arg(long)]
    selector: String,
}

impl List {
    /// Reads all pages, and keeps nothing of them.
    pub(crate) async fn run(&self) -> anyhow::Result<Value> {
        let pods: Api<Pod> = Api::default_namespaced(self.site.connect().await?);
        let mut parameters = ListParams::default().labels(&self.selector).limit(500);
        let since = Instant::now();
        let mut found = 0;
        loop {
            let page = pods.list(&parameters).await?;
            found += page.items.len();
            match page.metadata.continue_.filter(|more| !more.is_empty()) {
                Some(more) => parameters = parameters.continue_token(&more),
                None => return Ok(json!({"pods": found, "seconds": since.elapsed().as_secs_f64()})),
            }
        }
    }
}

/// Drives requests to their end. Refusals are counted: a concurrency at which there are any is not the best.
#[expect(clippy::disallowed_methods, reason = "the server's log has the same clock")]
async fn count(
    mut sent: impl futures::Stream<Item = anyhow::Result<String>> + Unpin,
) -> anyhow::Result<Value> {
    let started = jiff::Timestamp::now().as_nanosecond();
    let since = Instant::now();
    let (mut done, mut failed, mut reason) = (0_u64, 0_u64, String::new());
    while let Some(answer) = sent.next().await {
        match answer {
            Ok(_) => done += 1,
            Err(error) => {
                failed += 1;
                reason = format!("{error:#}");
            }
        }
    }
    let seconds = since.elapsed().as_secs_f64();
    let started = i64::try_from(started)?;
    Ok(json!({"startedNs": started, "seconds": seconds, "done": done, "failed": failed, "reason": reason}))
}

/// Takes in what the server tells of the pods.
async fn follow(client: Client, prefix: String) -> anyhow::Result<()> {
    let pods: Api<Pod> = Api::default_namespaced(client);
    let parameters = WatchParams::default().labels(&format!("bench={prefix}"));
    let mut events = Box::pin(pods.watch(&parameters, "0").await?);
    while let Some(event) = events.try_next().await? {
        if let WatchEvent::Error(error) = event {
            anyhow::bail!("the watch ended: {error:?}");
        }
    }
    Ok(())
}

/// A pod as large as ours.
fn pod(prefix: &str, ordinal: usize, image: &str) -> Value {
    let name = format!("{prefix}-{ordinal}");
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": name,
            "labels": {
                "app": name, "bench": prefix, "made-by": "xtask", "app.kubernetes.io/managed-by": "bench",
                "symphony/hostfactory-none": prefix
            },
            "annotations": {
                "bench/instance": prefix, "bench/request": prefix, "bench/template": "k8s-small",
                "bench/ordinal": ordinal.to_string(), "bench/count": "10000"
            }
        },
        "spec": {
            "restartPolicy": "Never", "terminationGracePeriodSeconds": 1, "automountServiceAccountToken": false,
            "containers": [{
                "name": "host", "image": image, "resources": {"requests": {"cpu": "1m", "memory": "8Mi"}}
            }]
        }
    })
}
