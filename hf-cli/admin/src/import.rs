//! `import`: taking over what the predecessor of this provider has begun.

use std::path::PathBuf;

use anyhow::{Context, bail};
use hf_core::TemplateId;
use hf_store::{Error, ImportVerdict, Tx, Waker};

use crate::desk::{Desk, Verdict};
use crate::sheet::{Cell, Column, Sheet, column, wide};
use crate::undone::Undone;

mod machine;
mod manifests;
mod plan;
mod pod;
mod tree;

use plan::{Plan, Planned, Summary};

/// Open requests keep their ids and machines the ids that Host Factory was told. Machines that the predecessor had not
/// created are created from the pod specs that it meant to use; what was returned is deleted. The directory is only
/// read. Everything is taken over in one step or, if an id is used already, nothing.
///
/// Stop the predecessor's watchers first, and let Host Factory call this provider's scripts only afterwards. Taking over
/// a second time changes nothing. Requests all of whose machines were gone a day ago are left out.
#[derive(Debug, clap::Args)]
pub(crate) struct Import {
    /// The predecessor's work directory: the one with requests, return-requests, pods and pods-status
    #[arg(long, value_name = "DIR")]
    from: PathBuf,

    /// Only show what would be taken over; change nothing
    #[arg(long)]
    dry_run: bool,

    /// Take over the rest when some requests cannot be because their id is used already
    #[arg(long)]
    skip_conflicts: bool,

    /// Also take over requests that were finished long ago
    #[arg(long)]
    all: bool,

    /// The template that machines count for when the pod spec of their request is not known any more, or is no
    /// template's [default: imported]
    #[arg(long, value_name = "ID")]
    template: Option<String>,
}

const COLUMNS: &[Column] = &[
    column("subject"),
    column("kind"),
    column("verdict"),
    column("machines"),
    column("to_create"),
    column("created"),
    column("gone"),
    column("failed"),
    column("reason"),
    wide("template"),
    wide("context"),
    wide("namespace"),
];

impl Import {
    pub(crate) fn run(self, desk: &mut Desk<'_>) -> anyhow::Result<Verdict> {
        let fallback = match &self.template {
            Some(id) => TemplateId::parse(id).context("--template")?,
            None => TemplateId::parse("imported")?,
        };
        // Without templates, the settings alone say how long pods may take.
        let templates = match desk.settings.confdir {
            Some(_) => Some(desk.settings.templates()?),
            None => None,
        };
        let from = &self.from;
        let context =
            plan::Context { templates: templates.as_ref(), config: &desk.config, fallback, now: desk.now };
        let plan = plan::make(from, &context, self.all)
            .with_context(|| format!("cannot take over {}", from.display()))?;
        if plan.is_empty() {
            let empty =
                "has neither requests nor return-requests; --from is the predecessor's HF_K8S_WORKDIR";
            bail!("{} {empty}", from.display());
        }
        let verdicts = self.take(&plan, desk)?;
        self.report(&plan, &verdicts, desk)
    }

    /// Takes over what can be, or finds out what would be.
    fn take(&self, plan: &Plan, desk: &Desk<'_>) -> anyhow::Result<Vec<ImportVerdict>> {
        // A dry run makes no store either; without one nothing can be in the way.
        if self.dry_run && !desk.has_store()? {
            return Ok(vec![ImportVerdict::Taken; plan.planned.len()]);
        }
        let mut store = if self.dry_run { desk.store()? } else { desk.store_or_new()? };
        let mut verdicts = Vec::new();
        let done = store.write(|tx| {
            verdicts = take(tx, plan, desk.now)?;
            let conflict = verdicts.iter().any(|verdict| matches!(verdict, ImportVerdict::Conflict(_)));
            if self.dry_run || (conflict && !self.skip_conflicts) { Err(Undone::OnPurpose) } else { Ok(()) }
        });
        match done {
            Ok(()) | Err(Undone::OnPurpose) => Ok(verdicts),
            Err(Undone::Store(error)) => Err(error.into()),
        }
    }

    fn report(
        &self,
        plan: &Plan,
        verdicts: &[ImportVerdict],
        desk: &mut Desk<'_>,
    ) -> anyhow::Result<Verdict> {
        let count =
            |wanted: fn(&ImportVerdict) -> bool| verdicts.iter().filter(|verdict| wanted(verdict)).count();
        let conflicts = count(|verdict| matches!(verdict, ImportVerdict::Conflict(_)));
        let (taken, known) = (count(|v| *v == ImportVerdict::Taken), count(|v| *v == ImportVerdict::Known));
        let refused = conflicts > 0 && !self.skip_conflicts;
        let sheet = sheet(plan, verdicts, self.dry_run || refused);
        desk.print(&sheet)?;
        let others = format!("{known} were taken over before, {} left out or ignored", plan.notes.len());
        if refused {
            desk.screen.say(format_args!(
                "nothing was taken over: {conflicts} of {} are in conflict; --skip-conflicts takes over the others",
                verdicts.len()
            ));
            return Ok(Verdict::Bad);
        }
        if self.dry_run {
            desk.screen.say(format_args!("{taken} would be taken over; {others}; nothing was changed"));
            return Ok(Verdict::Good);
        }
        if taken == 0 {
            desk.screen.say(format_args!("nothing was changed: {others}"));
        } else {
            desk.screen.say(format_args!("{taken} taken over; {others}"));
            let waker = Waker::new(&desk.settings.workdir);
            for program in ["hf-watch-requests", "hf-watch-returns", "hf-watch-pods"] {
                waker.wake(program);
            }
        }
        Ok(if conflicts > 0 { Verdict::Bad } else { Verdict::Good })
    }
}

/// Takes over requests first, so that returns find their machines.
fn take(tx: &Tx<'_>, plan: &Plan, now: jiff::Timestamp) -> Result<Vec<ImportVerdict>, Error> {
    let each = plan.planned.iter().map(|planned| match planned {
        Planned::Request(request) => tx.import_request(request, now),
        Planned::Return(back) => tx.import_return(back, now),
    });
    each.collect()
}

fn sheet(plan: &Plan, verdicts: &[ImportVerdict], tried: bool) -> Sheet {
    let mut sheet = Sheet::new("imports", COLUMNS);
    for (planned, verdict) in plan.planned.iter().zip(verdicts) {
        let (word, reason) = match verdict {
            ImportVerdict::Taken if tried => ("would be taken", None),
            ImportVerdict::Taken => ("taken", None),
            ImportVerdict::Known => ("known", None),
            ImportVerdict::Conflict(why) => ("conflict", Some(why.clone())),
        };
        let Summary {
            subject,
            kind,
            machines,
            to_create,
            created,
            gone,
            failed,
            target,
            template,
            reason: odd,
        } = planned.summary();
        let (context, namespace) = target.map(|target| (target.context, target.namespace)).unzip();
        sheet.push([
            Cell::from(subject),
            kind.into(),
            word.into(),
            machines.into(),
            to_create.into(),
            created.into(),
            gone.into(),
            failed.into(),
            reason.or(odd).into(),
            template.into(),
            context.into(),
            namespace.into(),
        ]);
    }
    for note in &plan.notes {
        let mut row = vec![Cell::from(note.subject.as_str()), note.kind.into(), note.verdict.into()];
        row.resize(COLUMNS.len(), Cell::None);
        row[8] = Cell::from(note.reason.as_str());
        sheet.push(row);
    }
    sheet
}
