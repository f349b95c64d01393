//! The command line of forewarm.

fn main() {}
