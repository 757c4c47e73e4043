//! What the command line and the watchers share: settings, configuration files, work directory, log.
