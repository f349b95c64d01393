//! The command line: the only place with files, clock, environment and terminal.
