//! The kubeconfig that clients use as it is.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use serde_json::json;

/// A kubeconfig. JSON is YAML, so that no writer of YAML is needed.
///
/// `path_user` is put into the server's path: `kubectl` sends no token over plain HTTP, and the path says who
/// asks where there is no token.
pub(crate) fn text(url: &str, user: &str, token: &str, namespace: &str, path_user: bool) -> String {
    let server = if path_user { format!("{url}/as/{user}") } else { url.to_owned() };
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "preferences": {}, "current-context": "kubesim",
        "clusters": [{"name": "kubesim", "cluster": {"server": server}}],
        "users": [{"name": user, "user": {"token": token}}],
        "contexts": [{"name": "kubesim", "context": {"cluster": "kubesim", "user": user, "namespace": namespace}}],
    });
    format!("{config:#}\n")
}

/// Writes a file that only its owner may read, whole or not at all.
pub fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}", std::process::id()));
    let beside = path.with_file_name(name);
    let _ = fs::remove_file(&beside);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    file.write_all(text.as_bytes())?;
    drop(file);
    fs::rename(&beside, path)
}
