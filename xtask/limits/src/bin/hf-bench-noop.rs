//! Does nothing: what starting any program costs. The benchmark links it statically.

fn main() {}
