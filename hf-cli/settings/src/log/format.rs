//! How a record is written.

use std::fmt::{self, Write as _};

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

use super::LogFormat;

/// Writes each record as one line.
///
/// Several processes, of several provider instances, write to one file: every record says whose it is, which
/// `tracing_subscriber`'s own formats have no place for.
pub(super) struct Records {
    pub(super) format: LogFormat,
    pub(super) program: &'static str,
    pub(super) process: u32,
    pub(super) instance: String,
}

impl<S, N> FormatEvent<S, N> for Records
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut out: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut spans = Vec::new();
        for span in context.event_scope().into_iter().flat_map(tracing_subscriber::registry::Scope::from_root)
        {
            let extensions = span.extensions();
            let fields = extensions.get::<FormattedFields<N>>().map_or("", |fields| fields.fields.as_str());
            spans.push(if fields.is_empty() {
                span.name().to_owned()
            } else {
                format!("{}{{{fields}}}", span.name())
            });
        }
        let mut fields = Fields::default();
        event.record(&mut fields);
        match self.format {
            LogFormat::Text => self.text(&mut out, *event.metadata().level(), &spans, &fields),
            LogFormat::Json => self.json(&mut out, event, spans, fields),
        }
    }
}

impl Records {
    fn text(&self, out: &mut Writer<'_>, level: Level, spans: &[String], fields: &Fields) -> fmt::Result {
        let Self { program, process, instance, .. } = self;
        write!(out, "{} {level:>5} {program}[{process}] ", now())?;
        let mut line = format!("{instance}: ");
        for span in spans {
            write!(line, "{span}: ")?;
        }
        line += &fields.message;
        for (name, value) in &fields.others {
            let space = if line.ends_with(' ') { "" } else { " " };
            match value {
                Value::String(text) if is_plain(text) => write!(line, "{space}{name}={text}")?,
                Value::String(text) => write!(line, "{space}{name}={text:?}")?,
                other => write!(line, "{space}{name}={other}")?,
            }
        }
        one_line(out, &line)
    }

    fn json(
        &self,
        out: &mut Writer<'_>,
        event: &Event<'_>,
        spans: Vec<String>,
        fields: Fields,
    ) -> fmt::Result {
        let mut record = Map::new();
        let mut put = |key: &str, value: Value| record.insert(key.to_owned(), value);
        put("timestamp", now().into());
        put("level", event.metadata().level().as_str().into());
        put("program", self.program.into());
        put("pid", self.process.into());
        put("provider", self.instance.clone().into());
        put("target", event.metadata().target().into());
        if !spans.is_empty() {
            put("spans", spans.into());
        }
        put("message", fields.message.into());
        if !fields.others.is_empty() {
            put("fields", fields.others.into());
        }
        writeln!(out, "{}", Value::Object(record))
    }
}

/// The time in UTC, as RFC 3339 has it.
#[expect(
    clippy::disallowed_methods,
    reason = "the log says when a record was written; nothing is decided by it"
)]
fn now() -> String {
    format!("{:.6}", jiff::Timestamp::now())
}

/// What can stand after `name=` without quotes, or has its own already (as `?path` gives it).
fn is_plain(text: &str) -> bool {
    let quoted = text.len() > 1 && text.starts_with('"') && text.ends_with('"');
    let word = !text.is_empty()
        && !text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '"' || c == '=');
    quoted || word
}

/// Writes the text as one line: what came from outside (a message of the cluster, a name in an input) must not be able
/// to look like a record of its own, nor to steer a terminal.
fn one_line(out: &mut Writer<'_>, text: &str) -> fmt::Result {
    for c in text.chars() {
        if c.is_control() && c != '\t' {
            write!(out, "{}", c.escape_default())?;
        } else {
            out.write_char(c)?;
        }
    }
    out.write_char('\n')
}

/// The fields of a record, by name.
#[derive(Default)]
struct Fields {
    message: String,
    others: Map<String, Value>,
}

impl Fields {
    fn put(&mut self, field: &Field, value: impl Into<Value>) {
        self.others.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" { value.clone_into(&mut self.message) } else { self.put(field, value) }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests;
