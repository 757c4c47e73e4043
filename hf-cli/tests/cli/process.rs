//! The real program as a process: arguments, files, standard output, exit codes, and a file system that does not help.

mod inputs;
mod recording;
mod refusals;
mod trouble;
mod usage;
