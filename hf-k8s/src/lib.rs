//! Machines as pods: everything that talks to a Kubernetes API server.
