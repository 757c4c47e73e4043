//! Requests, machines and their history in SQLite.
