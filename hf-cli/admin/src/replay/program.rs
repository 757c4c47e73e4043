//! What is called: a script of Host Factory's, or hf-cli itself.

use std::ffi::OsStr;

use hf_settings::Settings;

use super::{Command, Context, Path, PathBuf, Stdio, Value, Write, bail};

/// What is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Program {
    /// A directory with the five scripts.
    Scripts(PathBuf),
    /// The program behind them.
    Cli(PathBuf),
}

impl Program {
    /// The scripts in a directory.
    pub(super) fn scripts(directory: &Path) -> anyhow::Result<Self> {
        let one = directory.join("requestMachines.sh");
        if !one.is_file() {
            bail!("{} has no requestMachines.sh; --scripts is the plug-in's scriptPath", directory.display());
        }
        Ok(Self::Scripts(directory.to_owned()))
    }

    /// hf-cli, found as the scripts find it.
    pub(super) fn find(bin: Option<&Path>, search: Option<&OsStr>) -> anyhow::Result<Self> {
        if let Some(bin) = bin.filter(|bin| !bin.as_os_str().is_empty()) {
            let found = [bin.to_owned(), bin.join("hf-cli")].into_iter().find(|path| path.is_file());
            return found.map(Self::Cli).with_context(|| {
                format!("HF_K8S_BIN is {}, which is no program and has no hf-cli in it", bin.display())
            });
        }
        let path = search.map(std::env::split_paths).into_iter().flatten();
        let ourselves = std::env::current_exe().ok();
        let beside = ourselves.as_deref().and_then(Path::parent).map(Path::to_owned);
        let found = path.chain(beside).map(|directory| directory.join("hf-cli")).find(|path| path.is_file());
        found
            .map(Self::Cli)
            .context("hf-cli was not found: put it on the PATH, or set HF_K8S_BIN or --scripts")
    }

    /// Makes a call. Returns its exit code, if it was not killed, and what it printed.
    pub(super) fn call(
        &self,
        call: &str,
        input: &[u8],
        settings: &Settings,
    ) -> anyhow::Result<(Option<u8>, Value)> {
        let mut file = tempfile::NamedTempFile::with_prefix("hf_in_")?;
        file.write_all(input)?;
        let mut command = match self {
            Self::Scripts(directory) => Command::new(directory.join(format!("{call}.sh"))),
            Self::Cli(program) => {
                let mut command = Command::new(program);
                command.arg(kebab(call));
                command
            }
        };
        command.arg("-f").arg(file.path()).stdin(Stdio::null()).stderr(Stdio::inherit());
        // The same provider as ours, however we were told of it.
        command.env("HF_K8S_WORKDIR", &settings.workdir).env("HF_PROVIDER_NAME", settings.instance.as_str());
        if let Some(confdir) = &settings.confdir {
            command.env("HF_K8S_PROVIDER_CONFDIR", confdir);
        }
        // An id that is given would be the same for every request, and be refused.
        command.env_remove("HF_K8S_REQUEST_ID");
        // What is played would be added to what was recorded.
        command.env_remove("HF_K8S_RECORD");
        let done = command.output().with_context(|| format!("cannot run {}", self.name(call)))?;
        let exit = done.status.code().and_then(|code| u8::try_from(code).ok());
        Ok((exit, serde_json::from_slice(&done.stdout).unwrap_or_default()))
    }

    fn name(&self, call: &str) -> String {
        match self {
            Self::Scripts(directory) => directory.join(format!("{call}.sh")).display().to_string(),
            Self::Cli(program) => program.display().to_string(),
        }
    }
}

/// `getRequestStatus` as hf-cli calls it: `get-request-status`.
fn kebab(call: &str) -> String {
    let mut name = String::new();
    for letter in call.chars() {
        if letter.is_ascii_uppercase() {
            name.push('-');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_is_a_command() {
        let names = hf_core::Call::ALL.map(|call| kebab(call.as_str()));
        assert_eq!(names[0], "get-available-templates");
        assert_eq!(names[3], "get-request-status");
    }

    #[test]
    fn hf_cli_is_looked_for_where_the_scripts_look() {
        let dir = tempfile::tempdir().unwrap();
        let program = dir.path().join("hf-cli");
        std::fs::write(&program, "").unwrap();
        let found = Some(Program::Cli(program.clone()));
        assert_eq!(Program::find(Some(dir.path()), None).ok(), found);
        assert_eq!(Program::find(Some(&program), None).ok(), found);
        assert_eq!(Program::find(Some(Path::new("")), Some(dir.path().as_os_str())).ok(), found);
        assert!(Program::find(Some(Path::new("/nowhere")), Some(dir.path().as_os_str())).is_err());
        assert!(Program::scripts(dir.path()).is_err());
    }
}
