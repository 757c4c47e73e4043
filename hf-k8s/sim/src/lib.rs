//! A simulated Kubernetes API server on loopback.
