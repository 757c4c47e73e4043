//! A simulated Kubernetes API server on loopback.

mod access;
mod admin;
mod body;
mod clock;
mod defaults;
mod discovery;
mod evictions;
mod facts;
mod failure;
mod faults;
mod handle;
mod http;
mod journal;
mod kubeconfig;
mod kubelet;
mod life;
mod list;
mod names;
mod nodes;
mod object;
mod options;
mod pace;
mod patch;
mod protobuf;
mod quantity;
mod query;
mod quota;
mod requests;
mod resource;
mod route;
mod schedule;
mod select;
mod server;
mod shape;
mod sim;
mod store;
mod table;
mod timers;
mod usage;
mod validate;
mod verbs;
mod view;
mod watch;
mod world;
mod write;

pub use crate::{
    access::read_roles,
    faults::{Action, Fault, WatchFaults},
    handle::{Error, Handle},
    kubeconfig::write_private,
    kubelet::duration as parse_duration,
    options::{Mode, Options, Pace},
    requests::Request,
    sim::Sim,
};
