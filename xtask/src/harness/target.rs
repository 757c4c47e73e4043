//! Which cluster a site works with.

use std::path::{Path, PathBuf};
use std::time::Duration;

/// Which cluster to use.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Target {
    /// Use this cluster instead of a simulated one
    #[arg(long, value_name = "FILE", requires = "namespace")]
    kubeconfig: Option<PathBuf>,

    /// The namespace where pods are made. It must exist
    #[arg(long, value_name = "NS", requires = "kubeconfig")]
    namespace: Option<String>,

    /// What the pods run in a real cluster: any image that does not end by itself
    #[arg(long, value_name = "IMAGE", default_value = "registry.k8s.io/pause:3.10")]
    pub(crate) image: String,
}

impl Target {
    /// The kubeconfig and the namespace, if it is a real cluster.
    pub(crate) fn real(&self) -> Option<(&Path, &str)> {
        self.kubeconfig.as_deref().zip(self.namespace.as_deref())
    }

    /// How long something that must happen may take: a real cluster pulls images and has other work to do.
    pub(crate) fn patience(&self) -> Duration {
        if self.real().is_some() { Duration::from_mins(5) } else { Duration::from_mins(1) }
    }
}
