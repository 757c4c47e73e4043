//! The command line.

use clap::{Parser, Subcommand};
use hf_settings::Common;

use crate::sheet::Format;
use crate::{
    backup, cleanup, delete_pods, drain_node, export, import, machines, make, replay, requests, show,
    templates, timings,
};

/// What an administrator asks of the Host Factory provider for Kubernetes.
///
/// Everything is read from the store in the work directory, so give the same --workdir and --provider as the scripts
/// and the watchers have (or the same variables). Nothing is changed by a command that only shows something.
///
/// Exits with 0; with 1 and a reason on standard error if something failed or was found wrong; with 2 if the command
/// line makes no sense.
#[derive(Debug, Parser)]
#[command(name = "hf-admin", version, arg_required_else_help = true)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) common: Common,

    /// How to print the result. The names of columns are the same in each.
    #[arg(long, short, value_enum, value_name = "FORMAT", default_value = "table", global = true)]
    pub(crate) output: Format,

    /// Print all columns of a table, and long texts whole. The other formats always have everything.
    #[arg(long, global = true)]
    pub(crate) wide: bool,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List requests for machines, and returns.
    #[command(visible_alias = "list-requests")]
    Requests(requests::Requests),

    /// List machines: what state they are in, and where they run.
    #[command(visible_alias = "list-machines")]
    Machines(machines::Machines),

    /// Show all that is known of a request, a return or a machine, with its history in order.
    Show(show::Show),

    /// How long things took: the half, 95 of 100, and the longest.
    #[command(visible_alias = "get-timings")]
    Timings(timings::Timings),

    /// Examine the configuration.
    #[command(subcommand)]
    Templates(templates::Templates),

    /// Take over the requests in the work directory of this provider's predecessor.
    Import(import::Import),

    /// Write machines, requests, nodes and a summary to files for other programs.
    Export(export::Export),

    /// Delete what the watchers would delete now, without waiting for them.
    Cleanup(cleanup::Cleanup),

    /// Print the input of requestMachines.sh.
    #[command(visible_alias = "request-machines")]
    MakeRequest(make::MakeRequest),

    /// Print the input of requestReturnMachines.sh.
    #[command(visible_alias = "request-return-machines")]
    MakeReturn(make::MakeReturn),

    /// Print the input of getRequestStatus.sh: all requests without a final answer.
    #[command(visible_alias = "get-request-status")]
    MakeStatus(make::MakeStatus),

    /// Print the input of getReturnRequests.sh: all machines that run and were not returned.
    #[command(visible_alias = "get-return-requests")]
    MakeHosts,

    /// Delete the pods of machines, only ours, with the grace that they ask for.
    DeletePods(delete_pods::DeletePods),

    /// Free a node of our pods, with the grace that they ask for.
    DrainNode(drain_node::DrainNode),

    /// Copy the store, while others use it, into a file that can take its place.
    Backup(backup::Backup),

    /// Make recorded calls again.
    Replay(replay::Replay),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Args::command().debug_assert();
    }
}
