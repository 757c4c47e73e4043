//! Pods that another provider has made, and whose machines were taken over.
//!
//! They do not carry our label, so that listing and watch show no more of them than their names, as of everybody else's.
//! Each is therefore asked for by itself. There are only as many as there were when they were taken over.

use std::collections::HashMap;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};
use hf_core::MachineName;
use hf_core::ground::Target;
use hf_k8s::{ApiError, Change, Cluster, Pod};
use hf_store::{Error, Observed, SeenPod, Store};

use super::take::seen;

/// How long one look may take.
const DEADLINE: Duration = Duration::from_secs(30);

/// How many looks are in flight at once.
const LOOKS: usize = 32;

/// Takes those pods that were taken over out of everybody else's, and looks at each.
pub(super) async fn pick(
    cluster: &Cluster,
    known: &HashMap<String, String>,
    others: &mut Vec<Pod>,
) -> Result<Vec<SeenPod>, ApiError> {
    let picked = others.extract_if(.., |pod| known.get(&pod.name).is_some_and(|uid| is_it(uid, &pod.uid)));
    let names: Vec<String> = picked.map(|pod| pod.name).collect();
    look(cluster, names, known).await
}

/// The machines that were taken over and are to be looked for in a cluster.
pub(super) fn known(store: &mut Store, target: &Target) -> Result<HashMap<String, String>, Error> {
    store.read(|tx| tx.imported_there(target))
}

/// What changes of everybody else's pods mean for those that were taken over.
pub(super) async fn observed(
    cluster: &Cluster,
    store: &mut Store,
    changes: &[Change],
) -> Result<Vec<Observed>, Failed> {
    let names = || {
        changes.iter().filter_map(|change| match change {
            Change::Present(pod) => Some(pod.name.as_str()),
            Change::Gone { name, .. } => Some(name.as_str()),
            Change::Progress | Change::Unreadable => None,
        })
    };
    let known = store.read(|tx| {
        let mut known = HashMap::new();
        for name in names() {
            known.extend(tx.imported_pod(name)?.map(|uid| (name.to_owned(), uid)));
        }
        Ok::<_, Error>(known)
    });
    let known = known.map_err(Failed::Store)?;
    let mut told = Vec::new();
    let mut there = HashMap::new();
    for change in changes {
        match change {
            Change::Present(pod) => {
                if let Some(uid) = known.get(&pod.name).filter(|uid| is_it(uid, &pod.uid)) {
                    there.insert(pod.name.clone(), uid.clone());
                }
            }
            Change::Gone { name, uid, .. } if known.contains_key(name) => {
                there.remove(name);
                let Ok(name) = MachineName::parse(name) else { continue };
                told.push(Observed::Gone { name, uid: uid.clone(), last: None });
            }
            Change::Gone { .. } | Change::Progress | Change::Unreadable => {}
        }
    }
    let names = there.keys().cloned().collect();
    let pods = look(cluster, names, &there).await.map_err(Failed::Cluster)?;
    told.extend(pods.into_iter().map(Observed::Present));
    Ok(told)
}

/// Why it is not known what has become of them.
pub(super) enum Failed {
    Cluster(ApiError),
    Store(Error),
}

/// Whether a pod is the one that was taken over. One whose UID was never known is told by its name alone.
fn is_it(known: &str, found: &str) -> bool {
    known.is_empty() || found.is_empty() || known == found
}

/// Looks at pods. One that is not there any more is left out: the watch will say so.
async fn look(
    cluster: &Cluster,
    names: Vec<String>,
    known: &HashMap<String, String>,
) -> Result<Vec<SeenPod>, ApiError> {
    let looks = stream::iter(names).map(|name| async move { cluster.get(&name, DEADLINE).await });
    let pods: Vec<Option<Pod>> = looks.buffer_unordered(LOOKS).try_collect().await?;
    let ours = |pod: &Pod| known.get(&pod.name).is_some_and(|uid| is_it(uid, &pod.uid));
    // Whatever its metadata says, it is known by its machine.
    let pods = pods.into_iter().flatten().filter(ours).map(|pod| Pod { origin: None, ..pod });
    Ok(pods.filter_map(seen).collect())
}
