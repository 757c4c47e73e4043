//! `templates`: what is wrong with the configuration, before Host Factory meets it.

use anyhow::bail;
use clap::Subcommand;
use hf_settings::{Settings, Templates as File};

use crate::desk::Verdict;
use crate::screen::Screen;
use crate::sheet::{Cell, Column, Format, Sheet, column};

mod findings;

#[derive(Debug, Subcommand)]
pub(crate) enum Templates {
    /// Say of each template whether it can be used, and what is odd about it.
    ///
    /// Reads k8sprov_config.json, k8sprov_templates.json and every pod manifest as the scripts do. Exits with 1 if any
    /// template, or the configuration, cannot be used. What is merely odd is a warning: attributes by which Symphony
    /// sizes its demand that are not what the pod asks for, keys that nobody reads.
    Validate,
}

const COLUMNS: &[Column] =
    &[column("subject"), column("verdict"), column("file"), column("field"), column("reason")];

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Severity {
    Ok,
    Warning,
    Error,
}

/// Something that was found, or that nothing was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The template, or the configuration.
    pub(crate) subject: String,
    pub(crate) severity: Severity,
    pub(crate) file: String,
    pub(crate) field: String,
    pub(crate) reason: String,
}

impl Templates {
    pub(crate) fn run(
        self,
        settings: &Settings,
        format: Format,
        wide: bool,
        screen: &mut Screen,
    ) -> anyhow::Result<Verdict> {
        let Self::Validate = self;
        if settings.confdir.is_none() {
            bail!(hf_settings::SettingsError::NoConfdir);
        }
        let findings = validate(settings);
        let mut sheet = Sheet::new("findings", COLUMNS);
        for Finding { subject, severity, file, field, reason } in &findings {
            let verdict = match severity {
                Severity::Ok => "ok",
                Severity::Warning => "warning",
                Severity::Error => "error",
            };
            let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
            sheet.push([
                Cell::from(subject.as_str()),
                verdict.into(),
                file.as_str().into(),
                some(field).into(),
                some(reason).into(),
            ]);
        }
        // The reasons are what the command is for: they are never cut.
        screen.print(&sheet.render(format, wide || format == Format::Table)?)?;
        let bad = findings.iter().any(|finding| finding.severity == Severity::Error);
        Ok(if bad { Verdict::Bad } else { Verdict::Good })
    }
}

/// All that is to be said of the configuration.
fn validate(settings: &Settings) -> Vec<Finding> {
    let mut all = findings::configuration(settings);
    let (path, read) = match settings.templates_file() {
        Ok(path) => (path.display().to_string(), settings.templates()),
        Err(error) => (String::new(), Err(error)),
    };
    match read {
        Ok(File { usable, bad, .. }) => {
            for (template, manifest) in &usable {
                all.extend(findings::template(&path, template, manifest));
            }
            all.extend(bad.iter().map(|error| findings::unusable(&path, error)));
        }
        Err(hf_settings::SettingsError::NoTemplate { bad, .. }) if !bad.is_empty() => {
            all.extend(bad.iter().map(|error| findings::unusable(&path, error)));
        }
        Err(error) => all.push(Finding {
            subject: "templates".to_owned(),
            severity: Severity::Error,
            reason: findings::without_path(&error.to_string(), &path),
            file: path,
            field: String::new(),
        }),
    }
    all
}
