//! What the cluster is about to take back, said before it is gone.

use std::time::Duration;

use hf_k8s_sim::{Options, Request, Sim};
use hf_watchers::Program;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::world::{ALL, NAMESPACE, World, eventually, names, options};

const KARPENTER: &str = "karpenter.sh/disrupted:NoSchedule";
const SPOT: &str = "aws-node-termination-handler/spot-itn=1700000000:NoSchedule";
const CORDON: &str = "node.kubernetes.io/unschedulable:NoSchedule";

/// A cluster where nothing happens by itself, and what it says comes at once.
fn quiet() -> Options {
    Options { bookmark_every: Duration::from_millis(100), ..options() }
}

/// Machines that run, in the order of their names.
struct Grid {
    world: World,
    machines: Vec<String>,
}

impl Grid {
    /// Machines whose nodes are watched.
    async fn new(count: u32, config: Value) -> Self {
        let grid = Self::with(quiet(), count, config).await;
        // Their listing is in the store before the watch is opened.
        let watched = |request: &Request| request.verb == "watch" && request.resource == "nodes";
        eventually(|| grid.world.handle().requests().iter().any(watched).then_some(())).await;
        grid
    }

    async fn with(options: Options, count: u32, config: Value) -> Self {
        let mut world = World::with(options, config).await;
        let mut pod = crate::world::pod_spec();
        pod["spec"]["terminationGracePeriodSeconds"] = 45.into();
        world.write("conf/pod.json", &pod);
        world.start(&ALL);
        let id = world.request(count);
        world.until_pods(count as usize).await;
        let machines = names(&id, count);
        for name in &machines {
            world.handle().start(NAMESPACE, name).unwrap();
        }
        world.settled(&id).await;
        Self { world, machines }
    }

    fn node(&self, machine: usize) -> String {
        let pod = self.world.handle().pod(NAMESPACE, &self.machines[machine]).unwrap();
        pod["spec"]["nodeName"].as_str().unwrap().to_owned()
    }

    fn taint(&self, machine: usize, taint: &str) {
        self.world.handle().taint_node(&self.node(machine), taint).unwrap();
    }

    /// The places of the machines that are to be returned, each with its grace.
    fn reclaimed(&self) -> Vec<(usize, u64)> {
        let place = |name: &str| self.machines.iter().position(|machine| machine == name).unwrap();
        self.world.reclaimed(&self.machines).iter().map(|(name, grace)| (place(name), *grace)).collect()
    }

    async fn until(&self, reclaimed: &[(usize, u64)]) {
        eventually(|| (self.reclaimed() == reclaimed).then_some(())).await;
    }

    /// The grace of the only machine that is to be returned, once it is in a range.
    async fn until_grace(&self, range: std::ops::RangeInclusive<u64>) -> u64 {
        eventually(|| match self.reclaimed().as_slice() {
            [(0, grace)] => range.contains(grace).then_some(*grace),
            _ => None,
        })
        .await
    }

    /// The cluster takes back the node of the last machine, which is seen after all that happened before.
    async fn until_seen(&self) {
        let last = self.machines.len() - 1;
        self.taint(last, KARPENTER);
        eventually(|| self.reclaimed().contains(&(last, 45)).then_some(())).await;
    }
}

#[tokio::test]
async fn a_node_that_goes_is_announced_before_its_pods_are_deleted() {
    for taint in [KARPENTER, "ToBeDeletedByClusterAutoscaler=1700000000:NoSchedule"] {
        let grid = Grid::new(2, json!({})).await;
        assert_eq!(grid.reclaimed(), []);
        grid.taint(0, taint);
        grid.until(&[(0, 45)]).await;
        let pod = grid.world.handle().pod(NAMESPACE, &grid.machines[0]).unwrap();
        assert!(pod["metadata"]["deletionTimestamp"].is_null(), "{taint}");
        // It is taken back where the autoscaler changes its mind.
        grid.taint(0, &format!("{taint}-"));
        grid.until(&[]).await;
    }
}

#[tokio::test]
async fn what_merely_marks_a_node_is_no_reclaim() {
    let grid = Grid::new(2, json!({})).await;
    for taint in [
        "DeletionCandidateOfClusterAutoscaler=1700000000:PreferNoSchedule",
        "kubernetes.azure.com/scalesetpriority=spot:NoSchedule",
        "aws-node-termination-handler/rebalance-recommendation:NoSchedule",
        CORDON,
    ] {
        grid.taint(0, taint);
    }
    grid.world
        .handle()
        .change_node(&grid.node(0), |node| node["spec"]["unschedulable"] = true.into())
        .unwrap();
    grid.until_seen().await;
    assert_eq!(grid.reclaimed(), [(1, 45)]);
}

#[tokio::test]
async fn a_cordon_is_one_where_that_is_set_and_its_seconds_run_down() {
    let config = json!({"reclaimTaints": [{"taint": CORDON, "seconds": 60}]});
    let grid = Grid::new(2, config).await;
    grid.taint(1, KARPENTER);
    let cordon = |node: &mut Value| node["spec"]["unschedulable"] = true.into();
    grid.world.handle().change_node(&grid.node(0), cordon).unwrap();
    assert!(grid.until_grace(50..=60).await > 50);
    grid.until_grace(0..=58).await;
}

#[tokio::test]
async fn a_restart_of_the_watcher_makes_no_taint_younger() {
    let mut grid = Grid::new(2, json!({})).await;
    grid.taint(0, SPOT);
    let left = grid.until_grace(100..=118).await;
    grid.world.kill(Program::Pods).await;
    grid.world.start(&[Program::Pods]);
    eventually(|| {
        let reclaimed = grid.reclaimed();
        let [(0, now)] = reclaimed.as_slice() else { unreachable!("{reclaimed:?}") };
        assert!(*now <= left, "{now} after {left}");
        (*now < left).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_node_that_is_not_ready_counts_after_the_pods_own_toleration() {
    let grid = Grid::new(9, json!({})).await;
    let node = grid.node(0);
    // Two pods of one node, of which the second stays for longer.
    let second = (1..9).find(|machine| grid.node(*machine) == node).unwrap();
    let tolerate = |machine: usize, seconds: i64| {
        grid.world.handle().change_pod(NAMESPACE, &grid.machines[machine], |pod| {
            let toleration = |kind: &str| json!({"key": format!("node.kubernetes.io/{kind}"), "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": seconds});
            pod["spec"]["tolerations"] = json!([toleration("not-ready"), toleration("unreachable")]);
        })
    };
    tolerate(0, 2).unwrap();
    tolerate(second, 300).unwrap();
    let lost = Instant::now();
    grid.world.handle().set_node_ready(&node, false).unwrap();
    let other = (1..9).find(|machine| grid.node(*machine) != node).unwrap();
    grid.taint(other, KARPENTER);
    eventually(|| grid.reclaimed().contains(&(other, 45)).then_some(())).await;
    eventually(|| {
        let reclaimed = grid.reclaimed();
        assert!(!reclaimed.contains(&(second, 0)), "{reclaimed:?}");
        reclaimed.contains(&(0, 0)).then_some(())
    })
    .await;
    assert!(lost.elapsed() >= Duration::from_secs(2));
    grid.world.handle().set_node_ready(&node, true).unwrap();
    eventually(|| (!grid.reclaimed().contains(&(0, 0))).then_some(())).await;
}

#[tokio::test]
async fn a_node_that_is_gone_takes_its_machines_at_once() {
    let grid = Grid::new(2, json!({})).await;
    grid.world.handle().remove_node(&grid.node(0)).unwrap();
    grid.until(&[(0, 0)]).await;
    assert!(grid.world.handle().pod(NAMESPACE, &grid.machines[0]).is_some());
}

#[tokio::test]
async fn a_node_that_went_unseen_is_found_gone_after_410_and_after_a_restart() {
    let mut grid = Grid::new(3, json!({})).await;
    let nodes = [0, 1].map(|machine| grid.node(machine));
    grid.world.handle().cut_watches(false);
    grid.world.handle().remove_node(&nodes[0]).unwrap();
    grid.world.handle().expire_versions();
    grid.until(&[(0, 0)]).await;
    grid.world.stop(Program::Pods).await;
    grid.world.handle().remove_node(&nodes[1]).unwrap();
    grid.world.start(&[Program::Pods]);
    grid.until(&[(0, 0), (1, 0)]).await;
}

#[tokio::test]
async fn a_listing_that_misses_most_nodes_is_taken_twice_before_it_is_believed() {
    let mut grid = Grid::new(4, json!({})).await;
    grid.world.stop(Program::Pods).await;
    (0..3).for_each(|machine| grid.world.handle().remove_node(&grid.node(machine)).unwrap());
    grid.world.handle().reset_requests();
    let started = Instant::now();
    grid.world.start(&[Program::Pods]);
    grid.until(&[(0, 0), (1, 0), (2, 0)]).await;
    let requests = grid.world.handle().requests();
    let listed = requests.iter().filter(|one| one.verb == "list" && one.resource == "nodes").count();
    assert_eq!((listed, started.elapsed() >= Duration::from_secs(5)), (2, true));
}

#[tokio::test]
async fn where_nodes_may_not_be_watched_pods_alone_decide() {
    let rules = json!([{"apiGroups": [""], "resources": ["pods"], "verbs": ["*"]}]);
    let role = json!({"kind": "Role", "metadata": {"namespace": NAMESPACE}, "rules": rules});
    let options = Options { roles: vec![role], ..quiet() };
    let grid = Grid::with(options, 3, json!({"resyncInterval": 1})).await;
    let handle = grid.world.handle();
    let reviews =
        || handle.requests().iter().filter(|one| one.resource == "selfsubjectaccessreviews").count();
    grid.taint(0, KARPENTER);
    handle.remove_node(&grid.node(1)).unwrap();
    // The rights are asked for again, and still refused.
    let before = reviews();
    eventually(|| (reviews() > before + 1).then_some(())).await;
    handle.vanish(NAMESPACE, &grid.machines[2]).unwrap();
    grid.until(&[(2, 0)]).await;
    assert!(handle.requests().iter().all(|request| request.resource != "nodes"));
}

#[tokio::test]
async fn a_machine_that_is_being_returned_is_never_announced() {
    let grid = Grid::new(9, json!({})).await;
    let node = grid.node(0);
    let rest: Vec<usize> = (1..9).filter(|machine| grid.node(*machine) == node).collect();
    grid.world.give_back(&grid.machines[..1]);
    grid.world.handle().remove_node(&node).unwrap();
    let expected: Vec<(usize, u64)> = rest.iter().map(|machine| (*machine, 0)).collect();
    assert!(!expected.is_empty());
    grid.until(&expected).await;
}

#[tokio::test]
async fn the_wrong_cluster_says_nothing_about_nodes() {
    let mut grid = Grid::new(2, json!({})).await;
    grid.world.stop(Program::Pods).await;
    // Another cluster, of which some nodes have the same names.
    let other = Sim::with(Options { nodes: 2, seed: 7, ..quiet() }).await.unwrap();
    (0..2).for_each(|n| other.taint_node(&format!("node-{n}"), KARPENTER).unwrap());
    other.write_kubeconfig(&grid.world.path("kubeconfig")).unwrap();
    grid.world.start(&[Program::Pods]);
    eventually(|| {
        let answer = grid.world.call("get-return-requests", &json!({"machines": [{"name": "unknown-0"}]}));
        answer["message"].as_str().is_some_and(|message| message.contains("another cluster")).then_some(())
    })
    .await;
    let reviews = || other.requests().iter().filter(|one| one.resource == "selfsubjectaccessreviews").count();
    // It is asked twice, and knows better each time.
    eventually(|| (reviews() >= 4).then_some(())).await;
    assert!(other.requests().iter().all(|request| request.resource != "nodes"));
    assert_eq!(grid.reclaimed(), []);
    grid.world.sim.write_kubeconfig(&grid.world.path("kubeconfig")).unwrap();
    grid.taint(0, KARPENTER);
    grid.until(&[(0, 45)]).await;
}

#[tokio::test]
async fn a_lost_store_learns_of_nodes_anew() {
    let grid = Grid::new(2, json!({})).await;
    grid.taint(0, KARPENTER);
    grid.until(&[(0, 45)]).await;
    for file in ["hf.db", "hf.db-wal", "hf.db-shm"] {
        std::fs::remove_file(grid.world.path("work").join(file)).unwrap();
    }
    eventually(|| {
        let reclaimed = grid.reclaimed();
        assert!(reclaimed.is_empty() || reclaimed == [(0, 45)], "{reclaimed:?}");
        (!reclaimed.is_empty()).then_some(())
    })
    .await;
}
