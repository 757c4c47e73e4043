//! Prints the pods of a provider instance and what happens to them: `cargo run --example pods -- INSTANCE`.
//!
//! It is also the shortest program that goes on rightly after everything that can end a watch.

use std::io::{Write, stdout};
use std::time::Duration;

use futures::{StreamExt, pin_mut};
use hf_core::Instance;
use hf_k8s::{Access, Change, Cluster, Pod, Scope, Trouble};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let name = std::env::args().nth(1).ok_or("usage: pods INSTANCE")?;
    let scope = Scope::Ours(Instance::parse(&name)?);
    let mut cluster = hf_k8s::connect(&Access::default()).await?;
    writeln!(stdout(), "namespace {} of {}", cluster.namespace(), cluster.server())?;
    loop {
        let error = follow(&cluster, &scope).await?;
        writeln!(stdout(), "! {error}")?;
        tokio::time::sleep(error.retry_after.unwrap_or(Duration::from_secs(5))).await;
        if error.kind == Trouble::Denied {
            cluster = hf_k8s::connect(&Access::default()).await?;
        }
    }
}

/// Lists, and watches from there on for as long as that is known to miss nothing.
async fn follow(cluster: &Cluster, scope: &Scope) -> Result<hf_k8s::ApiError> {
    let listing = match cluster.list(scope).await {
        Ok(listing) => listing,
        Err(error) => return Ok(error),
    };
    listing.pods.iter().try_for_each(show)?;
    let mut version = listing.resource_version;
    loop {
        let watch = cluster.watch(scope, &version);
        pin_mut!(watch);
        while let Some(changed) = watch.next().await {
            let changed = match changed {
                Ok(changed) => changed,
                Err(error) => return Ok(error),
            };
            match &changed.change {
                Change::Present(pod) => show(pod)?,
                Change::Gone { name, .. } => writeln!(stdout(), "{name:24} gone")?,
                Change::Progress | Change::Unreadable => {}
            }
            version = changed.resource_version.unwrap_or(version);
        }
    }
}

fn show(pod: &Pod) -> std::io::Result<()> {
    match &pod.facts {
        Some(facts) => {
            writeln!(
                stdout(),
                "{:24} {:?} {} {} {}",
                pod.name,
                facts.phase,
                facts.ip,
                facts.node,
                facts.message
            )
        }
        None => writeln!(stdout(), "{:24} cannot be read", pod.name),
    }
}
