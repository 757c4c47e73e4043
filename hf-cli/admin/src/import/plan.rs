//! What is to be taken over: the whole directory, read and decided before anything is written.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use hf_core::ground::Target;
use hf_core::manifest::Manifest;
use hf_core::{Config, MAX_MACHINES, MachineName, PodSeen, RequestId, Template, TemplateId};
use hf_settings::Templates;
use hf_store::{ImportedRequest, ImportedReturn, ReturnedName};
use jiff::{SignedDuration, Timestamp};

use super::machine::Known;
use super::manifests::Manifests;
use super::tree::{self, Entry, Kind};

/// After how long Host Factory has certainly been told how a request ended: it asks twice a minute.
const LONG_AGO: SignedDuration = SignedDuration::from_hours(24);

/// What the decisions depend on beside the directory.
pub(super) struct Context<'a> {
    pub(super) templates: Option<&'a Templates>,
    pub(super) config: &'a Config,
    /// The template of requests of which none is known.
    pub(super) fallback: TemplateId,
    pub(super) now: Timestamp,
}

/// What is to be taken over, requests before returns, and what is not.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) planned: Vec<Planned>,
    pub(super) notes: Vec<Note>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Planned {
    Request(ImportedRequest),
    Return(ImportedReturn),
}

/// Something that is not taken over, or odd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Note {
    /// Where it is, below the directory.
    pub(super) subject: String,
    pub(super) kind: &'static str,
    pub(super) verdict: &'static str,
    pub(super) reason: String,
}

/// One line of the report.
pub(super) struct Summary {
    pub(super) subject: String,
    pub(super) kind: &'static str,
    pub(super) machines: usize,
    pub(super) to_create: usize,
    pub(super) created: usize,
    pub(super) gone: usize,
    pub(super) failed: usize,
    pub(super) target: Option<Target>,
    pub(super) template: Option<String>,
    pub(super) reason: Option<String>,
}

impl Planned {
    pub(super) fn summary(&self) -> Summary {
        match self {
            Self::Request(request) => {
                let count = |wanted: fn(&hf_core::Life) -> bool| {
                    request.machines.iter().filter(|machine| wanted(&machine.life)).count()
                };
                let failed = request.machines.iter().find(|machine| machine.life.doom.is_some());
                Summary {
                    subject: request.id.to_string(),
                    kind: "acquire",
                    machines: request.machines.len(),
                    to_create: count(|life| life.claim().is_some()),
                    created: count(|life| {
                        life.creation == hf_core::Creation::Created && life.pod != PodSeen::Gone
                    }),
                    gone: count(|life| life.pod == PodSeen::Gone),
                    failed: count(|life| life.doom.is_some()),
                    target: Some(request.target.clone()),
                    template: Some(request.template.to_string()),
                    reason: failed.map(|machine| machine.message.clone()),
                }
            }
            Self::Return(back) => Summary {
                subject: back.id.to_string(),
                kind: "return",
                machines: back.names.len(),
                to_create: 0,
                created: 0,
                gone: 0,
                failed: 0,
                target: None,
                template: None,
                reason: None,
            },
        }
    }
}

impl Plan {
    pub(super) fn is_empty(&self) -> bool {
        self.planned.is_empty() && self.notes.is_empty()
    }

    fn note(
        &mut self,
        subject: String,
        kind: &'static str,
        verdict: &'static str,
        reason: impl Into<String>,
    ) {
        self.notes.push(Note { subject, kind, verdict, reason: reason.into() });
    }
}

/// A request as it was found.
struct Found {
    id: RequestId,
    requested_at: Timestamp,
    machines: Vec<Known>,
}

/// Reads the directory and decides. Finished requests are left out unless `all` are wanted.
pub(super) fn make(from: &Path, context: &Context<'_>, all: bool) -> io::Result<Plan> {
    let mut plan = Plan::default();
    let long_ago = context.now.checked_sub(LONG_AGO).unwrap_or(Timestamp::MIN);
    let found = requests(from, &mut plan)?;
    // The predecessor has one namespace, which is known as soon as it has written down one pod.
    let namespaces: BTreeSet<&str> =
        found.iter().flat_map(|request| &request.machines).filter_map(namespace).collect();
    let only = if namespaces.len() == 1 { namespaces.first().map(|name| (*name).to_owned()) } else { None };
    let mut manifests = Manifests::new(context.templates);
    for request in found {
        let ends: Option<Vec<Timestamp>> = request.machines.iter().map(Known::gone).collect();
        if !all && ends.is_some_and(|ends| ends.iter().all(|end| *end < long_ago)) {
            let reason = "all of its machines were gone a day ago; --all takes it over nevertheless";
            plan.note(format!("requests/{}", request.id), "acquire", "left out", reason);
            continue;
        }
        let request = complete(request, only.as_deref(), context, &mut manifests);
        plan.planned.push(Planned::Request(request));
    }
    returns(from, &mut plan, if all { Timestamp::MIN } else { long_ago })?;
    Ok(plan)
}

fn namespace(machine: &Known) -> Option<&str> {
    machine.pod.as_ref()?.namespace.as_deref()
}

/// The directories of a kind of request, each with its id.
fn directories(
    from: &Path,
    of: &'static str,
    kind: &'static str,
    plan: &mut Plan,
) -> io::Result<Vec<(RequestId, Entry)>> {
    let mut found = Vec::new();
    for entry in tree::list(&from.join(of))?.unwrap_or_default() {
        let subject = format!("{of}/{}", entry.name.display());
        match (&entry.kind, entry.text().map(RequestId::parse)) {
            (Kind::Directory, Some(Ok(id))) => found.push((id, entry)),
            (Kind::Directory, Some(Err(error))) => plan.note(subject, kind, "ignored", error.to_string()),
            _ => plan.note(subject, kind, "ignored", "is no directory of a request"),
        }
    }
    Ok(found)
}

fn requests(from: &Path, plan: &mut Plan) -> io::Result<Vec<Found>> {
    let mut all = Vec::new();
    for (id, entry) in directories(from, "requests", "acquire", plan)? {
        let directory = from.join("requests").join(id.as_str());
        let mut machines = BTreeMap::new();
        let mut requested_at = entry.at;
        for entry in tree::list(&directory)?.unwrap_or_default() {
            let subject = format!("requests/{id}/{}", entry.name.display());
            let Some(ordinal) = entry.text().and_then(|name| ordinal(&id, name)) else {
                plan.note(subject, "machine", "ignored", "is not called like a machine of its request");
                continue;
            };
            let to_create = match &entry.kind {
                // A relative text means what the system makes of it.
                Kind::Link(target) => Some(directory.join(target)),
                Kind::File => None,
                Kind::Directory | Kind::Other => {
                    plan.note(subject, "machine", "ignored", "is neither a link nor a file");
                    continue;
                }
            };
            requested_at = requested_at.min(entry.at);
            let name = id.machine(ordinal);
            let (known, odd) = Known::look(from, ordinal, name.as_str(), to_create);
            if let Some(odd) = odd {
                plan.note(subject, "machine", "warning", odd);
            }
            machines.insert(ordinal, known);
        }
        if machines.is_empty() {
            plan.note(format!("requests/{id}"), "acquire", "ignored", "has no machines");
            continue;
        }
        all.push(Found { id, requested_at, machines: machines.into_values().collect() });
    }
    Ok(all)
}

/// Which machine of a request is called so.
fn ordinal(id: &RequestId, name: &str) -> Option<u32> {
    let number = name.strip_prefix(id.as_str())?.strip_prefix('-')?;
    let ordinal: u32 = number.parse().ok().filter(|ordinal| *ordinal < MAX_MACHINES)?;
    // There is one spelling of each.
    (id.machine(ordinal).as_str() == name).then_some(ordinal)
}

/// Decides where the pods of a request are, and from what those that are missing are made.
fn complete(
    found: Found,
    namespace_of_all: Option<&str>,
    context: &Context<'_>,
    manifests: &mut Manifests<'_>,
) -> ImportedRequest {
    let spec: Option<PathBuf> = found.machines.iter().find_map(|machine| machine.wants().map(Path::to_owned));
    // A link that is no longer wanted still tells the template.
    let hint = spec.clone().or_else(|| found.machines.iter().find_map(|machine| machine.to_create.clone()));
    let template = hint
        .as_deref()
        .and_then(|path| manifests.template(path))
        .or_else(|| manifests.named(context.fallback.as_str()));
    let manifest = spec.as_deref().map(|path| manifests.read(path).cloned());
    let usable = manifest.as_ref().and_then(|read| read.as_ref().ok());
    let namespace = found.machines.iter().find_map(namespace).or(namespace_of_all);
    let target = target(template, usable, namespace);
    let machines = found.machines.iter().map(|machine| {
        let refused = machine.wants().and_then(|path| match &manifest {
            Some(Err(reason)) => Some(reason.clone()),
            // One request, one manifest: the predecessor never mixes them.
            _ if Some(path) != spec.as_deref() => {
                Some(format!("{} is not the pod spec of its request", path.display()))
            }
            _ => None,
        });
        machine.import(refused)
    });
    let own = template.map(|(template, _)| template.own.clone()).unwrap_or_default();
    ImportedRequest {
        requested_at: found.requested_at,
        count: found.machines.last().map_or(0, |machine| machine.ordinal + 1),
        template: template.map_or_else(|| context.fallback.clone(), |(template, _)| template.id.clone()),
        manifest: usable.map(Manifest::canonical),
        target,
        readiness: own.readiness.unwrap_or(context.config.readiness),
        start_timeout: own.start_timeout.unwrap_or(context.config.start_timeout),
        create_timeout: own.create_timeout.unwrap_or(context.config.create_timeout),
        priority: own.priority,
        machines: machines.collect(),
        id: found.id,
    }
}

/// Where the pods of a request are. Where the predecessor has put some is certain; the rest is as for new requests.
fn target(
    template: Option<&(Template, Manifest)>,
    manifest: Option<&Manifest>,
    namespace: Option<&str>,
) -> Target {
    let configured =
        template.map(|(template, own)| template.target(manifest.unwrap_or(own))).unwrap_or_default();
    match namespace {
        Some(namespace) => Target { namespace: namespace.to_owned(), ..configured },
        None => configured,
    }
}

fn returns(from: &Path, plan: &mut Plan, long_ago: Timestamp) -> io::Result<()> {
    for (id, entry) in directories(from, "return-requests", "return", plan)? {
        let entries = tree::list(&from.join("return-requests").join(id.as_str()))?.unwrap_or_default();
        let mut names = Vec::new();
        let mut ends = Vec::new();
        let mut requested_at = entry.at;
        for entry in &entries {
            let subject = format!("return-requests/{id}/{}", entry.name.display());
            let (Some(host), Kind::File | Kind::Link(_)) = (entry.text(), &entry.kind) else {
                plan.note(subject, "machine", "ignored", "is neither a link nor a file with a name");
                continue;
            };
            requested_at = requested_at.min(entry.at);
            let Ok(name) = MachineName::parse(host) else {
                plan.note(subject, "machine", "ignored", "is the name of no machine");
                continue;
            };
            let (known, _) = Known::look(from, 0, host, None);
            ends.push(known.gone());
            let machine_id = known.pod.map(|pod| pod.facts.uid).unwrap_or_default();
            names.push(ReturnedName { host: host.to_owned(), machine_id, name: Some(name) });
        }
        if !ends.is_empty() && ends.iter().all(|end| end.is_some_and(|end| end < long_ago)) {
            let reason = "all of its machines were gone a day ago; --all takes it over nevertheless";
            plan.note(format!("return-requests/{id}"), "return", "left out", reason);
            continue;
        }
        plan.planned.push(Planned::Return(ImportedReturn { id, requested_at, names }));
    }
    Ok(())
}
